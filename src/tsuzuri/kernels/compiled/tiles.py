"""A product kept in registers, of matrices that lie in memory any way at all: what BLAS cannot multiply without a copy.

    out[r, c] += sum over i < lines and j < depth of a[i, j, r] b[i, j, c]          r < 8, 4 or 1;  c in one or two vectors

``a`` and ``b`` are windows on flat arrays, each with a step for i, for j and for r or c; those of c lie side by side.  The rows of
``a`` may overlap, as the patches of a picture do (kernels.compiled.conv).  Up to 16 vectors of sums stay in registers all the while.
"""
import llvmlite.binding as llvm
import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tsuzuri.kernels.compiled.lanes import BYTES
from tsuzuri.kernels.compiled.vector import loop

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))     # two vectors side by side only where there are registers for them


def _tile(rows, vectors):
    """``tile(a, at, row, a_line, a_step, b, of, b_line, b_step, lines, depth, out, to, out_row)`` on flat arrays."""
    @intrinsic
    def tile(typingctx, a, at, row, a_line, a_step, b, of, b_line, b_step, lines, depth, out, to, out_row):
        def codegen(context, builder, signature, args):
            size = a.dtype.bitwidth // 8
            count = BYTES // size
            vector, index, lane = ir.VectorType(context.get_data_type(a.dtype), count), ir.IntType(64), ir.IntType(32)
            fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{count}f{8 * size}")
            nowhere = ir.Constant(vector, ir.Undefined)
            given = dict(zip(("a", "at", "row", "a_line", "a_step", "b", "of", "b_line", "b_step", "lines", "depth", "out", "to", "out_row"), args))

            def pointer(name, place):
                data = context.make_array({"a": a, "b": b, "out": out}[name])(context, builder, given[name]).data
                return builder.gep(data, [place])

            def parts(where):
                where = builder.bitcast(where, vector.as_pointer())
                return [builder.gep(where, [index(v)]) for v in range(vectors)]

            def times(name, k):
                return builder.mul(given[name], k)

            starts = [parts(pointer("out", builder.add(given["to"], times("out_row", index(r))))) for r in range(rows)]
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]
            for r in range(rows):
                for v in range(vectors):
                    builder.store(builder.load(starts[r][v], align=size), sums[r][v])
            with cgutils.for_range(builder, given["lines"]) as down:
                first = builder.add(given["at"], times("a_line", down.index))
                columns = pointer("b", builder.add(given["of"], times("b_line", down.index)))
                heads = [pointer("a", builder.add(first, times("row", index(r)))) for r in range(rows)]
                with cgutils.for_range(builder, given["depth"]) as along:
                    right = [builder.load(part, align=size) for part in parts(builder.gep(columns, [times("b_step", along.index)]))]
                    step = times("a_step", along.index)
                    for r in range(rows):
                        one = builder.insert_element(nowhere, builder.load(builder.gep(heads[r], [step])), lane(0))
                        spread = builder.shuffle_vector(one, nowhere, ir.Constant(ir.VectorType(lane, count), [0] * count))
                        for v in range(vectors):
                            builder.store(builder.call(fma, [spread, right[v], builder.load(sums[r][v])]), sums[r][v])
            for r in range(rows):
                for v in range(vectors):
                    builder.store(builder.load(sums[r][v]), starts[r][v], align=size)
            return context.get_dummy_value()

        return types.void(a, at, row, a_line, a_step, b, of, b_line, b_step, lines, depth, out, to, out_row), codegen

    return tile


_eight_two, _four_two, _one_two = _tile(8, 2), _tile(4, 2), _tile(1, 2)
_eight_one, _four_one, _one_one = _tile(8, 1), _tile(4, 1), _tile(1, 1)


@loop
def add_product(a, at, row, a_line, a_step, b, of, b_line, b_step, lines, depth, out, to, out_row, rows, columns):
    """The product for any number of rows, and of columns that fill whole vectors."""
    lanes = BYTES // out.itemsize
    c = 0
    while c < columns:
        two = WIDE and c + 2 * lanes <= columns
        r = 0
        while r < rows:
            start, target = at + r * row, to + r * out_row + c
            if r + 8 <= rows:
                if two:
                    _eight_two(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                else:
                    _eight_one(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                r += 8
            elif r + 4 <= rows:
                if two:
                    _four_two(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                else:
                    _four_one(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                r += 4
            else:
                if two:
                    _one_two(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                else:
                    _one_one(a, start, row, a_line, a_step, b, of + c, b_line, b_step, lines, depth, out, target, out_row)
                r += 1
        c += 2 * lanes if two else lanes
