"""How `lm suggest` talks: for every line of a pipe, or after every key of a terminal."""
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

TAB, BACKSPACE, END, ESCAPE = "\t", "\x7f\b", "\x04", "\x1b"
CLEAR, SAVE, RESTORE, DIM, PLAIN = "\r\x1b[K", "\x1b7", "\x1b8", "\x1b[2m", "\x1b[0m"


def print_suggestions(text: str, found: Sequence[tuple[str, float]], json: bool) -> None:
    """One line: words and probabilities with tabs between, or a JSON object."""
    from tsuzuri.cli.output import print_json
    if json:
        return print_json({"text": text, "suggestions": [{"word": word, "probability": p} for word, p in found]})
    print("\t".join(f"{word}\t{p:.4f}" for word, p in found), flush=True)


def type_on_terminal(suggest: Callable[[str], Sequence[tuple[str, float]]], complete: Callable[[str, str], str]) -> None:
    """Let the user type until Ctrl-D, with proposals behind the cursor."""
    with _keys_at_once():
        type_text(iter(lambda: sys.stdin.read(1), ""), suggest, complete, _show)
    print()


def type_text(keys: Iterable[str], suggest: Callable[[str], Sequence[tuple[str, float]]], complete: Callable[[str, str], str],
              show: Callable[[str, Sequence[tuple[str, float]]], None]) -> str:
    """The text that the keys make; ``show(text, proposals)`` is called at the start and after every key.

    ``complete(text, word)`` is the text with a proposal taken.
    """
    text, found = "", suggest("")
    show(text, found)
    keys = iter(keys)
    for key in keys:
        if key == END:
            break
        if key == ESCAPE:
            _skip(keys)
        elif key == TAB:
            text = complete(text, found[0][0]) if found else text
        elif key in BACKSPACE:
            text = text[:-1]
        elif key == "\n" or key.isprintable():
            text += key
        found = suggest(text)
        show(text, found)
    return text


def _skip(keys: Iterator[str]) -> None:
    """The rest of an arrow or function key: a bracket and what follows up to a letter, an O and a letter, or one with Alt."""
    first = next(keys, "")
    if first == "[":
        next((key for key in keys if key.isalpha() or key == "~"), None)
    elif first == "O":
        next(keys, "")


def _show(text, found):
    """The end of the line that is typed, with the proposals behind the cursor as far as there is room."""
    from shutil import get_terminal_size

    from rich.cells import cell_len, set_cell_size
    width = get_terminal_size().columns - 1
    line = text.rpartition("\n")[2]
    hint = "   ".join(f"{word} {p:.0%}" for word, p in found)
    hint = set_cell_size(hint, min(cell_len(hint), max(width // 2, width - cell_len(line) - 2)))
    while line and cell_len(line) > width - cell_len(hint) - 2:
        line = line[1:]
    start = "\x1b[K\n" if text.endswith("\n") else CLEAR       # the proposals behind the line before go
    sys.stdout.write(f"{start}{line}{SAVE}  {DIM}{hint}{PLAIN}{RESTORE}")
    sys.stdout.flush()


@contextmanager
def _keys_at_once():
    """The terminal gives every key as it is pressed and does not print it; afterwards it is as it was."""
    import termios
    import tty
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
