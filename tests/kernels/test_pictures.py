"""Convolution, pooling and batch norm: by hand, as sums over their definition, blind to how the pictures are shared out, and layers beside PyTorch's."""
import numpy as np
import pytest

from tsuzuri import array, nn, ops
from tsuzuri.errors import RunError, ShapeError
from tsuzuri.kernels.batch_norm import batch_norm_backward, batch_norm_forward
from tsuzuri.kernels.conv import added_patches, conv2d_backward, conv2d_forward, patches, places
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.norm_pool import norm_pool_backward, norm_pool_forward
from tsuzuri.kernels.pooling import max_pool_backward, max_pool_forward, mean_pool_forward
from tsuzuri.nn.picture_encoder import PictureEncoder
from tsuzuri.tensor import Tensor


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def either(request):
    with compiled(request.param):
        yield


def normal(*shapes, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_a_convolution_by_hand(either):
    """An edge is where the number to the right is larger; the zeros around are the darkest."""
    x = np.array([[0.0, 0, 5], [0, 5, 5]]).reshape(1, 2, 3, 1)
    W = np.array([[-1.0, 1.0]]).reshape(1, 2, 1, 1)
    y, _ = conv2d_forward(x, W, np.array([10.0]))
    np.testing.assert_array_equal(y[0, :, :, 0], [[10, 15], [15, 10]])
    around, _ = conv2d_forward(x, W, np.array([0.0]), 1, 1)
    np.testing.assert_array_equal(around[0, :, :, 0], [[0, 0, 0, 0], [0, 0, 5, -5], [0, 5, 0, -5], [0, 0, 0, 0]])


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_a_convolution_is_the_sum_of_its_definition(either, stride, padding):
    x, W, b = normal((2, 7, 6, 3), (3, 2, 3, 5), (5,))
    y, _ = conv2d_forward(x, W, b, stride, padding)
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    assert y.shape == (2, places(7, 3, stride, padding), places(6, 2, stride, padding), 5)
    for i, j in np.ndindex(y.shape[1:3]):
        part = around[:, stride * i:stride * i + 3, stride * j:stride * j + 2]
        np.testing.assert_allclose(y[:, i, j], np.einsum("nabc,abcf->nf", part, W) + b, rtol=1e-12, atol=1e-12)


def test_patches_and_back_are_each_others_transpose():
    """<patches(x), d> = <x, added_patches(d)> for every x and d."""
    x, = normal((2, 5, 6, 3))
    X = patches(x, 3, 2, 2, 1)
    d, = normal(X.shape, seed=1)
    assert (X * d).sum() == pytest.approx((x * added_patches(d, x.shape, 3, 2, 2, 1)).sum(), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("C", "F", "size"), [(3, 16, 9), (16, 48, 13), (5, 7, 6), (32, 33, 8), (64, 16, 1)])
def test_register_tiles_of_every_width(dtype, C, F, size):
    """Whole vectors of channels and parts of one, one or two at a time, lines of eights, fours and ones."""
    x, W, b = normal((2, size, size + 2, C), (3, 3, C, F), (F,), dtype=dtype)
    with compiled(False):
        y, cache = conv2d_forward(x, W, b, 1, 1)
        dy, = normal(y.shape, seed=1, dtype=dtype)
        want = y, *conv2d_backward(dy, cache)
    with compiled(True):
        fast, cache = conv2d_forward(x, W, b, 1, 1)
        got = fast, *conv2d_backward(dy, cache)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=np.abs(b).max() * (2e-6 if dtype is np.float32 else 1e-14))


def test_pictures_shared_out_to_threads_are_the_same():
    x, W, b = normal((5, 9, 8, 4), (3, 3, 4, 6), (6,))
    found = []
    for threads in (1, 2):
        with array.threads(threads):
            y, cache = conv2d_forward(x, W, b, 1, 1)
            found.append((y, *conv2d_backward(np.sin(y), cache)))
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-12)


def test_pictures_that_are_constants_get_no_gradient(monkeypatch):
    """And no time is spent on it."""
    x, W, b = normal((2, 5, 5, 3), (3, 3, 3, 4), (4,))
    asked = []
    from tsuzuri.kernels import conv
    back = conv.conv2d_backward
    monkeypatch.setattr(conv, "conv2d_backward", lambda dy, cache, wanted=True: asked.append(wanted) or back(dy, cache, wanted))
    weights = Tensor(W, requires_grad=True)
    ops.conv2d(x, weights, b).sum().backward()
    inside = Tensor(x, requires_grad=True)
    ops.conv2d(inside, weights, b).sum().backward()
    assert asked == [False, True]
    assert inside.grad.shape == x.shape
    np.testing.assert_allclose(weights.grad, 2 * patches(x, 3, 3, 1, 0).sum(0).reshape(3, 3, 3, 1).repeat(4, 3))


