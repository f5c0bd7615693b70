"""Pictures of a translation show the weights and the words where they belong, and a beam as a tree whose lines do not cross."""
import math
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError
from tsuzuri.plots import attention_map, attention_maps, beam_tree, beams, translation

RNG = np.random.default_rng(0)
ENGLISH = ["I", "have", "been", "waiting", "for", "you", "since", "yesterday", "morning", "."]
JAPANESE = ["私", "は", "昨日", "の", "朝", "から", "あなた", "を", "待って", "います", "。", "\n"]


def weights(*shape):
    return RNG.dirichlet(np.full(shape[-1], 0.3), shape[:-1])


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """drawn(look, draw, ...) -> look(figure), asked as it is written, with fonts and places as in the file."""
    def ask(look, draw, *arguments, **options):
        answers = []
        for module in (translation, beams):
            real = module.one_figure if not hasattr(module.one_figure, "real") else module.one_figure.real

            @contextmanager
            def kept(path, size, real=real):
                with real(path, size) as figure:
                    yield figure
                    figure.draw_without_rendering()
                    answers.append(look(figure))
            kept.real = real
            monkeypatch.setattr(module, "one_figure", kept)
        draw(*arguments, tmp_path / "a.png", **options)
        return answers[0]
    return ask


def texts(figure):
    from matplotlib.text import Text
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def everything_is_inside(figure):
    page = figure.bbox
    for text in texts(figure):
        box = text.get_window_extent()
        assert page.x0 - 1 <= box.x0 < box.x1 <= page.x1 + 1, text.get_text()
        assert page.y0 - 1 <= box.y0 < box.y1 <= page.y1 + 1, text.get_text()


def apart(boxes):
    for one, other in combinations(boxes, 2):
        assert min(one.x1, other.x1) - max(one.x0, other.x0) <= 0.5 or min(one.y1, other.y1) - max(one.y0, other.y0) <= 0.5


# ---- attention


def test_each_cell_is_the_weight_of_its_words(drawn):
    a = weights(len(JAPANESE), len(ENGLISH))

    def look(figure):
        axes = figure.axes[0]
        np.testing.assert_array_equal(axes.collections[0].get_array().reshape(a.shape), a)
        assert [label.get_text() for label in axes.get_xticklabels()] == ENGLISH
        assert [label.get_text() for label in axes.get_yticklabels()] == [*JAPANESE[:-1], "↵"]
        np.testing.assert_array_equal(axes.get_xticks(), np.arange(len(ENGLISH)) + 0.5)
        np.testing.assert_array_equal(axes.get_yticks(), np.arange(len(JAPANESE)) + 0.5)
        first, last = axes.transData.transform([(0.5, 0.5), (len(ENGLISH) - 0.5, len(JAPANESE) - 0.5)])
        assert first[0] < last[0]
        assert first[1] > last[1]                            # the first word of the output is at the top
        assert all(label.get_window_extent().y0 > first[1] for label in axes.get_xticklabels())
        return "A title" in [text.get_text() for text in texts(figure)]
    assert drawn(look, attention_map, a, ENGLISH, JAPANESE, title="A title")


@pytest.mark.parametrize("source", [list("25 dec 1984"), ENGLISH, JAPANESE, [*"私は昨日の朝からあなたを"], ENGLISH * 4, ["an"] * 80,
                                    ["Donaudampfschifffahrtsgesellschaft"] * 60, ["once"] * 199, ["a"]], ids=len)
