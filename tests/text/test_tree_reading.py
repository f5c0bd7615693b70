"""Trees from brackets, JSON and nested values; errors that name file and line; forests by height; trees on disk."""
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.branching import branched, words_of
from tsuzuri.text.forest import TreeBatches, joined, nodes_of, open_trees, pack, write_trees
from tsuzuri.text.trees import Tree, check_labels, parse_tree, read_trees, tree_of

GOOD = "(3 (2 It) (4 (2 's) (4 good)))"
values = st.recursive(st.sampled_from("abc"), lambda below: st.lists(below, min_size=1, max_size=3).map(tuple), max_leaves=12)


def number(word):
    return ord(word[0])


# Reading

def test_a_bracketed_tree():
    tree = parse_tree(GOOD)
    assert tree == Tree(["It", "'s", "good", None, None], [2, 2, 4, 4, 3], [(), (), (), (1, 2), (0, 3)])
    assert tree.spans() == ["It", "'s", "good", "'s good", "It 's good"]
    assert (tree.parents(), tree.heights()) == ([4, 3, 3, 4, -1], [0, 0, 0, 1, 2])
    assert tree.bracketed() == GOOD


@pytest.mark.parametrize(("line", "same"), [
    ("((It) ('s good))", "((It) (('s) (good)))"), ("(2 (It) 7 (good))", "(2 (It) (7) (good))"), ("(7)", "(7)"), ("(2 7)", "(2 7)"),
    ("  (2\t(1 a)(0 b) )  ", "(2 (1 a) (0 b))"), ("(a)", "(a)"), ("(2 a b)", "(2 (a) (b))"), ("((3 a))", "((3 a))"), ("(2 8\xa01\\/2)", "(2 8\xa01\\/2)")])
def test_what_brackets_mean(line, same):
    """A whole number that something follows is a label; other bare words are leaves; a no-break space is part of a word."""
    assert parse_tree(line).bracketed() == same


@pytest.mark.parametrize("value", [
    ("It", ("'s", "good")), ["It", ["'s", "good"]], {"left": "It", "right": {"left": "'s", "right": "good"}},
    {"children": [{"word": "It"}, {"children": ["'s", "good"]}]}])
def test_nested_values_are_the_same_tree(value):
    assert tree_of(value) == parse_tree("((It) (('s) (good)))")


def test_brackets_in_words_are_those_of_the_penn_treebank():
    tree = tree_of({"left": "(", "right": {"word": ":-)", "label": np.int64(3)}})
    assert tree.bracketed() == "((-LRB-) (3 :--RRB-))"
    assert parse_tree(tree.bracketed()).labels == tree.labels


def test_json_says_what_brackets_cannot():
    tree = parse_tree('{"label": 3, "word": "is", "children": ["It", {"word": "good", "label": 4}]}')
    assert tree == Tree(["It", "good", "is"], [-1, 4, 3], [(), (), (0, 1)])
    assert tree.spans() == ["It", "good", "is It good"]
    with pytest.raises(DataError, match=r'^the node of "is" has children too, which brackets cannot say; take JSON\.$'):
        tree.bracketed()


@given(values)
def test_brackets_of_any_tree_are_read_again(value):
    tree = tree_of(value)
    assert parse_tree(tree.bracketed()).bracketed() == tree.bracketed()
    assert parse_tree(json.dumps({"children": [value]})).spans()[:-1] == tree.spans()


def test_deep_trees_need_no_stack():
    depth = 50_000
    left, value = "(1 " * depth + "(1 a)" + " (1 b))" * depth, "a"
    for _ in range(depth):
        value = (value, "b")
    tree = parse_tree(left)
    assert tree.bracketed() == left
    assert tree.heights()[-1] == depth
    assert tree_of(value).children == tree.children
    assert branched("a " + "b " * depth, "left").children == tree.children
    forest, _ = pack(nodes_of(tree, number))
    assert len(forest.levels) == depth + 2


