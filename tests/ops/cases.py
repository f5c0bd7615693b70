"""The table of ops.  Every op class is in it, and every check of an op is driven through it.

A case is an op, the shapes of its inputs, and the range they are drawn from.  Whole numbers that an op is made with
(targets, ids, lengths) pass through ``put``, so that the same case also runs on another array module.
"""
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsuzuri.kernels import attention as attention_kernels
from tsuzuri.kernels.rotary import rotary_angles
from tsuzuri.kernels.softmax import softmax_rows
from tsuzuri.ops import (
    attending,
    elementwise,
    fused,
    index,
    labelling,
    linalg,
    memory,
    pictures,
    reduce,
    regression,
    shape,
    trees,
)
from tsuzuri.ops import outputs as output_layers
from tsuzuri.sparse import RowSparse
from tsuzuri.tensor import Op
from tsuzuri.text.forest import Nodes, joined, nodes_of, pack
from tsuzuri.text.trees import tree_of

ABSTRACT = {fused.Recurrent}


@dataclass(frozen=True)
class Case:
    """One op on one set of shapes.  ``make(put)`` gives a new op; inputs are normal, or uniform in ``low..high``, and that of the number
    ``weights``, if there is one, is the softmax of such."""

    label: str
    make: Callable[[Callable], Op]
    shapes: tuple[tuple[int, ...], ...]
    between: tuple[float, float] | None = None
    weights: int | None = None

    @property
    def kind(self) -> type[Op]:
        return type(self.op())

    def op(self, put: Callable = lambda a: a) -> Op:
        """A new op, its own arrays moved by ``put``."""
        return self.make(put)

    def inputs(self, dtype: Any = np.float64, seed: int = 0) -> tuple[np.ndarray, ...]:
        """The same arrays every time."""
        rng = np.random.default_rng([seed, *self.label.encode()])
        draw = rng.standard_normal if self.between is None else lambda s: rng.uniform(*self.between, s)
        drawn = [draw(s) for s in self.shapes]
        if self.weights is not None:
            drawn[self.weights] = softmax_rows.plain(drawn[self.weights])
        return tuple(np.asarray(a, dtype=dtype) for a in drawn)


