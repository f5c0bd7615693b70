"""Matrix products on the tape."""
from tsuzuri.array import module_of
from tsuzuri.errors import ShapeError
from tsuzuri.kernels.product import column_sums, matmul, matmul_like
from tsuzuri.ops.elementwise import sum_to
from tsuzuri.shapes import expect
from tsuzuri.tensor import Op


class MatMul(Op):
    """y = a @ b, leading axes broadcast.    da = dy b^T,  db = a^T dy"""

    def forward(self, a, b):
        module_of(a, b)
        if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
            raise ShapeError(f"matmul: (..., M, K) = {a.shape} and (..., K, N) = {b.shape} do not fit together; "
                             "the last axis of the first must equal the last but one of the second.")
        self.saved = a, b
        return matmul(a, b) if a.ndim == b.ndim == 2 else a @ b

    def backward(self, dy):
        a, b = self.saved
        if a.ndim == b.ndim == 2:
            return matmul_like(dy, b.T, a), matmul_like(a.T, dy, b)
        return (sum_to(dy @ b.swapaxes(-1, -2), a.shape),
                sum_to(a.swapaxes(-1, -2) @ dy, b.shape))


class Linear(Op):
    """y = x W + b for x (..., D).    dx = dy W^T,  dW = x^T dy,  db = the sum of dy"""

    def forward(self, x, W, b):
        expect("linear", x=(x, "... D"), W=(W, "D H"), b=(b, "H"))
        module_of(x, W, b)
        rows = x.reshape(-1, x.shape[-1])
        self.saved = rows, W, x.shape
        y = matmul(rows, W)
        y += b
        return y.reshape(*x.shape[:-1], W.shape[1])

    def backward(self, dy):
        rows, W, shape = self.saved
        d = module_of(dy).ascontiguousarray(dy.reshape(-1, dy.shape[-1]))
        return matmul(d, W.T).reshape(shape), matmul_like(rows.T, d, W), column_sums(d)
