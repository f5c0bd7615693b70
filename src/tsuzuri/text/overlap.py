"""How much of a validation text also stands in the training text: what a model has by heart is no test of it.

Runs of n tokens are compared by a hash of 64 bits.  A run of two halves has a hash made of theirs, so n tokens take
log2 n steps over the whole text, not n.  Two different runs share a hash by chance in one of 2^64 pairs.

Eight words as a measure: Radford et al. 2019 (GPT-2, section 4).
"""
from typing import NamedTuple

import numpy as np

CHUNK = 1 << 22                                              # tokens that are hashed at a time
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Overlap(NamedTuple):
    """Of ``runs`` runs of ``n`` tokens in the validation text, ``shared`` also stand in the training text."""

    n: int
    runs: int
    shared: int

    @property
    def share(self) -> float:
        """0 to 1; 0 where the text is too short for a run."""
        return self.shared / max(self.runs, 1)

    def sentence(self) -> str:
        """The finding in plain words."""
        if not self.runs:
            return f"the validation text is shorter than the {self.n} tokens that are looked for in the training text"
        return f"{100 * self.share:.1f} % of the validation text's runs of {self.n} tokens also stand in the training text"


def run_length(unit: str) -> int:
    """How many tokens of a unit are so many that chance rarely repeats them: 8 words, or the 40 characters that they have."""
    return 40 if unit == "char" else 8


def overlap(train_ids: np.ndarray, valid_ids: np.ndarray, n: int) -> Overlap:
    """Both (T,) arrays or memory maps of whole numbers, n from 1.

    Holds some 40 bytes a token of the validation text and of CHUNK tokens of the training text.
    """
    wanted, count = np.unique(_hashes(valid_ids, n), return_counts=True)
    found = np.zeros(len(wanted), bool)
    for start in range(0, len(train_ids) - n + 1, CHUNK):
        here = np.sort(_hashes(train_ids[start:start + CHUNK + n - 1], n))
        place = np.searchsorted(here, wanted)
        place[place == len(here)] = 0
        found |= here[place] == wanted
    return Overlap(n, int(count.sum()), int(count[found].sum()))


def _hashes(ids, n):
    """The hash of each run of n tokens, in their order: made of hashes of 1, 2, 4, ... tokens, those that n is a sum of."""
    power, length = np.asarray(ids).astype(np.uint64), 1     # hashes of runs of ``length`` tokens
    made, done = None, 0                                     # of runs of ``done`` tokens
    while done < n:
        if n & length:
            made, done = (power, length) if made is None else (_joined(made, power, done), done + length)
        if done < n:
            power, length = _joined(power, power, length), 2 * length
    return made


def _joined(left, right, length):
    """Hashes of runs whose right part begins ``length`` tokens after the left one."""
    right = right[length:]
    h = (left[:len(right)] * _ODD) ^ right
    h ^= h >> np.uint64(29)
    h *= _ODD
    return h ^ (h >> np.uint64(32))