def _cases():
    def add(kind, label, shapes, make=None, between=None, weights=None, **arrays):
        make = make or (lambda put: kind(**{k: put(v) if isinstance(v, np.ndarray) else v for k, v in arrays.items()}))
        found.append(Case(f"{kind.__name__}: {label}", make, tuple(shapes), between, weights))

    def ints(*values): return np.array(values)
    def mask(*shape): return 2.0 * np.random.default_rng(1).integers(2, size=shape)

    found: list[Case] = []
    e, f = elementwise, fused
    for kind in (e.Add, e.Sub, e.Mul, e.Div, e.Minimum):
        between = (0.5, 2.0) if kind is e.Div else None
        add(kind, "same shapes", [(3, 4), (3, 4)], between=between)
        add(kind, "row", [(2, 3, 4), (4,)], between=between)
        add(kind, "column on the left", [(3, 1), (2, 3, 4)], between=between)
        add(kind, "both grow", [(3, 1), (1, 4)], between=between)
        add(kind, "a number", [(3, 4), ()], between=between)
        add(kind, "two numbers", [(), ()], between=between)
        add(kind, "no rows", [(0, 4), (4,)], between=between)
    add(e.Pow, "square", [(3, 4)], power=2)
    add(e.Pow, "inverse", [(3, 4)], between=(0.5, 2.0), power=-1)
    add(e.Pow, "root", [(5,)], between=(0.5, 2.0), power=0.5)
    for kind in (e.Neg, e.Exp, e.Sigmoid, e.Tanh, e.Relu, e.Gelu, e.Log):
        between = (0.5, 2.0) if kind is e.Log else None
        for label, s in {"matrix": (3, 4), "a number": (), "one": (1, 1), "none": (0, 3)}.items():
            add(kind, label, [s], between=between)

    for kind in (reduce.Sum, reduce.Mean, reduce.Max):
        add(kind, "all", [(3, 4)])
        add(kind, "rows", [(3, 4)], axis=0)
        add(kind, "last, kept", [(2, 3, 4)], axis=-1, keepdims=True)
        add(kind, "two axes", [(2, 3, 4)], axis=(0, -1))
        add(kind, "all, kept", [(2, 3)], keepdims=True)
        add(kind, "one", [(1, 1)], axis=1)
        add(kind, "a number", [()])
        add(kind, "no rows", [(0, 3)], axis=1)
    add(reduce.Sum, "over nothing", [(0, 3)], axis=0)

    add(shape.Reshape, "flat", [(2, 3, 4)], shape=(-1,))
    add(shape.Reshape, "split", [(6, 4)], shape=(2, 3, 2, 2))
    add(shape.Reshape, "from a number", [()], shape=(1, 1))
    add(shape.Transpose, "reversed", [(2, 3, 4)])
    add(shape.Transpose, "cycle", [(2, 3, 4)], axes=(1, 2, 0))
    add(shape.Transpose, "negative axes", [(2, 3, 4)], axes=(0, -1, -2))
    add(shape.Slice, "row", [(3, 4)], key=1)
    add(shape.Slice, "steps", [(5, 6)], key=(slice(None, None, 2), slice(4, 1, -1)))
    add(shape.Slice, "ellipsis and a new axis", [(2, 3, 4)], key=(..., None, 2))
    add(shape.Slice, "element", [(3, 4)], key=(1, -1))
    add(shape.Slice, "empty", [(3, 4)], key=slice(2, 2))
    add(shape.Concatenate, "rows", [(2, 4), (3, 4), (1, 4)])
    add(shape.Concatenate, "last axis, one empty", [(2, 3, 1), (2, 3, 0), (2, 3, 2)], axis=-1)
    add(shape.Stack, "first", [(2, 3), (2, 3), (2, 3)])
    add(shape.Stack, "last", [(2, 3), (2, 3)], axis=-1)
    add(shape.Stack, "middle", [(2, 3), (2, 3)], axis=1)

    add(linalg.MatMul, "matrices", [(3, 4), (4, 5)])
    add(linalg.MatMul, "batched", [(2, 3, 4), (2, 4, 5)])
    add(linalg.MatMul, "leading axes broadcast", [(2, 1, 3, 4), (5, 4, 2)])
    add(linalg.MatMul, "size 1", [(1, 1), (1, 1)])
    add(linalg.MatMul, "no rows", [(0, 4), (4, 5)])
    add(linalg.Linear, "2-D", [(5, 3), (3, 4), (4,)])
    add(linalg.Linear, "3-D", [(2, 3, 4), (4, 5), (5,)])
    add(linalg.Linear, "1-D", [(3,), (3, 4), (4,)])
    add(linalg.Linear, "size 1", [(1, 1), (1, 1), (1,)])
    add(linalg.Linear, "no rows", [(0, 3), (3, 4), (4,)])
    add(linalg.Linear, "large enough to be cut up", [(150, 120), (120, 130), (130,)])

    add(index.Embedding, "repeated ids", [(6, 3)], ids=np.array([[1, 4, 1], [5, 1, 0]]))
    add(index.Embedding, "one", [(1, 1)], ids=ints(0))
    add(index.Embedding, "one id, no axis", [(4, 2)], ids=np.array(2))
    add(index.Embedding, "no ids", [(6, 3)], ids=np.zeros((2, 0), int))
    add(index.Embedding, "32 bit ids", [(6, 3)], ids=np.array([3, 3, 0], np.int32))
    add(shape.Split, "three steps", [(2, 3, 4)])
    add(shape.Split, "one step", [(3, 1)])
    add(index.Turn, "whole rows", [(2, 3, 4)])
    add(index.Turn, "lengths", [(3, 4, 2)], lengths=ints(4, 2, 1))
    add(index.Gather, "last axis", [(3, 5)], ids=np.array([[0], [4], [2]]))
    add(index.Gather, "repeated along rows", [(4, 3)], ids=np.array([[1, 1, 3], [1, 0, 3]]), axis=0)
    add(index.Gather, "middle", [(2, 4, 3)], ids=np.array([[[1, 0, 3]], [[2, 2, 2]]]), axis=1)
    add(index.Gather, "one row for many", [(1, 4)], ids=np.array([[0], [3], [3]]), axis=1)

    for kind in (f.Softmax, f.LogSoftmax):
        add(kind, "2-D", [(3, 5)])
        add(kind, "3-D", [(2, 3, 4)])
        add(kind, "1-D", [(7,)])
        add(kind, "one class", [(3, 1)])
        add(kind, "no rows", [(0, 4)])
        add(kind, "large values", [(4, 5)], between=(-300.0, 300.0))
    add(f.LayerNorm, "2-D", [(3, 5), (5,), (5,)])
    add(f.LayerNorm, "3-D", [(2, 3, 4), (4,), (4,)])
    add(f.LayerNorm, "1-D", [(5,), (5,), (5,)])
    add(f.LayerNorm, "one feature", [(3, 1), (1,), (1,)])
    add(f.LayerNorm, "no rows", [(0, 4), (4,), (4,)])

    some, grid, none = ints(2, -1, 0, 4, -1, 4), np.array([[1, -1, 0], [3, 3, 2]]), ints(-1, -1, -1, -1, -1, -1)
    for label, smoothing in {"": 0.0, ", smoothed": 0.1}.items():
        add(f.CrossEntropy, "some ignored" + label, [(6, 5)], targets=some, smoothing=smoothing)
        add(f.CrossEntropy, "3-D" + label, [(2, 3, 4)], targets=grid, smoothing=smoothing)
        add(f.CrossEntropy, "all ignored" + label, [(6, 5)], targets=none, smoothing=smoothing)
        add(f.CrossEntropy, "one class" + label, [(2, 1)], targets=ints(0, 0), smoothing=smoothing)
        add(f.CrossEntropy, "no rows" + label, [(0, 5)], targets=np.zeros(0, int), smoothing=smoothing)
        add(f.LinearCrossEntropy, "some ignored" + label, [(6, 3), (3, 5), (5,)], targets=some, smoothing=smoothing)
        add(f.LinearCrossEntropy, "3-D" + label, [(2, 3, 4), (4, 7), (7,)], targets=grid, smoothing=smoothing)
        add(f.LinearCrossEntropy, "all ignored" + label, [(6, 3), (3, 5), (5,)], targets=none, smoothing=smoothing)
    add(f.LinearCrossEntropy, "size 1", [(1, 1), (1, 1), (1,)], targets=ints(0))
    add(f.LinearCrossEntropy, "no rows", [(0, 3), (3, 5), (5,)], targets=np.zeros(0, int))
    add(f.LinearCrossEntropy, "one row, no axis", [(3,), (3, 5), (5,)], targets=np.array(4))
    add(f.LinearCrossEntropy, "large enough to be cut up", [(60, 40), (40, 900), (900,)],
        targets=np.arange(60) * 15 % 900)
    add(f.SigmoidCrossEntropy, "1-D", [(5,)], targets=np.array([0.0, 1.0, 1.0, 0.25, 0.0]))
    add(f.SigmoidCrossEntropy, "2-D, whole numbers", [(2, 3)], targets=np.array([[0, 1, 1], [1, 0, 0]]))
    add(f.SigmoidCrossEntropy, "far out", [(4,)], between=(-90.0, 90.0), targets=ints(0, 1, 0, 1))
    add(f.SigmoidCrossEntropy, "some do not count", [(2, 3)], targets=np.array([[0.0, np.nan, 1.0], [np.nan, np.nan, 0.5]]))
    add(f.SigmoidCrossEntropy, "none counts", [(2,)], targets=np.full(2, np.nan))
    add(f.SigmoidCrossEntropy, "none", [(0,)], targets=np.zeros(0))

    for kind in (f.Dropout, f.VariationalDropout):
        for s in ((4, 5, 6), (1, 1, 1), (2, 0, 3), (0, 2, 3)):
            add(kind, str(s), [s], lambda put, kind=kind: kind(0.4, np.random.default_rng(5)))
    add(f.Dropout, "2-D, few kept", [(8, 9)], lambda put: f.Dropout(0.9, np.random.default_rng(5)))

    for kind, gates, states, extra in ((f.RNN, 1, 1, 0), (f.GRU, 3, 1, 1), (f.LSTM, 4, 2, 0)):
        def shapes(N, T, D, H, gates=gates, states=states, extra=extra):
            return [(N, T, D), *[(N, H)] * states, (D, gates * H), (H, gates * H), (gates * H,), *[(H,)] * extra]
        add(kind, "all full", shapes(3, 5, 4, 6))
        add(kind, "few steps", shapes(3, 2, 4, 3))
        add(kind, "lengths", shapes(4, 5, 2, 3), lengths=ints(3, 5, 1, 2))
        add(kind, "lengths with 0 and full", shapes(4, 6, 2, 3), lengths=ints(0, 6, 3, 6))
        add(kind, "lengths, few steps", shapes(3, 2, 2, 3), lengths=ints(2, 0, 1))
        add(kind, "size 1", shapes(1, 1, 1, 1))
        add(kind, "no steps", shapes(3, 0, 2, 4))
        add(kind, "no rows", shapes(0, 4, 2, 3))
        add(kind, "wide", shapes(13, 5, 9, 37), between=(-0.4, 0.4),
            lengths=ints(5, 4, 3, 5, 5, 1, 2, 5, 5, 0, 5, 5, 2))
        add(kind, "mask", shapes(3, 5, 4, 6), mask=mask(3, 6))
        add(kind, "mask, few steps", shapes(3, 2, 4, 3), mask=mask(3, 3))
        add(kind, "mask and lengths", shapes(4, 6, 2, 3), lengths=ints(0, 6, 3, 6), mask=mask(4, 3))
        add(kind, "mask, size 1", shapes(1, 1, 1, 1), mask=np.array([[2.0]]))
        add(kind, "mask, no steps", shapes(3, 0, 2, 4), mask=mask(3, 4))
        add(kind, "mask, no rows", shapes(0, 4, 2, 3), mask=mask(0, 3))
        add(kind, "mask, wide", shapes(13, 5, 9, 37), between=(-0.4, 0.4), mask=mask(13, 37),
            lengths=ints(5, 4, 3, 5, 5, 1, 2, 5, 5, 0, 5, 5, 2))

    for label, s, ids in (("repeated ids", (6, 3), np.array([[1, 4, 1], [5, 1, 0]])), ("one", (1, 1), ints(0)),
                          ("one id, no axis", (4, 2), np.array(2)), ("no ids", (6, 3), np.zeros((2, 0), int))):
        add(f.EmbeddingDropout, label, [s], lambda put, ids=ids: f.EmbeddingDropout(put(ids), 0.4, np.random.default_rng(5)))
    for label, s in {"3-D": (2, 4, 3), "one step": (2, 1, 3), "size 1": (1, 1, 1), "no steps": (2, 0, 3), "no rows": (0, 3, 2)}.items():
        add(f.ActivationPenalty, label, [s])
        add(f.TemporalPenalty, label, [s])
    add(f.ActivationPenalty, "2-D", [(3, 4)])
    add(f.ActivationPenalty, "a number", [()])

    mixture, adaptive = output_layers.MixtureCrossEntropy, output_layers.AdaptiveCrossEntropy
    add(mixture, "some ignored", [(6, 3, 4), (6, 3), (4, 5), (5,)], targets=some)
    add(mixture, "4-D", [(2, 3, 2, 4), (2, 3, 2), (4, 7), (7,)], targets=grid)
    add(mixture, "one expert", [(6, 1, 4), (6, 1), (4, 5), (5,)], targets=some)
    add(mixture, "all ignored", [(6, 2, 3), (6, 2), (3, 5), (5,)], targets=none)
    add(mixture, "size 1", [(1, 1, 1), (1, 1), (1, 1), (1,)], targets=ints(0))
    add(mixture, "no rows", [(0, 2, 3), (0, 2), (3, 5), (5,)], targets=np.zeros(0, int))
    add(mixture, "large values", [(6, 3, 4), (6, 3), (4, 5), (5,)], between=(-4.0, 4.0), targets=some)
    add(mixture, "large enough to be cut up", [(35, 40, 20), (35, 40), (20, 60), (60,)], targets=np.arange(35) - 1)
    two = [(4, 4), (4, 2), (2, 2), (4, 1), (1, 3)]           # the head, then P and W of each cluster
    add(adaptive, "two clusters", [(6, 4), *two], targets=ints(6, -1, 0, 4, 3, 1), cutoffs=[2, 4, 7])
    add(adaptive, "3-D", [(2, 3, 4), *two], targets=np.array([[1, -1, 2], [3, 3, 6]]), cutoffs=[2, 4, 7])
    add(adaptive, "a cluster that nobody needs", [(4, 4), *two], targets=ints(0, 6, 5, 1), cutoffs=[2, 4, 7])
    add(adaptive, "all ignored", [(2, 4), *two], targets=ints(-1, -1), cutoffs=[2, 4, 7])
    add(adaptive, "no clusters", [(6, 3), (3, 5)], targets=some, cutoffs=[5])
    add(adaptive, "size 1", [(1, 1), (1, 2), (1, 1), (1, 1)], targets=ints(1), cutoffs=[1, 2])
    add(adaptive, "no rows", [(0, 4), *two], targets=np.zeros(0, int), cutoffs=[2, 4, 7])
    add(adaptive, "large enough to be cut up", [(90, 60), (60, 500), (60, 30), (30, 900)],
        targets=np.arange(90) * 15, cutoffs=[499, 1399])
    def turned(heads, T, D):
        return lambda put: attending.CausalAttention(heads, *map(put, rotary_angles(T, D)))

    none = np.zeros((0, 0))
    a = attending
    add(a.CausalAttention, "two heads", [(2, 5, 18)], heads=2, cos=none, sin=none)
    add(a.CausalAttention, "turned", [(2, 5, 24)], turned(2, 5, 4))
    add(a.CausalAttention, "turned, fewer steps than positions", [(1, 3, 12)], turned(1, 9, 4))
    add(a.CausalAttention, "several blocks", [(1, attention_kernels.BLOCK * 2 + 9, 12)], turned(1, 200, 4))
    add(a.CausalAttention, "large enough for threads", [(3, 150, 192)], turned(4, 150, 16), between=(-1.0, 1.0))
    add(a.CausalAttention, "one step", [(3, 1, 6)], heads=1, cos=none, sin=none)
    add(a.CausalAttention, "size 1", [(1, 1, 3)], heads=1, cos=none, sin=none)
    add(a.CausalAttention, "no rows", [(0, 4, 12)], turned(1, 4, 4))
    add(a.CausalAttention, "no steps", [(2, 0, 12)], turned(1, 4, 4))
    for label, (N, D, H) in {"2-D": (5, 3, 4), "size 1": (1, 1, 1), "no rows": (0, 3, 4), "large": (150, 120, 500)}.items():
        add(a.LinearGelu, label, [(N, D), (D, H), (H,)], between=(-0.5, 0.5) if N > 9 else None)
        shapes = [(N, H), (N, D), (D, H), (H,)]
        add(a.BranchEnd, label, shapes, between=(-0.5, 0.5) if N > 9 else None, p=0.0, rng=None)
        add(a.BranchEnd, f"{label}, dropped", shapes, lambda put: a.BranchEnd(0.4, np.random.default_rng(5)))
    add(a.LinearGelu, "3-D", [(2, 3, 4), (4, 5), (5,)])
    add(a.LinearGelu, "far out", [(6, 1), (1, 1), (1,)], between=(-9.0, 9.0))
    add(a.BranchEnd, "3-D", [(2, 3, 5), (2, 3, 4), (4, 5), (5,)], p=0.0, rng=None)
    _looking_cases(add)
    _memory_cases(add)
    _picture_cases(add)
    _labelling_cases(add)
    _tree_cases(add)
    _regression_cases(add)
    add(f.LayerNorm, "large enough for threads", [(9, 50, 160), (160,), (160,)])
    return found


