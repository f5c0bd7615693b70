"""Pictures of words: labels keep clear of each other, the same input gives the same bytes, letters are drawn or spoken of."""
import sys

import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.plots import figure, neighbour_bars, thesaurus_path, word_map
from tsuzuri.vectors.projection import METHODS, project

WORDS = [f"word{n}" for n in range(60)]
POINTS = np.random.default_rng(1).normal(size=(60, 2))
STEPS = [(["car", "auto"], "a motor vehicle"), (["vehicle"], "it carries"), (["bicycle"], "it has pedals")]
NEIGHBOURS = {"car": [("auto", 0.9), ("truck", 0.5)], "cat": [("dog", 0.8), ("cup", -0.2)], "a": [("the", 0.3)]}
PICTURES = {
    "map": lambda path: word_map(WORDS, POINTS, path, title="A map"),
    "groups": lambda path: word_map(WORDS, POINTS, path, groups=["left"] * 30 + ["right"] * 30),
    "bars": lambda path: neighbour_bars(NEIGHBOURS, path),
    "path": lambda path: thesaurus_path(STEPS, 1, path, title="A way"),
}


def letters(draw, path):
    """A picture as SVG with its letters kept as text."""
    import matplotlib
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw(path)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_input_gives_the_same_bytes(draw, suffix, tmp_path):
    for name in "ab":
        draw(tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_every_word_and_number_is_in_the_picture(tmp_path):
    bars = letters(PICTURES["bars"], tmp_path / "b.svg")
    assert all(f">{word}<" in bars for word in ("car", "cat", "auto", "dog", "cup", "0.900", "-0.200", "the"))
    way = letters(PICTURES["path"], tmp_path / "c.svg")
    assert all(f">{text}<" in way for text in ("car, auto", "vehicle", "bicycle", "it has pedals", "A way"))


@pytest.fixture
def labels(monkeypatch):
    """The texts in the axes of the last picture, as matplotlib keeps them."""
    from matplotlib.figure import Figure
    found, plain = [], Figure.savefig

    def spy(self, *args, **options):
        plain(self, *args, **options)
        found[:] = self.axes[0].texts
    monkeypatch.setattr(Figure, "savefig", spy)
    return found


def shown(labels):
    return [label.get_text() for label in labels]


def test_every_word_is_on_the_map(tmp_path, labels):
    PICTURES["groups"](tmp_path / "a.png")
    assert shown(labels) == WORDS


@pytest.mark.parametrize("points", [POINTS, 0.05 * POINTS ** 3, np.tile([[0.0, 0.0], [1.0, 1.0]], (30, 1))],
                         ids=["cloud", "dense middle", "two places"])
def test_no_label_covers_another(points, tmp_path, labels):
    from matplotlib.text import Text
    word_map(WORDS, points, tmp_path / "a.png")
    extents = [Text.get_window_extent(label) for label in labels]
    assert len(extents) > 10
    for n, a in enumerate(extents):
        for b in extents[:n]:
            assert min(a.x1, b.x1) - max(a.x0, b.x0) < 1 or min(a.y1, b.y1) - max(a.y0, b.y0) < 1


def test_labels_without_a_place_are_counted(tmp_path, labels):
    word_map(WORDS, np.zeros((60, 2)), tmp_path / "a.png")
    assert 0 < len(labels) < 60
    assert labels[0].axes.get_title("right") == f"{60 - len(labels)} of 60 labels found no free place"


def test_signs_of_mathematics_are_letters_too(tmp_path):
    neighbours = {"$ x $": [("$", 0.9), ("$1", 0.8), ("a_b^c", 0.7), (r"\frac", 0.6)]}
    text = letters(lambda path: neighbour_bars(neighbours, path), tmp_path / "a.svg")
    assert all(f">{word}<" in text for word in ("$", "$1", "a_b^c", r"\frac", "$ x $"))


@pytest.mark.filterwarnings("error")
def test_japanese_is_drawn_where_there_is_a_font(tmp_path):
    if len(figure._fonts()) < 2:
        pytest.skip("no font of Chinese, Japanese or Korean (apt-get install fonts-noto-cjk)")
    word_map(["猫", "犬", "吾輩"], POINTS[:3], tmp_path / "a.png", title="名前はまだ無い")


def test_letters_without_a_font_are_warned_of_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(figure, "_fonts", lambda: ["DejaVu Sans"])
    with pytest.warns(UserWarning, match="fonts-noto-cjk") as caught:
        word_map(["猫", "犬", "cat"], POINTS[:3], tmp_path / "a.png", title="吾輩")
    assert len(caught) == 1
    assert set("猫犬吾輩") <= set(str(caught[0].message))


def test_what_cannot_be_drawn_is_named(tmp_path):
    with pytest.raises(ConfigError, match="2 words and 3 points"):
        word_map(["a", "b"], POINTS[:3], tmp_path / "a.png")
    with pytest.raises(ConfigError, match="no word has neighbours"):
        neighbour_bars({"a": []}, tmp_path / "a.png")
    with pytest.raises(ConfigError, match="step 3"):
        thesaurus_path(STEPS, 3, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


# from many dimensions to two

CLUSTERS = np.repeat(np.eye(3, 20), 15, axis=0) + np.random.default_rng(2).normal(scale=0.05, size=(45, 20))


def test_pca_keeps_the_distances_of_points_in_a_plane():
    rng = np.random.default_rng(3)
    turns = rng.uniform(0, 2 * np.pi, 12)
    circle = np.stack([np.cos(turns), np.sin(turns)], 1)     # of length 1 already, as directions are
    plane, _ = np.linalg.qr(rng.normal(size=(9, 2)))
    points = project(circle @ plane.T)
    np.testing.assert_allclose(_distances(points), _distances(circle), atol=1e-12)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-12)
    assert points[:, 0].var() >= points[:, 1].var()


def test_only_directions_count():
    lengths = np.random.default_rng(4).uniform(0.1, 10, (45, 1))
    np.testing.assert_allclose(project(CLUSTERS * lengths), project(CLUSTERS), atol=1e-12)


def _distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@pytest.mark.parametrize("method", METHODS)              # the first UMAP compiles for ten seconds
def test_a_seed_gives_one_map_and_clusters_stay_together(method):
    pytest.importorskip({"tsne": "sklearn", "umap": "umap"}.get(method, "numpy"))
    points = project(CLUSTERS, method, seed=5)
    np.testing.assert_array_equal(points, project(CLUSTERS, method, seed=5))
    same = np.repeat(np.arange(3), 15)
    nearest = (_distances(points) + 1e9 * np.eye(45)).argmin(1)
    assert (same[nearest] == same).all()


@pytest.mark.parametrize(("method", "module"), [("tsne", "sklearn.manifold"), ("umap", "umap")])
def test_a_missing_library_says_how_to_get_it(method, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r'pip install "tsuzuri\[plot\]"'):
        project(CLUSTERS, method)


def test_mistakes_in_a_projection_are_named():
    with pytest.raises(ConfigError, match='did you mean "umap"'):
        project(CLUSTERS, "umpa")
    with pytest.raises(ConfigError, match="at least 3"):
        project(CLUSTERS[:2])
    with pytest.raises(ConfigError, match="not numbers"):
        project(np.full((4, 3), np.nan))


# the command line

@pytest.fixture
def file(tmp_path):
    from tsuzuri.vectors.word_vectors import WordVectors
    WordVectors([f"w{n}" for n in range(45)], CLUSTERS.astype(np.float32)).save(tmp_path / "vectors.txt")
    return tmp_path / "vectors.txt"


def plotted(capsys, *arguments):
    from tsuzuri.cli import main
    with pytest.raises(SystemExit) as left:
        main(["vectors", "plot", *map(str, arguments)])
    return left.value.code, capsys.readouterr().err


def test_the_command_draws_maps_and_tables(file, tmp_path, capsys):
    for name, options in {"a.png": ["--top", 10], "b.svg": ["w0", "w20", "--topn", 4], "c.pdf": ["w0", "--kind", "neighbours"]}.items():
        code, err = plotted(capsys, file, *options, "--out", tmp_path / name)
        assert (code, (tmp_path / name).stat().st_size > 1000) == (0, True), err


@pytest.mark.parametrize(("options", "message"), [
    (["--out", "a.bmp"], ".png, .svg, .pdf"), (["--out", "a.png", "--kind", "mop"], "did you mean"),
    (["--out", "a.png", "--method", "pac"], "did you mean"), (["w99", "--out", "a.png"], "did you mean"),
    (["--out", "a.png", "--kind", "neighbours"], "which words"), (["--out", "a.png", "--top", "0"], "from 1")])
def test_mistakes_on_the_command_line_write_nothing(file, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    code, err = plotted(capsys, file, *options)
    assert (code, err.count("\n"), err.startswith("tsuzuri: ")) == (2, 1, True)
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.txt"]
