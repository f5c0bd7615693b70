"""BPE dropout: in training a sentence is cut anew whenever it is read, with merges left out by chance.

    merge the pair of the earliest rule, again and again, until no rule fits; at every merge each place where a rule fits is left
    out with probability p

So the model sees a word in many pieces and learns what they have in common.  Source: Provilkov, Emelianenko and Voita 2020.

The ``tokenizers`` library can do it, but from a random state of its own, with which a resumed training would not go on to the
same bytes.
"""
import itertools
import json
from collections.abc import Sequence

import numpy as np

from tsuzuri.text.pairs import Batch, PairBatches, PairCorpus, padded_batch
from tsuzuri.text.tokenizers import BPETokenizer


class MergeDropout:
    """Cuts the words of a BPE tokenizer with its merges left out with probability ``p``."""

    def __init__(self, tokenizer: BPETokenizer, p: float):
        self.tokenizer, self.p = tokenizer, p
        model = json.loads(tokenizer.library.to_str())["model"]
        self._ids = model["vocab"]
        pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in model["merges"]]
        self._rules = {pair: rank for rank, pair in enumerate(pairs)}

    def encode(self, ids: Sequence[int], rng: np.random.Generator) -> list[int]:
        """The ids of the text that ``ids`` stand for, cut anew."""
        text = self.tokenizer.decode(ids)
        words = self.tokenizer.library.pre_tokenizer.pre_tokenize_str(text)
        return [self._ids[piece] for word, _ in words for piece in self._cut(list(word), rng)]

    def _cut(self, pieces, rng):
        while len(pieces) > 1:
            kept = rng.random(len(pieces) - 1) >= self.p
            fitting = [(self._rules[pair], k) for k, pair in enumerate(itertools.pairwise(pieces)) if kept[k] and pair in self._rules]
            if not fitting:
                break
            _, k = min(fitting)
            pieces[k:k + 2] = [pieces[k] + pieces[k + 1]]
        return pieces


class DroppedPairBatches(PairBatches):
    """PairBatches whose sentences are cut anew in every pass; which way follows from the seed, the pass and the batch."""

    def __init__(self, corpus: PairCorpus, batch_size: int, end: int, seed: int, source: MergeDropout, target: MergeDropout, number: int = 1):
        super().__init__(corpus, batch_size, end, seed, number)
        self.source, self.target = source, target

    def epoch(self, number):
        return DroppedPairBatches(self.corpus, self.batch_size, self.end, self.seed, self.source, self.target, number)

    def __getitem__(self, k: int) -> Batch:
        rng = np.random.default_rng([self.seed, 5, self.number, k])
        rows = self.rows(k).tolist()
        sources = [self._cut(self.source, self.corpus.source(row), rng) for row in rows]
        targets = [[*self._cut(self.target, self.corpus.target(row)[:-1], rng), self.end] for row in rows]
        return padded_batch(sources, targets, self.end)

    def _cut(self, dropout, ids, rng):
        """The ids cut anew; as they are where that would make more of them than a side may have."""
        anew = dropout.encode(ids, rng)
        return anew if len(anew) <= self.corpus.longest else ids