def _regression_cases(add):
    """Losses of numbers: all that count, some that do not, none."""
    one, grid, gone = np.array([0.3, -1.2, 2.0]), np.array([[0.5, np.nan], [-0.1, 1.4], [np.nan, 0.0]]), np.array([np.nan, np.nan])
    three, median = np.array([0.1, 0.5, 0.9]), np.array([0.5])
    for label, targets in {"1-D": one, "2-D, some ignored": grid, "all ignored": gone, "size 1": np.array([0.2]), "none": np.zeros(0)}.items():
        add(regression.SquaredError, label, [targets.shape], targets=targets)
        add(regression.Pinball, label, [(*targets.shape, 3)], targets=targets, quantiles=three)
    add(regression.Pinball, "the median alone", [(3, 1)], targets=one, quantiles=median)
    add(regression.Pinball, "far out", [(3, 3)], between=(-90.0, 90.0), targets=one, quantiles=three)
    add(regression.SquaredError, "far out", [(3,)], between=(-90.0, 90.0), targets=one)


def _tree_cases(add):
    """Ops over a forest: trees of unlike heights, one that is a single leaf, none; with and without words above the leaves."""
    def grown(*values):
        nodes = [nodes_of(tree_of(value), len) for value in values]
        return pack(joined(nodes) if nodes else Nodes(*np.zeros((4, 0), int)))[0]

    def among(forest, *names): return {name: getattr(forest, name) for name in names}

    pairs = grown((("a", "b"), ("c", ("d", "e"))), ("a", "b"), "a", ("a", (("b", "c"), "d")))
    wide = grown(*[functools.reduce(lambda left, k: (left, "a") if k % 3 else ("a", left), range(k), "b") for k in range(1, 9)])
    for label, forest, H in (("four trees", pairs, 3), ("one leaf", grown("a"), 2), ("size 1", grown(("a", "b")), 1), ("no trees", grown(), 3), ("wide", wide, 37)):
        leaves, narrow = int((forest.words >= 0).sum()), min(H, 6)
        between = (-0.3, 0.3) if H > 9 else None
        add(trees.RecursiveNet, label, [(leaves, H), (2 * H, H), (H,)], between=between, **among(forest, "levels", "children"))
        add(trees.TensorNet, label, [(leaves, narrow), (4 * narrow ** 2, narrow), (2 * narrow, narrow), (narrow,)], between=(-0.5, 0.5),
            **among(forest, "levels", "children"))
        add(trees.TreeLSTM, label, [(leaves, 4), (4, 4 * H), (2 * H, 5 * H), (4 * H,)], between=between,
            at=np.arange(leaves), **among(forest, "levels", "children"))
        add(trees.ChildSumLSTM, label, [(leaves, 4), (4, 4 * H), (H, 4 * H), (4 * H,)], between=between,
            at=np.arange(leaves), **among(forest, "levels", "first", "children"))
    said = grown({"word": "a", "left": "b", "right": {"word": "c", "left": "d", "right": "e"}}, ("a", "b"))
    add(trees.TreeLSTM, "words above the leaves", [(7, 2), (2, 12), (6, 15), (12,)], at=np.flatnonzero(said.words >= 0),
        **among(said, "levels", "children"))
    many = grown({"word": "a", "children": ["b", ("c", "d", "e"), ["f"]]}, ["a"], {"word": "a", "children": [{"word": "b", "children": ["c"]}]})
    add(trees.ChildSumLSTM, "any number of children, words above the leaves", [(int((many.words >= 0).sum()), 2), (2, 12), (3, 12), (12,)],
        at=np.flatnonzero(many.words >= 0), **among(many, "levels", "first", "children"))