@pytest.mark.parametrize("output", [["yes"], ENGLISH * 5], ids=len)
def test_words_do_not_cover_each_other(source, output, drawn):
    def look(figure):
        everything_is_inside(figure)
        axes = figure.axes[0]
        across, down = axes.get_xticklabels(), axes.get_yticklabels()
        assert len(across) == len(source)
        apart([label.get_window_extent() for label in down])
        turned = {label.get_rotation() for label in across}.pop()
        if not turned:
            apart([label.get_window_extent() for label in across])
        else:                                                # lines of text side by side: their distance is more than their height
            gap = np.diff(axes.transData.transform([(0.5, 0), (1.5, 0)])[:, 0])[0] * math.sin(math.radians(turned))
            assert gap > 0.95 * across[0].get_fontsize() * figure.dpi / 72
        assert min(label.get_fontsize() for label in across) >= 6
    drawn(look, attention_map, weights(len(output), len(source)), source, output, title="A title " * 9)


def test_too_many_words_are_counted_and_not_written(drawn):
    def look(figure):
        everything_is_inside(figure)
        return [text.get_text() for text in texts(figure)]
    found = drawn(look, attention_map, weights(300, 260), ["x"] * 260, ["y"] * 300)
    assert "260 tokens of the source across, 300 of the output down" in found
    assert not {"x", "y"} & {*found}


def test_a_choice_is_framed(drawn):
    from matplotlib.patches import Rectangle
    chosen = np.array([2, -1, 0, 3])

    def look(figure):
        frames = [patch.get_xy() for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
        return frames, any("chosen" in text.get_text() for text in texts(figure))
    assert drawn(look, attention_map, weights(4, 4), list("abcd"), list("efgh"), chosen=chosen) == ([(2, 0), (0, 2), (3, 3)], True)
    assert drawn(look, attention_map, weights(4, 4), list("abcd"), list("efgh")) == ([], False)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 60])
def test_an_even_spread_is_pale_and_a_choice_is_dark(size, drawn):
    def look(figure):
        mesh = figure.axes[0].collections[0]
        return float(mesh.norm(1 / size)), float(mesh.norm(0)), float(mesh.norm(1))
    words = ["a"] * size
    even, nothing, _ = drawn(look, attention_map, np.full((size, size), 1 / size), words, words)
    assert nothing == 0
    assert even <= max(1 / 3, 1 / size) + 1e-9
    assert drawn(look, attention_map, np.eye(size), words, words)[2] == 1


def test_maps_share_one_scale_and_name_their_heads(drawn):
    a = weights(3, 2, len(JAPANESE), len(ENGLISH))
    entropies = RNG.uniform(0, 1, (3, 2))

    def look(figure):
        everything_is_inside(figure)
        maps = figure.axes[:6]
        for place, axes in zip(np.ndindex(3, 2), maps, strict=True):
            mesh = axes.collections[0]
            np.testing.assert_array_equal(mesh.get_array().reshape(a.shape[2:]), a[place])
            assert mesh.get_clim() == (0, pytest.approx(a.max()))
            assert axes.get_xlabel() == f"layer {place[0] + 1}, head {place[1] + 1}\nentropy {entropies[place]:.2f}"
            shown = [[label.get_text() for label in labels if label.get_visible()] for labels in (axes.get_xticklabels(), axes.get_yticklabels())]
            assert (shown[0] == ENGLISH, shown[1] == [*JAPANESE[:-1], "↵"]) == (place[0] == 0, place[1] == 0)
        captions = [axes.xaxis.label.get_window_extent() for axes in maps]
        apart([*captions, *(axes.get_window_extent() for axes in maps)])
        return len(figure.axes)
    assert drawn(look, attention_maps, a, ENGLISH, JAPANESE, entropies=entropies) == 7     # six maps and one scale


def test_many_heads_of_long_sentences_stay_on_one_page(drawn):
    def look(figure):
        everything_is_inside(figure)
        apart([axes.xaxis.label.get_window_extent() for axes in figure.axes[:-1]])
        return max(figure.get_size_inches()), [text.get_text() for text in texts(figure)]
    size, found = drawn(look, attention_maps, weights(6, 8, 50, 60), ["x"] * 60, ["y"] * 50)
    assert size < 30
    assert "60 tokens of the source across, 50 of the output down" in found


