"""Word vectors in two dimensions, to be looked at: PCA, t-SNE or UMAP.

The vectors are brought to length 1 first, so that the map compares directions, as the cosine does.

PCA keeps the two directions in which they differ most (Pearson 1901), and distances on its map are true shadows of the
real ones.  t-SNE (van der Maaten and Hinton 2008) and UMAP (McInnes, Healy and Melville 2018) keep neighbours together and
bend everything else: groups on their maps mean something, distances between the groups do not.
"""
import warnings
from collections.abc import Callable

import numpy as np

from tsuzuri.errors import ConfigError, check_choice

FEWEST = 3


def project(vectors: np.ndarray, method: str = "pca", seed: int = 1) -> np.ndarray:
    """vectors (N, D) -> points (N, 2), the same for the same seed.

    ConfigError: an unknown method, fewer than three vectors, a missing library.
    """
    check_choice("method", method, METHODS)
    vectors = np.asarray(vectors, np.float64)
    if len(vectors) < FEWEST:
        raise ConfigError(f"a map of {len(vectors)} words shows nothing; give at least {FEWEST} words.")
    if not np.isfinite(vectors).all():
        raise ConfigError("the vectors hold numbers that are infinite or not numbers; train or convert them again.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return METHODS[method](vectors / np.where(lengths > 0, lengths, 1), seed)


def _pca(vectors, seed):
    """The first two principal components; the sign of each is the one that makes its largest entry positive."""
    centred = vectors - vectors.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    points[:, :min(2, len(sizes))] = (left * sizes)[:, :2]
    return points * np.where(points[np.abs(points).argmax(0), [0, 1]] < 0, -1, 1)


def _tsne(vectors, seed):
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise _missing("t-SNE", "scikit-learn") from None
    from threadpoolctl import threadpool_limits
    perplexity = min(30, (len(vectors) - 1) / 3)
    map_ = TSNE(2, perplexity=perplexity, metric="cosine", init=_start(vectors), random_state=seed)
    with threadpool_limits(1):                               # on a busy machine its threads wait for each other, 20 times longer
        return map_.fit_transform(vectors)


def _umap(vectors, seed):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                  # it warns that TensorFlow is not installed
            import umap
    except ImportError:
        raise _missing("UMAP", "umap-learn") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                      # it warns that a seed allows one thread only
        return umap.UMAP(n_components=2, n_neighbors=min(15, len(vectors) - 1), metric="cosine", init=1e5 * _start(vectors),
                         random_state=seed, n_jobs=1).fit_transform(vectors)


def _start(vectors):
    """Points to start from: those of PCA, as small as t-SNE likes them."""
    points = _pca(vectors, 0)
    return (1e-4 * points / max(points[:, 0].std(), 1e-12)).astype(np.float32)


def _missing(method, library) -> ConfigError:
    return ConfigError(f'{method} needs {library}, which is not installed; install it with `pip install "tsuzuri[plot]"`, or take '
                       "the method pca.")


METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
