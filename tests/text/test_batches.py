"""Batches: every row is its own part of the stream, and a window goes on where the one before it ended."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import BPTTBatches

SIZES = st.tuples(st.integers(2, 200), st.integers(1, 9), st.integers(1, 40)).filter(lambda s: s[0] > s[1])


@given(SIZES)
def test_windows_rebuild_the_rows_and_targets_are_one_further(sizes):
    length, n, bptt = sizes
    batches = BPTTBatches(np.arange(length, dtype=np.uint16), n, bptt)
    inputs, targets = (np.concatenate(part, axis=1) for part in zip(*batches, strict=True))
    row = (length - 1) // n
    assert np.array_equal(inputs, np.arange(n * row).reshape(n, row))
    assert np.array_equal(targets, inputs + 1)
    assert batches.tokens == targets.size


@given(SIZES)
def test_every_window_is_full_but_the_last(sizes):
    length, n, bptt = sizes
    batches = BPTTBatches(np.arange(length), n, bptt)
    widths = [inputs.shape[1] for inputs, _ in batches]
    assert len(widths) == len(batches)
    assert all(w == bptt for w in widths[:-1])
    assert 1 <= widths[-1] <= bptt
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (n, inputs.shape[1])
        assert inputs.flags.c_contiguous
        assert targets.flags.c_contiguous
        assert inputs.dtype == targets.dtype == np.int64


def test_any_window_can_be_asked_for_by_its_number():
    batches = BPTTBatches(np.arange(100), 3, 10)
    windows = list(batches)
    for k in range(len(batches)):
        assert np.array_equal(batches[k][0], windows[k][0])
        assert np.array_equal(batches[k - len(batches)][1], windows[k][1])
    for k in (len(batches), -len(batches) - 1):
        with pytest.raises(IndexError):
            batches[k]


def test_a_memory_map_is_read_by_windows(tmp_path):
    np.arange(1000, dtype=np.uint16).tofile(tmp_path / "ids")
    ids = np.memmap(tmp_path / "ids", dtype=np.uint16, mode="r")
    batches = BPTTBatches(ids, 4, 7)
    assert np.shares_memory(batches._inputs, ids)
    assert np.shares_memory(batches._targets, ids)
    inputs, _ = batches[2]
    assert type(inputs) is np.ndarray
    assert not np.shares_memory(inputs, ids)
    assert np.array_equal(inputs[1], 249 + np.arange(14, 21))


@pytest.mark.parametrize("length", [0, 1, 2, 19, 20])
def test_a_corpus_that_is_too_short_says_what_fits(length):
    with pytest.raises(DataError, match=f"{length} tokens is too short for batch size 20 x bptt 5") as caught:
        BPTTBatches(np.arange(length), 20, 5)
    if length > 1:
        import re
        n, bptt = map(int, re.search(r"fits is batch size (\d+) x bptt (\d+)", str(caught.value)).groups())
        assert BPTTBatches(np.arange(length), n, bptt)[0][0].shape == (n, bptt)


@pytest.mark.parametrize(("n", "bptt"), [(0, 5), (5, 0), (-1, 5)])
def test_sizes_below_one_are_refused(n, bptt):
    with pytest.raises(ConfigError, match="does not fit"):
        BPTTBatches(np.arange(10), n, bptt)
