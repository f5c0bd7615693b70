"""Training a model from sequence to sequence in a run folder: preparing it, going on with it, finishing it."""
import math
import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tsuzuri.datasets.pairs import open_pairs
from tsuzuri.decode.translation import translate
from tsuzuri.errors import ConfigError
from tsuzuri.text import train_tokenizer
from tsuzuri.text.pairs import PairBatches, PairCorpus, encode_pairs, line_end
from tsuzuri.text.tokenizers import Tokenizer
from tsuzuri.train.drawing import draw_run
from tsuzuri.train.events import Event
from tsuzuri.train.recording import Training, alone, record_training
from tsuzuri.train.seq2seq_run import TOKENIZERS, PairConfig, Seq2SeqRun, Seq2SeqSettings

Pairs = Callable[[], Iterator[tuple[str, str]]]
CHECKED = 5000                                               # pairs that are held out and translated after each epoch


def prepare_pairs(settings: Seq2SeqSettings, out: str | os.PathLike, report: Callable[[str], None] = lambda line: None) -> Seq2SeqRun:
    """Read the pairs, learn the tokenizers, write the tokens: a run folder that is ready to be trained."""
    config = settings.pairs

    def prepare(folder: Path) -> None:
        train, valid = readers(config)
        report(f"reading {config.data}")
        source, target = make_tokenizers(config, train)
        source.save(folder / "source")
        target.save(folder / "target")
        corpus = encode_pairs(train(), source, target, folder / "corpus" / "train", config.longest)
        report(f"{len(corpus):,} pairs of {len(source):,} and {len(target):,} kinds of tokens{_left_out(corpus, config)}")
        if valid:
            held_out = encode_pairs(valid(), source, target, folder / "corpus" / "valid", config.longest)
            report(f"{len(held_out):,} pairs to validate{_left_out(held_out, config)}")

    return Seq2SeqRun.create(out, settings, prepare)


def readers(config: PairConfig) -> tuple[Pairs, Pairs | None]:
    """(a reader of the pairs that are learnt from, one of those that validate or None)."""
    options = {"direction": config.direction, "encoding_errors": config.encoding_errors}
    source = open_pairs(config.data, config.target, **options)
    if not config.valid and "valid" not in source.splits:
        raise ConfigError(f"{config.data} has no pairs to validate; name the set without a split, or say which with valid, or none.")
    if not config.valid:
        return lambda: source.pairs("train"), lambda: source.pairs("valid")
    split = source.first_of("train")
    if config.valid == "none":
        return lambda: source.pairs(split), None
    other = open_pairs(config.valid, config.valid_target, **options)
    return lambda: source.pairs(split), lambda: other.pairs(other.first_of("valid", "test"))


def make_tokenizers(config: PairConfig, pairs: Pairs) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of the two sides, learnt from the pairs; the same where they are ``joint``."""
    units = [TOKENIZERS.get(unit, unit) for unit in config.units()]
    if config.joint:
        one = train_tokenizer(units[0], chain.from_iterable(pairs()), **config.options(units[0]))
        return one, one
    source, target = (train_tokenizer(unit, (pair[side] for pair in pairs()), **config.options(unit)) for side, unit in enumerate(units))
    return source, target


def train_pairs(run: Seq2SeqRun, minutes: float = math.inf) -> Iterator[Event]:
    """Train the run to its end, from its last checkpoint where it has one, saving as it goes.

    After ``minutes`` it is saved and left, to be gone on with another time.  A run that is left or killed at any moment and
    trained again ends with the same bytes.  After each epoch the held-out sources are translated greedily, and how many came
    out exactly right is noted.  RunError: another process trains it.
    """
    with alone(run):
        model, held_out, training = run.new_model(), run.held_out(), run.settings.training
        end = line_end(run.target)
        valid = None if held_out is None else PairBatches(held_out, training.batch_size, end, training.seed, shuffled=False)
        measure = None if held_out is None else lambda: {"exact_match": exact_match(model, held_out, end, run.target.unk_id)}
        yield from record_training(run, model, run.batches(), valid, minutes, lambda: draw_run(run, model), measure)


def exact_match(model: Any, corpus: PairCorpus, end: int, unknown: int | None = None) -> float:
    """The share of the first pairs of a corpus whose greedy translation is the target, token by token, and none of them ``unknown``."""
    count = min(len(corpus), CHECKED)
    found = translate(model, [corpus.source(k).tolist() for k in range(count)], end)
    return sum([*texts[0].ids, end] == corpus.target(k).tolist() and unknown not in texts[0].ids for k, texts in enumerate(found)) / count


def described(run: Seq2SeqRun) -> str:
    """What is learnt from, in a line."""
    corpus = run.corpus()
    return f"{len(corpus):,} pairs, {corpus.target_tokens:,} tokens to predict, vocabularies {len(run.source):,} and {len(run.target):,}"


TRAINING = Training(Seq2SeqRun, prepare_pairs, train_pairs, described)


def _left_out(corpus, config):
    return f"; {corpus.left_out:,} left out, which have more than {config.longest} tokens" if corpus.left_out else ""
