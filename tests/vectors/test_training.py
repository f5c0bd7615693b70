"""A training of word vectors from text to file: the same bytes for any threads and after a kill, going on, and what it leaves behind."""
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_corpus import zipf_lines

from tsuzuri.errors import ConfigError, DataError, RunError, TrainingError
from tsuzuri.files import held_alone
from tsuzuri.interop.safetensors_store import load
from tsuzuri.vectors import word2vec
from tsuzuri.vectors.settings import choose
from tsuzuri.vectors.subwords import SubwordVectors
from tsuzuri.vectors.training import Counted, Finished, Prepared, Reading, Trained, begun_with, train_vectors
from tsuzuri.vectors.word_vectors import WordVectors

USUAL = {"size": 8, "min_count": 2, "epochs": 2, "threads": 1}
MODELS = {
    "skip-gram": {}, "CBOW": {"method": "cbow"}, "tree": {"hs": True}, "CBOW, tree": {"method": "cbow", "hs": True},
    "subwords": {"max_n": 4, "buckets": 500}, "CBOW, subwords": {"method": "cbow", "max_n": 4, "buckets": 500},
    "phrases": {"phrases": 1, "lowercase": True},
}
COUNTED = {"ppmi": {"size": 30}, "svd": {"size": 8}, "glove": {"size": 8, "epochs": 3}}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two texts with most words in common: those with a 9 are others in the second."""
    folder = tmp_path_factory.mktemp("texts")
    for name, seed, nine in (("one.txt", 0, "9"), ("two.txt", 5, "x")):
        lines = list(zipf_lines(2400, 120, seed))
        (folder / name).write_text("\n".join(lines).replace("9", nine) + "\n")
    return folder


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of text in a pass, whose ends are no ends of pieces."""
    monkeypatch.setattr(word2vec, "BLOCK", 1000)


def settings(texts, text="one.txt", **flags):
    given = USUAL | flags
    if given.get("method") in ("ppmi", "svd"):
        del given["epochs"]
    return choose([("flag", {"data": str(texts / text)} | given)])


def train(texts, out: Path, text="one.txt", **flags) -> bytes:
    """The bytes of the written file."""
    *_, last = train_vectors(settings(texts, text, **flags), out)
    assert isinstance(last, Finished)
    return out.read_bytes()


def stopped(texts, out: Path, events: int, save_every=0.0, resume=False, **flags):
    """Begin a training and leave it after so many events of training, as a kill would; True if it was not yet done."""
    running, left = train_vectors(settings(texts, **flags), out, save_every=save_every, resume=resume), events
    for event in running:
        left -= isinstance(event, Trained)
        if isinstance(event, Finished):
            return False
        if left <= 0 and isinstance(event, Trained) and event.done < 1:
            break
    running.close()
    return True


def beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path != out)


# The same bytes.

@pytest.mark.parametrize("flags", MODELS.values(), ids=MODELS)
def test_deterministic_bytes_do_not_depend_on_threads(texts, tmp_path, flags):
    one, two, eight = (train(texts, tmp_path / f"{threads}.safetensors", deterministic=True, **flags | {"threads": threads})
                       for threads in (1, 2, 8))
    assert one == two == eight


@pytest.mark.parametrize("method", COUNTED)
def test_counted_bytes_do_not_depend_on_threads(texts, tmp_path, method):
    one, two = (train(texts, tmp_path / f"{threads}.bin", method=method, **COUNTED[method] | {"threads": threads})
                for threads in (1, 2))
    assert one == two


@pytest.mark.parametrize("flags", [{}, {"deterministic": True}, {"method": "svd"}, {"method": "glove"}],
                         ids=["free", "deterministic", "svd", "glove"])
def test_one_seed_one_file_another_seed_another(texts, tmp_path, flags):
    one, again, other = (train(texts, tmp_path / f"{name}.bin", seed=seed, **flags)
                         for name, seed in (("one", 1), ("again", 1), ("other", 2)))
    assert one == again != other


# Killed and gone on with.

