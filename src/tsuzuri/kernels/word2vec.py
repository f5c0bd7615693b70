"""word2vec: examples drawn from a text, and one gradient step for each of them.

An *example* is what one word and its window give: a target word w, the rows x_1 .. x_M of ``vectors`` that are its inputs
(the M words around it), and the rows y_1 .. y_K of ``contexts`` that are its outputs, each with a label t_k of 1 or 0.

Negative sampling: y_1 is the target's row (t = 1), the others are rows of words drawn from the noise (t = 0).
Hierarchical softmax: the outputs are the inner nodes on the way from the root of a Huffman tree to the target, and t says
which way it goes.  Both minimise, with z the product of an input and an output,

    l(z, t) = -t ln sigma(z) - (1 - t) ln sigma(-z) = ln(1 + e^-|z|) + max(z, 0) - t z          dl/dz = sigma(z) - t

Skip-gram has a loss for each pair of an input and an output.  With g_mk = rate (t_k - sigma(x_m . y_k)), one step is

    x_m += sum_k g_mk y_k          y_k += sum_m g_mk x_m

so the noise words are shared by the inputs of one example (Ji et al. 2016), where word2vec draws them anew for each
pair: the step becomes two small matrix products.  Outputs are worked off six at a time (``GROUP``), each six one step.

CBOW has one loss, of the mean h of the inputs.  With g_k = rate (t_k - sigma(h . y_k)),

    y_k += g_k h                   x_m += sum_k g_k y_k

where the gradient would have 1/M before the last sum: as in word2vec's own program, an input moves as far as if it were
alone.  Subwords (fastText) are more rows in the mean.

Every random choice is a hash of a key and of the word's place in the text (SplitMix64, Steele, Lea and Flood 2014), so
that it does not depend on which thread makes it.

Sources: Mikolov et al. 2013 (arXiv:1301.3781, arXiv:1310.4546); Bojanowski et al. 2017.
"""
from typing import NamedTuple

import numpy as np

from tsuzuri.kernels.activation import sigmoid
from tsuzuri.kernels.inner import inner

GROUP = 6                                                    # outputs of a step
_GOLDEN, _MIX1, _MIX2, _ALL = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, (1 << 64) - 1


class Text(NamedTuple):
    """Ids of words, -1 at line ends (N,); the place of the first in the whole text; the key of this pass; chances in 2^32
    that an occurrence is kept (V,); the largest window."""

    ids: np.ndarray
    first: int
    key: np.uint64
    keep: np.ndarray
    window: int


class Noise(NamedTuple):
    """An alias table (Walker 1977): place k stands for word k with the chance odds[k] in 2^32, else for alias[k]; and how
    many noise words an example has, 0 for hierarchical softmax.  At least two words must have a chance."""

    odds: np.ndarray
    alias: np.ndarray
    negative: int


class Tree(NamedTuple):
    """The way to word w: nodes[starts[w]:starts[w + 1]] from the root down, and the labels on it.  Empty where unused."""

    starts: np.ndarray
    nodes: np.ndarray
    labels: np.ndarray


class Grams(NamedTuple):
    """The rows of ``vectors`` whose mean is word w: rows[starts[w]:starts[w + 1]].  Empty where a word is one row."""

    starts: np.ndarray
    rows: np.ndarray


class Step(NamedTuple):
    """mean: CBOW or subwords, else skip-gram; pairs: with subwords, predict each word around from the middle one."""

    mean: bool
    pairs: bool


@inner
def train_freely(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads):
    """Train on a block of text in place: vectors (R, D), contexts (C, D); the compiled twin wants rows of 64 bytes or a
    multiple.

    The block is cut into pieces of ``chunk`` ids, each with its own rate in ``rates`` (pieces,); ``losses`` and ``pairs``
    (pieces,) take the sum of the losses in nats and the number of predictions.  The compiled twin's threads share the
    matrices without locks (Recht et al. 2011), so with more than one of them the result depends on how they run.
    """
    for c, rate in enumerate(rates):
        examples = draw_examples(text, c * chunk, (c + 1) * chunk, noise, tree, grams, step)
        losses[c], pairs[c] = _steps(vectors, contexts, examples, step, rate)


@inner
def train_in_rounds(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads, slots):
    """As ``train_freely``, but the result is the same for any number of threads.

    The pieces go round by round, ``slots`` of them a round.  Each piece of a round starts from the same matrices and
    trains on a copy of the rows it needs; then the changes are added in the order of the pieces.
    """
    for start in range(0, len(rates), slots):
        before = vectors.copy(), contexts.copy()
        for c in range(start, min(start + slots, len(rates))):
            copies = before[0].copy(), before[1].copy()
            examples = draw_examples(text, c * chunk, (c + 1) * chunk, noise, tree, grams, step)
            losses[c], pairs[c] = _steps(*copies, examples, step, rates[c])
            vectors += copies[0] - before[0]
            contexts += copies[1] - before[1]


