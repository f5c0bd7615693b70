"""The memory of a Neural Turing Machine: each pair against the numeric gradient, and addressing worked by hand."""
import math

import numpy as np
import pytest

from tsuzuri.errors import ShapeError
from tsuzuri.kernels.memory import (
    Heads,
    addressing_backward,
    addressing_forward,
    offsets,
    read_backward,
    read_forward,
    write_backward,
    write_forward,
)
from tsuzuri.kernels.turing import check_sizes, turing_lstm_forward


def shares(rng, *shape):
    x = np.exp(rng.standard_normal(shape))
    return x / x.sum(-1, keepdims=True)


def heads_of(rng, N=2, K=3, M=4, J=3):
    return Heads(rng.standard_normal((N, K, M)), rng.uniform(0.5, 4, (N, K)), rng.uniform(0.1, 0.9, (N, K)), shares(rng, N, K, J), rng.uniform(1, 4, (N, K)))


def numeric(f, arrays, k, dout, rng):
    """(<dout, df/dv>, v) for a random direction v in argument k."""
    v, step = rng.standard_normal(arrays[k].shape), 1e-4

    def at(by):
        return float((dout * f(*arrays[:k], arrays[k] + by * step * v, *arrays[k + 1:])).sum())
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step), v


@pytest.mark.parametrize("J", [1, 2, 3, 5])
def test_the_gradient_of_addressing(J):
    rng = np.random.default_rng(J)
    arrays = [rng.standard_normal((2, 4, 6)), *heads_of(rng, J=J), shares(rng, 2, 3, 6)]

    def forward(memory, *rest):
        return addressing_forward(memory, Heads(*rest[:5]), rest[5])[0]
    dout = rng.standard_normal((2, 3, 6))
    dmemory, dheads, dbefore = addressing_backward(dout, addressing_forward(arrays[0], Heads(*arrays[1:6]), arrays[6])[1])
    for k, grad in enumerate((dmemory, *dheads, dbefore)):
        wanted, v = numeric(forward, arrays, k, dout, rng)
        assert (grad * v).sum() == pytest.approx(wanted, rel=1e-7, abs=1e-10), k


@pytest.mark.parametrize("writers", [1, 3])
def test_the_gradients_of_reading_and_writing(writers):
    rng = np.random.default_rng(writers)
    memory, w = rng.standard_normal((2, 4, 6)), shares(rng, 2, writers, 6)
    erase, add = rng.uniform(0, 1, (2, writers, 4)), rng.standard_normal((2, writers, 4))
    for arrays, forward, backward in (([memory, w], read_forward, read_backward), ([memory, w, erase, add], write_forward, write_backward)):
        out, cache = forward(*arrays)
        dout = rng.standard_normal(out.shape)
        for k, grad in enumerate(backward(dout, cache)):
            wanted, v = numeric(lambda *a, forward=forward: forward(*a)[0], arrays, k, dout, rng)
            assert (grad * v).sum() == pytest.approx(wanted, rel=1e-7, abs=1e-10)


def looked(memory, before, key=(1.0, 0.0), strength=0.0, gate=0.0, shift=(0.0, 1.0, 0.0), sharpness=1.0):
    """The weights (S) of one head on memory (M, S)."""
    heads = Heads(*(np.array([[value]], float).reshape(1, 1, *np.shape(value)) for value in (key, strength, gate, shift, sharpness)))
    return addressing_forward(np.array(memory, float)[None], heads, np.array(before, float)[None, None])[0][0, 0]


MEMORY = [[1.0, 0.0, 3.0, -1.0], [0.0, 2.0, 3.0, 0.0]]       # slots (1, 0), (0, 2), (3, 3), (-1, 0)


