"""A WordNet of twenty synsets, written in the format of WordNet's own files with the right byte offsets."""
from pathlib import Path
from typing import NamedTuple

PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
LICENCE = "  1 This is a licence, whose lines start with two spaces.  \n"


class Entry(NamedTuple):
    """A synset; each relation is (symbol, name of the target, number of our word, number of its word)."""
    pos: str
    words: list[str]
    relations: list[tuple[str, str, int, int]]
    gloss: str


def _is(name):
    return "@", name, 0, 0


ENTRIES = {
    "entity": Entry("n", ["entity"], [], "that which is"),
    "vehicle": Entry("n", ["vehicle"], [_is("entity")], "a thing that carries; \"he has a vehicle\""),
    "car": Entry("n", ["car", "auto", "motor_car"], [_is("vehicle"), ("%p", "wheel", 0, 0)], "a vehicle with a motor"),
    "railcar": Entry("n", ["railcar", "car"], [_is("vehicle")], "a vehicle on rails"),
    "bicycle": Entry("n", ["bicycle", "bike"], [_is("vehicle"), ("%p", "wheel", 0, 0)], "a vehicle with pedals"),
    "wheel": Entry("n", ["wheel"], [_is("entity"), ("#p", "car", 0, 0), ("#p", "bicycle", 0, 0), ("%s", "rubber", 0, 0)], "it turns"),
    "rubber": Entry("n", ["rubber"], [_is("entity")], "it bends"),
    "animal": Entry("n", ["animal"], [_is("entity"), ("~", "dog", 0, 0)], "it lives"),
    "dog": Entry("n", ["dog"], [_is("animal"), ("#m", "pack", 0, 0)], "it barks"),
    "pack": Entry("n", ["pack"], [_is("entity"), ("%m", "dog", 0, 0)], "dogs together"),
    "mouse": Entry("n", ["mouse"], [_is("animal")], "it squeaks"),
    "horse": Entry("n", ["draught_horse"], [_is("animal"), _is("vehicle")], "an animal that carries"),
    "laika": Entry("n", ["Laika"], [("@i", "dog", 0, 0)], "a dog in space"),
    "move": Entry("v", ["move"], [("!", "stay", 1, 1)], "change place"),
    "run": Entry("v", ["run", "dash"], [_is("move")], "move fast"),
    "walk": Entry("v", ["walk"], [_is("move")], "move on foot"),
    "stay": Entry("v", ["stay"], [("!", "move", 1, 1)], "keep one's place"),
    "hot": Entry("a", ["hot"], [("!", "cold", 1, 1), ("&", "blistering", 0, 0)], "of high heat"),
    "cold": Entry("a", ["cold", "frosty"], [("!", "hot", 1, 1)], "of low heat"),
    "blistering": Entry("s", ["blistering(p)", "hot"], [("&", "hot", 0, 0)], "very hot"),
    "fast": Entry("r", ["fast"], [], "quickly"),
}
SENSES = {("car", "n"): ["car", "railcar"], ("hot", "a"): ["hot", "blistering"]}
EXCEPTIONS = {"noun": "mice mouse\n", "verb": "ran run\n", "adj": "hotter hot\n", "adv": ""}


def write_wordnet(folder: Path) -> Path:
    """Write the files into ``folder`` and give it back."""
    folder.mkdir(parents=True, exist_ok=True)
    offsets = dict.fromkeys(ENTRIES, 0)
    for _ in range(2):                                       # a line's length does not depend on the offsets in it
        texts = dict.fromkeys(PARTS, LICENCE)
        for name, entry in ENTRIES.items():
            offsets[name] = len(texts[_file(entry.pos)].encode())
            texts[_file(entry.pos)] += _line(entry, offsets[name], offsets)
    for letter, part in PARTS.items():
        (folder / f"data.{part}").write_text(texts[letter], newline="\n")
        (folder / f"index.{part}").write_text(LICENCE + "".join(_index(letter, offsets)), newline="\n")
        (folder / f"{part}.exc").write_text(EXCEPTIONS[part] or "x y\n", newline="\n")
    return folder


def _line(entry, offset, offsets):
    words = " ".join(f"{word} 0" for word in entry.words)
    pointers = "".join(f"{symbol} {offsets[to]:08} {_file(ENTRIES[to].pos)} {ours:02x}{theirs:02x} "
                       for symbol, to, ours, theirs in entry.relations)
    frames = "01 + 02 00 " if entry.pos == "v" else ""
    return f"{offset:08} 03 {entry.pos} {len(entry.words):02x} {words} {len(entry.relations):03} {pointers}{frames}| {entry.gloss}  \n"


def _index(letter, offsets):
    found: dict[str, list[str]] = {}
    for name, entry in ENTRIES.items():
        if _file(entry.pos) == letter:
            for word in entry.words:
                found.setdefault(word.lower().removesuffix("(p)"), []).append(name)
    for word, names in sorted(found.items()):
        names = SENSES.get((word, letter), names)
        numbers = " ".join(f"{offsets[name]:08}" for name in names)
        yield f"{word} {letter} {len(names)} 1 @ {len(names)} 0 {numbers}  \n"


def _file(pos):
    return "a" if pos == "s" else pos