def _picture_cases(add):
    """Ops on pictures (N, H, W, C): filters and windows that leave a rest, that just fit, and that are larger than the pictures."""
    p = pictures

    def shapes(N, H, W, C, k, l, F): return [(N, H, W, C), (k, l, C, F), (F,)]

    add(p.Conv2D, "3 x 3, zeros around", shapes(2, 5, 6, 3, 3, 3, 4), padding=1)
    add(p.Conv2D, "stride 2, a rest", shapes(2, 6, 5, 3, 3, 3, 2), stride=2, padding=1)
    add(p.Conv2D, "no zeros, not square", shapes(2, 5, 7, 2, 2, 3, 5))
    add(p.Conv2D, "more zeros than the filter has", shapes(1, 3, 3, 2, 2, 2, 3), padding=3)
    add(p.Conv2D, "stride larger than the filter", shapes(2, 9, 9, 2, 2, 2, 3), stride=4)
    add(p.Conv2D, "1 x 1", shapes(2, 3, 3, 4, 1, 1, 5))
    add(p.Conv2D, "as large as the picture", shapes(2, 4, 3, 2, 4, 3, 3))
    add(p.Conv2D, "whole vectors of channels", shapes(3, 9, 13, 16, 3, 3, 48), between=(-1.0, 1.0), padding=1)
    add(p.Conv2D, "size 1", shapes(1, 1, 1, 1, 1, 1, 1))
    add(p.Conv2D, "no pictures", shapes(0, 4, 4, 3, 3, 3, 2))
    for kind in (p.MaxPool2D, p.MeanPool2D):
        add(kind, "windows of 2", [(2, 4, 6, 3)], size=2)
        add(kind, "windows of 3, a rest", [(2, 7, 5, 2)], size=3)
        add(kind, "one window", [(2, 3, 3, 2)], size=3)
        add(kind, "windows of 1", [(1, 2, 3, 2)], size=1)
        add(kind, "size 1", [(1, 1, 1, 1)], size=1)
        add(kind, "no pictures", [(0, 4, 4, 2)], size=2)
        add(kind, "large enough for threads", [(4, 33, 32, 17)], size=2)
    known = np.array([0.5, -1.0, 0.0, 2.0]), np.array([1.0, 0.25, 3.0, 0.0])
    for label, moments in (("", None), (", known moments", known)):
        def norm(put, moments=moments): return p.BatchNorm(None if moments is None else tuple(map(put, moments)))

        add(p.BatchNorm, "2-D" + label, [(6, 4), (4,), (4,)], norm)
        add(p.BatchNorm, "pictures" + label, [(2, 3, 2, 4), (4,), (4,)], norm)
        add(p.BatchNorm, "no rows" + label, [(0, 4), (4,), (4,)], norm)
        for size, s in {1: (2, 3, 2, 4), 2: (3, 5, 4, 4), 3: (2, 3, 3, 4)}.items():
            add(p.NormPoolRelu, f"windows of {size}{label}", [s, (4,), (4,)],
                lambda put, size=size, moments=moments: p.NormPoolRelu(size, moments and tuple(map(put, moments))))
        add(p.NormPoolRelu, "no pictures" + label, [(0, 4, 4, 4), (4,), (4,)], lambda put, moments=moments: p.NormPoolRelu(2, moments and tuple(map(put, moments))))
    add(p.NormPoolRelu, "size 1", [(1, 1, 1, 1), (1,), (1,)])
    add(p.BatchNorm, "one row", [(1, 3), (3,), (3,)])
    add(p.BatchNorm, "size 1", [(1, 1), (1,), (1,)])
    add(p.BatchNorm, "large enough for threads", [(3, 41, 40, 17), (17,), (17,)])


