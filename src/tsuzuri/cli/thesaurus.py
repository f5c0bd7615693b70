"""tsuzuri thesaurus: meaning by hand."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole

thesaurus = App(name="thesaurus", help="Ask WordNet or another thesaurus: synonyms, trees, how near two words are, the way "
                                       "between them.")

Switch = Annotated[bool, Parameter(negative="")]
Part = Annotated[str | None, Parameter(help="Only this part of speech: noun, verb, adj or adv.")]
Files = Annotated[Path | None, Parameter(help="A folder of WordNet's files, NLTK's zip file of them, or a WN-LMF file (.xml, "
                                              ".xml.gz). [default: the WordNet of this machine]")]
Lent = Annotated[Path | None, Parameter(help="A second WN-LMF file whose relations are borrowed, where the first has words "
                                             "only.")]


def register(app: App) -> None:
    """Put the group into the command line."""
    app.command(thesaurus)


@thesaurus.command
def synonyms(word: Text, /, *, pos: Part = None, wordnet: Files = None, relations: Lent = None, json: Switch = False) -> None:
    """List the senses of a word, with the words and the opposites of each.

    Examples:

      tsuzuri thesaurus synonyms car
      tsuzuri thesaurus synonyms hot --pos adj
      tsuzuri thesaurus synonyms 車 --wordnet omw-ja.xml --relations omw-en.xml

    Parameters
    ----------
    word
        A word, or one of its senses such as car.n.01.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.vectors.thesaurus import open_thesaurus
    book = open_thesaurus(wordnet, relations)
    rows = [{"sense": synset.name, "words": list(synset.words), "antonyms": book.antonyms_in(synset, word),
             "definition": synset.definition} for synset in book.find(word, pos)]
    if json:
        return print_json({"word": word, "synonyms": book.synonyms(word, pos), "senses": rows})
    print_table(((row["sense"], ", ".join(row["words"]), ", ".join(row["antonyms"]), row["definition"]) for row in rows),
                ["sense", "words", "opposite", "definition"])


@thesaurus.command
def tree(word: Text, /, *, relation: str = "hypernyms", depth: Whole | None = None, pos: Part = None, wordnet: Files = None,
         relations: Lent = None, json: Switch = False) -> None:
    """Print what hangs on a word by one relation, as a tree for each of its senses.

    Examples:

      tsuzuri thesaurus tree car.n.01
      tsuzuri thesaurus tree car.n.01 --relation hyponyms --depth 1
      tsuzuri thesaurus tree forest --relation meronyms --pos noun

    Parameters
    ----------
    word
        A word, or one of its senses such as car.n.01.
    relation
        hypernyms (what it is), hyponyms (what is one), meronyms (what it is made of), holonyms (what it belongs to), or one
        kind of these: instance_hypernym, mero_part, mero_member, mero_substance, holo_part ...
    depth
        How many steps to go. [default: to the top for hypernyms, else 2]
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.thesaurus import open_thesaurus
    if depth is None and "hypernym" not in relation:
        depth = 2
    book = open_thesaurus(wordnet, relations)
    trees = [book.tree(synset, relation, depth) for synset in book.find(word, pos)]
    if json:
        return print_json({"word": word, "relation": relation, "trees": [_nested(branch) for branch in trees]})
    for branch in trees:
        _print_tree(branch)


@thesaurus.command
def similarity(word: Text, other: Text, /, *more: Text, measure: str | None = None, pos: Part = None, wordnet: Files = None,
               relations: Lent = None, json: Switch = False) -> None:
    """Print how near a word is to others in the hierarchy of hypernyms, by its nearest and by its first senses.

    path is 1 / (1 + steps between them); wup (Wu and Palmer 1994) grows with
    the depth of their common ancestor; lch (Leacock and Chodorow 1998) is the
    logarithm of path, against the depth of the whole hierarchy. The nearest of
    all pairs of senses of one part of speech counts; the most frequent sense of
    each word is shown beside it.

    Examples:

      tsuzuri thesaurus similarity car novel dog motorcycle
      tsuzuri thesaurus similarity car.n.01 dog.n.01 --measure path

    Parameters
    ----------
    word
        A word, or one of its senses such as car.n.01.
    other
        The word or sense to compare it with.
    more
        Others to compare it with.
    measure
        path, wup or lch. [default: all three]
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.vectors.thesaurus import MEASURES, open_thesaurus
    book = open_thesaurus(wordnet, relations)
    measures = [measure] if measure else MEASURES
    rows = [_compared(book, word, each, name, pos) for each in (other, *more) for name in measures]
    if json:
        return print_json({"word": word, "similarities": rows})
    print_table(((row["other"], row["measure"], _figure(row["similarity"]), " and ".join(row["senses"]),
                  _figure(row["first_senses"])) for row in rows), [word, "measure", "nearest", "between", "first senses"])


