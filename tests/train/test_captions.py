"""Trainings on pictures: killed and resumed to the same bytes, running moments and all; what is measured is so; bad input writes nothing."""
import json
from functools import partial

import numpy as np
import pytest
from killing import check_resumes

from small_runs import litter, results
from tsuzuri.api import Captions, train_captions
from tsuzuri.datasets.made_scenes import SETS
from tsuzuri.datasets.pictures import held_out_scenes, one_scene, open_pictures, write_picture
from tsuzuri.datasets.scenes import combinations, is_true
from tsuzuri.decode import Search
from tsuzuri.errors import ConfigError, DataError, RunError
from tsuzuri.measuring import captioning
from tsuzuri.measuring.captioning import evaluate_captions, reference_scores
from tsuzuri.train.caption_run import TASK
from tsuzuri.train.captions import TRAINING, prepare_pictures, train_pictures
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.estimate import estimate
from tsuzuri.train.events import Finished
from tsuzuri.writing.captions import Captioner

TINY = {"data": "shapes", "scenes": 60, "pixels": 16, "size": 12, "filters": 4, "blocks": 2, "batch_size": 16, "lr": 0.01, "epochs": 2, "patience": 0,
        "save_every": 3600.0, "threads": 1, "longest": 8}
KINDS = {"init": {"arch": "init", "dropout": 0.2}, "before": {"arch": "attention", "smoothing": 0.1, "accumulate": 2},
         "after": {"arch": "attention", "context": "after", "optimizer": "momentum", "lr": 0.05}, "hard": {"arch": "attention", "choice": "hard", "dropout": 0.2}}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few scenes to validate with, and no picture of the training."""
    monkeypatch.setattr("tsuzuri.datasets.pictures.HELD_OUT", 40)
    monkeypatch.setattr("tsuzuri.train.captions.draw_run", lambda run, model: None)


@pytest.fixture
def prepare(tmp_path):
    """prepare(name, **settings) -> a run folder that is ready to be trained."""
    return lambda name, **settings: prepare_pictures(TASK.choose([("test", TINY | settings)])[0], tmp_path / name)


@pytest.fixture
def train(prepare):
    """train(name, **settings) -> a finished run."""
    def trained(name, **settings):
        run = prepare(name, **settings)
        for _ in train_pictures(run):
            pass
        return run
    return trained


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of each arch, little trained."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.datasets.pictures.HELD_OUT", 40)
        patch.setattr("tsuzuri.train.captions.draw_run", lambda run, model: None)
        for arch in ("init", "attention"):
            found[arch] = prepare_pictures(TASK.choose([("test", TINY | {"arch": arch, "epochs": 1})])[0], tmp_path_factory.mktemp("runs") / arch)
            list(train_pictures(found[arch]))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_training_goes_on_where_it_stopped(name, train, prepare):
    """With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again."""
    whole = train("whole", **KINDS[name])
    check_resumes(train_pictures, whole, partial(prepare, **KINDS[name]), steps=2, more=2, least=1)
    assert results(whole.folder) != results(train("other", **KINDS[name], seed=7).folder)


def test_running_moments_are_in_the_checkpoint_and_in_the_model(train):
    run = train("run", epochs=1)
    saved, model = load_arrays(run.final)[0], run.load_model()
    assert {f"encoder.norms.{k}.{what}" for k in (0, 1) for what in ("mean", "variance")} <= saved.keys()
    assert saved["encoder.norms.0.mean"].any()
    np.testing.assert_array_equal(model.encoder.norms[1].variance.data, saved["encoder.norms.1.variance"])
    assert "model.encoder.norms.0.mean" in load_arrays(run.checkpoint)[0]


def test_what_is_logged_is_so(train):
    """The share of true captions of the held-out scenes, worked out anew."""
    run = train("run", scenes=300, epochs=3, size=32)
    model, corpus = run.load_model(), run.corpus("valid")
    right = 0
    for picture, scene in zip(corpus.images, held_out_scenes("shapes"), strict=True):
        state, token, ids = model.start(picture[None]), run.end, []
        while len(ids) < 8:
            logits, state = model.step(np.array([token]), state)
            token = int(logits[0].argmax())
            if token == run.end:
                break
            ids.append(token)
        right += is_true(run.tokenizer.decode(ids), scene, SETS["shapes"].nouns)
    logged = [r for r in run.logged() if r.get("best")][-1]
    assert logged["share_true"] == right / 40
    nats = [model.losses(*run.batches("valid")[k])[0].sum(dtype=float) for k in range(len(run.batches("valid")))]
    tokens = sum((run.batches("valid")[k][-1] >= 0).sum() for k in range(len(run.batches("valid"))))
    assert logged["valid_loss"] == pytest.approx(sum(nats) / tokens, rel=1e-6)
    assert logged["valid_loss"] < run.logged()[0]["loss"] - 0.8


def test_the_corpus_is_the_scenes_of_the_seed(prepare):
    """So many as were asked for, at that size, and their sentences."""
    run = prepare("run", scenes=25, pixels=20)
    corpus = run.corpus()
    assert (len(corpus), corpus.shape, len(run.corpus("valid"))) == (25, (20, 20, 3), 40)
    for k, pictured in enumerate(open_pictures("shapes", scenes=25).pictures("train", 20)):
        np.testing.assert_array_equal(corpus.images[k], pictured.picture)
        assert corpus.said[k] == pictured.captions
    assert TRAINING.described(run).startswith(f"25 pictures of 20 x 20 x 3, {corpus.captions} captions, vocabulary ")


def test_an_estimate_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = dict(line.split(maxsplit=1) for line in estimate(TRAINING, TASK.choose([("test", TINY)])[0]))
    assert lines["steps"] == "4 an epoch, 8 in all"
    assert {"data", "parameters", "memory", "time"} <= lines.keys()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("given", "words"), [
    ({"data": ""}, "no pictures were given; name a set of scenes"), ({"unit": "letter"}, 'unit "letter" is unknown'), ({"scenes": 0}, "scenes is 0; it must be 1 to"),
    ({"pixels": 7}, "pixels is 7; it must be 8 to 512"), ({"longest": 0}, "longest is 0"), ({"score": "dot", "arch": "init"}, "score does not fit arch init"),
    ({"split_mode": "C"}, "split_mode does not fit unit word"), ({"unit": "bpe", "min_count": 2}, "do not fit unit bpe"), ({"bptt": 3}, 'there is no setting "bptt"'),
    ({"optimizer": "nt-asgd"}, "not the running moments of batch norm")])
def test_settings_that_do_not_fit(given, words):
    with pytest.raises(ConfigError) as caught:
        TASK.refuse_no_text(TASK.choose([("flag", {"data": "shapes"} | given)])[0])
    assert words in str(caught.value)


def test_bad_input_writes_nothing(tmp_path, prepare):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "captions.txt").write_text("a.png\ta dog\nb.png\ta cat\n")
    write_picture(one_scene("shapes", 0, 16).picture, photos / "a.png")
    with pytest.raises(DataError, match=r'captions.txt:2: the image "b.png" is not in'):
        prepare("run", data=str(photos), scenes=20_000)
    (photos / "b.png").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match=r"captions.txt:2: .*b.png: cannot be read as an image"):
        prepare("run", data=str(photos), scenes=20_000)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert litter(photos) == []


# In use

def test_shares_of_true_captions_are_those_of_the_texts(finished, monkeypatch):
    """Whatever is written: here the first sentence of every other scene, and one that is never true."""
    made = {split: [(one_scene(f"shapes:{split}", k, 16)) for k in range(40)] for split in ("valid", "unseen")}
    texts = [each.captions[0] if k % 4 else "a dog" for split in made.values() for k, each in enumerate(split)]
    given = iter(texts)
    captioner = Captioner(finished["attention"])
    monkeypatch.setattr(captioner, "captions", lambda pictures, search: ([type("Text", (), {"text": next(given)})] for _ in pictures))
    found = evaluate_captions(captioner, "shapes")
    never = SETS["shapes"].held_out()
    stating = [bool(combinations(text, SETS["shapes"].nouns) & never) for text in texts[40:]]
    assert (found["pictures"], found["true"], found["true_unseen"], found["stating_unseen"], found["true_stating_unseen"]) == (80, 0.75, 0.75, sum(stating), 1.0)
    assert sum(stating) == 30


def test_one_split_alone_and_a_beam(finished):
    captioner = Captioner(finished["attention"])
    valid = evaluate_captions(captioner, "shapes:valid", search=Search(beams=2))
    assert valid.keys() == {"pictures", "written", "true"}
    unseen = evaluate_captions(captioner, "shapes:unseen")
    assert unseen.keys() == {"pictures", "written", "true_unseen", "stating_unseen", "true_stating_unseen"}
    assert valid["pictures"] == unseen["pictures"] == 40


def test_references_are_all_captions_of_a_picture():
    """A caption that is the second of its picture's is exactly right, as is one where pictures have unlike many."""
    found = reference_scores(["a small dog runs far", "two cats sleep on mats"], [["a big dog sits there", "a small dog runs far"], ["two cats sleep on mats"]])
    assert found["bleu"] == pytest.approx(100)
    assert found["chrf"] == pytest.approx(100)
    assert "nrefs:var" in found["bleu_signature"]
    assert reference_scores(["a small dog runs far"], [["a big dog sits there"]])["bleu"] < 50


