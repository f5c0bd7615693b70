"""How good the translations of a run are: exactly right, token by token, perplexity, BLEU and chrF.

BLEU and chrF are sacreBLEU's (Papineni et al. 2002; Popovic 2015; Post 2018), whose signature says how they were counted.
Japanese targets without spaces are cut into words by Sudachi before they are compared, which the signature's ``tok:none`` stands
for; other targets by sacreBLEU's own 13a.
"""
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tsuzuri.datasets.pairs import open_pairs
from tsuzuri.datasets.registry import DATASETS
from tsuzuri.datasets.sources import parse_source
from tsuzuri.decode.search import Search
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.kernels.sampling import log_probabilities
from tsuzuri.text.pairs import batch_of, stacked
from tsuzuri.writing.translation import Translator, pieces_of

ROWS = 64                                                    # pairs whose tokens are scored side by side
CHUNK = 512                                                  # pairs that are translated between two reports
_KANA = re.compile("[ぁ-ゖァ-ヺ]")


def evaluate_pairs(translator: Translator, data: str, target: str = "", search: Search | None = None, *,
                   report: Callable[[int, int], None] = lambda done, of: None) -> dict[str, Any]:
    """``pairs``, ``exact_match``, ``token_accuracy``, ``perplexity``, ``unknown`` (target tokens that are ``<unk>``), ``bleu``, ``chrf``
    with their signatures, and the ``translations``, of a set of pairs (see ``tsuzuri seq2seq evaluate``); ``report`` is told how many are done of how many.

    ``perplexity`` is that of a target token, its end included, and ``token_accuracy`` the share of tokens that are the most
    probable after the right ones before them.  DataError: what is no source for this run.
    """
    found, written = pairs_of(translator, data, target), []
    for texts in translator.translate((source for source, _ in found), search, chunk=CHUNK):
        written.append(texts[0].text)
        if len(written) % CHUNK == 0:
            report(len(written), len(found))
    right = [text for _, text in found]
    exact = sum(_is_right(translator, ours, theirs) for ours, theirs in zip(written, right, strict=True))
    nats, tokens, correct = _scored(translator, found)
    unk = translator.run.target.unk_id
    unknown = 0 if unk is None else sum(translator.target_ids(text.strip()).count(unk) for text in right)
    return {"pairs": len(found), "exact_match": exact / len(found), "token_accuracy": correct / tokens,
            "perplexity": float(np.exp(nats / tokens)), "unknown": unknown, **corpus_scores(written, right, mostly_japanese(right)), "translations": written}


def corpus_scores(written: Sequence[str], right: Sequence[str], japanese: bool = False) -> dict[str, Any]:
    """BLEU and chrF in percent, with sacreBLEU's signatures; of Japanese without spaces by Sudachi's words, or characters where it is not installed."""
    from sacrebleu.metrics import BLEU, CHRF
    tokenize, cut, words = _japanese_words() if japanese else (None, list, "")
    bleu, chrf = BLEU(tokenize=tokenize, force=True), CHRF()                         # both sides are as the data is, cut or not
    score = bleu.corpus_score(cut(written), [cut(right)]).score
    return {"bleu": score, "bleu_signature": f"{bleu.get_signature()}{words}",
            "chrf": chrf.corpus_score(list(written), [list(right)]).score, "chrf_signature": str(chrf.get_signature())}


def mostly_japanese(lines: Sequence[str]) -> bool:
    """Whether most lines have kana and no spaces."""
    return 2 * sum(len(line.split()) == 1 and _KANA.search(line) is not None for line in lines) > len(lines)


def _japanese_words():
    """sacreBLEU's name of a tokenizer, how lines are cut before, and what the signature says of it."""
    from tsuzuri.text.tokenizers.japanese import words_of
    try:
        words_of("")
    except ConfigError:
        return "char", list, ""
    return "none", lambda lines: [" ".join(words_of(line)) for line in lines], "|words:sudachi-A"


@dataclass(frozen=True)
class ScoredToken:
    """A target token: log p in nats, the likeliest in its place with their p, the source token that was looked at most."""

    text: str
    log_p: float
    likeliest: list[tuple[str, float]]
    looked_at: str


