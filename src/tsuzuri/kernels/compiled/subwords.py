"""The n-grams of words, compiled: the hash of an n-gram goes on where that of the shorter one ended."""
import numpy as np

from tsuzuri.kernels.compiled.vector import loop

OFFSET, PRIME, SIGN = np.uint32(2166136261), np.uint32(16777619), np.uint32(0xFFFFFF00)


@loop
def hash_grams(letters, ends, starts, rows, shortest, longest, buckets, first):
    begin = 0
    for w in range(ends.size):
        end, place = ends[w], starts[w]
        for k in range(begin, end):
            if letters[k] & 0xC0 == 0x80:                    # inside a character
                continue
            h, n, at = OFFSET, 0, k
            while at < end and n < longest:
                n += 1
                h = _add(h, letters[at])
                at += 1
                while at < end and letters[at] & 0xC0 == 0x80:
                    h = _add(h, letters[at])
                    at += 1
                if n >= shortest and (n > 1 or (k > begin and at < end)):
                    rows[place] = first + np.int64(h) % buckets
                    place += 1
        begin = end


@loop
def _add(h, byte):
    wide = np.uint32(byte)
    if byte > 127:
        wide |= SIGN
    return np.uint32((h ^ wide) * PRIME)
