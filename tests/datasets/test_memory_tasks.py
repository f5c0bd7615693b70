"""Tasks that ask for a memory: each read out of its own numbers, and batches that follow from seed, pass and place alone."""
import numpy as np
import pytest

from tsuzuri.datasets.memory_tasks import TASKS, TaskBatches, make_task
from tsuzuri.errors import ConfigError

LENGTHS = {"copy": (1, 2, 20), "repeat-copy": (1, 2, 10), "recall": (2, 3, 6), "sort": (1, 2, 20)}
drawn = pytest.mark.parametrize(("name", "length"), [(name, length) for name, lengths in LENGTHS.items() for length in lengths])


def draw(name, length, seed=1, rows=5, **more):
    return make_task(name).draw(np.random.default_rng(seed), rows, length, **more)


@drawn
def test_nothing_is_asked_before_all_has_come_in_and_nothing_comes_in_afterwards(name, length):
    x, y = draw(name, length)
    task = make_task(name)
    assert x.shape[2] == task.inputs
    assert y.shape == (*x.shape[:2], task.outputs)
    asked = np.isfinite(y).any((0, 2))
    begin = int(asked.argmax())
    assert not asked[:begin].any()
    assert np.isfinite(y[:, begin:]).all()
    assert (x[:, begin:] == 0).all()
    assert set(np.unique(y[:, begin:])) <= {0, 1}
    assert x.dtype == y.dtype == np.float32


@pytest.mark.parametrize("length", LENGTHS["copy"])
def test_copy(length):
    x, y = draw("copy", length)
    assert x.shape == (5, 2 * length + 1, 9)
    np.testing.assert_array_equal(y[:, length + 1:], x[:, :length, :8])
    marks = x[:, :, 8]
    assert (marks[:, length] == 1).all()
    assert marks.sum() == 5


@pytest.mark.parametrize(("length", "times"), [(1, 1), (3, 2), (10, 10), (2, 20)])
def test_repeat_copy(length, times):
    """The last bit is 1 behind the last repetition alone; the number comes in over the largest of the training."""
    x, y = draw("repeat-copy", length, times=times)
    answer = y[:, length + 1:]
    assert answer.shape[1] == length * times + 1
    for k in range(times):
        np.testing.assert_array_equal(answer[:, k * length:(k + 1) * length, :8], x[:, :length, :8])
    assert (answer[:, :-1, 8] == 0).all()
    assert (answer[:, -1] == [*[0] * 8, 1]).all()
    assert (x[:, length, 8:] == np.float32([1, times / 10])).all()
    assert (np.delete(x, length, axis=1)[:, :, 8:] == 0).all()


def test_the_number_of_repetitions_is_drawn():
    lengths = {draw("repeat-copy", 1, seed=seed).targets.shape[1] for seed in range(60)}
    assert lengths == {1 + 2 + times for times in range(1, 11)}


@pytest.mark.parametrize("length", LENGTHS["recall"])
def test_recall(length):
    """Every item behind its mark; what stands between the two other marks is one of them, and the next one is asked for."""
    x, y = draw("recall", length, rows=40)
    start = 4 * length
    listed, question, answer = x[:, :start].reshape(40, length, 4, 8), x[:, start + 1:start + 4, :6], y[:, start + 5:]
    assert (listed[:, :, 0] == [0, 0, 0, 0, 0, 0, 1, 0]).all()
    assert (listed[:, :, 1:, 6:] == 0).all()
    assert (x[:, [start, start + 4]] == [0, 0, 0, 0, 0, 0, 0, 1]).all()
    asked = set()
    for n in range(40):
        k = next(k for k in range(length - 1) if (listed[n, k, 1:, :6] == question[n]).all() and (listed[n, k + 1, 1:, :6] == answer[n]).all())
        asked.add(k)
    assert asked == set(range(length - 1))


@pytest.mark.parametrize(("length", "kept"), [(1, 1), (2, 2), (5, 4), (20, 16)])
def test_sort(length, kept):
    x, y = draw("sort", length)
    assert (x[:, length] == [*[0] * 9, 1]).all()
    for n in range(5):
        highest = sorted(range(length), key=lambda k, n=n: -x[n, k, 8])[:kept]
        np.testing.assert_array_equal(y[n, length + 1:], x[n, highest, :8])
    assert np.abs(x[:, :length, 8]).max() <= 1


@pytest.mark.parametrize("name", TASKS)
def test_batches_follow_from_seed_pass_and_place_alone(name):
    task = make_task(name)
    batches = TaskBatches(task, 3, LENGTHS[name][::2], 6, seed=4)
    again = TaskBatches(task, 3, LENGTHS[name][::2], 6, seed=4).epoch(2).epoch(1)
    for k in (5, 0, 3):
        for a, b in zip(batches[k], again[k], strict=True):
            np.testing.assert_array_equal(a, b)
    others = [batches.epoch(2), TaskBatches(task, 3, LENGTHS[name][::2], 6, seed=5)]
    assert all(any(a[k].inputs.shape != batches[k].inputs.shape or (a[k].inputs != batches[k].inputs).any() for k in range(6)) for a in others)
    assert (len(batches), batches.goes_on, batches.rate(0)) == (6, False, 1.0)


def test_all_lengths_are_drawn():
    batches = TaskBatches(make_task("copy"), 1, (3, 6), 80, seed=1)
    assert {(batches[k].inputs.shape[1] - 1) // 2 for k in range(80)} == {3, 4, 5, 6}


@pytest.mark.parametrize(("name", "lengths"), [("copy", (0, 3)), ("copy", (4, 3)), ("recall", (1, 6))])
def test_lengths_that_there_are_not(name, lengths):
    with pytest.raises(ConfigError, match=f"lengths from {lengths[0]} to {lengths[1]} (vectors|items) were asked for; the shortest must be at least"):
        TaskBatches(make_task(name), 1, lengths, 1, seed=1)


def test_a_task_that_there_is_not():
    with pytest.raises(ConfigError, match=r'task "copi" is unknown \(did you mean "copy"\?\); choose one of copy, repeat-copy, recall, sort.'):
        make_task("copi")
