"""Files of the library Aozora Bunko without what the library added: ruby, notes, the header and the footer.

    吾輩《わがはい》は一番｜獰悪《どうあく》な［＃「獰悪」に傍点］種族である。    ->    吾輩は一番獰悪な種族である。

A character that the library's encoding lacks is a mark ※ and a note with its number, of which the character is made.
Accents that are written with ASCII (〔cafe'〕) stay.  Source: the library's manual of annotations (aozora.gr.jp/annotation).
"""
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

HEADER = 60                                                  # lines within which the header ends
_RULE = re.compile(r"-{20,}\s*")
_LEGEND = "【テキスト中に現れる記号について】"
_FOOTER = re.compile(r"底本[：:]")
_RUBY = re.compile(r"《[^《》]*》|｜")
_NOTE = re.compile(r"(※?)［＃((?:[^［］]|［[^［］]*］)*)］")
_UNICODE = re.compile(r"U\+([0-9A-Fa-f]{4,5})")
_JIS = re.compile(r"(?<![\d-])([12])-(\d{1,2})-(\d{1,2})(?![\d-])")


def clean_lines(lines: Iterable[str]) -> Iterator[str]:
    """The text of one file: its lines without ruby and notes, between the header and the footer.

    The header is known by its list of marks between two lines of hyphens; without one, title and author stay, because
    nothing tells them from text.  The footer starts at 底本：.  Empty lines at both ends go, and lines that were but a note.
    """
    empty: list[str] | None = None                           # lines that go if no text follows; None: no text came yet
    for line in _without_header(iter(lines)):
        if _FOOTER.match(line):
            return
        text = clean_line(line)
        if text.strip():
            yield from empty or ()
            yield text
            empty = []
        elif empty is not None and not line.strip():
            empty.append(text)


def clean_line(line: str) -> str:
    """A line without ruby, the marks ｜ before it, and notes in ［＃...］."""
    return _NOTE.sub(_character, _RUBY.sub("", line))


AOZORA = {"keep": None, "clean": clean_lines}
"""What is done with files of Aozora Bunko, by the name of the setting."""


def _without_header(lines: Iterator[str]) -> Iterator[str]:
    head = list(islice(lines, HEADER))
    rules = [k for k, line in enumerate(head) if _RULE.fullmatch(line)]
    if len(rules) > 1 and _LEGEND in head[rules[0] + 1]:
        del head[:rules[1] + 1]
    return chain(head, lines)


def _character(note: re.Match) -> str:
    """What stands for a note: nothing; for ※ and a note, the character of its number, or ※ where it has none."""
    mark, text = note.groups()
    if mark and (found := _UNICODE.search(text)):
        return chr(int(found[1], 16))
    if mark and (found := _JIS.search(text)):
        return _jis_x_0213(*map(int, found.groups())) or mark
    return mark


def _jis_x_0213(plane: int, row: int, cell: int) -> str:
    """The character at a place of the tables of JIS X 0213, or an empty string."""
    if max(row, cell) > 94:
        return ""
    code = bytes([0x8F] * (plane == 2) + [0xA0 + row, 0xA0 + cell])
    return code.decode("euc_jis_2004", "ignore")