@pytest.mark.parametrize(("line", "message"), [
    ("(3 (2 It) (3 works)", ' is not closed; it lacks 1 ")" at its end.'),
    ("(((a", ' is not closed; it lacks 3 ")" at its end.'),
    ("(2 a))", ': ")" at place 6 follows the end of the tree; give one tree a line.'),
    ("(2 a) (2 b)", ': "(" at place 7 follows the end of the tree; give one tree a line.'),
    ("(2 ())", ": the bracket that closes at place 5 has neither a word nor children; give it one of them."),
    ("good", ' begins with "good"; a tree in brackets begins with "(", such as (3 (2 It) (3 works)).'),
    ("(3 (2 It) (5 works))", " has the label 5; with 5 classes labels go from 0 to 4, so correct it or set classes."),
    ('{"left": "a"}', " has a node with left; give left and right, or children."),
    ('{"word": "a", "lable": 2}', ' has a node with "lable"; a node has children, label, left, right, word.'),
    ('{"word": "a", "label": -1}', " has the label -1; a label is a whole number from 0."),
    ('{"word": "a", "label": true}', " has the label True; a label is a whole number from 0."),
    ('{"word": "a", "label": 1000000000000}', " has the label 1000000000000; a label is a whole number from 0."),
    ('{"word": 3}', " has the word 3; a word is a text."),
    ('{"word": "a b"}', ' has the word "a b"; a word has no spaces, and at least one letter.'),
    ('{"children": "ab"}', " has children that are 'ab'; give a list."),
    ('[["a", 3]]', " has a node that is 3; a node is a word, a pair, or a dict with left and right."),
    ("[[]]", " has a node with neither a word nor children; give it one of them."),
    ('["a",', " is not JSON (Expecting value: line 1 column 6 (char 5)); give one tree a line."),
    ("[" * 100_000, None)])