@pytest.mark.parametrize("flags", MODELS.values(), ids=MODELS)
def test_stopped_after_every_block_and_gone_on_with(texts, tmp_path, flags):
    flags = {"deterministic": True} | flags
    whole, out = train(texts, tmp_path / "whole" / "v.safetensors", **flags), tmp_path / "stopped" / "v.safetensors"
    stops = 0
    while stopped(texts, out, 1, resume=stops > 0, **flags) and stops < 20:
        assert not out.exists()
        stops += 1
    assert 3 <= stops < 20                                   # two passes of two blocks or more, less the last
    assert out.read_bytes() == whole
    assert beside(out) == []


@pytest.mark.parametrize("events", [1, 3])
def test_stopped_before_anything_was_saved(texts, tmp_path, events):
    """The text is not read again, the training begins again."""
    whole, out = train(texts, tmp_path / "whole.bin"), tmp_path / "v.bin"
    assert stopped(texts, out, events, save_every=3600.0)
    assert not (tmp_path / "v.bin.training" / "state.safetensors").exists()
    list(train_vectors(settings(texts), out, resume=True))
    assert out.read_bytes() == whole


def test_the_losses_are_those_of_all_passes_also_after_a_stop(texts, tmp_path):
    *_, whole = train_vectors(settings(texts, epochs=3), tmp_path / "whole.bin")
    assert stopped(texts, tmp_path / "v.bin", 5, epochs=3)
    *_, last = train_vectors(settings(texts, epochs=3), tmp_path / "v.bin", resume=True)
    assert len(whole.losses) == 3
    assert last.losses == whole.losses


@pytest.mark.parametrize("method", COUNTED)
def test_a_count_that_was_stopped(texts, tmp_path, method):
    flags = {"method": method} | COUNTED[method]
    whole, out = train(texts, tmp_path / "whole.bin", **flags), tmp_path / "v.bin"
    running = train_vectors(settings(texts, **flags), out)
    assert any(isinstance(event, Counted) for event in running)
    running.close()
    list(train_vectors(settings(texts, **flags), out, resume=True))
    assert out.read_bytes() == whole


def test_sigkill(texts, tmp_path):
    """A process of its own, killed once it has saved something."""
    flags = {"epochs": 4000, "deterministic": True}
    short = tmp_path / "short.txt"
    short.write_text("".join((texts / "one.txt").read_text().splitlines(keepends=True)[:15]))
    code = ("import sys; from tsuzuri.vectors.settings import choose; from tsuzuri.vectors.training import train_vectors\n"
            f"list(train_vectors(choose([('flag', {({'data': str(short)} | USUAL | flags)!r})]), sys.argv[1], save_every=0.0))")
    out = tmp_path / "killed" / "v.safetensors"
    process = subprocess.Popen([sys.executable, "-c", code, str(out)])
    state, limit = tmp_path / "killed" / "v.safetensors.training" / "state.safetensors", time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    process.kill()
    assert process.wait(30) == -9
    assert beside(out) == ["v.safetensors.training"]
    list(train_vectors(settings(texts, str(short), **flags), out, resume=True))
    assert out.read_bytes() == train(texts, tmp_path / "whole.safetensors", str(short), **flags)
    assert beside(out) == []


# The folder beside the file.

@pytest.fixture
def begun(texts, tmp_path):
    """A training that was stopped, and the old file that is there until it is done."""
    out = tmp_path / "v.bin"
    out.write_bytes(b"old")
    assert stopped(texts, out, 2)
    return out


def test_a_stopped_training_leaves_its_folder_and_the_old_file(begun):
    assert beside(begun) == ["v.bin.training"]
    assert begun.read_bytes() == b"old"


def test_it_is_not_begun_again_by_mistake(begun, texts):
    with pytest.raises(RunError, match=r"begun and not finished.*--resume.*remove .*v\.bin\.training"):
        list(train_vectors(settings(texts), begun))
    assert begun.read_bytes() == b"old"


def test_it_is_not_gone_on_with_by_other_settings(begun, texts):
    with pytest.raises(RunError, match="other settings"):
        list(train_vectors(settings(texts, window=3), begun, resume=True))
    list(train_vectors(settings(texts), begun, resume=True))                            # nothing of it was lost
    assert beside(begun) == []


