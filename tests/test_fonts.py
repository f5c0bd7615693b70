"""Fonts of Japanese: found on the machine or in a package of the extra ja, without changing other pictures."""
import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from tsuzuri.plots import figure
from tsuzuri.plots.words import word_map


@pytest.fixture
def bare(monkeypatch):
    """A machine without fonts of Chinese and Japanese."""
    from matplotlib import font_manager
    find = font_manager.findSystemFonts
    latin = [entry for entry in font_manager.fontManager.ttflist if entry.name not in figure.CJK]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda folders=None: find(folders) if folders else [])
    figure._find_new_fonts.cache_clear()
    yield
    figure._find_new_fonts.cache_clear()


def draw(path):
    word_map(["猫", "吾輩"], np.eye(2), path, title="名前はまだ無い")
    return path.read_bytes()


@pytest.mark.skipif(find_spec("matplotlib_fontja") is None, reason="matplotlib-fontja is not installed (pip install 'tsuzuri[ja]')")
def test_the_font_of_the_extra_serves_where_the_machine_has_none(bare, tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw(tmp_path / "a.png")
    assert figure._fonts() == ["DejaVu Sans", "IPAexGothic"]
    assert "matplotlib_fontja" not in sys.modules               # importing it would change every picture of the process
    monkeypatch.setattr(figure, "_fonts", lambda: ["DejaVu Sans"])
    with pytest.warns(UserWarning, match="drawn as boxes"):
        boxes = draw(tmp_path / "boxes.png")
    assert boxes != drawn


def test_without_any_font_the_hint_says_what_to_install(bare, tmp_path, monkeypatch):
    monkeypatch.setattr(figure, "_FONT_PACKAGE", "no_such_package")
    with pytest.warns(UserWarning, match=r"letters 名前はまだ無い.*pip install 'tsuzuri\[ja\]'") as caught:
        draw(tmp_path / "a.png")
    assert len(caught) == 1
