"""Shows a training of word vectors as it goes: a bar on a terminal, lines where there is none."""
import sys
import time
from collections.abc import Iterable

from tsuzuri.cli.output import note
from tsuzuri.vectors.training import Counted, Event, Finished, Prepared, Reading
from tsuzuri.vectors.word2vec import Trained

EVERY = 5.0                                                  # seconds between lines


def watch(events: Iterable[Event]) -> Finished:
    """Run a training to its end; returns what it ended with."""
    started, shown = time.monotonic(), 0.0
    with _Bar() as bar:
        for event in events:
            now = time.monotonic()
            match event:
                case Prepared(read, words, vocabulary):
                    bar.line(f"{read:,} words read; {vocabulary:,} different ones kept, {words:,} words to learn from  "
                             f"({now - started:.1f} s)")
                    began, before = now, None
                    bar.move(0, "the first training on a machine compiles for some seconds")
                case Counted(pairs):
                    bar.line(f"{pairs:,} different pairs of words stand together  ({now - started:.1f} s)")
                case Trained(epoch, epochs, done, words, loss, _, ends):
                    before = before or (words, now)          # what came before was compiled: it would spoil the pace
                    pace = (words - before[0]) / max(now - before[1], 1e-9)
                    text = f"pass {epoch}/{epochs}  loss {loss:.4f}" + (f"  {pace:,.0f} words/s" if words > before[0] else "")
                    bar.move(done, text)
                    if ends or now - shown > EVERY:
                        left = (now - began) / done * (1 - done)
                        bar.line(text + (f"  {left:.0f} s left" if left >= 1 else ""), quiet=bar.shown and not ends)
                        shown = now
                case Reading(words) if now - shown > (0.2 if bar.shown else EVERY):
                    bar.move(0, f"reading: {words:,} words")
                    bar.line(f"reading: {words:,} words", quiet=bar.shown)
                    shown = now
                case Finished():
                    bar.line(f"{len(event.vectors):,} vectors of {event.vectors.size} numbers  ({now - started:.1f} s)")
    return event                                             # type: ignore[return-value]


class _Bar:
    """A bar on standard error, if that is a terminal."""

    def __enter__(self):
        self.shown = sys.stderr.isatty()
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            self._bar = Progress(BarColumn(None), TextColumn("{task.description}"), TimeRemainingColumn(),
                                 console=Console(stderr=True), refresh_per_second=5)
            self._task = self._bar.add_task("", total=1.0)
            self._bar.start()
        return self

    def __exit__(self, *error):
        if self.shown:
            self._bar.stop()

    def move(self, done: float, text: str) -> None:
        """Set the bar."""
        if self.shown:
            self._bar.update(self._task, completed=done, description=text)

    def line(self, text: str, quiet: bool = False) -> None:
        """Print a line above the bar."""
        if quiet:
            return
        if self.shown:
            self._bar.console.print(text, highlight=False)
        else:
            note(text)
