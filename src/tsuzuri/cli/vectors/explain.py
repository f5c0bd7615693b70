"""tsuzuri vectors: explaining word vectors."""
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole

if TYPE_CHECKING:
    from tsuzuri.vectors.explain import Explanation, Sentence

BAR = 30                                                     # characters of the longest bar


def register(vectors: App) -> None:
    """Put the commands into the group."""
    vectors.command(explain)


def explain(file: Path, corpus: Text, word1: Text, word2: Text, /, *, window: Whole = 5, topn: Whole = 10,
            sentences: Whole = 1, lowercase: Annotated[bool, Parameter(negative="")] = False, punctuation: str = "keep",
            digits: str = "keep", encoding_errors: str = "strict",
            json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Why are two words similar? The contexts they share in a text, what each brings, and sentences that show it.

    The similarity of two words in a text is the cosine of their rows of PPMI:
    of how much more often than by chance other words stand near them. It is a
    sum over the contexts that both have; a share is one term of it.

    Examples:

      tsuzuri vectors explain vectors.safetensors ptb:train car truck --window 2
      tsuzuri vectors explain novels.safetensors books/ king queen --lowercase --punctuation drop --sentences 2

    Parameters
    ----------
    file
        Word vectors; words that it lacks are left out of the text.
    corpus
        A file, folder, glob, -, or a data set with or without a split.
    word1
        The one word.
    word2
        The other.
    window
        How many words to each side of a word are its contexts.
    topn
        Show so many shared contexts.
    sentences
        Show so many sentences for each of these contexts and each of the two words.
    lowercase
        Fold upper case to lower case, as for training.
    punctuation
        keep, split (a mark is a token of its own) or drop.
    digits
        keep, or zero: every digit becomes 0.
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore.
    json
        Print one JSON object.
    """
    from functools import lru_cache

    from tsuzuri.datasets import open_source
    from tsuzuri.errors import ConfigError
    from tsuzuri.text.tokenizers.options import Options
    from tsuzuri.text.tokenizers.word import cut
    from tsuzuri.vectors import explain as explaining
    from tsuzuri.vectors.word_vectors import WordVectors
    if topn < 1 or sentences < 0:
        raise ConfigError(f"topn {topn} and sentences {sentences} do not fit; topn is from 1, sentences from 0")
    options = Options(lowercase=lowercase, punctuation=punctuation, digits=digits)
    vectors, source, pair = WordVectors.load(file), open_source(corpus, errors=encoding_errors), (word1, word2)
    similarity = vectors.similarity(word1, word2)

    @lru_cache(1 << 16)
    def pieces(word):
        return cut(word, options)

    def read():
        return ([piece for word in line.split() for piece in pieces(word)] for line in source.lines())

    found = explaining.explain(read, vectors.ids, pair, window)
    best = [context.word for context in found.contexts[:topn]]
    shown = explaining.find_sentences(read, vectors.ids, pair, best, window, sentences)
    (_print_json if json else _print)(pair, similarity, found, shown, topn, window)


Shown = dict[tuple[str, str], "list[Sentence]"]


def _print(pair, similarity: float, found: "Explanation", shown: Shown, topn: int, window: int) -> None:
    from tsuzuri.cli.output import print_table
    print(f"{pair[0]} and {pair[1]}: cosine of the vectors {similarity:.3f}; of the PPMI rows {found.cosine:.3f}\n"
          f"{pair[0]} stands {found.occurrences[0]:,} times in the text, {pair[1]} {found.occurrences[1]:,} times; within "
          f"{window} words they share {len(found.contexts):,} contexts")
    if not found.contexts:
        return
    best = found.contexts[:topn]
    print_table(((c.word, *(f"{value:.2f} ({count:,})" for value, count in zip(c.ppmi, c.counts)), f"{c.share:.4f}",
                  "█" * max(round(BAR * c.share / best[0].share), 1)) for c in best),
                ["context", *(f"{word}: PPMI (times)" for word in pair), "share", ""])
    print(f"shown: {sum(c.share for c in best):.3f} of {found.cosine:.3f}")
    width = max(map(len, pair))
    for c in best:
        lines = [(word, sentence) for word in pair for sentence in shown[word, c.word]]
        if lines:
            print(f"\n{c.word}")
        for word, sentence in lines:
            print(f"  {word:{width}}  {_marked(sentence)}")


def _marked(sentence: "Sentence") -> str:
    """A line of text, the two words bold on a terminal and between asterisks elsewhere."""
    before, behind = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("*", "*")
    return " ".join(f"{before}{word}{behind}" if k in sentence.marked else word for k, word in enumerate(sentence.words))


def _print_json(pair, similarity: float, found: "Explanation", shown: Shown, topn: int, window: int) -> None:
    from tsuzuri.cli.output import print_json
    print_json({
        "words": list(pair), "cosine": similarity, "ppmi_cosine": found.cosine, "window": window,
        "occurrences": list(found.occurrences), "shared": len(found.contexts),
        "contexts": [{"word": c.word, "counts": list(c.counts), "ppmi": list(c.ppmi), "share": c.share,
                      "sentences": {word: [_plain(sentence) for sentence in shown[word, c.word]] for word in pair}}
                     for c in found.contexts[:topn]]})


def _plain(sentence: "Sentence") -> dict:
    return {"words": sentence.words, "marked": sorted(sentence.marked)}
