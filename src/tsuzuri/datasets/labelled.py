"""What DATA means where labelled sentences are learnt from: a set with an optional split, or a file.

    one label a sentence     a tab in every line, the label before it and the text behind; or trees in brackets (text.trees) with labels
                             0 to 4, of which the root's counts
    a label for each word    a word, a tab and its label in every line, an empty line between sentences (the manner of CoNLL)

    set                      split into
    sst                      train, valid and test, as published; a sentence that is there twice counts twice
    tanaka-pos               train, valid and test of tanaka-ja; the labels are what Sudachi says (silver: no person has looked at them)
    generated sets           train and valid, the last tenth
    files                    train and valid, every 20th sentence
"""
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from tsuzuri.datasets.cache import fetch_file
from tsuzuri.datasets.made_sentences import MADE, made_sentences
from tsuzuri.datasets.registry import DATASETS, Dataset
from tsuzuri.datasets.sources import Splits, parse_source
from tsuzuri.datasets.trees import open_tree_source
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.reading import STDIN, read_lines
from tsuzuri.text.sentences import Labelled
from tsuzuri.text.trees import Tree

EVERY = 20
"""One of so many sentences of a file is held out."""
SENTIMENTS = ("very negative", "negative", "neutral", "positive", "very positive")
"""The labels of trees, from 0."""
KINDS = {"classifier": ("labels", "trees"), "tagger": ("tags",)}
"""arch -> the kinds of data sets that it can be trained on."""
Reader = Callable[[str | None], Iterator[Labelled]]


class SentenceSource(Splits):
    """Labelled sentences with splits; ``sentences(split)`` can be called again and again, ``sentences()`` gives all of them.

    ``trees``: whether the sentences are trees.
    """

    def __init__(self, name: str, read: Reader, splits: tuple[str, ...], split: str | None = None, trees: bool = False):
        super().__init__(name, splits, split)
        self._read, self.trees = read, trees

    def sentences(self, split: str | None = None) -> Iterator[Labelled]:
        """The sentences one by one.  DataError: there is no such split; while reading: what is no labelled sentence, with file and line."""
        return self._read(self.part(split))


def open_sentences(data: str | os.PathLike, arch: str, *, phrases: bool = False, binary: bool = False,
                   encoding_errors: str = "strict") -> SentenceSource:
    """The labelled sentences that DATA names, for a model of ``arch``, a classifier or a tagger.

    Of trees ``phrases`` gives the words under every node, each of them once, and ``binary`` two labels, negative (0 and 1) and
    positive (3 and 4), leaving out what is neutral.
    DataError: there is no such set, split or file, or it is of another kind.  ConfigError: phrases or binary of what is no trees.
    """
    data = os.fspath(data)
    if data == STDIN:
        raise DataError("labelled sentences are read more than once, so not from standard input; write them to a file and name that")
    name, split = parse_source(data)
    source = _open_set(DATASETS[name], arch, split) if name in DATASETS else _open_file(data, arch, encoding_errors)
    if source.trees:
        return SentenceSource(data, lambda part: _of_trees(data, part, phrases, binary, encoding_errors), source.splits, split, True)
    for setting, wanted in (("phrases", phrases), ("binary", binary)):
        if wanted:
            raise ConfigError(f"{setting} is for trees, which {data} does not hold; leave it out")
    return source


# Files

def _open_file(path, arch, errors):
    if not os.path.isfile(path):
        raise DataError(f"{path}: is not a file; name one with labelled sentences")
    trees = arch == "classifier" and _holds_trees(path, errors)

    def read(part):
        sentences = _tagged(path, errors) if arch == "tagger" else _labelled(path, errors)
        return sentences if part is None else _part_of_file(sentences, part, path)
    return SentenceSource(path, read, ("train", "valid"), trees=trees)


def _holds_trees(path, errors):
    first = next((line for line in read_lines(path, errors=errors) if line.strip()), "")
    return first.lstrip().startswith("(") and "\t" not in first


def _labelled(path: str, errors: str) -> Iterator[Labelled]:
    for number, line in enumerate(read_lines(path, errors=errors), 1):
        where = f"{path}: line {number}"
        label, tab, text = (part.strip(" ") for part in line.partition("\t"))
        if not tab:
            raise DataError(f"{where} has no tab; a line is a label, a tab and a text, so put one in")
        if "\t" in text:
            raise DataError(f"{where} has {line.count(tab)} tabs, but a line is a label and a text with one tab between them; keep two columns, for "
                            "instance with `cut -f 1,2`")
        if not (label and text):
            raise DataError(f"{where} has no {'text' if label else 'label'}; write one or remove the line")
        yield Labelled(text, (label,), where)


