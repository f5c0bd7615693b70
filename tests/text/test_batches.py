"""Batches: every row is its own part of the stream, and a window goes on where the one before it ended."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import BPTTBatches
from tsuzuri.text.batches import WINDOWS, RandomWindows, VariedBPTT

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


# Windows of drawn lengths

LONGER = st.tuples(st.integers(2, 3000), st.integers(1, 9), st.integers(5, 60)).filter(lambda s: s[0] > s[1])
PASSES = st.tuples(st.integers(0, 10), st.integers(1, 10))


def widths(batches):
    return [batches[k][0].shape[1] for k in range(len(batches))]


@given(LONGER, PASSES)
def test_varied_windows_tile_the_rows_of_the_even_ones(sizes, seed_and_pass):
    """Every token is predicted once in a pass, in its place, and no window is shorter than 5 but the last."""
    (length, n, bptt), (seed, number) = sizes, seed_and_pass
    ids = np.arange(length)
    varied, even = VariedBPTT(ids, n, bptt, seed).epoch(number), BPTTBatches(ids, n, bptt)
    for part in (0, 1):
        rows, wanted = (np.concatenate([b[k][part] for k in range(len(b))], axis=1) for b in (varied, even))
        np.testing.assert_array_equal(rows, wanted)
    assert all(width >= 5 for width in widths(varied)[:-1])
    assert widths(varied)[-1] >= 1
    assert varied.tokens == sum(varied[k][1].size for k in range(len(varied)))


@given(LONGER, PASSES)
def test_varied_windows_follow_from_the_seed_and_the_pass_alone(sizes, seed_and_pass):
    """Not from the ids, nor from the passes that were asked for before."""
    (length, n, bptt), (seed, number) = sizes, seed_and_pass
    first, other = VariedBPTT(np.arange(length), n, bptt, seed), VariedBPTT(np.zeros(length, np.uint16), n, bptt, seed)
    wanted = widths(first.epoch(number))
    assert widths(other.epoch(number + 1).epoch(number)) == wanted
    assert widths(VariedBPTT(np.arange(length), n, bptt, seed, number)) == wanted


def test_passes_and_seeds_differ_in_their_varied_windows():
    ids = np.arange(4001)
    drawn = [tuple(widths(VariedBPTT(ids, 2, 20, seed).epoch(number))) for seed in (1, 2) for number in (1, 2, 3)]
    assert len(set(drawn)) == 6


def test_the_rate_of_a_varied_window_is_its_share_of_bptt():
    batches = VariedBPTT(np.arange(3001), 3, 16, seed=4).epoch(2)
    assert [batches.rate(k) for k in range(len(batches))] == [width / 16 for width in widths(batches)]
    assert len(set(widths(batches))) > 5
    even = BPTTBatches(np.arange(3001), 3, 16)
    assert {even.rate(k) for k in range(len(even))} == {1.0}


def test_the_mean_length_of_varied_windows():
    """0.95 x 70 + 0.05 x 35 = 68.25, less a half because lengths are cut to whole numbers, with a variance of
    0.05 x 0.95 x 35^2 + 25 = 83 for one of 20,000 windows: within five standard errors.  One in twenty is about 35."""
    lengths = np.array(widths(VariedBPTT(np.zeros(20_000 * 68 + 1, np.uint8), 1, 70, seed=5))[:-1])
    assert abs(lengths.mean() - 67.75) < 5 * np.sqrt(83 / len(lengths))
    short = (lengths < 52).mean()
    assert abs(short - 0.05) < 5 * np.sqrt(0.05 * 0.95 / len(lengths))


# Windows from anywhere

@given(LONGER, PASSES, st.integers(0, 30))
def test_random_windows_are_runs_of_the_text(sizes, seed_and_pass, k):
    """Never beyond its end; targets one further; the same for the same seed, pass and number, whatever was asked before."""
    (length, n, bptt), (seed, number) = sizes, seed_and_pass
    batches = RandomWindows(np.arange(length), n, bptt, seed).epoch(number)
    k %= len(batches)
    inputs, targets = batches[k]
    assert inputs.shape == targets.shape == (n, min(bptt, length - 1))
    assert inputs.dtype == targets.dtype == np.int64
    assert inputs.flags.c_contiguous
    assert targets.flags.c_contiguous
    np.testing.assert_array_equal(targets, inputs + 1)
    np.testing.assert_array_equal(inputs, inputs[:, :1] + np.arange(inputs.shape[1]))
    assert inputs.min() >= 0
    assert targets.max() < length
    for again in (batches, RandomWindows(np.arange(length), n, bptt, seed, number)):
        np.testing.assert_array_equal(again[k][0], inputs)


def test_random_windows_start_everywhere_and_each_row_elsewhere():
    """46 starting places of 45 + 5 + 1 tokens: 3,000 drawn ones leave none out (46 (45/46)^3000 < 1e-26)."""
    batches = RandomWindows(np.arange(51), 6, 5, seed=1)
    starts = np.array([batches.epoch(number)[0][0][:, 0] for number in range(1, 501)])
    assert set(starts.ravel()) == set(range(46))
    assert max(batches.epoch(number)[0][1].max() for number in range(1, 501)) == 50
    counts = np.bincount(starts.ravel())
    assert abs(counts / counts.sum() - 1 / 46).max() < 5 * np.sqrt(1 / 46 / 3000)
    assert all(len(set(column)) > 20 for column in starts.T)
    equal = (starts[:, 0] == starts[:, 1]).mean()            # rows are drawn one by one: equal in one of 46 windows
    assert equal < 1 / 46 + 5 * np.sqrt(1 / 46 / 500)


def test_random_windows_differ_between_seeds_passes_and_numbers():
    ids = np.arange(100_000)
    drawn = {tuple(RandomWindows(ids, 3, 10, seed).epoch(number)[k][0][:, 0])
             for seed in (1, 2) for number in (1, 2) for k in (0, 1, 2)}
    assert len(drawn) == 12


def test_a_pass_of_random_windows_is_as_long_as_one_of_even_ones_and_says_how_many_tokens_it_predicts():
    random, even = RandomWindows(np.arange(1000), 4, 32), BPTTBatches(np.arange(1000), 4, 32)
    assert len(random) == len(even)
    assert random.tokens == sum(random[k][1].size for k in range(len(random)))


def test_a_random_window_out_of_the_pass_is_an_error():
    batches = RandomWindows(np.arange(100), 3, 10)
    for k in (-len(batches) - 1, len(batches)):
        with pytest.raises(IndexError, match=f"window {k} of {len(batches)}"):
            batches[k]
    np.testing.assert_array_equal(batches[-1][0], batches[len(batches) - 1][0])


@pytest.mark.parametrize("kind", [VariedBPTT, RandomWindows])
def test_a_memory_map_is_read_by_drawn_windows_too(kind, tmp_path):
    np.arange(1000, dtype=np.uint16).tofile(tmp_path / "ids")
    ids = np.memmap(tmp_path / "ids", dtype=np.uint16, mode="r")
    got, wanted = (kind(a, 4, 7, seed=3).epoch(2) for a in (ids, np.arange(1000)))
    assert type(got.epoch(3).ids) is np.memmap               # the map itself is handed on, not a copy of it
    for k in range(3):
        for part, other in zip(got[k], wanted[k], strict=True):
            assert type(part) is np.ndarray
            assert not np.shares_memory(part, ids)
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("kind", WINDOWS.values())
def test_every_kind_of_window_refuses_what_is_too_short(kind):
    with pytest.raises(DataError, match="too short"):
        kind(np.arange(4), 5, 7)
    with pytest.raises(ConfigError, match="does not fit"):
        kind(np.arange(40), 5, 0)
    with pytest.raises(DataError, match="at least 2 tokens"):
        kind(np.arange(1), 1, 7)