def _memory_cases(add):
    """Neural Turing Machines; the weights that the heads come with add up to one."""
    def both(label, N, T, D, H, S, M, reads, writes, J, between=(-1.0, 1.0)):
        K, Y = reads + writes, reads * M
        P = (K + 2 * writes) * M + 3 * K + K * J
        heads = [(N, K, S), (N, S, M)]
        add(memory.TuringLSTM, label, [(N, T, D), (N, H + Y), (N, H), *heads, (D, 4 * H), (H + Y, 4 * H), (4 * H,), (H, P), (P,)], between=between, weights=3)
        add(memory.TuringFeedforward, label, [(N, T, D), (N, Y), *heads, (D, H), (Y, H), (H,), (H, P), (P,)], between=between, weights=2)

    both("one head each", 2, 3, 4, 5, 6, 3, 1, 1, 3)
    both("two heads each", 3, 4, 2, 5, 7, 4, 2, 2, 3)
    both("three write", 2, 3, 3, 4, 5, 3, 1, 3, 1)
    both("all read", 2, 3, 3, 4, 5, 3, 2, 0, 3)
    both("all write, moves of an even number", 2, 3, 3, 4, 5, 3, 0, 1, 4)
    both("moves beyond the end", 2, 3, 2, 3, 2, 2, 1, 1, 5)
    both("size 1", 1, 1, 1, 1, 1, 1, 1, 1, 1)
    both("no rows", 0, 3, 2, 3, 4, 2, 1, 1, 3)
    both("no steps", 2, 0, 2, 3, 4, 2, 1, 1, 3)
    both("wide", 13, 4, 9, 37, 40, 20, 1, 1, 3, between=(-0.4, 0.4))


