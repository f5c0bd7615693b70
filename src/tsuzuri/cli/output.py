"""What the commands print: progress on stderr, results on stdout."""
import json
import math
import sys
import time
from collections.abc import Iterable

from tsuzuri.train.events import Event, Finished, Stepped, Validated


def note(line: str) -> None:
    """A line on stderr: what is being done."""
    print(line, file=sys.stderr, flush=True)


def print_json(record: dict | list) -> None:
    """One JSON object on stdout; a number that JSON lacks (inf, nan) becomes null."""
    def plain(value):
        return None if isinstance(value, float) and not math.isfinite(value) else value

    if isinstance(record, dict):
        record = {key: plain(value) for key, value in record.items()}
    print(json.dumps(record, ensure_ascii=False))


def print_table(rows: Iterable[Iterable[object]], head: list[str], title: str = "") -> None:
    """A table on stdout, with lines where it is a terminal and aligned words where it is not."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    table = Table(*head, title=title or None, box=SIMPLE_HEAD, title_justify="left")
    for row in rows:
        table.add_row(*map(str, row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width, soft_wrap=True, markup=False, emoji=False, highlight=False).print(table)    # tokens as they are, " [/INST]" too


class Watch:
    """Shows a training as it goes: a bar on a terminal, a line every few seconds where there is none."""

    EVERY = 5.0

    def __init__(self, steps: int, epochs: int, unit: str = "tokens", perplexity: bool = True):
        self.unit, self.perplexity = unit, perplexity
        self.steps, self.epochs, self.bar, self.task = steps, epochs, None, None
        self.tokens = self.first = 0
        self.started = self.shown = time.monotonic()

    def __enter__(self):
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            self.bar = Progress(TextColumn("epoch {task.fields[epoch]}"), BarColumn(None), TextColumn("{task.fields[text]}"),
                                TimeRemainingColumn(), console=Console(stderr=True), refresh_per_second=5)
            self.task = self.bar.add_task("", total=self.steps, epoch=f"1/{self.epochs}", text="compiling")
            self.bar.start()
        return self

    def __exit__(self, *error):
        if self.bar:
            self.bar.stop()

    def show(self, event: Event) -> None:
        """Take in one event of the training."""
        if isinstance(event, Stepped):
            self._stepped(event)
        elif isinstance(event, Validated):
            train = f"train {self._loss(event.train_loss)}  " if event.train_loss is not None else ""
            valid = f"valid {self._loss(event.valid_loss)}" if event.valid_loss is not None else ""
            measures = "".join(f"  {name.replace('_', ' ')} {value:.4g}" for name, value in event.measures.items())
            self._line(f"epoch {event.epoch}/{self.epochs}  {train}{valid}{measures}"
                       f"{'  best so far' if event.best and valid else ''}")
        elif isinstance(event, Finished):
            self._line(f"finished: {event.reason}")

    def _stepped(self, event):
        if not self.first:                                   # the first step compiles: it would spoil the pace
            self.first, self.started, self.tokens = event.step, time.monotonic(), -event.tokens
        self.tokens += event.tokens
        now = time.monotonic()
        text = f"loss {self._loss(event.loss)}"
        pace = self.tokens / max(now - self.started, 1e-9)
        if self.tokens > 0:
            text += f"  {pace:,.0f} {self.unit}/s"
        if self.bar:
            self.bar.update(self.task, completed=event.step, epoch=f"{event.epoch}/{self.epochs}", text=text)
        elif now - self.shown >= self.EVERY and self.tokens > 0:
            left = (self.steps - event.step) * (now - self.started) / max(event.step - self.first, 1)
            note(f"epoch {event.epoch}/{self.epochs}  step {event.step}/{self.steps}  {text}  {_time(left)} left")
            self.shown = now

    def _loss(self, loss):
        return f"{loss:.3f} (perplexity {math.exp(min(loss, 700)):,.2f})" if self.perplexity else f"{loss:.4g}"

    def _line(self, line):
        if self.bar:
            self.bar.console.print(line, highlight=False)
        else:
            note(line)


class Counter:
    """Shows how far a long piece of work has come: a bar on a terminal, a line every few seconds where there is none."""

    def __init__(self, what: str):
        self.what, self.bar, self.task = what, None, None
        self.started = self.shown = time.monotonic()

    def __enter__(self):
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            self.bar = Progress(TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.completed:,} of {task.total:,}"),
                                TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.what, total=None)
            self.bar.start()
        return self

    def __exit__(self, *error):
        if self.bar:
            self.bar.stop()

    def show(self, done: int, of: int) -> None:
        """``done`` of ``of`` are done."""
        now = time.monotonic()
        if self.bar:
            self.bar.update(self.task, completed=done, total=of)
        elif now - self.shown >= Watch.EVERY:
            note(f"{done:,} of {of:,} {self.what}, {_time((of - done) * (now - self.started) / max(done, 1))} left")
            self.shown = now


def _time(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
