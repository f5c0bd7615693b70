"""Numbering the words of a text, compiled: a hash table of open addressing, and eight bytes at a time.

Most words are shorter than eight bytes: their end is found, their hash taken and their letters compared in one step each,
without a loop whose number of rounds the processor would have to guess.
"""
import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tsuzuri.kernels.compiled.vector import loop, small

LINE_END = -1
_START, _ODD = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
_LOW = (1 << 32) - 1
_TAG = np.uint64(0xFFFFFFFF00000000)
_ONES, _TOPS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


@intrinsic
def _eight_bytes(typingctx, array, at):
    """Eight bytes of an array from element ``at`` as a number, the first the lowest (compiled code only)."""
    def codegen(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        where = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(64).as_pointer())
        return builder.load(where, align=1)

    return types.uint64(array, types.intp), codegen


@intrinsic
def _zeros_below(typingctx, bits):
    """How many zeros stand below the lowest 1 of bits that are not all 0 (compiled code only)."""
    def codegen(context, builder, signature, args):
        word, flag = ir.IntType(64), ir.IntType(1)
        count = cgutils.get_or_insert_function(builder.module, ir.FunctionType(word, [word, flag]), "llvm.cttz.i64")
        return builder.call(count, [args[0], flag(1)])

    return types.int64(types.uint64), codegen


@small
def _part(array, at, size):
    """Eight bytes from ``at``; what lies behind the array counts as zeros."""
    if at + 8 <= size:
        return _eight_bytes(array, at)
    part = np.uint64(0)
    for k in range(max(size - at, 0)):
        part |= np.uint64(array[at + k]) << np.uint64(8 * k)
    return part


@small
def _first(part, count):
    """The first ``count`` < 8 bytes of a part, zeros behind them."""
    return part & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1))


@small
def _mixed(h, part):
    h = (h ^ part) * _ODD
    return h ^ (h >> np.uint64(32))


@loop
def _enter_missing(letters, ends, slots, used):
    """Put the words that are not in the table yet into it."""
    mask = np.uint64(slots.size - 2)
    for w in range(slots[-1], used):
        at, h = ends[w - 1] if w else 0, _START
        while ends[w] - at >= 8:
            h = _mixed(h, _eight_bytes(letters, at))
            at += 8
        h = _mixed(h, _first(_part(letters, at, letters.size), ends[w] - at))
        place = h & mask
        while slots[place]:
            place = (place + np.uint64(1)) & mask
        slots[place] = np.int64(h & _TAG) | (w + 1)
    slots[-1] = used


@loop
def _blank_wide_spaces(text):
    """Put spaces for the white space of two and three bytes; a pass of its own, which keeps the other loop short."""
    for k in range(text.size - 1):
        c = text[k]
        if c == 0xC2:                                        # U+0085, U+00A0
            if text[k + 1] == 0x85 or text[k + 1] == 0xA0:
                text[k:k + 2] = 32
        elif 0xE1 <= c <= 0xE3 and k + 2 < text.size:
            code = (np.int64(c & 15) << 12) | (np.int64(text[k + 1] & 63) << 6) | np.int64(text[k + 2] & 63)
            if (0x2000 <= code <= 0x200A or code == 0x1680 or code == 0x2028 or code == 0x2029 or code == 0x202F
                    or code == 0x205F or code == 0x3000):
                text[k:k + 3] = 32


@loop
def number_words(text, letters, ends, counts, slots, used, ids):
    """One function: to hand the arrays to another one for each word takes longer than the work on it."""
    _enter_missing(letters, ends, slots, used)
    _blank_wide_spaces(text)
    mask, size = np.uint64(slots.size - 2), text.size
    written, at = 0, 0
    while at < size:
        if text[at] <= 32:
            if text[at] == 10:
                ids[written] = LINE_END
                written += 1
            at += 1
            continue
        start, h = at, _START
        part = _part(text, at, size)
        spaces = (part - _ONES * np.uint64(33)) & ~part & _TOPS          # the lowest bit marks the first byte up to 32
        while not spaces:
            h = _mixed(h, part)
            at += 8
            part = _part(text, at, size)
            spaces = (part - _ONES * np.uint64(33)) & ~part & _TOPS
        left = _zeros_below(spaces) >> 3
        h = _mixed(h, _first(part, left))
        at += left
        place, tag = h & mask, np.int64(h & _TAG)
        w, length = -1, at - start
        while slots[place]:
            if slots[place] & ~_LOW == tag:
                w = (slots[place] & _LOW) - 1
                first, k = ends[w - 1] if w else 0, 0
                if ends[w] - first == length:
                    while k + 8 <= length and _eight_bytes(text, start + k) == _eight_bytes(letters, first + k):
                        k += 8
                    if length - k < 8 and (_first(_part(text, start + k, size), length - k)
                                           == _first(_part(letters, first + k, letters.size), length - k)):
                        break
            place = (place + np.uint64(1)) & mask
        if slots[place] == 0:
            w = used
            first = ends[used - 1] if used else 0
            for k in range(length):
                letters[first + k] = text[start + k]
            ends[w], counts[w], slots[place] = first + length, 0, tag | (w + 1)
            used += 1
        counts[w] += 1
        ids[written] = w
        written += 1
    slots[-1] = used
    return used, written
