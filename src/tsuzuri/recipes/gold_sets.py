"""Word vectors that are measured with gold sets: what people judged, and analogies."""
import math
from collections.abc import Iterator
from itertools import chain

from tsuzuri.datasets import open_source
from tsuzuri.files import atomic_write
from tsuzuri.plots import neighbour_bars
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_vectors
from tsuzuri.vectors.evaluation import measure_pairs, solve_analogies
from tsuzuri.vectors.gold import open_gold
from tsuzuri.vectors.spaces import VectorSpace
from tsuzuri.vectors.word_vectors import WordVectors

SEEDS = (1, 2, 3)
# gensim 4.4.0, Word2Vec(corpus_file=..., sg=1, vector_size=100, window=5, negative=5, sample=1e-3, epochs=5, alpha=0.025,
# min_count=5, workers=2, seed=1, 2, 3) on the words of this very text: a line each, in lower case, marks cut off.
# The bound of skip-gram is the mean less the spread (largest less smallest) of the three, that of the SVD the mean.
GENSIM_WS353, GENSIM_ANALOGIES = (0.4672, 0.4809, 0.4690), (0.2981, 0.2913, 0.2943)
NOVELS = {"data": "novels", "lowercase": True, "punctuation": "drop", "min_count": 5, "size": 100, "window": 5}


def _skipgram(recipe, out, watch):
    """Spearman's correlation with WS-353, the mean of three seeds."""
    spaces = [VectorSpace(f"seed {seed}", trained_vectors(recipe, out, watch, f"vectors-{seed}", seed=seed)) for seed in SEEDS]
    pairs, solved = zip(*map(_scores, spaces))
    accuracy, least = sum(s.accuracy for s in solved) / len(solved), bound(GENSIM_ANALOGIES)
    _draw(spaces[0].vectors, out, ("king", "horse", "monday", "happy"))
    details = (*map(_line, spaces, pairs, solved),
               f"analogies {accuracy:.4f}, the mean (must be >= {least:.4f}: {'reached' if accuracy >= least else 'MISSED'})")
    return Measured(sum(p.spearman for p in pairs) / len(pairs), details, accuracy >= least)


def _svd(recipe, out, watch):
    """Spearman's correlation with WS-353; analogies are only printed."""
    space = VectorSpace("svd", trained_vectors(recipe, out, watch))
    pairs, solved = _scores(space)
    _draw(space.vectors, out, ("king", "horse", "monday", "happy"))
    return Measured(pairs.spearman, (f"{_line(space, pairs, solved)} (not counted; skip-gram has {_mean(GENSIM_ANALOGIES):.4f})",))


def _japanese(recipe, out, watch):
    """The mean of Spearman's correlations with the four Japanese sets, each as heavy as its pairs that the text covers."""
    text = out / "text.txt"
    if not text.exists():
        out.mkdir(parents=True, exist_ok=True)
        atomic_write(text, "\n".join(_japanese_lines()) + "\n")
    space = VectorSpace("ja", trained_vectors(recipe, out, watch, data=str(text)))
    found = [measure_pairs(space, open_gold(f"ja-{name}")) for name in ("noun", "verb", "adj", "adv")]
    _draw(space.vectors, out, ("猫", "先生", "学校", "食べ"))
    details = tuple(f"{f.name}  Spearman {f.spearman:.4f} on {f.pairs:,} of {f.of:,} pairs ({f.pairs / f.of:.0%}), "
                    f"{f.unknown_words:,} words unknown" for f in found)
    covered = sum(f.pairs for f in found)
    return Measured(sum(f.spearman * f.pairs for f in found) / covered, (*details, f"{covered:,} of {sum(f.of for f in found):,} pairs"))


def _japanese_lines() -> Iterator[str]:
    return chain(open_source("aozora").lines(), open_source("tanaka-ja", "train").lines())


def bound(figures: tuple[float, ...]) -> float:
    """What is within the spread of some figures from their mean."""
    return _mean(figures) - _spread(figures)


def _mean(figures):
    return math.fsum(figures) / len(figures)


def _spread(figures):
    return max(figures) - min(figures)


def _scores(space):
    """WS-353 and all analogies: (Similarity, Section)."""
    return measure_pairs(space, open_gold("ws353")), solve_analogies(space, open_gold("analogies")).total()


def _line(space, pairs, solved):
    return (f"{space.name}  WS-353 {pairs.spearman:.4f} on {pairs.pairs} of {pairs.of} pairs, analogies {solved.accuracy:.4f} on "
            f"{solved.asked:,} of {solved.of:,}")


def _draw(vectors: WordVectors, out, words):
    neighbour_bars({word: vectors.most_similar(word, topn=5) for word in words if word in vectors}, out / "neighbours.png")


_GENSIM = (f"gensim 4.4, skip-gram on the same text: WS-353 {_mean(GENSIM_WS353):.4f}, spread {_spread(GENSIM_WS353):.4f}; analogies "
           f"{_mean(GENSIM_ANALOGIES):.4f}, spread {_spread(GENSIM_ANALOGIES):.4f}")
RECIPES = (
    Recipe("novels-skipgram", "99 novels, skip-gram, size 100, window 5, 5 noise words, 5 epochs, 3 seeds", "WS-353 (mean)",
           round(bound(GENSIM_WS353), 4), _GENSIM, _skipgram, higher_is_better=True, stops=False,
           settings=NOVELS | {"method": "skipgram", "negative": 5, "sample": 1e-3, "epochs": 5, "alpha": 0.025,
                            "deterministic": True}),
    Recipe("novels-svd", "99 novels, window 5, PPMI, SVD 100, words + contexts", "WS-353", round(_mean(GENSIM_WS353), 4),
           _GENSIM, _svd, higher_is_better=True, stops=False, settings=NOVELS | {"method": "svd", "exponent": 0.0, "contexts": "add"}),
    Recipe("aozora-ja", "three Japanese novels and 50,000 sentences, skip-gram, size 100", "Spearman on four Japanese sets", None,
           "none on so little text", _japanese, stops=False,
           settings={"method": "skipgram", "size": 100, "window": 5, "negative": 5, "min_count": 2, "threads": 1}),
)
