"""tsuzuri vectors: asking word vectors."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Whole

Flag = Annotated[bool, Parameter(negative="")]
Words = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]
BAR = 20                                                     # characters of a score of 1
EIGHTHS = " ▏▎▍▌▋▊▉"


def register(vectors: App) -> None:
    """Put the commands into the group."""
    for command in (nearest, analogy, similarity, doesnt_match):
        vectors.command(command)


def nearest(file: Path, /, *words: str, minus: Words = None, topn: Whole = 10, approximate: Flag = False, json: Flag = False) -> None:
    """The words nearest to a word, or to the mean direction of several, with their cosines.

    Examples:

      tsuzuri vectors nearest vectors.safetensors year
      tsuzuri vectors nearest vectors.bin king woman --minus man --topn 5

    Parameters
    ----------
    file
        Word vectors; the end of the name says in which format (see `tsuzuri vectors convert --help`).
    words
        The words to be near to; they are left out of the answer.
    minus
        Words to be far from.
    topn
        How many words to show.
    approximate
        Use an index beside the file (FILE.usearch, made if missing): much faster, nearly always right.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.word_vectors import WordVectors
    vectors = WordVectors.load(file)
    index = _index(file, vectors) if approximate else None
    found = vectors.most_similar(words, minus or (), topn, index=index)
    if json:
        return print_json({"file": str(file), "words": list(words), "minus": minus or [], "nearest": _records(found)})
    _show(found, "cosine")


def analogy(file: Path, a: str, b: str, c: str, /, *, method: str = "add", topn: Whole = 5, json: Flag = False) -> None:
    """A is to B as C is to what?

    Examples:

      tsuzuri vectors analogy vectors.safetensors man king woman
      tsuzuri vectors analogy vectors.bin take took go --method multiply

    Parameters
    ----------
    file
        Word vectors.
    a
        A word.
    b
        What it becomes.
    c
        Another word, of which the same is asked.
    method
        add (the cosine with b - a + c), multiply (cosines multiplied and divided) or dot (the product with b - a + c, lengths
        of the words left as they are).
    topn
        How many words to show.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.word_vectors import WordVectors
    found = WordVectors.load(file).analogy(a, b, c, topn, method)
    if json:
        return print_json({"file": str(file), "question": [a, b, c], "method": method, "answers": _records(found, "score")})
    _show(found, "cosine" if method == "add" else "score")


def similarity(file: Path, a: str, b: str, /, *, json: Flag = False) -> None:
    """The cosine of two words, and which neighbour of the first the second is.

    Examples:

      tsuzuri vectors similarity vectors.safetensors car vehicle

    Parameters
    ----------
    file
        Word vectors.
    a
        A word.
    b
        Another word.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.word_vectors import WordVectors
    vectors = WordVectors.load(file)
    cosine, rank = vectors.similarity(a, b), vectors.rank(a, b)
    if json:
        return print_json({"file": str(file), "words": [a, b], "cosine": cosine, "rank": rank})
    print(f"{a} and {b}: cosine {cosine:.4f}; {b} is neighbour {rank:,} of {a}")


def doesnt_match(file: Path, /, *words: str, json: Flag = False) -> None:
    """The word that fits the others least: the farthest from their mean direction.

    Examples:

      tsuzuri vectors doesnt-match vectors.safetensors monday tuesday piano friday

    Parameters
    ----------
    file
        Word vectors.
    words
        Three words or more.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.word_vectors import WordVectors
    odd = WordVectors.load(file).doesnt_match(words)
    print_json({"file": str(file), "words": list(words), "odd": odd}) if json else print(odd)


def _index(file: Path, vectors):
    from tsuzuri.cli.output import note
    from tsuzuri.vectors.approximate import ApproximateIndex, index_path
    path = index_path(file)
    if path.is_file() and path.stat().st_mtime >= file.stat().st_mtime:
        return ApproximateIndex.load(path, vectors)
    note(f"making the index {path}")
    index = ApproximateIndex.build(vectors)
    index.save(path)
    return index


def _records(found: list[tuple[str, float]], name: str = "cosine") -> list[dict]:
    return [{"word": word, name: score} for word, score in found]


def _show(found: list[tuple[str, float]], name: str) -> None:
    from tsuzuri.cli.output import print_table
    longest = max([1.0, *(score for _, score in found)])
    print_table(((number, word, f"{score:.4f}", bar(score / longest)) for number, (word, score) in enumerate(found, 1)),
                ["", "word", name, ""])


def bar(share: float) -> str:
    """A bar for a number from 0 to 1, in eighths of a character."""
    whole, rest = divmod(round(max(0.0, min(share, 1.0)) * BAR * 8), 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")