def test_what_was_never_begun_cannot_be_gone_on_with(texts, tmp_path):
    for attempt in (lambda: list(train_vectors(settings(texts), tmp_path / "v.bin", resume=True)),
                    lambda: begun_with(tmp_path / "v.bin")):
        with pytest.raises(RunError, match=r"no training of .*v\.bin to go on with"):
            attempt()
    assert beside(tmp_path / "v.bin") == []


def test_settings_of_a_begun_training(begun, texts):
    assert choose([("begun", begun_with(begun))]) == settings(texts)


def test_two_at_a_time(begun, texts):
    with held_alone(begun.with_name("v.bin.training") / "lock") as mine:
        assert mine
        with pytest.raises(RunError, match="another process"):
            list(train_vectors(settings(texts), begun, resume=True))
    list(train_vectors(settings(texts), begun, resume=True))


REFUSED = {
    "not a number": ({"alpha": 1e30}, TrainingError, "smaller alpha"),
    "glove, not a number": ({"alpha": 1e30, "method": "glove"}, TrainingError, "loss of epoch 1"),
    "nothing left": ({"sample": 1e-12}, DataError, "no two words are left"),
    "too rare": ({"min_count": 10**6}, DataError, "lower --min-count"),
    "no chance": ({"method": "ppmi", "shift": 1e9}, DataError, "smaller shift"),
    "smoothing": ({"method": "svd", "smoothing": 2.0}, ConfigError, "smoothing 2"),
    "one word": ({"method": "ppmi", "vocabulary": 1}, DataError, "one word only"),
    "window": ({"method": "glove", "window": 29}, ConfigError, "window 29"),
}


