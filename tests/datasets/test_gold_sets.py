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
