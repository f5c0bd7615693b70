"""Parts of words as numbers: the n-grams of characters of each word, hashed into buckets as fastText does.

    h = 2166136261;   for each byte of the n-gram in UTF-8:   h = ((h xor s) 16777619) mod 2^32          (FNV-1a)

where s is the byte with its sign carried on, so from 128 on the upper 24 bits are flipped too: fastText's own slip, kept
because its vectors depend on it.  Source: Bojanowski et al. 2017 (arXiv:1607.04606).
"""
from tsuzuri.kernels.inner import inner

OFFSET, PRIME = 2166136261, 16777619


@inner
def hash_grams(letters, ends, starts, rows, shortest, longest, buckets, first):
    """Write the bucket, plus ``first``, of every n-gram of word w to rows[starts[w]:starts[w + 1]].

    letters (uint8): the words' UTF-8 one after another, each with its brackets, ``<word>``; ends (V): where each ends.
    n-grams have ``shortest`` to ``longest`` characters and come in the order of their first character, short ones first.
    A bracket alone is none.
    """
    begin = 0
    for w, end in enumerate(ends.tolist()):
        word, place = letters[begin:end].tobytes().decode("utf-8"), int(starts[w])
        for k in range(len(word)):
            for n in range(shortest, min(longest, len(word) - k) + 1):
                if n > 1 or 0 < k < len(word) - 1:
                    rows[place] = first + _hash(word[k:k + n]) % buckets
                    place += 1
        begin = end


def _hash(gram):
    h = OFFSET
    for byte in gram.encode("utf-8"):
        h = ((h ^ (byte | 0xFFFFFF00 * (byte > 127))) * PRIME) & 0xFFFFFFFF
    return h