@pytest.mark.parametrize(("flags", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_leaves_no_folder(texts, tmp_path, flags, error, words):
    """So the next attempt, with other settings, is not told to go on with this one."""
    out = tmp_path / "v.bin"
    out.write_bytes(b"old")
    with pytest.raises(error, match=words):
        list(train_vectors(settings(texts, **flags), out))
    assert out.read_bytes() == b"old"
    assert beside(out) == []
    assert train(texts, out) != b"old"


def test_the_text_and_folders_are_not_written_to(texts, tmp_path):
    text, folder = tmp_path / "text.txt", tmp_path / "folder.bin"
    text.write_bytes((texts / "one.txt").read_bytes())
    folder.mkdir()
    for out, words in ((text, "the text itself"), (folder, "is a folder")):
        with pytest.raises(ConfigError, match=words):
            list(train_vectors(settings(texts, str(text)), out))
    assert text.read_bytes() == (texts / "one.txt").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.bin", "text.txt"]


def test_the_format_is_looked_at_before_the_text(tmp_path):
    missing = choose([("flag", {"data": str(tmp_path / "missing.txt")})])
    for name, words in (("v.xyz", "does not end in a format"), ("v.pkl", "never written")):
        with pytest.raises(ConfigError, match=words):
            list(train_vectors(missing, tmp_path / name))
    assert list(tmp_path.iterdir()) == []


# What is in the file.

def test_events_come_in_order(texts, tmp_path):
    prepared, *trained, finished = [event for event in train_vectors(settings(texts), tmp_path / "v.bin")
                                    if not isinstance(event, Reading)]
    words = (texts / "one.txt").read_text().split()
    kept = {word for word in words if words.count(word) >= 2}
    assert prepared == Prepared(len(words), sum(word in kept for word in words), len(kept))
    assert {type(event) for event in trained} == {Trained}
    assert set(finished.vectors.words) == kept
    assert finished.losses == [event.loss for event in trained if event.epoch_ends]


def test_words_stand_by_falling_count_whatever_the_method(texts, tmp_path):
    words = (texts / "one.txt").read_text().split()
    order = sorted({word for word in words if words.count(word) >= 2}, key=lambda word: (-words.count(word), word))
    for method in ("skipgram", *COUNTED):
        train(texts, tmp_path / "v.safetensors", method=method, **COUNTED.get(method, {}))
        table = WordVectors.load(tmp_path / "v.safetensors")
        assert list(table.words) == order
        assert list(table.counts) == [words.count(word) for word in order]


@pytest.mark.parametrize("suffix", [".txt", ".vec", ".bin", ".glove.txt", ".safetensors", ".txt.gz"])
def test_every_format_holds_the_same_vectors(texts, tmp_path, suffix):
    *_, finished = train_vectors(settings(texts), tmp_path / f"v{suffix}")
    read = WordVectors.load(tmp_path / f"v{suffix}")
    assert list(read.words) == list(finished.vectors.words)
    np.testing.assert_allclose(read.vectors, finished.vectors.vectors, rtol=1e-4, atol=1e-6)
    assert read.vectors.shape[1] == 8


def test_safetensors_keep_contexts_and_settings(texts, tmp_path):
    train(texts, tmp_path / "v.safetensors", window=3)
    table, others, notes = load(tmp_path / "v.safetensors")
    assert others["contexts"].shape == table.vectors.shape == (len(table.words), 8)
    assert others["contexts"].any()
    kept = {name: value for section in notes["settings"].values() for name, value in section.items()}
    assert "threads" not in kept                             # which change nothing of the vectors
    assert choose([("notes", kept | {"threads": 1})]) == settings(texts, window=3)


def test_subwords_give_unknown_words_vectors(texts, tmp_path):
    train(texts, tmp_path / "v.safetensors", max_n=4, min_n=2, buckets=500)
    read = WordVectors.load(tmp_path / "v.safetensors")
    assert isinstance(read, SubwordVectors)
    assert read["w1234567"].any()


def test_a_window_longer_than_the_text_takes_all_words_of_a_line(texts, tmp_path):
    lines = (texts / "one.txt").read_text().splitlines()
    longest = max(map(len, map(str.split, lines)))
    for method in ("ppmi", "svd"):
        assert (train(texts, tmp_path / "a.bin", method=method, window=longest)
                == train(texts, tmp_path / "b.bin", method=method, window=9999))
    train(texts, tmp_path / "c.bin", window=9999)
    assert np.isfinite(WordVectors.load(tmp_path / "c.bin").vectors).all()


# Going on with other text.

@pytest.fixture(scope="module")
def base(texts, tmp_path_factory):
    out = tmp_path_factory.mktemp("base") / "base.safetensors"
    list(train_vectors(settings(texts, epochs=5), out))
    return out


STILL = {"alpha": 1e-30, "min_alpha": 0.0}


def test_old_words_stay_and_new_ones_are_added(texts, tmp_path, base):
    """With a rate that moves nothing, the old vectors and contexts are to the bit where they were, and counts are added."""
    train(texts, tmp_path / "v.safetensors", "two.txt", go_on_from=str(base), **STILL)
    (old, old_others, _), (new, new_others, _) = load(base), load(tmp_path / "v.safetensors")
    text = (texts / "two.txt").read_text().split()
    frequent = {word for word in text if text.count(word) >= 2}
    assert frequent - set(old.words)
    assert set(old.words) - frequent
    assert set(new.words) == set(old.words) | frequent
    rows = [new.words.index(word) for word in old.words]
    np.testing.assert_array_equal(new.vectors[rows], old.vectors)
    np.testing.assert_array_equal(new_others["contexts"][rows], old_others["contexts"])
    before = dict(zip(old.words, old.counts))
    assert dict(zip(new.words, new.counts)) == {word: before.get(word, 0) + text.count(word) for word in new.words}
    assert new.counts == sorted(new.counts, reverse=True)


def test_rare_words_of_the_new_text_that_are_known_are_learnt_from(texts, tmp_path, base):
    known = load(base).table.words
    (tmp_path / "rare.txt").write_text(" ".join(known[:6]) + "\n")
    train(texts, tmp_path / "v.safetensors", str(tmp_path / "rare.txt"), go_on_from=str(base), min_count=1000, sample=0.0)
    new, old = load(tmp_path / "v.safetensors").table, load(base).table
    moved = {word for word in known if (new.vectors[new.words.index(word)] != old.vectors[old.words.index(word)]).any()}
    assert moved == set(known[:6])


def test_going_on_learns_from_both(texts, tmp_path, base):
    """The first loss is below that of a fresh training on the same text."""
    first = {}
    for name, flags in (("fresh", {}), ("on", {"go_on_from": str(base)})):
        *_, finished = train_vectors(settings(texts, alpha=0.1, **flags), tmp_path / f"{name}.bin")
        first[name] = finished.losses[0]
    assert first["on"] < first["fresh"]


def test_going_on_that_is_stopped_and_gone_on_with(texts, tmp_path, base):
    flags = {"text": "two.txt", "go_on_from": str(base), "deterministic": True}
    whole, out = train(texts, tmp_path / "whole.safetensors", **flags), tmp_path / "v.safetensors"
    assert stopped(texts, out, 3, **flags)
    list(train_vectors(settings(texts, **flags), out, resume=True))
    assert out.read_bytes() == whole


def test_what_cannot_be_gone_on_from(texts, tmp_path, base):
    train(texts, tmp_path / "svd.safetensors", method="svd")
    train(texts, tmp_path / "subwords.safetensors", max_n=4, buckets=500)
    train(texts, tmp_path / "tree.safetensors", hs=True)
    train(texts, tmp_path / "text.txt")
    kept = base.read_bytes()
    for flags, words in (({"go_on_from": str(base), "size": 9}, "there 8, here 9"),
                         ({"go_on_from": str(base), "hs": True}, "without subwords and hs"),
                         ({"go_on_from": str(base), "max_n": 4, "buckets": 500}, "without subwords"),
                         ({"go_on_from": str(tmp_path / "svd.safetensors")}, r"svd\.safetensors"),
                         ({"go_on_from": str(tmp_path / "subwords.safetensors")}, r"subwords\.safetensors"),
                         ({"go_on_from": str(tmp_path / "tree.safetensors")}, r"tree\.safetensors"),
                         ({"go_on_from": str(tmp_path / "text.txt")}, r"text\.txt"),
                         ({"go_on_from": str(tmp_path / "none.safetensors")}, r"none\.safetensors: there is no such file")):
        with pytest.raises(DataError, match=words):
            list(train_vectors(settings(texts, **flags), tmp_path / "v.bin"))
        assert [name for name in beside(tmp_path / "v.bin") if name.startswith("v.bin")] == []
    assert base.read_bytes() == kept


def test_what_a_killed_joining_of_phrases_left_is_cleared_away(texts, tmp_path):
    left = tmp_path / "v.safetensors.training" / "text" / ".phrases123.tmp"
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"half")
    train(texts, tmp_path / "v.safetensors", phrases=1)
    assert [path.name for path in tmp_path.iterdir()] == ["v.safetensors"]


def test_a_file_is_not_gone_on_from_into_itself(texts, tmp_path):
    train(texts, tmp_path / "v.safetensors")
    before = (tmp_path / "v.safetensors").read_bytes()
    with pytest.raises(ConfigError, match="gone on from"):
        train(texts, tmp_path / "v.safetensors", go_on_from=str(tmp_path / "v.safetensors"))
    assert (tmp_path / "v.safetensors").read_bytes() == before


def test_a_base_that_changed_since_is_noticed(texts, tmp_path):
    base, out = tmp_path / "base.safetensors", tmp_path / "v.safetensors"
    train(texts, base)
    chosen = settings(texts, go_on_from=str(base), epochs=4)
    events = train_vectors(chosen, out, save_every=0)
    for event in events:
        if isinstance(event, Trained) and event.epoch == 2:
            break
    events.close()
    train(texts, tmp_path / "other.safetensors", "two.txt")
    (tmp_path / "other.safetensors").replace(base)
    with pytest.raises(DataError, match="another vocabulary"):
        list(train_vectors(chosen, out, resume=True))
    assert (tmp_path / "v.safetensors.training" / "state.safetensors").exists()
