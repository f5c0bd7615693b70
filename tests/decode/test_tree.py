"""The tree of a search: everything it kept, from the first token to the texts it gave back."""
import json
from collections import Counter

import numpy as np
import pytest
from test_search import search_all
from toys import END, Toy, sentences, told

from tsuzuri.decode import BeamTree, Search


@pytest.fixture(scope="module")
def grown():
    tree, model = BeamTree(), Toy(6, 1)
    source, lengths = sentences(4)
    found = search_all(model, source, lengths, 8, Search(4, 0.7, 0.2), tree=tree)
    return model, [words[:length] for words, length in zip(source, lengths, strict=True)], found, [tree.to_dict(n)["nodes"] for n in range(4)]


def text_of(nodes, node):
    """The ids from the first token on."""
    ids = []
    while node is not None:
        ids.append(nodes[node]["token"])
        node = nodes[node]["parent"]
    return ids[::-1]


def test_it_is_json_and_parents_come_first(grown):
    for nodes in grown[3]:
        assert json.loads(json.dumps({"nodes": nodes})) == {"nodes": nodes}
        assert [node["id"] for node in nodes] == list(range(len(nodes)))
        for node in nodes:
            assert node["step"] == (1 if node["parent"] is None else nodes[node["parent"]]["step"] + 1)
            assert node["parent"] is None or node["parent"] < node["id"]
            assert set(node) == {"id", "parent", "token", "log_p", "score", "step", "state"}


def test_every_node_is_a_beginning_with_its_log_p(grown):
    model, sources, _, trees = grown
    for words, nodes in zip(sources, trees, strict=True):
        for node in nodes:
            assert node["log_p"] == pytest.approx(told(model, words, text_of(nodes, node["id"]))[0].sum(), rel=1e-10)
        assert len({tuple(text_of(nodes, node["id"])) for node in nodes}) == len(nodes)


def test_no_step_keeps_more_than_the_beams(grown):
    for nodes in grown[3]:
        kept = Counter(node["step"] for node in nodes if node["token"] != END)
        assert max(kept.values()) == 4


def test_the_best_path_is_the_best_text_and_the_others_that_ended_are_marked(grown):
    for (best, *others), nodes in zip(grown[2], grown[3], strict=True):
        path = [node for node in nodes if node["state"] == "best"]
        assert [node["token"] for node in path] == best.ids + [END] * best.finished
        assert path[-1]["score"] == pytest.approx(best.score, rel=1e-12)
        ended = [text_of(nodes, node["id"]) for node in nodes if node["state"] == "ended"]
        assert all([*y.ids, END] in ended for y in others if y.finished)
        assert all(ids[-1] == END for ids in ended)


def test_it_changes_nothing_and_one_of_nothing_is_empty(grown):
    model, sources, found, _ = grown
    again, = search_all(model, sources[0][None], np.array([len(sources[0])]), 8, Search(4, 0.7, 0.2))
    assert [(y.ids, y.score) for y in again] == [(y.ids, y.score) for y in found[0]]
    tree = BeamTree()
    search_all(model, sources[0][None], np.array([len(sources[0])]), 0, Search(4), tree=tree)
    assert tree.to_dict() == {"nodes": []}
