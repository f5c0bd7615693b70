"""tsuzuri vectors: measuring and comparing word vectors."""
from collections.abc import Iterator
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Whole

Flag = Annotated[bool, Parameter(negative="")]
Names = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]


def register(vectors: App) -> None:
    """Put the commands into the group."""
    vectors.command(evaluate)
    vectors.command(compare)


def evaluate(file: str, /, *, sets: Names = None, method: str = "add", case: Flag = False, frequent: Whole = 300_000,
             json: Flag = False) -> None:
    """Measure vectors with what people judged: word similarity (Spearman) and analogies (accuracy).

    What has an unknown word is left out of a score and counted beside it.

    Examples:

      tsuzuri vectors evaluate vectors.safetensors
      tsuzuri vectors evaluate vectors.bin --sets ws353 simlex analogies --json
      tsuzuri vectors evaluate wordnet --sets ws353

    Parameters
    ----------
    file
        Word vectors, or "wordnet" for the thesaurus.
    sets
        ws353, ws353-sim, ws353-rel, simlex, ja-noun, ja-verb, ja-adj, ja-adv, analogies, or files of your own: two words and a
        score a line, a tab between; or four words a line under ": section" lines. [default: all that share words with FILE]
    method
        How analogies are answered: add or multiply.
    case
        Tell upper case from lower case.
    frequent
        Look only at so many first words of FILE, in most files the most frequent.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.vectors.spaces import VectorSpace, open_space
    space = open_space(file)
    if isinstance(space, VectorSpace):
        space = VectorSpace(file, space.vectors, fold=not case, frequent=frequent)
    pairs, solved = _measure(space, sets, method)
    if json:
        return print_json({"file": file, "similarity": [_plain(result) for result in pairs],
                           "analogies": [_record(result) for result in solved]})
    _show_pairs(pairs)
    for result in solved:
        _show_solved(result)


def compare(*files: str, words: Names = None, sets: Names = None, topn: Whole = 10, json: Flag = False) -> None:
    """Put several vectors side by side: neighbours of words, how far they agree, and their scores.

    Examples:

      tsuzuri vectors compare ppmi.safetensors cbow.safetensors glove.safetensors --words car year
      tsuzuri vectors compare cbow.bin wordnet --sets ws353

    Parameters
    ----------
    files
        Two files of word vectors or more; one may be "wordnet", the thesaurus.
    words
        Words whose neighbours are shown. [default: five of the most frequent longer words]
    sets
        Gold sets or files to measure with, as for evaluate. [default: all that share words with a file]
    topn
        How many neighbours to show.
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.errors import ConfigError
    from tsuzuri.vectors.compare import agreements, show_words
    from tsuzuri.vectors.spaces import open_space
    if len(files) < 2:
        raise ConfigError(f"{len(files)} file of word vectors cannot be compared; give two or more")
    spaces = [open_space(file) for file in files]
    chosen = words or show_words(spaces)
    near = {word: [space.neighbours(word, topn) for space in spaces] for word in chosen}
    agreed = list(agreements(spaces))
    scores = [_measure(space, sets, "add") for space in spaces]
    if json:
        return print_json({
            "files": list(files),
            "neighbours": {word: {space.name: found for space, found in zip(spaces, lists, strict=True)} for word, lists in near.items()},
            "agreement": [_plain(agreement) for agreement in agreed],
            "scores": [{"file": space.name, "similarity": [_plain(r) for r in pairs], "analogies": [_record(r) for r in solved]}
                       for space, (pairs, solved) in zip(spaces, scores, strict=True)]})
    _show_neighbours(files, near)
    _show_agreement(agreed)
    _show_scores(files, scores)