def test_a_key_finds_the_slot_that_points_its_way():
    """Cosines 1, 0, 1 / sqrt 2, -1, whatever the lengths."""
    e = np.exp(2 * np.array([1, 0, math.sqrt(0.5), -1]))
    np.testing.assert_allclose(looked(MEMORY, [0, 0, 0, 1], key=(7, 0), strength=2, gate=1), e / e.sum(), rtol=1e-9)
    assert looked(MEMORY, [0, 0, 0, 1], strength=60, gate=1)[0] > 0.9999


def test_a_gate_of_0_keeps_the_place_and_a_shift_moves_it_around_the_end():
    place = [0.7, 0.0, 0.1, 0.2]
    np.testing.assert_allclose(looked(MEMORY, place, strength=9), place, atol=1e-12)
    np.testing.assert_allclose(looked(MEMORY, place, shift=(0, 0, 1)), np.roll(place, 1), atol=1e-12)
    np.testing.assert_allclose(looked(MEMORY, place, shift=(1, 0, 0)), np.roll(place, -1), atol=1e-12)
    np.testing.assert_allclose(looked(MEMORY, place, shift=(0.5, 0.5, 0)), (np.roll(place, -1) + place) / 2, atol=1e-12)
    assert [*offsets(np.zeros((1, 1, 4)))] == [-2, -1, 0, 1]


def test_sharpening_takes_powers():
    place = np.array([0.6, 0.1, 0.1, 0.2])
    np.testing.assert_allclose(looked(MEMORY, place, sharpness=3), place ** 3 / (place ** 3).sum(), rtol=1e-9)


def test_a_blank_slot_has_cosine_0_and_a_gradient():
    memory = np.zeros((1, 2, 3))
    heads = Heads(np.ones((1, 1, 2)), np.ones((1, 1)), np.ones((1, 1)), np.array([[[0.0, 1.0, 0.0]]]), np.ones((1, 1)))
    w, cache = addressing_forward(memory, heads, np.array([[[1.0, 0.0, 0.0]]]))
    np.testing.assert_allclose(w, 1 / 3)
    assert all(np.isfinite(d).all() for d in (addressing_backward(np.array([[[1.0, 0.0, 0.0]]]), cache)[0], *addressing_backward(w, cache)[1]))


def test_writing_erases_first_and_then_adds():
    """Two heads: where both are fully, what both erase is gone, and both their numbers are added."""
    memory, w = np.full((1, 1, 2), 8.0), np.array([[[1.0, 0.0], [1.0, 0.0]]])
    after, _ = write_forward(memory, w, np.array([[[0.5], [0.5]]]), np.array([[[1.0], [10.0]]]))
    np.testing.assert_allclose(after, [[[8 * 0.25 + 11, 8]]])


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="the heads are told 7 numbers and read 3, which does not fit 2 weightings and slots of 4 numbers"):
        check_sizes(3, 2, 4, 7)
    with pytest.raises(ShapeError, match=r"turing machine: shapes do not fit together"):
        turing_lstm_forward(*(np.zeros(s) for s in [(2, 3, 4), (2, 8), (2, 5), (2, 2, 6), (2, 6, 3), (4, 20), (9, 20), (20,), (5, 30), (30,)]))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-7), (np.float64, 4e-16)])
def test_the_compiled_logarithm(dtype, tolerance):
    """Over all sizes of normal numbers, and near 1, where it must be right in its last digits too."""
    from tsuzuri.kernels.compiled.vector import log, loop

    @loop
    def logs(x):
        y = np.empty_like(x)
        for k in range(x.size):
            y[k] = log(x[k])
        return y

    info = np.finfo(dtype)
    x = np.concatenate([np.exp(np.linspace(math.log(float(info.tiny)) + 1e-3, math.log(float(info.max)) - 1e-3, 4001)), 1 + np.linspace(-0.4, 0.6, 2001),
                        [1.0, float(info.tiny)]]).astype(dtype)
    np.testing.assert_allclose(logs(x), np.log(x.astype(np.longdouble)).astype(float), rtol=tolerance, atol=0)
