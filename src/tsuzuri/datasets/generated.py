"""Data that needs no file: points on spirals, and the text of the language reference inside every CPython."""
from collections.abc import Iterator

import numpy as np

from tsuzuri.errors import DataError


def spiral(rng: np.random.Generator, arms: int = 3, points: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Points on ``arms`` spirals that a straight line cannot part: x (arms * points, 2), labels int64.

    Arm by arm, from the centre out to radius 1, with a normal disturbance of 0.2 radians.
    Source: Stanford's CS231n (Karpathy 2015); constants of Deep Learning from Scratch 2 (Saito 2018).
    """
    arm = np.arange(arms)[:, None]
    radius = np.arange(points) / points
    theta = 4 * arm + 4 * radius + 0.2 * rng.normal(size=(arms, points))
    x = np.stack([radius * np.sin(theta), radius * np.cos(theta)], axis=-1)
    return x.reshape(-1, 2), np.repeat(np.arange(arms), points)


def python_reference() -> Iterator[str]:
    """Lines of ``pydoc_data.topics``, topics by name.  The text differs between versions of Python."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError("python-reference: this Python was packaged without pydoc_data; install its full "
                        "standard library or take another data set") from None
    for name in sorted(topics):
        yield from topics[name].removesuffix("\n").split("\n")
