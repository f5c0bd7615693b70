"""tsuzuri vectors: drawing word vectors."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Seed, Text, Whole


def register(vectors: App) -> None:
    """Put the commands into the group."""
    vectors.command(plot)


def plot(file: Path, /, *words: Text, out: Path, kind: str = "map", method: str = "pca", top: Whole = 200, topn: Whole = 10,
         title: str = "", seed: Seed = 1) -> None:
    """Draw word vectors: a map of words, or the nearest neighbours of some.

    Without words the map shows the first words of the file, which are the most
    frequent ones in most files. With words it shows these and their nearest
    neighbours, in the colour of the word they belong to.

    Examples:

      tsuzuri vectors plot ptb.safetensors --out map.png --top 150
      tsuzuri vectors plot ptb.safetensors king car monday --out groups.svg --method tsne
      tsuzuri vectors plot ptb.safetensors king car monday --out table.pdf --kind neighbours

    Parameters
    ----------
    file
        Word vectors, in any format that `tsuzuri vectors convert` reads.
    words
        Words to draw with their neighbours.
    out
        The picture to write; .png, .svg or .pdf.
    kind
        map, or neighbours: a table of them with bars.
    method
        How the map brings the vectors into two dimensions: pca, tsne or umap.
    top
        How many words a map without words shows.
    topn
        How many neighbours of each word are shown.
    title
        A title of your own.
    seed
        The same seed gives the same picture.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.errors import ConfigError, check_choice
    from tsuzuri.vectors.word_vectors import WordVectors
    kinds = {"map": _map, "neighbours": _neighbours}
    check_choice("--kind", kind, kinds)
    if kind == "neighbours" and not words:
        raise ConfigError("the neighbours of which words? Name them after the file.")
    if min(top, topn) < 1:
        raise ConfigError(f"--top {top} and --topn {topn} are numbers of words, from 1.")
    vectors = WordVectors.load(file)
    with drawn(out):
        kinds[kind](vectors, words, out, method=method, top=top, topn=topn, title=title, seed=seed)


def _map(vectors, words, out, *, method, top, topn, title, seed):
    from tsuzuri.plots import word_map
    from tsuzuri.vectors.projection import project
    groups = _with_neighbours(vectors, words, topn) if words else dict.fromkeys(vectors.words[:top], "")
    shown = list(groups)
    points = project(vectors.lookup(shown), method, seed)
    named = f"{', '.join(words)} and their neighbours" if words else f"The first {len(shown)} words"
    word_map(shown, points, out, groups=list(groups.values()) if words else None,
             title=title or f"{named} ({LABELS[method]})")


def _neighbours(vectors, words, out, *, topn, title, **_):
    from tsuzuri.plots import neighbour_bars
    neighbour_bars({word: vectors.most_similar([word], topn=topn) for word in words}, out, title=title)


def _with_neighbours(vectors, words, topn) -> dict[str, str]:
    """Each word to be shown -> the word it belongs to: the queries first, and a neighbour of two belongs to the nearer one."""
    groups = {word: word for word in words}
    found = [(-cosine, other, word) for word in words for other, cosine in vectors.most_similar([word], topn=topn)]
    for _, other, word in sorted(found):
        groups.setdefault(other, word)
    return groups


LABELS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
