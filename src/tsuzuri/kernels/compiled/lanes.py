"""Vector registers by hand: 64 bytes of an array as one value, for loops that a compiler does not keep in registers.

A ``lanes`` value is 16 float32 or 8 float64 numbers.  LLVM makes of an operation on it one AVX-512 instruction, two of
AVX2 or four of NEON, so nothing here names a processor.  All functions are for compiled code only.
"""
import functools
import operator

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

BYTES = 64
GROUP = 6                                                    # rows that ``sums_of_six`` adds up at once
WIDTH = 8                                                    # numbers that it writes: six sums and two zeros


class Lanes(types.Type):
    """The Numba type of 64 bytes of ``real`` numbers."""

    def __init__(self, real):
        self.real, self.count = real, BYTES * 8 // real.bitwidth
        super().__init__(f"lanes of {real}")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        element = {32: ir.FloatType(), 64: ir.DoubleType()}[kind.real.bitwidth]
        super().__init__(manager, kind, ir.VectorType(element, kind.count))


def _place(context, builder, kind, array, at):
    """The address of element ``at`` of a one-dimensional array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [at])


@intrinsic
def load(typingctx, array, at):
    """The 64 bytes of a contiguous ``array`` from element ``at``."""
    kind = Lanes(array.dtype)

    def codegen(context, builder, signature, args):
        vector = context.get_value_type(kind)
        where = builder.bitcast(_place(context, builder, array, *args), vector.as_pointer())
        return builder.load(where, align=array.dtype.bitwidth // 8)

    return kind(array, types.intp), codegen


@intrinsic
def store(typingctx, array, at, value):
    """Write ``value`` into the contiguous ``array`` from element ``at``."""
    def codegen(context, builder, signature, args):
        vector = context.get_value_type(value)
        where = builder.bitcast(_place(context, builder, array, *args[:2]), vector.as_pointer())
        builder.store(args[2], where, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


def _spread(builder, vector, number):
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def spread(typingctx, number):
    """A number in every lane."""
    kind = Lanes(number)

    def codegen(context, builder, signature, args):
        return _spread(builder, context.get_value_type(kind), args[0])

    return kind(number), codegen


@intrinsic
def fma(typingctx, a, b, c):
    """a b + c."""
    def codegen(context, builder, signature, args):
        vector = context.get_value_type(a)
        name = f"llvm.fma.v{a.count}f{a.real.bitwidth}"
        return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name), args)

    return a(a, a, a), codegen


def _operands(context, builder, kind, signature, args):
    """Both arguments as lanes of ``kind``; a number is converted to its type and spread."""
    for given, value in zip(signature.args, args):
        if given == kind:
            yield value
        else:
            yield _spread(builder, context.get_value_type(kind), context.cast(builder, value, given, kind.real))


def _arithmetic(symbol, instruction):
    """Let ``symbol`` (operator.add ...) work on lanes and lanes, and on lanes and a number."""
    @intrinsic
    def apply(typingctx, a, b):
        kind = a if isinstance(a, Lanes) else b

        def codegen(context, builder, signature, args):
            return getattr(builder, instruction)(*_operands(context, builder, kind, signature, args),
                                                 flags=("contract", "nsz"))

        return kind(a, b), codegen

    @overload(symbol, inline="always")
    def choose(a, b):
        if isinstance(a, Lanes) or isinstance(b, Lanes):
            return lambda a, b: apply(a, b)


for _symbol, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv")):
    _arithmetic(_symbol, _instruction)


def _one_argument(llvm_name):
    @intrinsic
    def apply(typingctx, a):
        def codegen(context, builder, signature, args):
            vector = context.get_value_type(a)
            name = f"llvm.{llvm_name}.v{a.count}f{a.real.bitwidth}"
            return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name), args)

        return a(a), codegen

    return apply


nearest, magnitude = _one_argument("rint"), _one_argument("fabs")


@intrinsic
def larger_than(typingctx, a, number):
    """max(a, number) in each lane."""
    def codegen(context, builder, signature, args):
        mine, other = _operands(context, builder, a, signature, args)
        return builder.select(builder.fcmp_ordered(">", mine, other), mine, other)

    return a(a, number), codegen


@intrinsic
def where_negative(typingctx, z, a, b):
    """a where z < 0, else b."""
    def codegen(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered("<", args[0], ir.Constant(args[0].type, None)), *args[1:])

    return z(z, z, z), codegen


@intrinsic
def power_of_two(typingctx, n):
    """2^n for whole numbers n: the bits of the exponent, put together."""
    def codegen(context, builder, signature, args):
        bits, bias, shift = {32: (32, 127, 23), 64: (64, 1023, 52)}[n.real.bitwidth]
        whole = ir.VectorType(ir.IntType(bits), n.count)
        exponent = builder.add(builder.fptosi(args[0], whole), ir.Constant(whole, [bias] * n.count))
        return builder.bitcast(builder.shl(exponent, ir.Constant(whole, [shift] * n.count)), args[0].type)

    return n(n), codegen


@intrinsic
def total(typingctx, a):
    """The sum of the lanes, as float64."""
    def codegen(context, builder, signature, args):
        number = ir.DoubleType()
        lanes = [builder.extract_element(args[0], ir.IntType(32)(k)) for k in range(a.count)]
        lanes = [builder.fpext(x, number) if a.real.bitwidth == 32 else x for x in lanes]
        return functools.reduce(builder.fadd, lanes)

    return types.float64(a), codegen


def _added_halves(builder, x, y, rows, width):
    """x and y hold ``rows`` rows of ``width`` numbers each -> one vector with the rows of both, each half as wide."""
    half, lanes = width // 2, rows * width
    first = [base + row * width + k for base in (0, lanes) for row in range(rows) for k in range(half)]
    mask = ir.VectorType(ir.IntType(32), lanes)
    return builder.fadd(builder.shuffle_vector(x, y, ir.Constant(mask, first)),
                        builder.shuffle_vector(x, y, ir.Constant(mask, [k + half for k in first])))


@intrinsic
def store_sums(typingctx, array, at, a, b, c, d, e, f):
    """The sum of the lanes of each of a to f, and two zeros, into ``array`` from element ``at``.

    Halves of two vectors are added into one, until it holds a few lanes of each: 24 operations, against 48 for six
    separate sums.
    """
    def codegen(context, builder, signature, args):
        left = [*args[2:], *[ir.Constant(args[2].type, None)] * (WIDTH - GROUP)]
        rows, width = 1, a.count
        while len(left) > 1:
            left = [_added_halves(builder, x, y, rows, width) for x, y in zip(left[::2], left[1::2])]
            rows, width = 2 * rows, width // 2
        sums = left[0]
        if width == 2:
            mask = ir.VectorType(ir.IntType(32), WIDTH)
            sums = builder.fadd(*(builder.shuffle_vector(sums, sums, ir.Constant(mask, list(range(k, 2 * WIDTH, 2))))
                                  for k in (0, 1)))
        where = builder.bitcast(_place(context, builder, array, *args[:2]), sums.type.as_pointer())
        builder.store(sums, where, align=a.real.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, a, a, a, a, a, a), codegen


@intrinsic
def prefetch(typingctx, array, at):
    """Ask for the cache line of element ``at``, to be read and written soon."""
    def codegen(context, builder, signature, args):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        hint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, number, number, number]), "llvm.prefetch.p0")
        where = builder.bitcast(_place(context, builder, array, *args), byte)
        builder.call(hint, [where, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen
