"""Whether a line is of the language of a training's sources or of its targets: by how frequent its tokens are on either side.

A vocabulary of byte pairs knows every text, so that unknown words cannot tell.  A line is read as single tokens, each as frequent
as on that side of the training's pairs (Laplace's rule for those that never stood there):

    evidence = (log p(line as a target) - log p(line as a source)) / tokens

What has as much of it as nearly all of the training's own targets is a target, provided none of its sources has; so names and numbers,
which are of no language, pass.  Where the two sides are of one language, as questions and answers or texts and their headings are, no line is.
"""
import math

import numpy as np

from tsuzuri.train.seq2seq_run import Seq2SeqRun

SAMPLE = 1 << 20                                             # ids whose tokens are counted
PAIRS = 1000                                                 # pairs whose evidence is compared
LOWEST = 1                                                   # percent of the targets that may lie below the limit
LEAST = 1.0                                                  # nats a token that are any evidence at all
FEWEST = 4                                                   # tokens below which a line is too short to tell


class Sides:
    """How frequent tokens are on either side of a run's pairs.  DataError: it has none any more."""

    def __init__(self, run: Seq2SeqRun):
        self.run, corpus = run, run.corpus()
        pairs = max(1, int(np.searchsorted(corpus.bounds, SAMPLE)) // 2)
        bounds = np.asarray(corpus.bounds[:2 * pairs + 1])
        ids, of_target = np.asarray(corpus.ids[:bounds[-1]]), np.repeat(np.arange(len(bounds) - 1) % 2, np.diff(bounds)).astype(bool)
        self._source, self._target = _log_p(ids[~of_target], corpus.source_vocabulary), _log_p(ids[of_target], corpus.target_vocabulary)
        some = np.linspace(0, pairs - 1, min(pairs, PAIRS)).astype(int).tolist()
        sources = self._all(run.source.decode(corpus.source(k)) for k in some)
        targets = self._all(run.target.decode(corpus.target(k)[:-1]) for k in some)
        lowest = float(np.percentile(targets, LOWEST)) if targets else -np.inf
        self.limit = max(lowest, LEAST) if lowest > max(sources, default=np.inf) else np.inf

    def is_target(self, line: str) -> bool:
        """Whether a line seems to be of the targets' language."""
        return bool(self.limit < np.inf and self.evidence(line) > self.limit)

    def evidence(self, line: str) -> float:
        """Nats a token; nan where the line is too short to tell."""
        as_source, as_target = self.run.source.encode(line), self.run.target.encode(line)
        if len(as_source) < FEWEST:
            return math.nan
        return float(self._target[as_target].sum() - self._source[as_source].sum()) / max(len(as_source), len(as_target))

    def _all(self, lines):
        """The evidence of those that are long enough."""
        return [found for found in map(self.evidence, lines) if not math.isnan(found)]


def _log_p(ids, vocabulary):
    counts = np.bincount(ids, minlength=vocabulary) + 1
    return np.log(counts / counts.sum())
