"""Models over trees: word vectors, a recursive layer up the tree, a softmax at every node.

    recursive     h = tanh([left; right] W + b)                  (Socher et al. 2011)
    rntn          with a bilinear form of the two children       (Socher et al. 2013)
    tree-lstm     a cell with a forget gate for each of two      (Tai et al. 2015)
    child-sum     the same for any number of children            (Tai et al. 2015)

The loss is that of every node that has a label.
"""
from typing import Any

import msgspec
import numpy as np

from tsuzuri.array import Array, float_type
from tsuzuri.errors import DataError, check_choice, check_range, check_share
from tsuzuri.kernels.sampling import log_probabilities
from tsuzuri.nn import Dropout, Embedding, EmbeddingDropout, Module, starts
from tsuzuri.nn.tree import ChildSumLSTM, RecursiveNet, TensorNet, TreeLSTM
from tsuzuri.tensor import Tensor, no_grad
from tsuzuri.text.forest import Forest
from tsuzuri.text.trees import Tree

LARGEST = 1_000_000


class TreeModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every model over trees is made of."""

    arch: str = "tree-lstm"
    """recursive, rntn, tree-lstm or child-sum"""
    size: int = 150
    """numbers of a node's vector"""
    dropout: float = 0.0
    """probability of dropping an element of a word's vector, and of a node's before the softmax"""
    word_dropout: float = 0.0
    """probability of dropping a whole word from a batch"""
    dtype: str = "float32"
    """float32 or float64"""

    def __post_init__(self):
        check_choice("arch", self.arch, ARCHITECTURES)
        check_range("size", self.size, 1, LARGEST)
        for name in ("dropout", "word_dropout"):
            check_share(name, getattr(self, name))
        float_type(self.dtype)


class TreeLSTMConfig(TreeModelConfig, frozen=True, forbid_unknown_fields=True):
    """What the Tree-LSTMs are made of."""

    embedding: int = 0
    """length of a word's vector; 0: as size"""

    def __post_init__(self):
        super().__post_init__()
        check_range("embedding", self.embedding, 0, LARGEST)


class TreeModel(Module):
    """p(label | node) at every node of a forest."""

    def __init__(self, config: Any, vocabulary: int, classes: int, rng: np.random.Generator):
        self.config, self.classes = config, classes
        dtype, size = float_type(config.dtype), config.size
        embedding = getattr(config, "embedding", 0) or size
        self.embed = Embedding(vocabulary, embedding, rng=rng, dtype=dtype)
        self.embed.W.data[0] = 0                             # an unknown word says nothing, unless rare words have taught it something
        self.layer: Any = LAYERS[config.arch](embedding, size, rng=rng, dtype=dtype)
        self.dropout, self.word_dropout = Dropout(config.dropout), EmbeddingDropout(config.word_dropout)
        self.out = starts.output(size, classes, rng=rng, dtype=dtype)

    def vectors(self, forest: Forest, rng: np.random.Generator | None = None) -> Tensor:
        """The vector of every node (M, H); in training with ``rng``."""
        at = np.flatnonzero(forest.words >= 0)
        x = self.dropout(self.word_dropout(self.embed, forest.words[at], rng), rng)
        return self.layer(forest, x, at)

    def training_loss(self, *batch: Array, state: None = None, rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor | None, None]:
        """The mean loss of the labelled nodes of a Forest in nats; no penalty, no state."""
        forest = Forest(*batch)
        return self.out.loss(self.dropout(self.vectors(forest, rng), rng), forest.labels), None, None

    def losses(self, *batch: Array, state: None = None) -> tuple[Array, None]:
        """The loss of every node (M,) in nats, 0 without a label; nothing is recorded."""
        forest = Forest(*batch)
        with no_grad():
            return self.out.losses(self.vectors(forest).data, forest.labels), None

    def log_probabilities(self, forest: Forest) -> Array:
        """log p of each label at every node (M, classes); nothing is recorded."""
        with no_grad():
            return log_probabilities(self.out.logits(self.vectors(forest).data))


LAYERS = {"recursive": RecursiveNet, "rntn": TensorNet, "tree-lstm": TreeLSTM, "child-sum": ChildSumLSTM}
ARCHITECTURES = {arch: TreeLSTMConfig if "-" in arch else TreeModelConfig for arch in LAYERS}
"""arch -> the settings of the model"""


def config_type(arch: str) -> type[TreeModelConfig]:
    """The settings of an architecture."""
    check_choice("arch", arch, ARCHITECTURES)
    return ARCHITECTURES[arch]


def check_shape(arch: str, tree: Tree, where: str) -> None:
    """DataError: a model of that architecture cannot grow over the tree."""
    wrong = next((children for children in tree.children if len(children) not in (0, 2)), None)
    if wrong is not None and arch != "child-sum":
        raise DataError(f"{where} has a node with {len(wrong)} {'child' if len(wrong) == 1 else 'children'}, but arch {arch} needs two at every "
                        "node that has any; make the tree binary, or take arch child-sum.")
    said = next((word for word, children in zip(tree.words, tree.children, strict=True) if word is not None and children), None)
    if said is not None and "-" not in arch:
        raise DataError(f'{where} has the word "{said}" at a node with children, but arch {arch} has words at leaves alone; take arch tree-lstm or '
                        "child-sum.")


def make_tree_model(config: Any, vocabulary: int, classes: int, rng: np.random.Generator) -> TreeModel:
    """A new model for so many words and labels."""
    return TreeModel(config, vocabulary, classes, rng)
