"""What the compiled loops are made of: how a function is compiled, and exp, log, sigmoid and tanh that LLVM can vectorise.

The C library's exp is a call per element.  These are straight lines of arithmetic, so a loop over them becomes SIMD
code on any processor:

    e^x = 2^n e^r,   n = round(x / ln 2),   r = x - n ln 2 in [-0.35, 0.35],   e^r - 1 by its Taylor series

``expm1`` is kept apart from ``2^n`` until the end, which is what keeps tanh exact near zero.  The series is cut where
its rest is below the rounding of float32 (r^8/8! < 6e-9) or of float64 (r^14/14! < 5e-18).
"""
import functools
import hashlib
import os
from pathlib import Path

import llvmlite.ir as ir
import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from tsuzuri.kernels.compiled import apply_threads

FLAGS = {"contract", "nsz"}      # fused multiply-add, but sums keep their order, 1 / 2 is 0.5 and a NaN stays one
FEW = 65_536                     # elements: 10 to 40 us of work


def cache_folder() -> str:
    """Where machine code is kept: a folder named by the sources it was made from, so an upgrade never meets old code."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    return str(Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "tsuzuri", "compiled", version))


def _compile(function, parallel):
    before = numba.config.CACHE_DIR                          # read by Numba when it decorates
    numba.config.CACHE_DIR = before or cache_folder()
    try:
        return numba.njit(function, nogil=True, cache=True, error_model="numpy", fastmath=FLAGS, parallel=parallel)
    finally:
        numba.config.CACHE_DIR = before


def loop(function):
    """Compile for one thread.  The GIL is released; division by zero gives inf, as in NumPy."""
    return _compile(function, False)


def parallel_loop(function):
    """Compile so that ``numba.prange`` runs on all threads that ``array.threads`` allows."""
    return _compile(function, True)


def spread_loop(function):
    """As ``parallel_loop``, but where the first array is small the calling thread works alone: waking another takes longer."""
    compiled = parallel_loop(function)

    @functools.wraps(function)
    def run(first, *rest):
        if first.size >= FEW:
            return compiled(first, *rest)
        before = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            return compiled(first, *rest)
        finally:
            numba.set_num_threads(before)

    return run


any_order = numba.njit(nogil=True, fastmath=True)            # a sum or maximum in any order is one LLVM can vectorise
small = numba.njit(inline="always", error_model="numpy", fastmath=FLAGS)

apply_threads()


@any_order
def dot(a, b):
    """The sum of a b."""
    total = a.dtype.type(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@intrinsic
def power_of_two(typingctx, n):
    """2^n for a whole number n held in a float: the bits of the exponent, put together."""
    wide = {types.float32: (32, 127, 23), types.float64: (64, 1023, 52)}[n]

    def codegen(context, builder, signature, args):
        bits, bias, shift = wide
        whole = ir.IntType(bits)
        exponent = builder.add(builder.fptosi(args[0], whole), whole(bias))
        return builder.bitcast(builder.shl(exponent, whole(shift)), args[0].type)

    return n(n), codegen


@intrinsic
def nearest(typingctx, x):
    """x rounded to the nearest whole number."""
    def codegen(context, builder, signature, args):
        rint = builder.module.declare_intrinsic("llvm.rint", [args[0].type])
        return builder.call(rint, [args[0]])

    return x(x), codegen


@intrinsic
def larger(typingctx, x, y):
    """The larger of two numbers, neither of them NaN, in the one form that LLVM vectorises over an array."""
    def codegen(context, builder, signature, args):
        real = args[0].type
        maxnum = builder.module.declare_intrinsic("llvm.maxnum", [real], ir.FunctionType(real, [real, real]))
        return builder.call(maxnum, args, fastmath=("nnan", "nsz"))

    return x(x, y), codegen


def _split_exp(x):
    """x -> (2^n, e^r - 1) with e^x = 2^n e^r (compiled code only)."""


@overload(_split_exp, inline="always")
def _split_exp_for(x):
    single = x == types.float32
    real = np.float32 if single else np.float64
    low, high = (real(-88.0), real(88.0)) if single else (real(-709.0), real(709.0))    # at low 2^n is 0: e^-inf = 0
    per_ln2, ln2_high = real(1.4426950408889634), real(0.693145751953125)
    ln2_low = real(1.4286068203094172e-06)
    c = tuple(real(1.0 / f) for f in (2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600, 6227020800))
    c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = c

    def short(x):
        x = min(max(x, low), high)
        n = nearest(x * per_ln2)
        r = (x - n * ln2_high) - n * ln2_low
        q = ((((c7 * r + c6) * r + c5) * r + c4) * r + c3) * r + c2
        return power_of_two(n), q * r * r + r

    def long(x):
        x = min(max(x, low), high)
        n = nearest(x * per_ln2)
        r = (x - n * ln2_high) - n * ln2_low
        q = ((((((c13 * r + c12) * r + c11) * r + c10) * r + c9) * r + c8) * r + c7) * r + c6
        q = (((q * r + c5) * r + c4) * r + c3) * r + c2
        return power_of_two(n), q * r * r + r

    return short if single else long


@small
def exp(x):
    scale, rest = _split_exp(x)
    return scale * rest + scale


@intrinsic
def exponent(typingctx, x):
    """The whole number n, as a float, for which x / 2^n is in [sqrt(1/2), sqrt(2)); x is above 0 and not subnormal."""
    wide = {types.float32: (32, 23, 0x3F3504F3), types.float64: (64, 52, 0x3FE6A09E667F3BCD)}[x]

    def codegen(context, builder, signature, args):
        bits, shift, root = wide                             # the bits of sqrt(1/2)
        whole = ir.IntType(bits)
        above = builder.sub(builder.bitcast(args[0], whole), whole(root))
        return builder.sitofp(builder.ashr(above, whole(shift)), args[0].type)

    return x(x), codegen


@intrinsic
def over_power_of_two(typingctx, x, n):
    """x / 2^n for the whole number n of ``exponent``: taken from the bits of the exponent."""
    wide = {types.float32: (32, 23), types.float64: (64, 52)}[x]

    def codegen(context, builder, signature, args):
        bits, shift = wide
        whole = ir.IntType(bits)
        moved = builder.shl(builder.fptosi(args[1], whole), whole(shift))
        return builder.bitcast(builder.sub(builder.bitcast(args[0], whole), moved), args[0].type)

    return x(x, x), codegen


def log(x):
    """The logarithm of a number above 0 that is not subnormal (compiled code only)."""


@overload(log, inline="always")
def _log_for(x):
    """log x = n ln 2 + log m,  log m = 2 (f + f^3/3 + f^5/5 ...),  f = (m - 1) / (m + 1), |f| < 0.172."""
    single = x == types.float32
    real = np.float32 if single else np.float64
    one, two, ln2_high, ln2_low = real(1), real(2), real(0.693145751953125), real(1.4286068203094172e-06)
    c3, c5, c7, c9, c11, c13, c15, c17, c19, c21, c23 = (real(1.0 / k) for k in range(3, 25, 2))

    def short(x):
        n = exponent(x)
        m = over_power_of_two(x, n)
        f = (m - one) / (m + one)
        s = f * f
        rest = (((c11 * s + c9) * s + c7) * s + c5) * s + c3
        return n * ln2_high + (n * ln2_low + two * (f + f * s * rest))

    def long(x):
        n = exponent(x)
        m = over_power_of_two(x, n)
        f = (m - one) / (m + one)
        s = f * f
        rest = (((((c23 * s + c21) * s + c19) * s + c17) * s + c15) * s + c13) * s + c11
        rest = (((rest * s + c9) * s + c7) * s + c5) * s + c3
        return n * ln2_high + (n * ln2_low + two * (f + f * s * rest))

    return short if single else long


@small
def two_sigmoids(x, y):
    """sigmoid(x), sigmoid(y) with one division: 1/a = b / ab, 1/b = a / ab.  A division costs as much as the exponentials."""
    real = type(x)
    a, b = real(1) + exp(-max(x, real(-40))), real(1) + exp(-max(y, real(-40)))
    per = real(1) / (a * b)
    return b * per, a * per


@small
def sigmoid_and_tanh(x, y):
    """sigmoid(x), tanh(y) with one division."""
    real = type(x)
    scale, rest = _split_exp(min(max(y + y, real(-40)), real(40)))
    below = scale * rest + (scale - real(1))
    a, b = real(1) + exp(-max(x, real(-40))), below + real(2)
    per = real(1) / (a * b)
    return b * per, below * (a * per)


@small
def tanh(x):
    real = type(x)
    scale, rest = _split_exp(min(max(x + x, real(-40)), real(40)))       # beyond that tanh is 1 to the last bit
    below = scale * rest + (scale - real(1))                # e^2x - 1
    return below / (below + real(2))