def _tagged(path: str, errors: str) -> Iterator[Labelled]:
    words: list[str] = []
    labels: list[str] = []
    begun = 1
    for number, line in enumerate(chain(read_lines(path, errors=errors), [""]), 1):
        if line.strip():
            word, label = _word_and_label(line, f"{path}: line {number}")
            begun = begun if words else number
            words.append(word)
            labels.append(label)
        elif words:
            yield Labelled(" ".join(words), tuple(labels), f"{path}: line {begun}")
            words, labels = [], []


def _word_and_label(line, where):
    parts = [part.strip() for part in line.split("\t")]
    if len(parts) != 2:
        raise DataError(f"{where} has {len(parts) - 1 or 'no'} tab{'s' * (len(parts) > 2)}; a line is a word, a tab and its label, and an empty one "
                        "ends a sentence, so correct it")
    if not all(parts):
        raise DataError(f"{where} has no {'label' if parts[0] else 'word'}; write one or remove the line")
    if len(parts[0].split()) > 1:
        raise DataError(f'{where}: "{parts[0]}" has white space in it, so it is more than one word; give each its own line')
    return parts[0], parts[1]


def _part_of_file(sentences: Iterable[Labelled], split: str, name: str) -> Iterator[Labelled]:
    """The second of each twenty is held out, so that two sentences are enough for both parts."""
    number = -1
    for number, sentence in enumerate(sentences):
        if (number % EVERY == 1) == (split == "valid"):
            yield sentence
    if number < 1:
        raise DataError(f"{name}: one sentence is too little to hold out every {EVERY}th; give more, or name what validates")


# Sets

def _open_set(dataset: Dataset, arch: str, split: str | None) -> SentenceSource:
    if dataset.kind not in KINDS[arch]:
        fitting = [d.name for d in DATASETS.values() if d.kind in KINDS[arch]]
        raise DataError(f"{dataset.name} has no labels that a {arch} learns; sets for it are {', '.join(fitting)}")

    def read(part):
        parts = dataset.splits if part is None else (part,)
        return chain.from_iterable(made_sentences(dataset.name, each) if dataset.name in MADE else _silver(dataset.name, each) for each in parts)
    return SentenceSource(dataset.name, read, dataset.splits, split, dataset.kind == "trees")


@lru_cache(maxsize=2)
def _silver(name: str, split: str) -> tuple[Labelled, ...]:
    """Sudachi's words of each line, with their parts of speech."""
    from tsuzuri.text.tokenizers.japanese import words_with_parts
    dataset = DATASETS[name]
    lines = read_lines(fetch_file(dataset, split))
    found = [words_with_parts(line) for line in (dataset.written(lines) if dataset.written else lines)]
    return tuple(Labelled(" ".join(word for word, _ in words), tuple(part for _, part in words), f"{name}:{split}, sentence {k}")
                 for k, words in enumerate(found, 1) if words)


# Trees

def _of_trees(data: str, split: str | None, phrases: bool, binary: bool, errors: str) -> Iterator[Labelled]:
    """The sentences of trees; with ``phrases`` every phrase with its label, once."""
    met: set[tuple[str, int]] = set()
    for number, tree in enumerate(open_tree_source(data, _check_labels, encoding_errors=errors).trees(split), 1):
        found = zip(tree.spans(), tree.labels, strict=True) if phrases else [(tree.spans()[-1], tree.labels[-1])]
        for text, label in found:
            if (phrases and (text, label) in met) or (binary and label == 2) or label < 0:
                continue
            if phrases:
                met.add((text, label))
            name = SENTIMENTS[1 if label < 2 else 3] if binary else SENTIMENTS[label]
            yield Labelled(text, (name,), f"{data}: tree {number}")


def _check_labels(tree: Tree, where: str) -> None:
    if tree.labels[-1] < 0:
        raise DataError(f"{where} has no label at its root; write one, 0 to {len(SENTIMENTS) - 1}, behind the first bracket")
    wrong = next((label for label in tree.labels if label >= len(SENTIMENTS)), None)
    if wrong is not None:
        raise DataError(f"{where} has the label {wrong}; labels of trees go from 0 to {len(SENTIMENTS) - 1}, so correct it")
