"""Scenes that are generated: coloured shapes, and digits of MNIST, with sentences that are true of them.

A scene has one thing, two to four of a kind, two of different kinds, or several of one kind and one of another, each at a
place of its own on a board, a little off its middle.  Some combinations are held out: of one pair of kinds in ten every way in which the
two can lie to each other ("a red circle above a blue square", "a blue square left of a red circle" ...).

    train, valid    scenes in which none of these occurs, said or not
    unseen          scenes of which nothing can be said that does not state one

Everything follows from the set, the split and the number of a scene, so that pictures are drawn again rather than kept where that is
as well.  The digits of valid and unseen are MNIST's test part, written by other people than those of train.
"""
import gzip
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import combinations as combinations_of
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tsuzuri.datasets.cache import fetch_file
from tsuzuri.datasets.registry import DATASETS
from tsuzuri.datasets.scenes import TURNED, Combination, Scene, Thing, all_combinations, combinations, sentences
from tsuzuri.errors import DataError

UNITS = 64                                                   # the side of a picture, in which places are whole numbers
SAMPLES = 4                                                  # in each direction of a pixel, to smooth edges
SPLITS = ("train", "valid", "unseen")
SHARES = (0.2, 0.15, 0.45, 0.2)                              # of scenes with one thing, several of a kind, two different ones, several and one
HELD_OUT = 0.1                                               # share of the pairs of kinds
COLOURS = {"red": (214, 48, 42), "green": (44, 170, 68), "blue": (52, 96, 224), "yellow": (232, 208, 46), "purple": (166, 62, 200)}
SHAPES = ("circle", "square", "triangle", "cross")


