"""Overlap: the share of the validation text's runs that stand in the training text, exactly, whatever the chunks."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.text import overlap as module
from tsuzuri.text.overlap import Overlap, overlap, run_length


def slow(train, valid, n):
    """The same with a set of tuples."""
    known = {tuple(train[k:k + n]) for k in range(len(train) - n + 1)}
    runs = [tuple(valid[k:k + n]) for k in range(len(valid) - n + 1)]
    return Overlap(n, len(runs), sum(run in known for run in runs))


TEXTS = st.lists(st.integers(0, 2), max_size=60)             # three words: short runs are often shared, long ones rarely


@given(TEXTS, TEXTS, st.integers(1, 9), st.integers(1, 20))
def test_it_equals_a_set_of_runs_for_any_chunk(train, valid, n, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        found = overlap(np.array(train, np.uint16), np.array(valid, np.uint16), n)
    assert found == slow(train, valid, n)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 13, 40, 50])
def test_a_text_shares_everything_with_itself_and_nothing_with_other_words(n):
    ids = np.random.default_rng(n).integers(1000, size=5000)
    assert overlap(ids, ids, n).share == 1
    assert overlap(ids, ids + 1000, n) == Overlap(n, 5001 - n, 0)


@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_the_order_of_the_tokens_counts(n):
    """The same tokens the other way round, and a run with one token changed at any place, are other runs."""
    run = np.arange(n)
    assert overlap(run, run[::-1], n).shared == 0
    for place in range(n):
        assert overlap(run, np.where(run == place, n, run), n).shared == 0


def test_a_passage_that_was_copied_is_found(tmp_path):
    """100 tokens of 1000 come from the training text: 93 runs of 8 of 993.  The training text is a memory map."""
    rng = np.random.default_rng(0)
    rng.integers(30_000, size=50_000).astype("<u2").tofile(tmp_path / "ids.bin")
    train = np.memmap(tmp_path / "ids.bin", "<u2", mode="r")
    valid = rng.integers(30_000, 60_000, size=1000)
    valid[500:600] = train[12_345:12_445]
    found = overlap(train, valid, 8)
    assert found == Overlap(8, 993, 93)
    assert found.sentence() == "9.4 % of the validation text's runs of 8 tokens also stand in the training text"


def test_a_text_shorter_than_a_run_is_said():
    found = overlap(np.arange(100), np.arange(7), 8)
    assert found.share == 0
    assert found.sentence() == "the validation text is shorter than the 8 tokens that are looked for in the training text"


def test_characters_take_longer_runs_than_words():
    assert [run_length(unit) for unit in ("word", "bpe", "char")] == [8, 8, 40]
