"""tsuzuri vectors: changing the format of word vectors."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Whole


def register(vectors: App) -> None:
    """Put the commands into the group."""
    vectors.command(convert)


def convert(file: Path, out: Path, /, *, words: Whole | None = None, dtype: str | None = None,
            given: Annotated[str | None, Parameter(name="--from")] = None) -> None:
    """Write word vectors in another format; the ends of the names say which.

    .txt .vec (word2vec's text, fastText), .bin (word2vec's binary), .glove.txt
    (no header), each also with .gz; .safetensors (opens at once, keeps float16
    and counts); .pkl (the weights of "Deep Learning from Scratch 2", only read;
    nothing in it is executed).

    Examples:

      tsuzuri vectors convert GoogleNews-vectors-negative300.bin.gz news.safetensors --words 300000 --dtype float16
      tsuzuri vectors convert glove.6B.100d.txt glove.bin --from .glove.txt

    Parameters
    ----------
    file
        The vectors to read.
    out
        The file to write.
    words
        Only the first so many words, in most files the most frequent. [default: all]
    dtype
        float16, float32 or float64. [default: as read]
    given
        Read FILE as if its name ended in this.
    """
    from tsuzuri.array import float_type
    from tsuzuri.cli.output import note
    from tsuzuri.vectors.files import writer_of
    from tsuzuri.vectors.word_vectors import WordVectors
    writer_of(out)                                           # before minutes of reading
    kind = float_type(dtype) if dtype else None
    vectors = WordVectors.load(file, words, suffix=given)
    if kind is not None:
        vectors = vectors.astype(kind)
    vectors.save(out)
    note(f"{len(vectors):,} words, vectors of {vectors.size} {vectors.vectors.dtype} numbers")
    print(out)