def draw_examples(text, first, last, noise, tree, grams, step):
    """Yields (inputs, outputs, labels) for the kept words with ids from number first to last; windows look beyond these."""
    kept = []
    for place, word in enumerate(text.ids.tolist()):
        state = _mix((int(text.key) + (text.first + place) * _GOLDEN) & _ALL)
        if word < 0 or _mix(state + _GOLDEN) >> 32 <= int(text.keep[word]):
            kept.append((place, word, state))
    for i, (place, word, state) in enumerate(kept):
        if word >= 0 and first <= place < last:
            reach = _below(_mix(state + 2 * _GOLDEN), text.window) + 1
            left = _until_line_end(kept[max(i - reach, 0):i][::-1])[::-1]
            around = left + _until_line_end(kept[i + 1:i + 1 + reach])
            yield from _examples(word, around, state + 2 * _GOLDEN, noise, tree, grams, step)


def _examples(word, around, state, noise, tree, grams, step):
    """The example of a word in its window; with subwords and skip-gram one for each word around it."""
    if grams.rows.size:
        def rows(w):
            return grams.rows[grams.starts[w]:grams.starts[w + 1]].tolist()

        if step.pairs:
            for target in around:
                outputs, labels, state = _outputs(target, state, noise, tree)
                yield rows(word), outputs, labels
            return
        around = [row for w in around for row in rows(w)]
    if around:
        yield around, *_outputs(word, state, noise, tree)[:2]


def _outputs(target, state, noise, tree):
    """The outputs of a target, their labels, and the state of the draws after them."""
    if not noise.negative:
        way = slice(tree.starts[target], tree.starts[target + 1])
        return tree.nodes[way].tolist(), tree.labels[way].tolist(), state
    drawn = [target]
    while len(drawn) <= noise.negative:
        state += _GOLDEN
        bits = _mix(state)
        word = _below(bits, len(noise.odds))
        if bits & 0xFFFFFFFF > int(noise.odds[word]):
            word = int(noise.alias[word])
        if word != target:
            drawn.append(word)
    return drawn, [1] + [0] * noise.negative, state


def _steps(vectors, contexts, examples, step, rate):
    loss, pairs = 0.0, 0
    for inputs, outputs, labels in examples:
        loss += (_mean_step if step.mean else _pair_steps)(vectors, contexts, inputs, outputs, labels, rate)
        pairs += 1 if step.mean else len(inputs)
    return loss, pairs


def _pair_steps(vectors, contexts, inputs, outputs, labels, rate):
    """Every input with every output; the inputs move one after another, so a word that occurs twice moves twice."""
    loss = 0.0
    for k in range(0, len(outputs), GROUP):
        some = outputs[k:k + GROUP]
        y = contexts[some]
        losses, g = _errors(vectors[inputs] @ y.T, labels[k:k + GROUP], rate)
        loss += losses
        for row, errors in zip(inputs, g):
            np.add.at(contexts, some, np.outer(errors, vectors[row]))
            vectors[row] += errors @ y
    return loss


def _mean_step(vectors, contexts, inputs, outputs, labels, rate):
    """The mean of the inputs with every output."""
    h, loss = vectors[inputs].mean(0), 0.0
    moved = np.zeros_like(h)
    for k in range(0, len(outputs), GROUP):
        some = outputs[k:k + GROUP]
        y = contexts[some]
        losses, g = _errors(y @ h, labels[k:k + GROUP], rate)
        loss += losses
        moved += g @ y
        np.add.at(contexts, some, np.outer(g, h))
    np.add.at(vectors, inputs, moved[None])
    return loss


def _errors(z, labels, rate):
    """(the sum of the losses of the products z, rate (t - sigma(z)))."""
    t = np.array(labels, z.dtype)
    losses = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
    return float(losses.sum(dtype=np.float64)), (t - sigmoid(z)) * rate


def _mix(z):
    z &= _ALL
    z = ((z ^ (z >> 30)) * _MIX1) & _ALL
    z = ((z ^ (z >> 27)) * _MIX2) & _ALL
    return z ^ (z >> 31)


def _below(bits, n):
    """A whole number below n from the upper half of 64 random bits."""
    return ((bits >> 32) * n) >> 32


def _until_line_end(words):
    ids = [word for _, word, _ in words]
    return ids[:ids.index(-1)] if -1 in ids else ids