def test_a_filter_that_does_not_fit_is_refused():
    x, W, b = normal((1, 4, 4, 1), (5, 5, 1, 1), (1,))
    with pytest.raises(ShapeError, match="a filter of 5 with stride 1 does not fit into 4 places with 0 zeros"):
        conv2d_forward(x, W, b)
    with pytest.raises(ShapeError, match="stride 0"):
        conv2d_forward(x, W, b, 0, 1)
    with pytest.raises(ShapeError, match="axis 2 \\(C\\) is 1, should be 2"):
        conv2d_forward(np.zeros((1, 6, 6, 2)), W, b)


def test_the_first_of_equal_numbers_gets_the_gradient(either):
    x = np.array([[1.0, 7, 2], [7, 3, 2], [9, 9, 9]]).reshape(1, 3, 3, 1)
    y, cache = max_pool_forward(x, 2)
    assert y.item() == 7
    np.testing.assert_array_equal(max_pool_backward(np.array([[[[5.0]]]]), cache)[0, :, :, 0], [[0, 5, 0], [0, 0, 0], [0, 0, 0]])
    assert mean_pool_forward(x, 2)[0].item() == 4.5


@pytest.mark.parametrize("size", [12, 15])
def test_the_largest_of_a_wide_window_is_found(size, either):
    x, place = np.zeros((1, size, size, 1)), (0, size // 2, 5, 0)
    x[place] = 1
    dx = max_pool_backward(np.ones((1, 1, 1, 1)), max_pool_forward(x, size)[1])
    np.testing.assert_array_equal(dx, x)


@pytest.mark.parametrize("size", [0, 4, 16])
def test_a_window_that_does_not_fit_is_refused(size):
    with pytest.raises(ShapeError, match=f"windows of {size} x {size} do not fit into pictures of 3 x 20; take 1 to 3"):
        max_pool_forward(np.zeros((1, 3, 20, 1)), size)


def test_a_channel_has_mean_0_and_variance_1(either):
    x = normal((3, 40, 30, 5))[0] * np.array([1, 100, 1e-3, 5, 1]) + np.array([0, 1e4, 1, -3, 0])
    (y, mean, variance), _ = batch_norm_forward(x, np.ones(5), np.zeros(5))
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(variance, x.var((0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(y.var((0, 1, 2)), variance / (variance + 1e-5), rtol=1e-9)


def test_moments_of_many_rows_are_exact_to_float32():
    """A running sum in float32 would be off by a hundredth: the mean is a thousand times the deviation."""
    x = (1000 + normal((300_000, 4))[0]).astype(np.float32)
    with compiled(True):
        (_, mean, variance), _ = batch_norm_forward(x, np.ones(4, np.float32), np.zeros(4, np.float32))
    np.testing.assert_allclose(mean, x.mean(0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, x.var(0, dtype=np.float64), rtol=1e-3)


def test_known_moments_make_every_row_its_own(either):
    """A batch equals its rows one by one, and a row's gradient is the batch's."""
    x, gain, bias, mean, variance, dy = normal((4, 3), (3,), (3,), (3,), (3,), (4, 3))
    known = mean, variance ** 2
    (y, *_), cache = batch_norm_forward(x, gain, bias, known)
    dx, _, _ = batch_norm_backward(dy, cache)
    for n in range(4):
        (row, *_), cache = batch_norm_forward(x[n:n + 1], gain, bias, known)
        np.testing.assert_allclose(row[0], y[n], rtol=1e-12)
        np.testing.assert_allclose(batch_norm_backward(dy[n:n + 1], cache)[0][0], dx[n], rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("known", [False, True])
def test_norm_pool_and_relu_at_once_are_the_three_one_by_one(size, known):
    """Of pictures large enough for threads, with a rest that is in no window; compiled and plain, on one thread and on two."""
    x, gain, bias, mean = normal((4, 41, 37, 16), (16,), (16,), (16,))
    moments = (mean, np.ones(16)) if known else None
    three = [Tensor(a, requires_grad=True) for a in (x, gain, bias)]
    wanted = ops.relu(ops.max_pool(ops.batch_norm(*three, moments)[0], size))
    dy, = normal(wanted.shape, seed=1)
    (wanted * dy).sum().backward()
    for fast, threads in ((False, 1), (True, 1), (True, 2)):
        with compiled(fast), array.threads(threads):
            (y, *found), cache = norm_pool_forward(x, gain, bias, size, moments)
            grads = norm_pool_backward(dy, cache)
        for a, b in zip((y, *found, *grads), (wanted.data, *(moments or (x.mean((0, 1, 2)), x.var((0, 1, 2)))), *(t.grad for t in three)), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-11 * max(1, np.abs(b).max()))


# Layers

def test_batch_norm_equals_pytorchs_over_several_batches_and_after_them():
    """Outputs, running moments and gradients, in training; then in use."""
    torch = pytest.importorskip("torch")
    layer, theirs, rng = nn.BatchNorm2D(3, dtype=np.float64), torch.nn.BatchNorm2d(3).double(), np.random.default_rng(0)
    for seed in range(4):
        x, = normal((2, 4, 5, 3), seed=seed)
        x = 3 * x + 1
        tx = torch.tensor(x, requires_grad=True)
        mine, out = Tensor(x, requires_grad=True), theirs(tx.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        y = layer(mine, rng)
        np.testing.assert_allclose(y.data, out.detach().numpy(), rtol=1e-10, atol=1e-12)
        (y * x).sum().backward()
        (out * tx.detach()).sum().backward()
        np.testing.assert_allclose(mine.grad, tx.grad.numpy(), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(layer.mean.data, theirs.running_mean.numpy(), rtol=1e-12)
        np.testing.assert_allclose(layer.variance.data, theirs.running_var.numpy(), rtol=1e-12)
    np.testing.assert_allclose(layer(Tensor(x)).data, theirs.eval()(tx.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach().numpy(), rtol=1e-10, atol=1e-12)


def test_without_a_generator_nothing_is_counted():
    layer, (x,) = nn.BatchNorm2D(3), normal((2, 4, 4, 3), dtype=np.float32)
    layer(Tensor(x))
    assert not layer.mean.data.any()
    layer(Tensor(x), np.random.default_rng(0))
    np.testing.assert_allclose(layer.mean.data, 0.1 * x.mean((0, 1, 2)), rtol=1e-5)


def test_buffers_are_saved_and_loaded_and_not_trained():
    layer, other, (x,) = nn.BatchNorm2D(2), nn.BatchNorm2D(2), normal((3, 2, 2, 2), dtype=np.float32)
    layer(Tensor(x), np.random.default_rng(0))
    assert list(layer.arrays()) == ["gain", "bias", "mean", "variance"]
    assert [name for name, _ in layer.named_parameters()] == ["gain", "bias"]
    assert layer.parameter_count() == 4
    other.load({name: a.copy() for name, a in layer.arrays().items()})
    np.testing.assert_array_equal(other(Tensor(x)).data, layer(Tensor(x)).data)
    with pytest.raises(RunError, match='the file lacks the parameter "variance"'):
        other.load({name: a for name, a in layer.arrays().items() if name != "variance"})
    with pytest.raises(RunError, match='"mean" is \\(3,\\) in the file and \\(2,\\) in the model'):
        other.load(layer.arrays() | {"mean": np.zeros(3)})


def test_one_buffer_in_two_places_is_saved_once():
    class Two(nn.Module):
        def __init__(self):
            self.count = nn.Buffer(np.zeros(2))
            self.again = [self.count, nn.Buffer(np.ones(1))]

    assert {name: a.tolist() for name, a in Two().arrays().items()} == {"count": [0, 0], "again.1": [1]}


def test_the_encoder_is_its_layers():
    """Convolution, norm, relu and pooling one by one; bytes become -1 to 1; the grid is as large as it says."""
    rng = np.random.default_rng(0)
    encoder = PictureEncoder(3, 4, 3, rng=rng, dtype=np.float64)
    pictures = rng.integers(0, 256, (2, 13, 13, 3)).astype(np.uint8)
    x = Tensor(pictures / 127.5 - 1)
    for k, (conv, norm) in enumerate(zip(encoder.convolutions, encoder.norms)):
        x = ops.relu(norm(conv(x)))
        x = ops.max_pool(x, 2) if k < 2 else x
    np.testing.assert_allclose(encoder(pictures).data, x.data, atol=1e-12)
    assert x.shape == (2, encoder.places(13), encoder.places(13), encoder.width) == (2, 3, 3, 16)


def test_mean_and_largest_pooling_are_layers():
    x = Tensor(np.arange(16.0).reshape(1, 4, 4, 1))
    assert nn.MaxPool2D(2)(x).data.ravel().tolist() == [5, 7, 13, 15]
    assert nn.MeanPool2D(2)(x).data.ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
