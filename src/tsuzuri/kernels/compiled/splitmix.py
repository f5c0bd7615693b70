"""SplitMix64: draws that follow from a number alone, so any of them can be asked for.  Source: Steele, Lea and Flood 2014."""
import numpy as np

from tsuzuri.kernels.compiled.vector import small

GOLDEN, MIX1, MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@small
def mix(z):
    """64 bits that look drawn, for z = key + k * GOLDEN with k = 1, 2, ..."""
    z = (z ^ (z >> np.uint64(30))) * MIX1
    z = (z ^ (z >> np.uint64(27))) * MIX2
    return z ^ (z >> np.uint64(31))
