"""How `lm generate` shows what it writes: as it comes, one below the other, or side by side."""
import sys
from collections.abc import Sequence
from pathlib import Path


def drawn(run: Path, prompt: str, tokens: int, temperatures: Sequence[float], drawing: dict, samples: int, seed: int,
          stops: Sequence[str]) -> None:
    """Texts that are drawn.  ConfigError: several temperatures and several samples at once."""
    from tsuzuri.decode import Sampler
    from tsuzuri.errors import ConfigError
    samplers = [Sampler(temperature=temperature, **drawing) for temperature in temperatures]
    if len(samplers) > 1 and samples != 1:
        raise ConfigError(f"{len(samplers)} temperatures and {samples} samples were asked for; texts of several temperatures stand "
                          "side by side with one sample each, so leave out --samples or take one temperature.")
    writer = _writer(run, prompt)
    if len(samplers) > 1:
        texts = ["".join(writer.stream(prompt, tokens, sampler, seed, stops)) for sampler in samplers]
        return _side_by_side([f"temperature {sampler.temperature:g}" for sampler in samplers], [prompt + text for text in texts])
    if samples != 1:
        texts = writer.samples(prompt, tokens, samplers[0], samples, seed, stops)
        return _one_below_the_other([(f"sample {k}", prompt + text) for k, text in enumerate(texts, 1)])
    pieces = writer.stream(prompt, tokens, samplers[0], seed, stops)
    sys.stdout.write(prompt)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


def with_beams(run: Path, prompt: str, tokens: int, beams: int, length_penalty: float, samples: int, stops: Sequence[str],
               given: Sequence[str]) -> None:
    """The likeliest texts.  ConfigError: ``given`` names settings of drawing, or more samples than beams."""
    from tsuzuri.errors import ConfigError
    if given:
        raise ConfigError(f"beams looks for the likeliest text and draws nothing, so {', '.join(given)} would have no effect; "
                          "leave that out, or leave out beams.")
    if not 1 <= samples <= max(beams, 1):
        raise ConfigError(f"samples is {samples}; it must be at least 1 and with {beams} beams at most {max(beams, 1)}.")
    found = _writer(run, prompt).beams(prompt, tokens, beams, length_penalty, stops)[:samples]
    if samples == 1:
        print(prompt + found[0][0])
    else:
        _one_below_the_other([(f"beam {k}, score {score:.3f}", prompt + text) for k, (text, score) in enumerate(found, 1)])


def check_length_penalty(length_penalty: float | None, beams: int | None, stops: Sequence[str]) -> None:
    """ConfigError: it was given without beams, or where nothing ends a text, so that all are equally long."""
    from tsuzuri.errors import ConfigError
    if length_penalty is None:
        return
    if beams is None:
        raise ConfigError(f"length_penalty is {length_penalty}, which only beams know; give --beams too, or leave it out.")
    if not stops:
        raise ConfigError(f"length_penalty is {length_penalty}, but without a text that stops them all texts have equally many tokens; "
                          "give --stop too, or leave it out.")


def _writer(run, prompt):
    """A writer; what its vocabulary lacks of the prompt is noted."""
    from tsuzuri.cli.output import note
    from tsuzuri.train.run import Run
    from tsuzuri.writing.text import Writer
    writer = Writer(Run(run))
    if unknown := writer.unknown(prompt):
        note(f"not in the vocabulary, so read as <unk>: {' '.join(unknown)}")
    return writer


def _one_below_the_other(texts):
    print("\n\n".join(f"--- {head} ---\n{text}" for head, text in texts))


def _side_by_side(heads, texts):
    """A column for each text, as wide as the terminal allows."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    table = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1))
    for head in heads:
        table.add_column(head, ratio=1, overflow="fold")
    table.add_row(*map(Text, texts))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
