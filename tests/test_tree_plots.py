"""Pictures of trees: where nodes and words stand, what is told apart, and what is refused."""
import os
from itertools import pairwise

import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.plots import labelled_tree
from tsuzuri.plots import tree as plots
from tsuzuri.text.branching import branched
from tsuzuri.text.trees import parse_tree, tree_of

TREE = parse_tree("(3 (2 It) (4 (2 's) (4 good)))")
MANY = tree_of({"word": "is", "children": ["it", ("so", "very", "good"), {"word": "film", "children": ["a"]}]})


@pytest.mark.parametrize("tree", [TREE, MANY, branched("a b c d e f g h i j k l m", "left"), branched("one")])
def test_words_stand_in_a_row_and_parents_between_their_children(tree):
    widths = [0.3 + 0.1 * (k % 3) for k in range(len(tree))]
    across, columns, total = plots._columns(tree.words, tree.children, widths)
    places = sorted((columns[k], widths[k]) for k, word in enumerate(tree.words) if word is not None)
    assert total == pytest.approx(sum(width for _, width in places))
    assert all(right - left >= (a + b) / 2 - 1e-9 for (left, a), (right, b) in pairwise(places))
    spoken = [tree.words[k] for k in tree.reading_order() if tree.words[k] is not None]
    assert [tree.words[k] for k in sorted((k for k, word in enumerate(tree.words) if word is not None), key=columns.__getitem__)] == spoken
    for k, children in enumerate(tree.children):
        if children:
            assert min(across[child] for child in children) <= across[k] + 1e-9 or tree.words[k] is not None
            assert across[k] <= max(across[child] for child in children) + 1e-9


def test_nodes_of_one_row_do_not_meet():
    for tree in (TREE, MANY, branched("a b c d e f g h i j k l m n o p")):
        across, _, _ = plots._columns(tree.words, tree.children, [plots.COLUMN] * len(tree))
        rows = {}
        for x, depth in zip(across, plots._depths(tree.children), strict=True):
            rows.setdefault(depth, []).append(x)
        for row in rows.values():
            assert all(b - a > 2 * plots.SIZE for a, b in pairwise(sorted(row)))


def test_depths_count_from_the_root():
    assert plots._depths(TREE.children) == [1, 2, 2, 1, 0]


def test_the_picture_shows_labels_words_and_rings(tmp_path):
    labelled_tree(TREE.words, TREE.children, [2, 2, 4, 4, 4], tmp_path / "with.svg", classes=5, given=TREE.labels, title="Good")
    labelled_tree(TREE.words, TREE.children, [2, 2, 4, 4, 4], tmp_path / "without.svg", classes=5)
    labelled_tree(TREE.words, TREE.children, [2, 2, 4, 4, 4], tmp_path / "equal.svg", classes=5, given=[2, -1, 4, 4, 4])
    seen, plain, equal = ((tmp_path / f"{name}.svg").read_text() for name in ("with", "without", "equal"))
    for text in ("It", "'s", "good", "Good", "ring: the label given"):
        assert f"<!-- {text} -->" in seen
    assert "ring" not in plain + equal
    assert seen.count("<!-- 4 -->") == 4                      # three nodes, and what the colours mean


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        labelled_tree(MANY.words, MANY.children, [k % 2 for k in range(len(MANY))], tmp_path / name, classes=2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_is_refused_writes_nothing(tmp_path):
    large = branched("word " * 300, "right")
    with pytest.raises(ConfigError, match=r"the tree has 599 nodes, and a picture shows 400 at most; write \.json, or draw a part of it"):
        labelled_tree(large.words, large.children, [0] * 599, tmp_path / "large.png", classes=2)
    with pytest.raises(ConfigError, match="is no name for a picture"):
        labelled_tree(TREE.words, TREE.children, [0] * 5, tmp_path / "tree.bmp", classes=5)
    assert os.listdir(tmp_path) == []