@dataclass(frozen=True)
class ScoredPair:
    """A pair with log p of the target in nats, its end included; tokens where they were asked for."""

    source: str
    target: str
    log_p: float
    tokens: list[ScoredToken]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def score_pairs(translator: Translator, data: str, target: str = "", expected: int = 0) -> Iterator[ScoredPair]:
    """Every pair of a set with log p of its target; with ``expected`` likeliest tokens at each place.

    DataError: what is no source for this run, or a target with a character that no target of the training had.
    """
    found = pairs_of(translator, data, target)
    for number, (_, text) in enumerate(found, 1):
        try:
            translator.known_target_ids(text.strip())
        except DataError as error:
            raise DataError(f"pair {number}: {error}") from None
    for low in range(0, len(found), ROWS):
        some = found[low:low + ROWS]
        source, lengths, targets = _batch(translator, some, low)
        pieces = [pieces_of(translator.run.source, line.strip(), source[n, :lengths[n]]) for n, (line, _) in enumerate(some)] if expected else []
        total, tokens = np.zeros(len(some)), _lists(len(some))
        for t, (logits, attention) in enumerate(_steps(translator, source, lengths, targets)):
            log_p = log_probabilities(logits)
            for n in np.flatnonzero(targets[:, t] >= 0).tolist():
                total[n] += log_p[n, targets[n, t]]
                if expected:
                    looked = "" if attention is None else pieces[n][int(attention[n].argmax())]
                    tokens[n].append(_explained(translator, log_p[n], targets[n, t], expected, looked))
        yield from (ScoredPair(ours, theirs, float(total[n]), tokens[n]) for n, (ours, theirs) in enumerate(some))


def _lists(count) -> list[list[ScoredToken]]:
    return [[] for _ in range(count)]


def _explained(translator, log_p, token, expected, looked):
    likeliest = np.argsort(-log_p, kind="stable")[:expected]
    return ScoredToken(translator.token_text(int(token)), float(log_p[token]),
                       [(translator.token_text(int(k)), float(np.exp(log_p[k]))) for k in likeliest], looked)


def pairs_of(translator: Translator, data: str, target: str) -> list[tuple[str, str]]:
    """The pairs that DATA names, in the direction of the training where DATA has it."""
    config = translator.run.settings.pairs
    name, _ = parse_source(data)
    first, second = DATASETS[name].languages if name in DATASETS else ("", "")
    known = {f"{first}-{second}", f"{second}-{first}"} if first != second else {"1-2", "2-1"}
    turned = config.direction in known and not target        # of two files the first is the source
    pairs = open_pairs(data, target, direction=config.direction if turned else "", encoding_errors=config.encoding_errors)
    return list(pairs.pairs(pairs.first_of("test", "valid")))


def _is_right(translator, ours, theirs):
    """Whether the texts are the same, as far as the target's tokens can say them; to write <unk> for an unknown word is not."""
    wanted = translator.target_ids(theirs.strip())
    return translator.target_ids(ours.strip()) == wanted and translator.run.target.unk_id not in wanted


def _batch(translator, pairs, before):
    """Sources (N, S), their lengths (N,), and targets (N, T) with -1 behind their ends."""
    source, lengths = batch_of([translator.source_ids(line, before + k + 1) for k, (line, _) in enumerate(pairs)])
    return source, lengths, stacked([[*translator.target_ids(text.strip()), translator.end] for _, text in pairs], -1)


def _steps(translator, source, lengths, targets):
    """The logits (N, V) for each of the targets in turn, and where the model looked (N, S) or None."""
    state, before = translator.model.start(source, lengths), np.full(len(targets), translator.end)
    for t in range(targets.shape[1]):
        logits, state = translator.model.step(before, state)
        yield logits, state.attention
        before = np.maximum(targets[:, t], 0)


def _scored(translator, pairs) -> tuple[float, int, int]:
    """The loss of all target tokens in nats, their number, and how many of them were the most probable."""
    nats, tokens, correct = 0.0, 0, 0
    for low in range(0, len(pairs), ROWS):
        source, lengths, targets = _batch(translator, pairs[low:low + ROWS], low)
        for t, (logits, _) in enumerate(_steps(translator, source, lengths, targets)):
            rows = np.flatnonzero(targets[:, t] >= 0)
            wanted, log_p = targets[rows, t], log_probabilities(logits[rows])
            nats -= float(log_p[np.arange(len(rows)), wanted].sum())
            tokens, correct = tokens + len(rows), correct + int((log_p.argmax(1) == wanted).sum())
    return nats, tokens, correct