def test_a_folder_is_measured_by_its_captions(finished, tmp_path):
    for k in range(3):
        write_picture(one_scene("shapes", k, 16).picture, tmp_path / f"{k}.png")
    captioner = Captioner(finished["attention"])
    texts = [texts[0].text for texts in captioner.captions(captioner.read(tmp_path / f"{k}.png") for k in range(3))]
    (tmp_path / "captions.txt").write_text("".join(f"{k}.png\t{text or 'nothing'}\n" for k, text in enumerate(texts)))
    found = evaluate_captions(captioner, str(tmp_path))
    assert found.keys() == {"pictures", "written", "bleu", "bleu_signature", "chrf", "chrf_signature"}
    assert found["written"] == texts


def test_pictures_of_another_kind_are_refused(finished, monkeypatch):
    captioner = Captioner(finished["init"])
    with pytest.raises(DataError, match=r"digits has pictures of 1 channels, and .* was trained on 3; evaluate it on pictures like shapes"):
        evaluate_captions(captioner, "digits")
    with pytest.raises(DataError, match=r"a picture of the shape \(8, 8, 3\) and the type uint8 was given; .* describes bytes of \(16, 16, 3\)"):
        list(captioner.captions([np.zeros((8, 8, 3), np.uint8)]))
    with pytest.raises(ConfigError, match="is of arch init, which looks at the picture once and has no attention to draw"):
        captioner.look(np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(RunError, match="is no run folder"):
        Captioner(finished["init"].folder / "corpus")


def test_where_it_looks_is_what_the_search_saw(finished):
    captioner, picture = Captioner(finished["attention"]), one_scene("shapes", 3, 16).picture
    (texts,) = captioner.captions([picture])
    seen = captioner.look(picture)
    assert seen.tokens == [*texts[0].tokens, "(end)"]
    assert seen.weights.shape == (len(seen.tokens), 8, 8)
    np.testing.assert_allclose(seen.weights[:-1], texts[0].attention, rtol=1e-4, atol=1e-6)
    given = captioner.look(picture, "a red circle")
    assert given.tokens == ["a", "red", "circle", "(end)"]
    with pytest.raises(DataError, match='"a red dog" has a word that no caption of the training had'):
        captioner.look(picture, "a red dog")


def test_the_python_api(tmp_path):
    """Trained, opened again, asked by file and by bytes."""
    events = []
    model = train_captions("shapes", tmp_path / "run", report=events.append, **{name: value for name, value in TINY.items() if name != "data"} | {"epochs": 1})
    assert isinstance(events[-1], Finished)
    made = one_scene("shapes", 5, 16)
    write_picture(made.picture, tmp_path / "scene.png")
    again = Captions.from_pretrained(tmp_path / "run")
    assert model.predict([tmp_path / "scene.png"]) == again.predict([made.picture]) == again.predict([str(tmp_path / "scene.png")])
    assert len(again.predict([made.picture], beam=3, length_penalty=1.0)) == 1
    assert again.attention(made.picture, "a red circle").weights.shape == (4, 8, 8)
    assert again.evaluate("shapes:valid")["pictures"] == 40


def test_the_log_is_json_a_line(finished):
    lines = [json.loads(line) for line in finished["init"].metrics.read_text().splitlines()]
    assert [set(line) for line in lines if "share_true" in line] == [{"step", "epoch", "train_loss", "valid_loss", "best", "share_true"}]
    assert captioning.CHUNK > 100