class Set(NamedTuple):
    """A kind of scenes: its number (a seed), its nouns, places on a side, channels, things of a kind at most."""

    number: int
    nouns: tuple[str, ...]
    places: int
    channels: int
    most: int

    @property
    def apart(self) -> int:
        """Half a place."""
        return UNITS // self.places // 2

    def held_out(self) -> frozenset[Combination]:
        """The combinations that no training scene has."""
        return _held_out(self)

    def draw(self, rng: np.random.Generator) -> Scene:
        """Any scene."""
        what = int(rng.choice(len(SHARES), p=SHARES))
        a, b = (self.nouns[k] for k in rng.choice(len(self.nouns), 2, replace=False))
        kinds = ([a], [a] * int(rng.integers(2, self.most + 1)), [a, b], [a] * int(rng.integers(2, max(self.most, 3))) + [b])[what]
        side = UNITS // self.places
        at = rng.choice(self.places ** 2, len(kinds), replace=False)
        off = rng.integers(-side // 8, side // 8 + 1, (len(kinds), 2))
        return Scene(tuple(Thing(kind, int(side * (p % self.places) + side // 2 + dx), int(side * (p // self.places) + side // 2 + dy))
                           for kind, p, (dx, dy) in zip(kinds, at, off, strict=True)), self.apart)


SETS: Mapping[str, Set] = MappingProxyType({
    "shapes": Set(1, tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES), 3, 3, 4),
    "digits": Set(2, tuple("0123456789"), 2, 1, 3),
})


@lru_cache
def _held_out(made: Set) -> frozenset[Combination]:
    pairs = list(combinations_of(made.nouns, 2))
    chosen = np.random.default_rng([made.number, 99]).choice(len(pairs), round(HELD_OUT * len(pairs)), replace=False)
    return frozenset((a, relation, b) for k in chosen for a, b in (pairs[k], pairs[k][::-1]) for relation in TURNED)


def made_scenes(name: str, split: str, count: int) -> Iterator[tuple[Scene, int]]:
    """The first scenes of a split, each with a seed for its picture."""
    made, held_out = SETS[name], SETS[name].held_out()
    rng, found = np.random.default_rng([made.number, SPLITS.index(split)]), 0
    while found < count:
        scene, seed = made.draw(rng), int(rng.integers(1 << 32))
        said = sentences(scene)
        fits = bool(said) and (all(combinations(one, made.nouns) & held_out for one in said) if split == "unseen"
                               else not all_combinations(scene) & held_out)
        if fits:
            found += 1
            yield scene, seed


def draw_scene(name: str, split: str, scene: Scene, seed: int, pixels: int) -> np.ndarray:
    """The picture of a scene, bytes (pixels, pixels, channels)."""
    rng = np.random.default_rng([SETS[name].number, 7, seed])
    return (_draw_shapes if name == "shapes" else _draw_digits)(scene, split, pixels, rng)


def _draw_shapes(scene, split, pixels, rng):
    """Shapes of slightly different sizes and colours on a grey ground, and noise over all."""
    picture = np.full((pixels, pixels, 3), float(rng.integers(10, 70)))
    for thing in scene.things:
        colour, shape = thing.kind.split()
        radius = int(rng.integers(8, 10))
        shade = np.clip(np.array(COLOURS[colour]) + rng.integers(-20, 21, 3), 0, 255)
        cover, rows, columns = _cover(shape, radius, thing.x, thing.y, pixels)
        part = picture[rows, columns]
        part += cover[:, :, None] * (shade - part)
    return _noisy(picture, rng)


def _noisy(picture, rng):
    return np.clip(picture + rng.integers(-8, 9, picture.shape), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1 << 14)
def _cover(shape, radius, x, y, pixels):
    """How much of each pixel a shape covers, and the lines and columns of these pixels."""
    fine = SAMPLES * pixels

    def samples(centre):
        low, high = (max(0, (centre - radius) * pixels // UNITS), min(pixels, -(-(centre + radius) * pixels // UNITS)))
        return slice(low, high), (2 * np.arange(SAMPLES * low, SAMPLES * high) + 1) * UNITS - 2 * fine * centre    # in units of 1 / (2 fine)

    columns, dx = samples(x)
    rows, dy = samples(y)
    inside = _INSIDE[shape](dx[None, :], dy[:, None], 2 * fine * radius)
    cover = inside.reshape(len(dy) // SAMPLES, SAMPLES, len(dx) // SAMPLES, SAMPLES).mean((1, 3))
    return cover, rows, columns


_INSIDE = {"circle": lambda x, y, r: x * x + y * y <= r * r,
           "square": lambda x, y, r: (8 * np.abs(x) <= 7 * r) & (8 * np.abs(y) <= 7 * r),
           "triangle": lambda x, y, r: (2 * np.abs(x) <= y + r) & (np.abs(y) <= r),
           "cross": lambda x, y, r: (np.abs(x) <= r) & (np.abs(y) <= r) & ((4 * np.abs(x) <= r) | (4 * np.abs(y) <= r))}


def _draw_digits(scene, split, pixels, rng):
    """Digits of MNIST, as large as seven eighths of a place, bright on a dark ground."""
    images, _ = mnist("train" if split == "train" else "test")
    picture, side = np.zeros((pixels, pixels)), 7 * pixels // 16
    smaller = _smaller(images.shape[1], side)
    for thing in scene.things:
        these = _of_label(len(images) == 60_000, int(thing.kind))
        image = smaller @ images[these[int(rng.integers(len(these)))]] @ smaller.T
        top, left = (min(max(0, (centre * pixels) // UNITS - side // 2), pixels - side) for centre in (thing.y, thing.x))
        part = picture[top:top + side, left:left + side]
        np.maximum(part, image, out=part)
    return _noisy(picture[:, :, None], rng)


@lru_cache
def _smaller(size, side):
    """(side, size): each row the share that each of ``size`` places has in one of ``side``; without a rest, by whole numbers."""
    starts = np.arange(side)[:, None] * size
    places = np.arange(size) * side
    overlap = np.minimum(starts + size, places + side) - np.maximum(starts, places)
    return np.clip(overlap, 0, None) / size


@lru_cache
def _of_label(train, label):
    """Which images of a part show a digit."""
    return np.flatnonzero(mnist("train" if train else "test")[1] == label)


@lru_cache
def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) and labels (N,) of MNIST's part train or test, bytes.  DataError: a file is damaged."""
    dataset = DATASETS["mnist"]
    return tuple(read_idx(fetch_file(dataset, f"{part}-{what}")) for what in ("images", "labels"))     # type: ignore[return-value]


def read_idx(path) -> np.ndarray:
    """An array of bytes in the format IDX, packed.  DataError: it is none."""
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be unpacked ({error}); fetch it again") from None
    axes = content[3] if len(content) > 4 and content[:3] == b"\0\0\x08" else 0
    shape = tuple(int.from_bytes(content[4 + 4 * k:8 + 4 * k], "big") for k in range(axes))
    if not axes or len(content) != 4 + 4 * axes + int(np.prod(shape)):
        raise DataError(f"{path}: is no array of bytes in the format IDX; fetch it again")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