@thesaurus.command
def path(word: Text, other: Text, /, *, out: Path | None = None, pos: Part = None, wordnet: Files = None, relations: Lent = None,
         json: Switch = False) -> None:
    """Print the shortest way from one word to another over their common ancestor, and draw it.

    Examples:

      tsuzuri thesaurus path car dog --out path.png
      tsuzuri thesaurus path car.n.01 novel.n.01 --out path.svg

    Parameters
    ----------
    word
        The word, or the sense such as car.n.01, to start from.
    other
        The word or sense to reach.
    out
        The picture to write; .png, .svg or .pdf.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.thesaurus import open_thesaurus
    way = open_thesaurus(wordnet, relations).way(word, other, pos)
    score = 1 / len(way.steps)
    if out:
        _draw(way, score, out)
    if json:
        return print_json({"path_similarity": score, "common_ancestor": way.steps[way.top].name,
                           "steps": [synset.name for synset in way.steps]})
    for number, synset in enumerate(way.steps):
        print(f"{_arrow(number, way.top)} {synset.name}  {synset.definition}")
    print(f"{len(way.steps) - 1} steps, path similarity {score:.4f}")


def _compared(book, word, other, measure, pos):
    found = book.nearest_senses(word, other, measure, pos)
    score, senses = (found[0], [synset.name for synset in found[1:]]) if found else (None, [])
    return {"other": other, "measure": measure, "similarity": score, "senses": senses,
            "first_senses": book.first_similarity(word, other, measure, pos)}


def _figure(similarity) -> str:
    return "no way" if similarity is None else f"{similarity:.4f}"


def _print_tree(trunk):
    """Each line: how it hangs, the sense, its words, and at the trunk the definition."""
    from tsuzuri.vectors.thesaurus import walk
    for lines, branch in walk(trunk):
        synset, definition = branch.synset, "" if lines else f"  ({branch.synset.definition})"
        print(f"{lines}{synset.name}  {', '.join(synset.words)}{_how(branch.kind)}{definition}")


def _how(kind) -> str:
    """``[part]`` for the kinds that share a tree; nothing for plain hypernyms and hyponyms."""
    return f"  [{kind.replace('mero_', '').replace('holo_', '').partition('_')[0]}]" if "_" in kind else ""


def _nested(branch) -> dict:
    return {"sense": branch.synset.name, "words": list(branch.synset.words), "definition": branch.synset.definition,
            "kind": branch.kind or None, "branches": [_nested(below) for below in branch.branches]}


def _arrow(number, top) -> str:
    return "↑" if number < top else "↓" if number > top else "•"


def _draw(way, score, out):
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.plots import thesaurus_path
    first, last = way.steps[0], way.steps[-1]
    with drawn(out):
        thesaurus_path([(synset.words, synset.definition) for synset in way.steps], way.top, out,
                       title=f"{first.name} and {last.name}: path similarity {score:.4f}")