def _looking_cases(add):
    """Ops on a padded source: some rows end early, one has nothing, and lengths may be missing."""
    def ints(*values): return np.array(values, int)

    masked, looks, scores = fused.MaskedSoftmax, attending.Attention, attending.AdditiveScores
    add(masked, "no lengths", [(2, 3, 4)])
    add(masked, "lengths", [(3, 2, 5)], lengths=ints(5, 1, 3))
    add(masked, "one row empty", [(3, 2, 4)], lengths=ints(2, 0, 4))
    add(masked, "large values", [(2, 3, 5)], between=(-300.0, 300.0), lengths=ints(5, 3))
    add(masked, "size 1", [(1, 1, 1)], lengths=ints(1))
    add(masked, "no rows", [(0, 2, 4)], lengths=ints())
    add(masked, "no steps", [(2, 0, 4)], lengths=ints(2, 4))
    add(masked, "large enough for threads", [(4, 90, 190)], lengths=ints(190, 17, 1, 120))

    def shapes(N, T, S, K, D, E): return [(N, T, K * D), (N, S, K * D), (N, S, K * E)]

    add(looks, "one head, no lengths", shapes(2, 3, 4, 1, 5, 5))
    add(looks, "lengths", shapes(3, 4, 5, 1, 3, 2), lengths=ints(5, 1, 3), scale=0.5)
    add(looks, "heads", shapes(2, 3, 4, 3, 2, 4), lengths=ints(2, 4), heads=3, scale=2 ** -0.5)
    add(looks, "one row empty", shapes(3, 2, 4, 2, 2, 2), lengths=ints(2, 0, 4), heads=2)
    add(looks, "one step", shapes(3, 1, 4, 2, 3, 2), lengths=ints(4, 1, 2), heads=2, scale=-1.5)
    add(looks, "one step, one row empty", shapes(2, 1, 3, 1, 4, 3), lengths=ints(0, 3))
    add(looks, "size 1", shapes(1, 1, 1, 1, 1, 1), lengths=ints(1))
    add(looks, "no rows", shapes(0, 3, 4, 2, 3, 3), lengths=ints(), heads=2)
    add(looks, "no steps", shapes(2, 0, 4, 1, 3, 3), lengths=ints(2, 4))
    add(looks, "large enough for threads", shapes(6, 50, 45, 4, 32, 16), lengths=ints(45, 44, 45, 1, 20, 33), heads=4, scale=32 ** -0.5)
    add(looks, "one step, large enough for threads", shapes(30, 1, 60, 4, 160, 8), heads=4, scale=160 ** -0.5)

    add(scores, "no lengths", [(2, 3, 5), (2, 4, 5), (5,)])
    add(scores, "lengths", [(3, 2, 4), (3, 5, 4), (4,)], lengths=ints(5, 1, 3))
    add(scores, "one row empty", [(3, 2, 4), (3, 3, 4), (4,)], lengths=ints(2, 0, 3))
    add(scores, "one step", [(3, 1, 7), (3, 5, 7), (7,)], lengths=ints(5, 1, 3))
    add(scores, "far out", [(2, 3, 1), (2, 4, 1), (1,)], between=(-30.0, 30.0))
    add(scores, "size 1", [(1, 1, 1), (1, 1, 1), (1,)], lengths=ints(1))
    add(scores, "no rows", [(0, 2, 4), (0, 3, 4), (4,)], lengths=ints())
    add(scores, "no steps", [(2, 0, 4), (2, 3, 4), (4,)], lengths=ints(3, 1))
    add(scores, "large enough for threads", [(7, 9, 40), (7, 31, 40), (40,)], lengths=ints(31, 5, 31, 1, 30, 12, 31))


