"""Numbering the words of a text, compiled: one pass over its bytes, with a hash table of open addressing."""
import numpy as np

from tsuzuri.kernels.compiled.vector import loop

LINE_END = -1
_LOW = (1 << 32) - 1
_TAG = np.uint64(0xFFFFFFFF00000000)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@loop
def _enter_missing(letters, ends, slots, used):
    """Put the words that are not in the table yet into it."""
    mask = np.uint64(slots.size - 2)
    for w in range(slots[-1], used):
        h = _OFFSET
        for k in range(ends[w - 1] if w else 0, ends[w]):
            h = (h ^ np.uint64(letters[k])) * _PRIME
        at = (h ^ (h >> np.uint64(32))) & mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = np.int64(h & _TAG) | (w + 1)
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
        start, h = at, _OFFSET                               # FNV-1a (Fowler, Noll and Vo 1991)
        while at < size and text[at] > 32:
            h = (h ^ np.uint64(text[at])) * _PRIME
            at += 1
        place, tag = (h ^ (h >> np.uint64(32))) & mask, np.int64(h & _TAG)
        w, length = -1, at - start
        while slots[place]:
            if slots[place] & ~_LOW == tag:
                w = (slots[place] & _LOW) - 1
                first, k = ends[w - 1] if w else 0, 0
                if ends[w] - first == length:
                    while k < length and text[start + k] == letters[first + k]:
                        k += 1
                    if k == length:
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