def test_weights_that_do_not_fit_the_words_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\(3, 4\).*3 words of the output and 5"):
        attention_map(weights(3, 4), list("abcde"), list("xyz"), tmp_path / "a.png")
    with pytest.raises(ConfigError, match="at least one"):
        attention_map(np.zeros((0, 2)), list("ab"), [], tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"\(L, K, T, S\)"):
        attention_maps(weights(3, 4), list("abcd"), list("xyz"), tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"up to 4.*4 words"):
        attention_map(weights(2, 4), list("abcd"), list("xy"), tmp_path / "a.png", chosen=np.array([0, 4]))
    with pytest.raises(ConfigError, match=r"\(2,\).*1 layers of 2"):
        attention_maps(weights(1, 2, 2, 4), list("abcd"), list("xy"), tmp_path / "a.png", entropies=np.zeros(2))
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(find_spec("matplotlib_fontja") is None, reason="matplotlib-fontja is not installed (pip install 'tsuzuri[ja]')")
@pytest.mark.filterwarnings("error")
def test_signs_and_japanese_have_letters(tmp_path):
    attention_map(weights(2, 4), ["私", "", " ", "\t"], ["を", "a word that is much too long to be written"], tmp_path / "a.png")
    assert [translation.visible(token) for token in ("", "  ", "\t", "a b", "x" * 24)] == ["∅", "␣␣", "⇥", "a b", "x" * 24]
    assert translation.visible("x" * 25) == "x" * 23 + "…"


# ---- the beam


def node(name, parent, step, log_p, state="kept", token=0, score=None):
    return {"id": name, "parent": parent, "token": token, "log_p": log_p, "score": log_p if score is None else score, "step": step, "state": state}


@st.composite
def searched(draw):
    """The tree of a search: beams nodes a step at most, a few that end, and the best marked as BeamTree does."""
    width, steps = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    nodes, live = [], [None]
    for step in range(1, steps + 1):
        parents = sorted(draw(st.lists(st.sampled_from(live), min_size=1, max_size=width)), key=str)
        live = []
        for parent in parents:
            before = nodes[parent]["log_p"] if parent is not None else 0.0
            ended = draw(st.booleans()) and draw(st.booleans())
            nodes.append(node(len(nodes), parent, step, before - draw(st.integers(1, 40)) / 10, "ended" if ended else "kept", draw(st.integers(0, 5))))
            if not ended:
                live.append(len(nodes) - 1)
        if not live:
            break
    name = draw(st.sampled_from([n["id"] for n in nodes if n["step"] == step or n["state"] == "ended"]))
    while name is not None:
        nodes[name]["state"] = "best"
        name = nodes[name]["parent"]
    return nodes


@given(searched())
def test_lines_do_not_cross_and_the_best_is_straight(nodes):
    grown = beams._grown(nodes)
    rows = beams._rows(grown)
    assert rows.keys() == {n["id"] for n in nodes}
    levels = {}
    for name, n in grown.items():
        levels.setdefault(n.level, []).append(name)
    assert max(rows.values()) < max(map(len, levels.values()))
    for names in levels.values():
        assert len({rows[name] for name in names}) == len(names)
        for one, other in combinations(names, 2):
            before = rows.get(grown[one].parent, 0) - rows.get(grown[other].parent, 0)
            assert before * (rows[one] - rows[other]) >= 0
    assert {rows[n["id"]] for n in nodes if n["state"] == "best"} == {0}


def test_siblings_stand_by_the_best_score_below_them():
    nodes = [node(0, None, 1, 0, score=-2.0), node(1, None, 1, 0, score=-3.0), node(2, None, 1, 0, "best", score=-9.0),
             node(3, 0, 2, 0, score=-5.0), node(4, 1, 2, 0, "ended", score=-1.0)]
    assert beams._rows(beams._grown(nodes)) == {2: 0, 1: 1, 0: 2, 4: 1, 3: 2}


