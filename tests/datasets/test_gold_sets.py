"""Gold sets and the texts for word vectors in the registry: where they lie, that they are fetched whole, and what they are not."""
import pytest

from tsuzuri.datasets import DATASETS, fetch, open_source, parse_source
from tsuzuri.errors import DataError

GOLD = {"analogies": 1, "wordsim": 4, "wordsim-ja": 4}


@pytest.mark.parametrize(("name", "parts"), GOLD.items())
def test_a_gold_set_is_fetched_but_never_read_as_text(name, parts, data_dir):
    got = fetch(name)
    assert got.downloaded == []
    assert len(got.paths) == len(set(got.paths)) == len(DATASETS[name].splits) == parts
    part = DATASETS[name].splits[0]
    assert parse_source(f"{name}:{part}") == (name, part)
    for data in (name, f"{name}:{part}"):
        with pytest.raises(DataError, match=f"{name} is a set of judgements, not text; `tsuzuri vectors evaluate`"):
            open_source(data)


def test_only_gold_sets_are_judgements():
    assert {name for name, dataset in DATASETS.items() if dataset.kind == "judgements"} == GOLD.keys()


def test_published_vectors_are_fetched_but_never_read_as_text(data_dir):
    (path,) = fetch("book").paths
    assert path.name == "cbow_params.pkl"
    for data in ("book", "book:cbow"):
        with pytest.raises(DataError, match="book is word vectors, not text; `tsuzuri data get book`"):
            open_source(data)


def test_the_whole_of_a_text_is_its_parts_in_order(data_dir):
    for name in ("aozora", "macbeth"):
        source = open_source(name)
        assert list(source.lines()) == [line for part in source.splits for line in source.lines(part)]


def test_the_novels_are_streamed(data_dir):
    """11.4 million words in 65 MB: the first lines must not cost the memory of all."""
    import tracemalloc
    source = open_source("novels")
    lines = source.lines()
    tracemalloc.start()
    words = sum(len(next(lines).split()) for _ in range(2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert words > 50_000
    assert peak < 16 << 20


def test_aozora_is_cut_into_words(data_dir):
    assert open_source("aozora").splits == ("kokoro", "neko", "bottyan")
    assert next(open_source("aozora:kokoro").lines()).split()[:4] == ["上", "先生", "と", "私"]


def test_soseki_is_cut_a_work_at_a_time_and_has_no_spaces_between_words(data_dir):
    source, words = open_source("soseki"), open_source("aozora")
    assert source.splits == ("train", "valid", "test")
    parts = {split: list(source.lines(split)) for split in source.splits}
    whole = list(source.lines())
    assert sorted(line for part in parts.values() for line in part) == sorted(whole)
    sizes = {split: sum(len(line) + 1 for line in part) for split, part in parts.items()}
    assert sizes == {"train": 514_590, "valid": 28_197, "test": 28_194}
    assert "".join(whole).replace(" ", "") == "".join(words.lines()).replace(" ", "")
    assert "吾輩は猫である。名前はまだ無い。" in whole
    assert any("many a slip" in line for line in whole)
    for work in words.splits:                                   # the last twentieth of every work is in the test
        assert "".join(list(words.lines(work))[-1].split()) in parts["test"]