def test_what_is_no_tree_is_told_with_file_and_line(line, message, tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(DataError) as told:
        list(read_trees(path, lambda tree, where: check_labels(tree, 5, where)))
    assert str(told.value).startswith(f"{path}: line 3")
    assert message is None or str(told.value) == f"{path}: line 3{message}"


# Sentences

@pytest.mark.parametrize(("sentence", "words"), [
    ("It isn't bad.", "It is n't bad ."), ("We'll see J.R.R. Tolkien's, can't we?", "We 'll see J.R.R. Tolkien 's , ca n't we ?"),
    ("a well-made 1,000.5 -- `` x '' ...", "a well-made 1,000.5 -- `` x '' ..."), ("is n't 's", "is n't 's"), ("it’s  (so)", "it 's -LRB- so -RRB-"),
    ("-LRB- so -RRB-", "-LRB- so -RRB-")])
def test_words_are_cut_as_in_the_treebank(sentence, words):
    assert words_of(sentence) == words.split()
    assert words_of(words) == words.split()


def test_shapes_of_sentences():
    shapes = {shape: branched("a b c d e", shape).bracketed().replace("(a)", "a").replace("(b)", "b").replace("(c)", "c").replace("(d)", "d").replace("(e)", "e")
              for shape in ("right", "left", "balanced")}
    assert shapes == {"right": "(a (b (c (d e))))", "left": "((((a b) c) d) e)", "balanced": "(((a b) (c d)) e)"}
    assert branched("a") == tree_of("a")
    with pytest.raises(DataError, match="line 2 has no words"):
        branched("  ", where="line 2")
    with pytest.raises(ConfigError, match='shape "rigth" is unknown'):
        branched("a", "rigth")


# Forests

@given(st.lists(values, min_size=1, max_size=6))
def test_a_forest_has_the_nodes_of_its_trees_by_height(given_values):
    trees = [tree_of(value) for value in given_values]
    forest, places = pack(joined([nodes_of(tree, number) for tree in trees]))
    starts = np.cumsum([0, *map(len, trees)])
    heights = np.repeat(np.arange(len(forest.levels) - 1), np.diff(forest.levels))
    for start, tree in zip(starts, trees, strict=False):
        where = places[start:start + len(tree)]
        assert heights[where].tolist() == tree.heights()
        assert forest.words[where].tolist() == [-1 if word is None else number(word) for word in tree.words]
        for k, children in enumerate(tree.children):
            assert forest.children[forest.first[where[k]]:forest.first[where[k] + 1]].tolist() == where[list(children)].tolist()
    assert forest.roots.tolist() == places[starts[1:] - 1].tolist()
    assert sorted(forest.children.tolist() + forest.roots.tolist()) == list(range(starts[-1]))


@pytest.fixture
def corpus(tmp_path):
    trees = [parse_tree(f"(3 (2 {chr(97 + k)}) ({k % 3} (1 x) (4 y)))" if k % 2 else f"({k % 5} {chr(97 + k)})") for k in range(11)]
    return write_trees(trees, number, tmp_path / "corpus", vocabulary=128, classes=5, unknown=number("x"))


def test_trees_on_disk(corpus, tmp_path):
    again = open_trees(tmp_path / "corpus")
    assert again.counts == corpus.counts
    assert (again.counts.trees, again.counts.nodes, again.counts.labelled, again.counts.labelled_roots) == (11, 31, 31, 11)
    assert (again.counts.words, again.counts.unknown) == (21, 5)
    for part, other in zip(again.take(range(11)), corpus.nodes, strict=True):
        assert part.tolist() == np.asarray(other).tolist()


def test_batches_follow_from_seed_and_pass(corpus):
    batches = TreeBatches(corpus, 4, seed=3)
    rows = [batches.rows(k).tolist() for k in range(3)]
    assert [len(some) for some in rows] == [4, 4, 3]
    assert sorted(np.concatenate([batches.rows(k) for k in range(3)]).tolist()) == list(range(11))
    assert rows == [TreeBatches(corpus, 4, seed=3).epoch(1).rows(k).tolist() for k in range(3)]
    assert rows != [batches.epoch(2).rows(k).tolist() for k in range(3)]
    assert batches.epoch(2).rows(0).tolist() == TreeBatches(corpus, 4, seed=3, number=2).rows(0).tolist()
    assert batches.rows(-1).tolist() == rows[-1]
    with pytest.raises(IndexError):
        batches[3]
    with pytest.raises(ConfigError, match="batch size 0"):
        TreeBatches(corpus, 0)


def test_labels_of_roots_alone(corpus):
    forest, roots = (TreeBatches(corpus, 11, shuffled=False, roots=only)[0] for only in (False, True))
    assert roots.labels[forest.roots].tolist() == forest.labels[forest.roots].tolist()
    assert (roots.labels >= 0).sum() == 11


@pytest.mark.parametrize(("harm", "message"), [
    (lambda folder: (folder / "trees.toml").unlink(), "no trees here"),
    (lambda folder: (folder / "up.bin").unlink(), "up.bin is missing"),
    (lambda folder: (folder / "trees.toml").write_text("trees = 3\n"), "not the description of trees"),
    (lambda folder: (folder / "labels.bin").write_bytes(b"1234"), "4 bytes, but trees.toml says 124")])
def test_damaged_trees_are_told(corpus, tmp_path, harm, message):
    harm(tmp_path / "corpus")
    with pytest.raises(DataError, match=message):
        open_trees(tmp_path / "corpus")


def test_nothing_to_write(tmp_path):
    with pytest.raises(DataError, match="there are no trees"):
        write_trees([], number, tmp_path / "a", vocabulary=1, classes=5)
    with pytest.raises(DataError, match="no node of 1 trees has a label"):
        write_trees([parse_tree("((a) (b))")], number, tmp_path / "b", vocabulary=1, classes=5)
