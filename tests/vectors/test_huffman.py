"""Huffman trees: ways that no other way begins with, the least cost of all, probabilities that sum to one."""
import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import DataError
from tsuzuri.vectors.huffman import huffman_tree

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


def ways(tree):
    """(nodes, labels) of every word."""
    return [(tree.nodes[start:stop].tolist(), tree.labels[start:stop].tolist()) for start, stop in pairwise(tree.starts)]


def least_cost(counts):
    """The sum of count times length of the best prefix code: the sum of all merged weights."""
    heap, cost = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    return cost


def test_a_tree_worked_by_hand():
    """c + d = 3 is node 2, with b it is node 1 (7), with a node 0."""
    tree = huffman_tree([8, 4, 2, 1])
    assert ways(tree) == [([0], [0]), ([0, 1], [1, 0]), ([0, 1, 2], [1, 1, 0]), ([0, 1, 2], [1, 1, 1])]
    assert (tree.starts.dtype, tree.nodes.dtype, tree.labels.dtype) == (np.int64, np.int32, np.int8)


@given(COUNTS)
def test_the_code_is_a_prefix_code_of_least_cost(counts):
    tree = huffman_tree(counts)
    codes = [tuple(labels) for _, labels in ways(tree)]
    if len(counts) > 1:
        assert sum(2.0 ** -len(code) for code in codes) == 1               # Kraft: the tree is full
        assert not any(a == b[:len(a)] for a in codes for b in codes if a is not b)
    assert sum(count * len(code) for count, code in zip(counts, codes)) == least_cost(counts)


@given(COUNTS)
def test_a_label_says_which_way_from_its_node(counts):
    """From one node one label always leads to the same node, numbers grow on the way down, all V - 1 nodes are used."""
    next_of = {}
    for word, (nodes, labels) in enumerate(ways(huffman_tree(counts))):
        assert nodes == sorted(set(nodes))
        for step, below in zip(zip(nodes, labels), [*(("node", node) for node in nodes[1:]), ("word", word)]):
            assert next_of.setdefault(step, below) == below
    assert set(next_of) == {(node, label) for node in range(len(counts) - 1) for label in (0, 1)}


@pytest.mark.parametrize("counts", [[1], [3, 3], [50, 20, 20, 7, 3, 1, 1, 0], [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]])
def test_the_probabilities_of_all_words_sum_to_one(counts):
    """P(w) = the product of sigma(+-h . y_n) along the way, with + where the label is 1."""
    rng = np.random.default_rng(1)
    y, h = rng.standard_normal((max(len(counts) - 1, 1), 6)), rng.standard_normal(6)
    total = sum(np.prod(1 / (1 + np.exp(-np.where(np.array(labels) == 1, 1, -1) * (y[nodes] @ h))))
                for nodes, labels in ways(huffman_tree(counts)))
    assert total == pytest.approx(1, abs=1e-14)


def test_large_vocabularies_and_deep_trees():
    counts = (10_000_000 / np.arange(1, 30_001)).astype(int)
    tree = huffman_tree(counts)
    assert (np.diff(tree.starts) * counts).sum() == least_cost(counts.tolist())
    fibonacci = [1, 1]
    while len(fibonacci) < 60:
        fibonacci.append(sum(fibonacci[-2:]))
    assert np.diff(huffman_tree(fibonacci).starts).max() == 59


@pytest.mark.parametrize("counts", [[], [3, -1]])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(DataError, match="counts of words"):
        huffman_tree(counts)