def _measure(space, names: list[str] | None, method: str) -> tuple[list, list]:
    """-> (results of word pairs, results of analogies), without the sets of which the space knows nothing if none is named."""
    from tsuzuri.cli.output import note
    from tsuzuri.vectors.evaluation import measure_pairs, solve_analogies
    from tsuzuri.vectors.gold import Pairs
    from tsuzuri.vectors.spaces import VectorSpace
    pairs, solved = [], []
    for gold in _golds(names):
        if isinstance(gold, Pairs):
            result = measure_pairs(space, gold)
            if names or result.pairs:
                pairs.append(result)
        elif isinstance(space, VectorSpace):
            answered = solve_analogies(space, gold, method)
            if names or answered.total().asked:
                solved.append(answered)
        elif names:
            note(f"{space.name} has no vectors to answer {gold.name} with")
    return pairs, solved


def _golds(names: list[str] | None) -> Iterator:
    """The sets that are named, or all that are here or can be fetched."""
    from tsuzuri.cli.output import note
    from tsuzuri.errors import DataError
    from tsuzuri.vectors.gold import SETS, open_gold
    for name in names or SETS:
        try:
            gold = open_gold(name)
        except DataError as error:
            if names:
                raise
            note(f"{name} is left out: {error}")
        else:
            yield gold


def _record(solved) -> dict:
    totals = {kind: solved.total(kind) for kind in ("semantic", "syntactic", "total")}
    return {"name": solved.name, "unknown_words": solved.unknown_words,
            **{kind: _plain(section, accuracy=section.accuracy) for kind, section in totals.items()},
            "sections": [_plain(section, accuracy=section.accuracy) for section in solved.sections]}


def _plain(result, **more: float) -> dict:
    """A result as a dict for JSON, which has no NaN."""
    return {name: None if value != value else value for name, value in (result._asdict() | more).items()}


def _percent(section) -> str:
    return f"{section.accuracy:.1%}" if section.asked else "-"


def _show_pairs(results: list) -> None:
    from tsuzuri.cli.output import print_table
    if results:
        print_table(((r.name, _number(r.spearman), f"{r.pairs} of {r.of}", r.unknown_words) for r in results),
                    ["word similarity", "Spearman", "pairs covered", "unknown words"])


def _show_solved(solved) -> None:
    from tsuzuri.cli.output import print_table
    sections = [*solved.sections, *(solved.total(kind) for kind in ("semantic", "syntactic", "total"))]
    print_table(((s.name, _percent(s), s.correct, f"{s.asked} of {s.of}") for s in sections),
                [solved.name, "right", "", "questions covered"])
    print(f"{solved.unknown_words} words of the questions are unknown")


def _number(value: float | None) -> str:
    return f"{value:.4f}" if value is not None and value == value else "-"


def _show_neighbours(files: tuple[str, ...], near: dict[str, list]) -> None:
    from tsuzuri.cli.output import print_table
    for word, lists in near.items():
        length = max(map(len, lists))
        cells = [[f"{other} {_number(score)}" for other, score in found] + [""] * (length - len(found)) for found in lists]
        print_table(zip(*cells, strict=True), list(files), title=f"nearest to {word}")


def _show_agreement(agreed: list) -> None:
    from tsuzuri.cli.output import print_table
    print_table(((g.a, g.b, f"{g.overlap:.1%}" if g.words else "-", g.words, _number(g.correlation), g.pairs) for g in agreed),
                ["", "", "shared neighbours", "of words", "rank correlation", "of pairs"], title="agreement")


def _show_scores(files: tuple[str, ...], scores: list[tuple[list, list]]) -> None:
    """A line for every set: a score and its coverage for every file."""
    from tsuzuri.cli.output import print_table
    rows: dict[str, dict[int, str]] = {}
    for k, (pairs, solved) in enumerate(scores):
        for result in pairs:
            rows.setdefault(result.name, {})[k] = f"{_number(result.spearman)} ({result.pairs} of {result.of})"
        for result in solved:
            total = result.total()
            rows.setdefault(result.name, {})[k] = f"{_percent(total)} ({total.asked} of {total.of})"
    if rows:
        print_table(([name, *(cells.get(k, "-") for k in range(len(files)))] for name, cells in rows.items()), ["", *files], title="scores")
