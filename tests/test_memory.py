"""Reused memory: a block comes back after its last view is gone, and never before."""
import gc
import random
import subprocess
import sys
import threading

import numpy as np
import pytest

from tsuzuri import memory

SIZE = memory.LARGE


def address(a):
    return a.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def empty_shelf(monkeypatch):
    monkeypatch.setattr(memory, "_shelf", {})
    monkeypatch.setattr(memory, "_waiting", 0)


def test_a_block_is_used_again_when_its_array_is_gone():
    a = memory.empty((SIZE // 4,), np.float32)
    where = address(a)
    b = memory.empty((SIZE // 4,), np.float32)
    assert address(b) != where
    del a
    assert address(memory.empty((SIZE // 8,), np.float64)) == where


@pytest.mark.parametrize("view", [lambda a: a[5:], lambda a: a.reshape(2, -1).T, lambda a: np.asarray(a[::2])[1:],
                                  lambda a: np.broadcast_to(a, (3, a.size)), lambda a: a.view(np.int32), memoryview])
def test_a_view_keeps_the_block(view):
    a = memory.empty((SIZE // 4,), np.float32)
    where, kept = address(a), view(a)
    del a
    assert address(memory.empty((SIZE // 4,), np.float32)) != where
    del kept
    assert address(memory.empty((SIZE // 4,), np.float32)) == where


def test_random_loans_never_overlap():
    """2,000 steps: take, keep a view, drop the array, drop the view; whatever is alive still holds what was written."""
    rng, alive = random.Random(0), []
    reused, seen = 0, set()
    for step in range(2000):
        if len(alive) > 6 or (alive and rng.random() < 0.45):
            view, value = alive.pop(rng.randrange(len(alive)))
            assert (view == value).all()
            del view
        else:
            a = memory.empty((rng.choice([1, 2, 3]), SIZE // 4 + rng.randrange(3)), np.float32)
            reused += address(a) in seen
            seen.add(address(a))
            a[:] = step
            alive.append((a if rng.random() < 0.5 else a[:, rng.randrange(9)::7], step))
    assert all((view == value).all() for view, value in alive)
    assert reused > 500


def test_threads_share_the_shelf():
    wrong = []

    def work(mark):
        for k in range(150):
            a = memory.empty((SIZE // 4,), np.float32)
            a[::512] = mark * 1000 + k
            if not (a[::512] == mark * 1000 + k).all():
                wrong.append(mark)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for w in workers: w.start()
    for w in workers: w.join()
    assert not wrong


def test_what_is_returned():
    for shape, dtype in (((SIZE,), np.uint8), ((3, SIZE), np.float64), ((0, SIZE), np.float32), ((2,), np.float16),
                         (SIZE, bool)):
        a = memory.empty(shape, dtype)
        assert a.shape == ((shape,) if isinstance(shape, int) else shape)
        assert a.dtype == dtype
        assert a.flags.c_contiguous
        assert a.flags.writeable
        assert a.flags.aligned


def test_the_shelf_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "_KEEP", 3 * SIZE)
    arrays = [memory.empty((SIZE,), np.uint8) for _ in range(6)]
    del arrays
    gc.collect()
    assert memory._waiting == sum(len(blocks) * size for size, blocks in memory._shelf.items()) <= 3 * SIZE


def test_nothing_is_said_when_the_interpreter_ends():
    code = ("import numpy as np; from tsuzuri import memory; a = memory.empty((1 << 20,), np.float32)\n"
            "class Holds: pass\nh = Holds(); h.h = h; h.a = a[1:]")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
