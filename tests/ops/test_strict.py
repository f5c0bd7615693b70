"""Every op in the table on an array module that refuses NumPy: the same numbers, and no mixing of devices."""
import numpy as np
import pytest
from cases import CASES, gradients, outputs, seeds

import strict
from tsuzuri import ops
from tsuzuri.errors import DeviceError
from tsuzuri.kernels import inner
from tsuzuri.tensor import Tensor

several = [c for c in CASES if len(c.shapes) > 1]
with_arrays = [c for c in CASES if any(isinstance(v, np.ndarray) for v in vars(c.op()).values())]


def put(a):
    return strict.asarray(a)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_runs_on_the_device_and_equals_numpy(case):
    with inner.compiled(False):
        host, device = case.op(), case.op(put)
        outs, device_outs = outputs(host, case.inputs()), outputs(device, tuple(map(put, case.inputs())))
        grads = gradients(host, seeds(outs))
        device_grads = gradients(device, tuple(map(put, seeds(outs))))
    for theirs, ours in zip((*device_outs, *device_grads), (*outs, *grads), strict=True):
        assert type(theirs) is strict.DeviceArray
        assert theirs.dtype == ours.dtype
        np.testing.assert_array_equal(theirs.get(), ours)


@pytest.mark.parametrize("case", several, ids=lambda c: c.label)
def test_one_input_on_the_host_is_refused(case):
    for k in range(len(case.shapes)):
        arrays = [put(a) if j != k else a for j, a in enumerate(case.inputs())]
        with pytest.raises(DeviceError):
            case.op(put).forward(*arrays)
        with pytest.raises(DeviceError):
            case.op().forward(*[put(a) if j == k else a for j, a in enumerate(case.inputs())])


@pytest.mark.parametrize("case", with_arrays, ids=lambda c: c.label)
def test_targets_ids_and_lengths_on_the_host_are_refused(case):
    with pytest.raises(DeviceError):
        case.op().forward(*map(put, case.inputs()))
    with pytest.raises(DeviceError):
        case.op(put).forward(*case.inputs())


def test_an_array_beside_a_tensor_is_not_moved_silently():
    x = Tensor(put(np.ones(3)), requires_grad=True)
    for wrong in (lambda: x + np.ones(3), lambda: np.ones(3) * x, lambda: x - np.ones(3)):
        with pytest.raises(DeviceError):
            wrong()
    y = (2 * x + put(np.ones(3)) - np.float64(1)).sum()
    y.backward()
    assert x.grad.get().tolist() == [2, 2, 2]


def test_a_small_network_stays_on_the_device():
    """The tape itself, gradient sums and the row-sparse gradient of an embedding."""
    def loss_of(put):
        rng = np.random.default_rng(0)
        E = Tensor(put(rng.standard_normal((5, 3))), requires_grad=True)
        b = Tensor(put(np.zeros(5)), requires_grad=True)
        ids = put(np.array([[0, 1, 1], [4, 1, 2]]))
        x = ops.dropout(ops.embedding(E, ids), 0.3, np.random.default_rng(1))
        loss = ops.linear_cross_entropy(x, E.transpose(), b, ids) + 0.5 * (ops.gelu(x) * x).mean()
        loss.backward()
        return loss.data, E.grad, b.grad

    with inner.compiled(False):
        for theirs, ours in zip(loss_of(put), loss_of(np.asarray), strict=True):
            np.testing.assert_allclose(theirs.get(), ours, rtol=1e-14)


def test_the_stand_in_is_strict():
    d, h = put(np.ones(2)), np.ones(2)
    for wrong in (lambda: d + h, lambda: h + d, lambda: np.exp(d), lambda: np.asarray(d),
                  lambda: np.concatenate([d, d]), lambda: d[h.astype(int)], lambda: d.__setitem__(0, h),
                  lambda: strict.MODULE.exp(h), lambda: d @ h,
                  lambda: d.__iadd__(h), lambda: np.maximum(np.float64(0), d), lambda: h.__iadd__(d)):
        with pytest.raises(DeviceError):
            wrong()
    assert not hasattr(strict.MODULE, "linalg")