def _labelling_cases(add):
    """Labels of padded sentences: some end early, one has no words, and labels may be unknown (-1)."""
    def ints(*values): return np.array(values, int)

    crf = labelling.CRF
    def chain(N, T, K): return [(N, T, K), (K, K), (K,), (K,)]
    def labels(N, T, K): return np.random.default_rng(3).integers(K, size=(N, T))

    add(crf, "no lengths", chain(3, 4, 5), targets=labels(3, 4, 5))
    add(crf, "lengths", chain(4, 5, 3), targets=labels(4, 5, 3), lengths=ints(5, 1, 0, 3))
    add(crf, "labels that are not known", chain(3, 4, 3), targets=np.array([[1, -1, 2, 0], [-1, -1, -1, 2], [0, -1, 1, -1]]), lengths=ints(4, 4, 3))
    add(crf, "no label is known", chain(2, 3, 3), targets=np.full((2, 3), -1))
    add(crf, "one label", chain(2, 3, 1), targets=labels(2, 3, 1), lengths=ints(3, 2))
    add(crf, "size 1", chain(1, 1, 1), targets=labels(1, 1, 1))
    add(crf, "no rows", chain(0, 3, 4), targets=labels(0, 3, 4))
    add(crf, "no steps", chain(2, 0, 3), targets=labels(2, 0, 3))
    add(crf, "far apart", chain(2, 3, 3), between=(-60.0, 60.0), targets=labels(2, 3, 3))
    add(crf, "wide", chain(5, 7, 19), targets=labels(5, 7, 19), lengths=ints(7, 3, 7, 1, 6))
    for kind in (labelling.MeanOverTime, labelling.MaxOverTime):
        add(kind, "no lengths", [(2, 3, 4)])
        add(kind, "lengths", [(3, 5, 2)], lengths=ints(5, 1, 3))
        add(kind, "one row empty", [(3, 4, 2)], lengths=ints(2, 0, 4))
        add(kind, "size 1", [(1, 1, 1)], lengths=ints(1))
        add(kind, "no rows", [(0, 2, 4)], lengths=ints())
        add(kind, "no steps", [(2, 0, 3)], lengths=ints(0, 0))


CASES = _cases()


def leaf_classes() -> set[type[Op]]:
    """Every op class there is, those that only share code left out."""
    found, queue = set(), [Op]
    while queue:
        below = queue.pop().__subclasses__()
        found.update(k for k in below if k.__module__.startswith("tsuzuri."))
        queue += below
    return found - ABSTRACT


def outputs(op: Op, arrays: tuple) -> tuple:
    """What the op computes, always as a tuple."""
    outs = op.forward(*arrays)
    return outs if isinstance(outs, tuple) else (outs,)


def gradients(op: Op, douts: tuple) -> tuple:
    """One dense gradient an input, always as a tuple."""
    dins = op.backward(*douts)
    dins = dins if isinstance(dins, tuple) else (dins,)
    return tuple(d.to_dense() if isinstance(d, RowSparse) else d for d in dins)


def seeds(outs: tuple, dtype: Any = np.float64) -> tuple:
    """A random gradient for each output."""
    rng = np.random.default_rng(99)
    return tuple(np.asarray(rng.standard_normal(np.shape(o)), dtype) for o in outs)
