"""Pictures: they are of the named format, show the data, and are written as a whole or not at all."""
import math
import sys

import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.plots import curves, decision_regions

LOSSES = {"training": [(step, 5 - step / 100) for step in range(1, 101)], "validation": [(50, 4.9), (100, 4.5)]}
POINTS = np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
LABELS = np.array([0, 1, 0, 1])


def pixels(path):
    from matplotlib.image import imread
    return imread(path)


def by_x(points):
    return (points[:, 0] > 0).astype(int)


def by_y(points):
    return (points[:, 1] > 0).astype(int)


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_suffix_chooses_the_format(tmp_path, suffix, start):
    path = tmp_path / "new" / f"curves.{suffix}"
    curves(LOSSES, path)
    assert path.read_bytes().startswith(start)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_same_data_gives_the_same_bytes_and_other_data_another_picture(tmp_path):
    for name, series in {"a": LOSSES, "b": LOSSES, "c": LOSSES | {"validation": [(50, 4.9), (100, 4.2)]}}.items():
        for suffix in ("png", "svg"):
            curves(series, tmp_path / f"{name}.{suffix}")
    for suffix in ("png", "svg"):
        a, b, c = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "abc")
        assert a == b
        assert a != c


def shown(tmp_path, **options):
    """The words of a picture of LOSSES, read from an SVG whose letters are kept as text."""
    import matplotlib
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        curves(LOSSES, tmp_path / "words.svg", **options)
    return (tmp_path / "words.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(("measure", "best"), [("loss", 4.5), ("perplexity", math.exp(4.5)), ("bits", 4.5 / math.log(2))])
def test_the_title_tells_the_best_of_the_last_curve(tmp_path, measure, best):
    words = shown(tmp_path, measure=measure)
    assert f"{best:.4g} at step 100" in words
    assert "training" in words
    assert "validation" in words


def test_labels_and_title_may_be_given(tmp_path):
    words = shown(tmp_path, title="A title", x_label="epoch", y_label="nats")
    assert all(f">{word}<" in words for word in ("A title", "epoch", "nats"))


def test_a_crowded_curve_is_drawn_too(tmp_path):
    curves({"training": [(step, 1 / step) for step in range(1, 2000)]}, tmp_path / "many.png")
    assert pixels(tmp_path / "many.png").std() > 0


def test_decision_regions_follow_the_predictor(tmp_path):
    decision_regions(by_x, POINTS, LABELS, tmp_path / "x.png", title="the same")
    decision_regions(by_y, POINTS, LABELS, tmp_path / "y.png", title="the same")
    across, down = pixels(tmp_path / "x.png")[:, :, :3], pixels(tmp_path / "y.png")[:, :, :3]
    assert across.shape == down.shape
    height, width = across.shape[:2]
    upper_left, lower_left, upper_right = (height // 3, width // 3), (2 * height // 3, width // 3), (height // 3, 2 * width // 3)
    assert np.allclose(across[upper_left], across[lower_left])
    assert not np.allclose(across[upper_left], across[upper_right])
    assert np.allclose(down[upper_left], down[upper_right])
    assert not np.allclose(down[upper_left], down[lower_left])


def test_a_picture_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    curves(LOSSES, path)
    before = path.read_bytes()
    monkeypatch.setattr("tsuzuri.plots.training._label_ends", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        curves(LOSSES, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"bmp.*png"):
        curves(LOSSES, tmp_path / "a.bmp")
    with pytest.raises(ConfigError, match="did you mean"):
        curves(LOSSES, tmp_path / "a.png", measure="perplexty")
    with pytest.raises(ConfigError, match="empty"):
        curves({"training": []}, tmp_path / "a.png")


def test_pyplot_is_left_alone(tmp_path):
    before = "matplotlib.pyplot" in sys.modules
    curves(LOSSES, tmp_path / "a.png")
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.filterwarnings("error")
def test_a_perplexity_beyond_all_numbers_is_drawn(tmp_path):
    curves({"training": [(1, 1e6), (2, 5.0)]}, tmp_path / "a.png", measure="perplexity")
    assert pixels(tmp_path / "a.png").std() > 0
