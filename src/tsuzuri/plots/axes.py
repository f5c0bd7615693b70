"""What several pictures do to their axes: names at the ends of curves, a logarithmic scale, a title that fits."""
import math
import textwrap
from collections.abc import Sequence

LETTERS_AN_INCH = 10.5                                       # of a title, bold and 11 points high
LINE = 1.25                                                  # heights of a letter from one name to the next


def name_ends(figure, axes, lines: Sequence[tuple[str, object, float]], fontsize: float = 10) -> None:
    """Write each (name, colour, the curve's last y) to the right of ``axes``, at its height or as near as there is room."""
    texts = [axes.text(1.01, 0.5, name, color=colour, fontsize=fontsize, va="center", transform=axes.transAxes)
             for name, colour, _ in lines]                   # first all of them, so that room is made for the longest
    figure.draw_without_rendering()
    box = axes.get_window_extent()
    heights = [float(axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[1], y)))[1])
               for _, _, y in lines]
    gap = LINE * fontsize * figure.dpi / 72 / box.height
    for text, height in zip(texts, moved_apart(heights, gap), strict=True):
        text.set_y(height)


def head(figure, title: str) -> None:
    """The title of a picture, over its whole width and in as many lines as it takes."""
    if title:
        lines = textwrap.fill(title, max(20, int(LETTERS_AN_INCH * figure.get_figwidth())))
        figure.suptitle(lines, x=0.01, ha="left", fontweight="bold", fontsize=11)


def log_scale(axes) -> None:
    """A logarithmic y axis whose numbers are plain letters: 0.1, 200, 10⁻⁸."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 1000 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def power(value: float) -> str:
    """A positive number as it stands at a logarithmic axis."""
    if -3 < math.log10(value) < 6:
        return f"{value:,.3g}" if value < 999.5 else f"{value:,.0f}"
    factor, exponent = f"{value:.0e}".split("e")
    digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{digits}" if factor == "1" else f"{factor}·10{digits}"


def moved_apart(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, in the same order, at least ``gap`` apart: those that are too near become a stack around their mean."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    stacks: list[tuple[float, list[int]]] = []               # (mean height, members from the lowest)
    for k in order:
        mean, members = heights[k], [k]
        while stacks and mean - stacks[-1][0] < gap * (len(members) + len(stacks[-1][1])) / 2:
            below = stacks.pop()[1]
            members = below + members
            mean = sum(heights[m] for m in members) / len(members)
        stacks.append((mean, members))
    places = [0.0] * len(heights)
    for mean, members in stacks:
        for place, k in enumerate(members):
            places[k] = mean + gap * (place - (len(members) - 1) / 2)
    return places
