"""The run folder of a model over trees: its settings, and what stands in it.

    words/                how a word becomes a number
    corpus/train, valid   the trees as arrays

and what every run folder has (train.folder).
"""
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from tsuzuri.errors import ConfigError, check_choice, check_least, check_range
from tsuzuri.models.trees import ARCHITECTURES, TreeModel, check_shape, config_type, make_tree_model
from tsuzuri.text.forest import TreeBatches, TreeCorpus, open_trees
from tsuzuri.text.reading import ENCODING_ERRORS
from tsuzuri.text.tokenizers import WordTokenizer
from tsuzuri.text.tokenizers.options import Options
from tsuzuri.text.trees import NONE, Check, Tree, check_labels
from tsuzuri.text.vocabulary import UNK, Vocabulary
from tsuzuri.train.config import AveragingConfig
from tsuzuri.train.folder import RunFolder
from tsuzuri.train.task import Layers, Task


class TreeDataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which trees are learnt from."""

    data: str = ""
    """a data set's name, or a file with a tree in every line"""
    valid: str = ""
    """what validates: DATA, "none", or empty for the data set's own split or every 20th tree"""
    classes: int = 5
    """labels there are: 0 to classes - 1"""
    binary: bool = False
    """learn below (0) against above (1) the middle label, and nothing of nodes that have the middle one"""
    lowercase: bool = True
    """fold upper case to lower case"""
    min_count: int = 1
    """leave out words that are rarer"""
    encoding_errors: str = "strict"
    """what to do about bytes that are not UTF-8: strict, replace or ignore"""

    def __post_init__(self):
        check_choice("encoding_errors", self.encoding_errors, ENCODING_ERRORS)
        check_range("classes", self.classes, 2, 1000)
        check_least("min_count", self.min_count, 1)

    @property
    def learnt(self) -> int:
        """How many labels the model tells apart."""
        return 2 if self.binary else self.classes

    def labelled(self, tree: Tree) -> Tree:
        """The tree with the labels that are learnt."""
        return Tree(tree.words, [side(label, self.classes) for label in tree.labels], tree.children) if self.binary else tree


def side(label: int, classes: int) -> int:
    """0 for a label below the middle of so many, 1 for one above it, else -1."""
    return NONE if label == NONE or 2 * label == classes - 1 else int(2 * label > classes - 1)


class TreeTrainingConfig(AveragingConfig, frozen=True, forbid_unknown_fields=True):
    """How a model over trees is trained."""

    batch_size: int = 25
    """trees in a batch"""


Model = TypeVar("Model")


class TreeSettings(msgspec.Struct, Generic[Model], frozen=True, forbid_unknown_fields=True):
    """All settings of a training on trees."""

    trees: TreeDataConfig
    model: Model
    training: TreeTrainingConfig


class OverTrees(Task):
    """A label at every node of a tree."""

    command, architectures, default, measure, unit = "tree", tuple(ARCHITECTURES), "tree-lstm", "loss", "labels"

    def settings_type(self, arch):
        return TreeSettings[config_type(arch)]               # type: ignore[misc]

    def usual(self, arch: str, layers: Layers) -> dict[str, Any]:
        return {"schedule": "constant"}

    def refuse_no_text(self, settings):
        if not settings.trees.data:
            raise ConfigError("no trees were given; name a data set (sst) or a file with a tree in every line, as (3 (2 It) (3 works)).")


def checker(settings: TreeSettings) -> Check:
    """What refuses a tree, with its file and line, that a model of these settings cannot learn from or be measured with."""
    def check(tree: Tree, where: str) -> None:
        check_labels(tree, settings.trees.classes, where)
        check_shape(settings.model.arch, tree, where)
    return check


TASK = OverTrees()


class TreeRun(RunFolder):
    """An opened run folder of a model over trees.  RunError: it is none, or a part of it is damaged."""

    task = TASK

    def __init__(self, folder: str | os.PathLike):
        super().__init__(folder)
        self.words = self._tokenizer("words")

    def number(self, word: str) -> int:
        """The id of a word."""
        return word_number(self.words, word)

    def corpus(self) -> TreeCorpus:
        """The trees that are learnt from."""
        return open_trees(self.folder / "corpus" / "train")

    def held_out(self) -> TreeCorpus | None:
        """The trees that validate; None where nothing was held out."""
        folder = self.folder / "corpus" / "valid"
        return open_trees(folder) if folder.exists() else None

    def batches(self) -> TreeBatches:
        """The batches of the training."""
        return TreeBatches(self.corpus(), self.settings.training.batch_size, self.settings.training.seed)

    def new_model(self) -> TreeModel:
        """The model with the parameters that it starts its training with."""
        settings = self.settings
        return make_tree_model(settings.model, len(self.words), settings.trees.learnt, np.random.default_rng([settings.training.seed, 0]))


def word_number(words: Any, word: str) -> int:
    """The id of a word in a tokenizer of words; that of <unk> where it is not known."""
    return words.vocabulary.ids.get(words.options.fold(word), words.unk_id)


def learn_words(config: TreeDataConfig, said: Iterable[str]) -> WordTokenizer:
    """The vocabulary of the words of trees, which are cut already."""
    options = Options.of("word", {"lowercase": config.lowercase, "min_count": config.min_count, "eos": False})
    return WordTokenizer(Vocabulary.build(Counter(map(options.fold, said)), [UNK], None, config.min_count), options)