SMALL = [node(0, None, 1, math.log(0.5), "best", 3), node(1, None, 1, math.log(0.25), token=4), node(2, None, 1, math.log(0.12), token=5),
         node(3, 0, 2, math.log(0.25), token=6), node(4, 0, 2, math.log(0.4), "best", 0, -0.61), node(5, 1, 2, math.log(0.025), "ended", 0, -2.5),
         node(6, 3, 3, math.log(0.25 * 0.001), token=7)]
TEXTS = ["\n", "?", "?", "猫", "dog", "a word that is too long", "on", "."]


def test_every_token_stands_over_its_probability_and_every_end_over_its_score(drawn):
    def look(figure):
        everything_is_inside(figure)
        own = figure.axes[0].texts
        apart([text.get_window_extent() for text in own])
        assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["step", "1", "2", "3"]
        return [(one.get_text(), below.get_text()) for one, below in zip(own[::2], own[1::2])]
    assert drawn(look, beam_tree, {"nodes": SMALL}, TEXTS.__getitem__) == [
        ("猫", "0.50"), ("dog", "0.25"), ("a word that is …", "0.12"), ("on", "0.50"), ("↵", "0.80  (-0.61)"), ("↵", "0.10  (-2.50)"),
        (".", "<0.01")]


def test_the_best_way_is_bold_and_what_led_nowhere_is_thin(drawn):
    from matplotlib.patches import FancyBboxPatch, PathPatch

    def look(figure):
        patches = figure.axes[0].patches
        lines = [patch for patch in patches if isinstance(patch, PathPatch)]
        filled = [patch.get_facecolor()[:3] != (1, 1, 1) for patch in patches if isinstance(patch, FancyBboxPatch)]
        return [line.get_linewidth() for line in lines], filled
    (best, end, dead, on, last, ended, beyond), filled = drawn(look, beam_tree, {"nodes": SMALL}, TEXTS.__getitem__)
    assert best == last > end == ended > dead == on == beyond
    assert filled == [False] * 4 + [True, True, False]       # the best text ended too


@pytest.mark.parametrize("count", [1, 5, 9])
def test_boxes_do_not_cover_each_other(count, drawn):
    from matplotlib.patches import FancyBboxPatch
    nodes = [node(10 * step + k, 10 * (step - 1) + k if step > 1 else None, step, -step - k, token=k) for step in range(1, 6) for k in range(count)]

    def look(figure):
        everything_is_inside(figure)
        boxes = [patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
        apart(boxes)
        return len(boxes)
    assert drawn(look, beam_tree, {"nodes": nodes}, lambda k: ENGLISH[k] * (1 + k % 3), title="A title " * 20) == 5 * count


def test_a_search_without_end_is_cut_and_says_so(drawn):
    nodes = [node(k, k - 1 if k else None, k + 1, -k) for k in range(beams.STEPS + 7)]

    def look(figure):
        return len(figure.axes[0].texts), figure.axes[0].get_xlabel()
    assert drawn(look, beam_tree, {"nodes": nodes}, str) == (2 * beams.STEPS, f"the first {beams.STEPS} of {beams.STEPS + 7} steps")


def test_a_beam_without_nodes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no nodes"):
        beam_tree({"nodes": []}, str, tmp_path / "a.png")


def test_the_same_picture_gives_the_same_bytes_and_another_another(tmp_path):
    a = weights(3, 4)
    for name, drawn_weights, nodes in (("a", a, SMALL), ("b", a.copy(), SMALL), ("c", a[::-1], SMALL[:5])):
        attention_map(drawn_weights, list("abcd"), list("xyz"), tmp_path / f"{name}.png")
        attention_maps(drawn_weights[None, None], list("abcd"), list("xyz"), tmp_path / f"{name}s.svg")
        beam_tree({"nodes": nodes}, TEXTS.__getitem__, tmp_path / f"{name}.svg")
    for suffix in (".png", "s.svg", ".svg"):
        a, b, c = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "abc")
        assert a == b != c
