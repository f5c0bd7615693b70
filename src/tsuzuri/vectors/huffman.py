"""A Huffman tree of words, for hierarchical softmax: frequent words have short ways from the root.

The two rarest nodes become children of a new inner node, again and again, until one is left (Huffman 1952).  Inner nodes
come out in the order of their counts, so two queues are enough once the words are sorted.  V words have V - 1 inner
nodes; the root is node 0, and the later a node was made the smaller is its number, so that the rows of ``contexts`` that
every word needs lie together.
"""
from collections.abc import Sequence

import numpy as np

from tsuzuri.errors import DataError
from tsuzuri.kernels.word2vec import Tree


def huffman_tree(counts: Sequence[int]) -> Tree:
    """The ways of V words from the root down.

    nodes are numbers of inner nodes, from 0, the root, to V - 2; label 1 leads to the rarer child, 0 to the other.
    Of equal counts words go before inner nodes, a later word before an earlier one, and older inner nodes before newer
    ones, so the same counts give the same tree.  A single word has an empty way.  DataError: no counts, or one below 0.
    """
    if not len(counts) or min(counts) < 0:
        raise DataError("a Huffman tree is made of the counts of words, each 0 or more; give at least one")
    V = len(counts)
    parents, labels = _merge(np.asarray(counts, np.int64))
    starts = np.concatenate([[0], np.cumsum(_depths(parents)[:V])])
    nodes, ways = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int8)
    at, place = np.arange(V), starts[1:] - 1
    while len(at):                                           # all words climb together, one step a round
        inside = at != 2 * V - 2
        at, place = at[inside], place[inside]
        nodes[place], ways[place] = 2 * V - 2 - parents[at], labels[at]
        at, place = parents[at], place - 1
    return Tree(starts, nodes, ways)


def _merge(counts):
    """parents, labels (2V - 1) of the nodes: words first, then inner nodes as they are made, the last of them the root."""
    V = len(counts)
    leaves = np.lexsort((-np.arange(V), counts)).tolist()
    weights = counts.tolist()
    parents, labels = np.zeros(2 * V - 1, np.int64), np.zeros(2 * V - 1, np.int8)
    leaf, inner = 0, V                                       # the fronts of the two queues
    for made in range(V, 2 * V - 1):
        pair = []
        for _ in range(2):
            if leaf < V and (inner == made or weights[leaves[leaf]] <= weights[inner]):
                pair.append(leaves[leaf])
                leaf += 1
            else:
                pair.append(inner)
                inner += 1
        weights.append(weights[pair[0]] + weights[pair[1]])
        parents[pair], labels[pair[0]] = made, 1
    return parents, labels


def _depths(parents):
    """Steps from the root to each node."""
    above, depths = parents.tolist(), [0] * len(parents)
    for node in range(len(parents) - 2, -1, -1):
        depths[node] = depths[above[node]] + 1
    return np.array(depths)
