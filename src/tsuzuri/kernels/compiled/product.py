"""The product of a few rows with a large matrix, a @ W, for the steps of a recurrent layer.

BLAS rearranges W in every call, which for 20 rows costs more than the product itself.  A layer multiplies by the same
W at every step, so here W is laid out once (``pack``: panels of ``WIDTH`` columns, each panel contiguous) and a
register tile runs down a panel: ROWS x WIDTH sums stay in the processor's vector registers over the whole inner
dimension.  Measured on 20 x 650 @ 650 x 2600, one thread: 0.45 ms, OpenBLAS 0.80 ms (docs/decisions/0003-product.md).

The tile is written in LLVM's vector operations because a compiler will not keep an array in registers by itself.
They name no processor: LLVM turns them into AVX-512, AVX2 or NEON.
"""
import llvmlite.binding as llvm
import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from tsuzuri.kernels.compiled.vector import loop

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
PANEL_BYTES = 128 if _WIDE else 64                           # two vector registers a row of the tile
ROWS = 10 if _WIDE else 5                                    # of 32 (16) registers the sums take 20 (10)


def _tile(rows):
    """``tile(a, r, t, panels, p, out, c)``: out[r:r+rows, c:c+WIDTH] += a[t, r:r+rows] @ panel p.

    a (T, N, K), panels (P, K, WIDTH), out (N, C), all contiguous.
    """
    @intrinsic
    def tile(typingctx, a, t, r, panels, p, out, c):
        def codegen(context, builder, signature, args):
            a_, panels_, out_ = (context.make_array(kind)(context, builder, value) for kind, value in
                                 ((a, args[0]), (panels, args[3]), (out, args[5])))
            t_, r_, p_, c_ = args[1], args[2], args[4], args[6]
            real = context.get_data_type(a.dtype)
            lanes = PANEL_BYTES // 2 // (a.dtype.bitwidth // 8)
            vector, index, lane = ir.VectorType(real, lanes), ir.IntType(64), ir.IntType(32)
            fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3),
                                                 f"llvm.fma.v{lanes}f{a.dtype.bitwidth}")
            n, depth = (builder.extract_value(a_.shape, k) for k in (1, 2))
            columns = builder.extract_value(out_.shape, 1)

            def pointer(base, row, stride, column):
                return builder.gep(base, [builder.add(builder.mul(row, stride), column)])

            def vectors(where):
                return [builder.gep(builder.bitcast(where, vector.as_pointer()), [index(half)]) for half in (0, 1)]

            first = builder.add(builder.mul(t_, n), r_)
            a_rows = [pointer(a_.data, builder.add(first, index(k)), depth, index(0)) for k in range(rows)]
            out_rows = [vectors(pointer(out_.data, builder.add(r_, index(k)), columns, c_)) for k in range(rows)]
            panel = pointer(panels_.data, p_, builder.mul(depth, index(2 * lanes)), index(0))
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(2)] for _ in range(rows)]
            unaligned = a.dtype.bitwidth // 8
            for k in range(rows):
                for half in (0, 1):
                    builder.store(builder.load(out_rows[k][half], align=unaligned), sums[k][half])
            with cgutils.for_range(builder, depth) as down:
                row = vectors(builder.gep(panel, [builder.mul(down.index, index(2 * lanes))]))
                weights = [builder.load(half, align=unaligned) for half in row]
                for k in range(rows):
                    one = builder.load(builder.gep(a_rows[k], [down.index]))
                    spread = builder.shuffle_vector(
                        builder.insert_element(ir.Constant(vector, ir.Undefined), one, lane(0)),
                        ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(lane, lanes), [0] * lanes))
                    for half in (0, 1):
                        total = builder.call(fma, [spread, weights[half], builder.load(sums[k][half])])
                        builder.store(total, sums[k][half])
            for k in range(rows):
                for half in (0, 1):
                    builder.store(builder.load(sums[k][half]), out_rows[k][half], align=unaligned)
            return context.get_dummy_value()

        return types.void(a, t, r, panels, p, out, c), codegen

    return tile


_tile_many, _tile_five, _tile_one = _tile(ROWS), _tile(5), _tile(1)


def _empty_panels(W, transposed):
    """Zeros (panels, depth, WIDTH) for W, or for its transpose (compiled code only)."""


@overload(_empty_panels)
def _empty_panels_for(W, transposed):
    width = PANEL_BYTES // (W.dtype.bitwidth // 8)
    real = np.float32 if W.dtype == types.float32 else np.float64

    def make(W, transposed):
        depth, columns = W.shape[::-1] if transposed else W.shape
        return np.zeros((-(-columns // width), depth, width), real)

    return make


@loop
def pack(W):
    """W (K, C) -> panels (P, K, WIDTH) for ``add_product``; the columns that fill up the last panel are zero."""
    panels = _empty_panels(W, False)
    count, depth, width = panels.shape
    for p in range(count):
        for k in range(depth):
            for j in range(min(width, W.shape[1] - p * width)):
                panels[p, k, j] = W[k, p * width + j]
    return panels


@loop
def pack_transposed(W):
    """W (C, K) -> the panels of its transpose (K, C)."""
    panels = _empty_panels(W, True)
    count, depth, width = panels.shape
    for p in range(count):
        for j in range(min(width, W.shape[0] - p * width)):
            for k in range(depth):
                panels[p, k, j] = W[p * width + j, k]
    return panels


@loop
def empty(like, shape):
    """An array of that shape and of the dtype of ``like``."""
    return np.empty(shape, like.dtype)


@loop
def scratch_for(panels, rows):
    """(rows, P x WIDTH): room for the product of that many rows."""
    return np.empty((rows, panels.shape[0] * panels.shape[2]), panels.dtype)


@loop
def product(a, t, low, high, panels, out):
    """out[low:high] = a[t, low:high] @ W, with a (T, N, K), ``panels`` from ``pack`` and out from ``scratch_for``."""
    out[low:high] = 0
    for p in range(panels.shape[0]):
        column = p * panels.shape[2]
        row = low
        while row + ROWS <= high:
            _tile_many(a, t, row, panels, p, out, column)
            row += ROWS
        while row + 5 <= high:
            _tile_five(a, t, row, panels, p, out, column)
            row += 5
        while row < high:
            _tile_one(a, t, row, panels, p, out, column)
            row += 1
