"""What all pictures share: the file, the style, and letters of every script that the machine has fonts for."""
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tsuzuri.errors import ConfigError
from tsuzuri.files import atomic_path

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "^", "s", "D", "v", "P")
FORMATS = {".png": "Software", ".svg": "Date", ".pdf": "CreationDate"}
"""By the end of a file's name: what matplotlib would note in it that makes two equal pictures differ."""
CJK = ("Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAGothic", "TakaoGothic", "Hiragino Sans", "Yu Gothic", "Meiryo",
       "MS Gothic", "TakaoPGothic", "VL Gothic", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei",
       "WenQuanYi Zen Hei")
_CJK_FILE = re.compile(r"NotoSans(CJK|JP|CJKjp)-(Regular|Bold)|ipaexg|ipag\.|TakaoP?Gothic|VL-Gothic|wqy-", re.IGNORECASE)
_FONT_PACKAGE = "matplotlib_fontja"                          # of the extra ja: the font IPAexGothic
_MISSING = re.compile(r"Glyph (\d+) .* missing from font")


@contextmanager
def one_figure(path: str | os.PathLike, size: tuple[float, float]) -> Iterator:
    """An empty figure of ``size`` inches; when the block ends well the picture is written, as a whole or not at all.

    Letters that no font of this machine has are warned of in one sentence.
    """
    import matplotlib
    from matplotlib.figure import Figure
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(f'"{path}" is no name for a picture; let it end in {", ".join(FORMATS)}.')
    with matplotlib.rc_context(_style()), _missing_letters_said_once():
        figure = Figure(size, layout="constrained")
        yield figure
        with atomic_path(path) as temporary:                 # its name has no suffix, so the format is said
            figure.savefig(temporary, format=suffix[1:], dpi=150, metadata={FORMATS[suffix]: None})


def _style() -> dict:
    """Settings of matplotlib; the same picture gives the same bytes."""
    return {"font.family": _fonts(), "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold",
            "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
            "grid.color": "#e6e6e6", "axes.edgecolor": "#888888", "svg.hashsalt": "tsuzuri", "axes.unicode_minus": False,
            "text.parse_math": False}


def _fonts() -> list[str]:
    """A Latin font, then those of Chinese and Japanese that this machine has, for the letters the first one lacks."""
    from matplotlib.font_manager import fontManager
    if not set(CJK) & {entry.name for entry in fontManager.ttflist}:
        _find_new_fonts()
    present = {entry.name for entry in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CJK if name in present)]


@cache
def _find_new_fonts() -> None:
    """Tell matplotlib of fonts that were installed after it made its list, which it keeps for good, and of a package's.

    The package is only looked into: to import it would change the font of every picture of the process.
    """
    from importlib.util import find_spec

    from matplotlib.font_manager import findSystemFonts, fontManager
    package = find_spec(_FONT_PACKAGE)
    folders = [*package.submodule_search_locations] if package and package.submodule_search_locations else []
    for file in sorted(findSystemFonts() + (findSystemFonts(folders) if folders else [])):
        if _CJK_FILE.search(file):
            fontManager.addfont(file)


@contextmanager
def _missing_letters_said_once() -> Iterator[None]:
    """Turn matplotlib's warning for each letter that no font has into one for all, which says what to install."""
    log = logging.getLogger("matplotlib.font_manager")       # it also tells of each font that has no bold letters
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        log.setLevel(level)
    missing = {}
    for warning in caught:
        if found := _MISSING.match(str(warning.message)):
            missing[chr(int(found[1]))] = True
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing:
        letters = "".join([*missing][:20]) + ("..." if len(missing) > 20 else "")
        warnings.warn(f"no font of this machine has the letters {letters}, which are drawn as boxes; install those of Japanese "
                      "with `pip install 'tsuzuri[ja]'`, or of Chinese and Korean too with `apt-get install fonts-noto-cjk`.",
                      stacklevel=5)
