"""The thesaurus: answers that are read off a WordNet of twenty synsets by hand, laws, and NLTK's figures for the real one."""
import json
import math
import sys
import zipfile
from itertools import pairwise, product

import pytest
from wordnet_files import ENTRIES, write_wordnet

from tsuzuri.cli import main
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.vectors.thesaurus import MEASURES, open_thesaurus, places, walk


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_wordnet(tmp_path_factory.mktemp("wordnet") / "dict")


@pytest.fixture(scope="module")
def tiny(folder):
    return open_thesaurus(folder)


@pytest.fixture(scope="module")
def real():
    try:
        return open_thesaurus()
    except DataError:
        pytest.skip("no WordNet on this machine (apt-get install wordnet-base)")


def names(synsets):
    return [synset.name for synset in synsets]


# words and senses

@pytest.mark.parametrize(("word", "senses"), [
    ("car", ["car.n.01", "railcar.n.01"]), ("CAR ", ["car.n.01", "railcar.n.01"]), ("car.n.02", ["railcar.n.01"]),
    ("motor car", ["car.n.01"]), ("motor_car", ["car.n.01"]), ("motor_cars", ["car.n.01"]), ("mice", ["mouse.n.01"]),
    ("ran", ["run.v.01"]), ("dashes", ["run.v.01"]), ("moving", ["move.v.01"]), ("hotter", ["hot.a.01", "blistering.s.01"]),
    ("hot.s.02", ["blistering.s.01"]), ("Laika", ["laika.n.01"]), ("fast", ["fast.r.01"]), ("carx", []), ("", []), ("car.n.03", []),
    ("zzz", []), ("!", [])])
def test_the_senses_of_a_word(tiny, word, senses):
    assert names(tiny.synsets(word)) == senses


def test_every_word_that_was_written_is_found_with_its_definition(tiny):
    for entry in ENTRIES.values():
        for word in entry.words:
            assert entry.gloss.split(";")[0] in [synset.definition for synset in tiny.synsets(word.removesuffix("(p)"))]


def test_a_part_of_speech_narrows(tiny):
    assert names(tiny.synsets("fast", "adverb")) == ["fast.r.01"]
    assert tiny.synsets("fast", "n") == []
    with pytest.raises(ConfigError, match='did you mean "noun"'):
        tiny.synsets("fast", "nuon")


def test_synonyms_and_antonyms(tiny):
    assert tiny.synonyms("car") == ["auto", "motor car", "railcar"]
    assert tiny.synonyms("motor cars") == ["car", "auto"]
    assert tiny.synonyms("car.n.02") == ["railcar"]
    assert tiny.antonyms("hot") == ["cold"]
    assert tiny.antonyms("frosty") == []                     # the opposite of hot is the word cold, not its meaning
    assert tiny.antonyms("moves") == ["stay"]


def test_a_word_that_is_unknown_is_answered_with_one_that_is_near(tiny):
    with pytest.raises(DataError, match=r'"bycicle" is not in the thesaurus \(did you mean "bicycle"'):
        tiny.find("bycicle")
    with pytest.raises(DataError, match=r"car\.n has 2"):
        tiny.find("car.n.3")
    with pytest.raises(DataError, match="empty"):
        tiny.find(" ")


# relations and trees

def test_relations_are_those_that_were_written(tiny):
    horse, wheel = tiny.find("draught horse")[0], tiny.find("wheel")[0]
    assert names(tiny.related(horse, "hypernyms")) == ["animal.n.01", "vehicle.n.01"]
    assert names(tiny.related(wheel, "holonyms")) == ["car.n.01", "bicycle.n.01"]
    assert names(tiny.related(wheel, "mero_substance")) == ["rubber.n.01"]
    assert names(tiny.related(tiny.find("Laika")[0], "instance_hypernym")) == ["dog.n.01"]
    with pytest.raises(ConfigError, match='did you mean "hypernyms"'):
        tiny.related(wheel, "hypernims")


def drawn(tiny, word, *options):
    return [lines + branch.synset.name for lines, branch in walk(tiny.tree(tiny.find(word)[0], *options))]


def test_a_tree_is_drawn_down_to_its_depth(tiny):
    assert drawn(tiny, "draught horse") == ["draught_horse.n.01", "├── animal.n.01", "│   └── entity.n.01", "└── vehicle.n.01",
                                            "    └── entity.n.01"]
    assert drawn(tiny, "draught horse", "hypernyms", 1) == ["draught_horse.n.01", "├── animal.n.01", "└── vehicle.n.01"]
    assert drawn(tiny, "car", "meronyms") == ["car.n.01", "└── wheel.n.01", "    └── rubber.n.01"]
    assert drawn(tiny, "car", "meronyms", 0) == ["car.n.01"]


def test_a_circle_is_cut(tiny, monkeypatch):
    dog, animal = tiny.find("dog")[0], tiny.find("animal")[0]
    monkeypatch.setattr(tiny, "pointed", lambda synset, kind: [dog if synset == animal else animal])
    assert [branch.synset for _, branch in walk(tiny.tree(dog, "hypernym"))] == [dog, animal]


# similarity

SIMILARITIES = [                                             # distance and depths counted on paper; nouns are 3 deep, verbs 1 + 1
    ("car", "bicycle", 1 / 3, 4 / 6, math.log(2)), ("car", "dog", 1 / 5, 2 / 6, math.log(6 / 5)),
    ("car", "vehicle", 1 / 2, 4 / 5, math.log(3)), ("Laika", "mouse", 1 / 4, 4 / 7, math.log(6 / 4)),
    ("draught horse", "dog", 1 / 3, 4 / 6, math.log(2)), ("draught horse", "car.n.01", 1 / 3, 4 / 6, math.log(2)),
    ("car", "car", 1, 1, math.log(6)), ("run", "walk", 1 / 3, 2 / 6, math.log(4 / 3)),
    ("run", "stay", 1 / 4, 2 / 5, math.log(1)), ("move", "run", 1 / 2, 2 / 3, math.log(2)),
]


@pytest.mark.parametrize(("a", "b", "path", "wup", "lch"), SIMILARITIES)
def test_similarities_are_those_counted_on_paper(tiny, a, b, path, wup, lch):
    for one, other in ((a, b), (b, a)):
        assert [tiny.similarity(one, other, measure) for measure in MEASURES] == pytest.approx([path, wup, lch], abs=1e-12)


def slow_distance(tiny, a, b):
    """The length of the shortest of all ways up and down, each written out."""
    def ways(synset):
        yield [synset]
        for parent in tiny.related(synset, "hypernyms"):
            yield from ([synset, *way] for way in ways(parent))
    lengths = [len(up) + len(down) - 2 for up in ways(a) for down in ways(b) if up[-1] == down[-1]]
    return min(lengths, default=None)


def test_distances_and_ways_of_nouns_are_those_of_a_slow_search(tiny):
    nouns = [tiny.find(entry.words[0], "n")[0] for entry in ENTRIES.values() if entry.pos == "n"]
    for a, b in product(nouns, nouns):
        way = tiny.hierarchy.way(a, b)
        assert tiny.hierarchy.distance(a, b) == slow_distance(tiny, a, b) == len(way.steps) - 1
        assert (way.steps[0], way.steps[-1]) == (a, b)
        rising, falling = way.steps[:way.top + 1], way.steps[way.top:][::-1]
        for chain in (rising, falling):
            assert all(upper in tiny.related(lower, "hypernyms") for lower, upper in pairwise(chain))


def test_only_words_of_one_hierarchy_are_similar(tiny):
    assert tiny.similarity("car", "run") is None
    assert tiny.similarity("hot", "cold") is None
    assert tiny.similarity("hot.a.01", "hot.a.01") == 1
    assert tiny.word_similarity("car", "carx") is None
    with pytest.raises(DataError, match="no way leads"):
        tiny.way("hot", "cold")
    with pytest.raises(ConfigError, match='did you mean "path"'):
        tiny.similarity("car", "dog", "pth")


def test_the_nearest_senses_count(tiny):
    assert tiny.nearest_senses("auto", "car")[0] == 1
    score, ours, theirs = tiny.nearest_senses("railcar", "motor_car")
    assert (score, ours.name, theirs.name) == (1 / 3, "railcar.n.01", "car.n.01")
    assert tiny.first_similarity("railcar", "car") == 1 / 3
    assert tiny.similarity("railcar", "car") == 1


# where it is found

def test_a_folder_above_and_a_zip_file_read_the_same(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "wordnet.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"wordnet/{file.name}")
    for place in (folder.parent, tmp_path / "wordnet.zip"):
        assert open_thesaurus(place).synonyms("mice") == []
        assert open_thesaurus(place).synonyms("cars") == ["auto", "motor car", "railcar"]


def test_the_variables_name_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("WNHOME", str(folder.parent))
    assert open_thesaurus().place.samefile(folder)
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    with pytest.raises(DataError, match="WNSEARCHDIR names"):
        open_thesaurus()


def test_a_missing_wordnet_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "USUAL", ())
    monkeypatch.setattr(places, "NLTK", ())
    for name in ("WNHOME", "WNSEARCHDIR", "NLTK_DATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match="apt-get install wordnet-base"):
        open_thesaurus()
    with pytest.raises(DataError, match="does not exist"):
        open_thesaurus(tmp_path / "none")
    with pytest.raises(DataError, match=r"holds no WordNet: no index\.noun"):
        open_thesaurus(tmp_path)


def damage(folder, name, change):
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    return open_thesaurus(folder)


@pytest.mark.parametrize(("name", "change", "message"), [
    ("data.noun", lambda raw: raw.replace(b"\n", b"\r\n"), "line ends"), ("data.noun", lambda raw: raw[:200], "no synset at byte"),
    ("index.noun", lambda raw: raw.replace(b"car n 2", b"car n x"), "index line"), ("data.noun", lambda raw: b"", "missing or cannot"),
    ("data.noun", lambda raw: raw.replace(b" 03 car 0", b" zz car 0"), "no synset at byte")])
def test_damaged_files_are_named(tmp_path, name, change, message):
    with pytest.raises(DataError, match=message):
        damage(write_wordnet(tmp_path), name, change).find("car")


# the real WordNet, with figures of NLTK 3.10.4 on the same files

@pytest.mark.parametrize(("a", "b", "path", "wup", "lch"), [
    ("car.n.01", "novel.n.01", 0.0556, None, None), ("car.n.01", "dog.n.01", 0.0769, None, None),
    ("car.n.01", "motorcycle.n.01", 0.3333, None, None),
    ("dress_uniform.n.01", "full-dress_uniform.n.01", 0.3333333, 0.9090909, 2.5389739),
    ("bernoulli.n.01", "wilmut.n.01", 0.1666667, 0.5714286, 1.8458267), ("brisket.n.01", "struggle.n.01", 0.0666667, 0.125, 0.9295360),
    ("pick-off.n.01", "slide.n.05", 0.2, 0.8, 2.0281482), ("illuminate.v.03", "unclutter.v.01", 0.25, 0.2857143, 1.8718022),
    ("take.v.06", "allegorize.v.01", 0.3333333, 0.6666667, 2.1594842), ("exchange.v.04", "sanction.v.02", 0.1666667, 0.2222222, 1.4663371)])
def test_wordnet_gives_the_figures_of_nltk(real, a, b, path, wup, lch):
    for measure, expected in zip(MEASURES, (path, wup, lch), strict=True):
        assert expected is None or real.similarity(a, b, measure) == pytest.approx(expected, abs=6e-5)


def test_wordnet_answers(real):
    assert {"auto", "automobile", "machine", "motorcar"} <= set(real.synonyms("car"))
    assert "mouse.n.01" in names(real.synsets("mice"))
    assert set(real.antonyms("good")) >= {"bad", "evil"}
    assert names(real.synsets("galore"))[0] == "galore.s.01"
    with pytest.raises(DataError, match="did you mean"):
        real.find("automobil")


# WN-LMF

HEAD = ('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.1.dtd">\n'
        '<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">\n'
        '<Lexicon id="{id}" label="tiny" language="{language}" email="a@b" license="MIT" version="1">\n')


def write_lmf(path, name, language, words, synsets):
    """words: (word, synset, antonym's entry number or None); synsets: id -> (ili, definition, relations)."""
    text = HEAD.format(id=name, language=language)
    for number, (word, synset, antonym) in enumerate(words):
        relation = f'<SenseRelation relType="antonym" target="{name}-s{antonym}"/>' if antonym is not None else ""
        text += (f'<LexicalEntry id="{name}-w{number}"><Lemma writtenForm="{word}" partOfSpeech="n"/>'
                 f'<Sense id="{name}-s{number}" synset="{name}-{synset}">{relation}</Sense></LexicalEntry>\n')
    for key, (ili, definition, relations) in synsets.items():
        text += f'<Synset id="{name}-{key}" ili="{ili}" partOfSpeech="n"><Definition>{definition}</Definition>'
        text += "".join(f'<SynsetRelation relType="{kind}" target="{name}-{to}"/>' for kind, to in relations) + "</Synset>\n"
    path.write_text(text + "</Lexicon></LexicalResource>\n", encoding="utf-8")
    return path


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """One cache for all, as making a database takes a second."""
    folder = tmp_path_factory.getbasetemp() / "lmf-cache"
    monkeypatch.setenv("TSUZURI_DATA", str(folder))
    return folder


@pytest.fixture
def lmf(tmp_path, cache):
    pytest.importorskip("wn")
    japanese = write_lmf(tmp_path / "ja.xml", "ja", "ja", [("車", 1, None), ("自動車", 1, None), ("自転車", 3, None), ("朝", 4, 4), ("晩", 5, 3)],
                         {1: ("i1", "四つの輪で走る", []), 3: ("i3", "", []), 4: ("i4", "", []), 5: ("i5", "", [])})
    english = write_lmf(tmp_path / "en.xml", "en", "en", [("car", 1, None), ("vehicle", 2, None), ("bicycle", 3, None)],
                        {1: ("i1", "four wheels", [("hypernym", 2), ("mero_part", 6)]), 2: ("i2", "it carries", []),
                         3: ("i3", "pedals", [("hypernym", 2)]), 6: ("i6", "it turns", [])})
    return japanese, english


def test_japanese_words_are_read_from_lmf(lmf):
    book = open_thesaurus(lmf[0])
    assert book.synonyms("車") == ["自動車"]
    assert book.find("車.n.01")[0].definition == "四つの輪で走る"
    assert book.antonyms("朝") == ["晩"]
    assert book.similarity("車", "自転車") is None               # this file has no hypernyms
    with pytest.raises(DataError, match='did you mean "自動車"'):
        book.find("自動")


def test_relations_are_borrowed_from_a_second_file(lmf):
    book = open_thesaurus(*lmf)
    assert [synset.name for synset in book.way("車", "自転車").steps] == ["車.n.01", "vehicle.n.01", "自転車.n.01"]
    assert [book.similarity("車", "自転車", measure) for measure in ("path", "wup")] == pytest.approx([1 / 3, 2 / 4])
    assert drawn(book, "車", "meronyms") == ["車.n.01", "└── i6"]


def test_english_lmf_has_base_forms_and_is_read_once(lmf, monkeypatch):
    import wn
    assert open_thesaurus(lmf[1]).similarity("cars", "bicycles") == 1 / 3
    monkeypatch.setattr(wn, "add", None)
    assert open_thesaurus(lmf[1]).similarity("cars", "bicycles") == 1 / 3


def test_the_users_own_data_of_wn_is_not_touched(lmf, cache):
    import wn
    before = wn.config.database_path
    open_thesaurus(lmf[0]).synonyms("車")
    assert wn.config.database_path == before
    assert list((cache / "wn").glob("*/wn.db"))


@pytest.mark.parametrize(("name", "content"), [("bad.xml", b""), ("bad.xml", b"<xml/>"), ("bad.xml.gz", b"PK"), ("bad.xml.xz", b"PK")])
def test_what_is_no_lmf_is_named(cache, tmp_path, name, content):
    pytest.importorskip("wn")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.xml.* is no WN-LMF file"):
        open_thesaurus(tmp_path / name)


def test_a_file_that_ends_early_is_named_each_time(lmf):
    text = lmf[0].read_text(encoding="utf-8")
    lmf[0].write_text(text[:-60], encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DataError, match=r"ja\.xml: this is no WN-LMF file"):
            open_thesaurus(lmf[0])


def test_a_missing_library_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wn", None)
    with pytest.raises(ConfigError, match=r'pip install "tsuzuri\[thesaurus\]"'):
        open_thesaurus(write_lmf(tmp_path / "a.xml", "a", "en", [], {}))


# the command line

def asked(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["thesaurus", *arguments])
    out, err = capsys.readouterr()
    return left.value.code, out, err


def test_the_commands_answer(folder, tmp_path, capsys):
    where = ["--wordnet", str(folder)]
    assert "motor car" in asked(capsys, "synonyms", "car", *where)[1]
    assert json.loads(asked(capsys, "synonyms", "hot", "--json", *where)[1])["senses"][0]["antonyms"] == ["cold"]
    assert "└── wheel.n.01  wheel  [part]" in asked(capsys, "tree", "car.n.01", "--relation", "meronyms", *where)[1]
    tree = json.loads(asked(capsys, "tree", "car.n.01", "--json", "--depth", "1", *where)[1])["trees"][0]
    assert [below["sense"] for below in tree["branches"]] == ["vehicle.n.01"]
    assert "0.2000" in asked(capsys, "similarity", "car", "dog", "--measure", "path", *where)[1]
    rows = json.loads(asked(capsys, "similarity", "car", "dog", "mice", "hot", "--json", *where)[1])["similarities"]
    assert [(row["other"], row["measure"]) for row in rows] == [(a, b) for a in ("dog", "mice", "hot") for b in MEASURES]
    assert rows[-1]["similarity"] is None
    code, out, err = asked(capsys, "path", "car", "dog", "--out", str(tmp_path / "way.svg"), *where)
    assert (code, out.splitlines()[-1]) == (0, "4 steps, path similarity 0.2000")
    assert (tmp_path / "way.svg").read_text().startswith("<?xml")
    assert "way.svg" in err


@pytest.mark.parametrize(("arguments", "message"), [
    (["synonyms", "catr"], "did you mean"), (["tree", "car", "--relation", "hypernim"], "did you mean"),
    (["tree", "car", "--depth", "-1"], "0 or more"),
    (["similarity", "car", "dog", "--measure", "pth"], "did you mean"), (["path", "car", "run"], "no way leads"),
    (["path", "car", "dog", "--out", "way.bmp"], ".png, .svg, .pdf"), (["synonyms", "car", "--relations", "x.xml"], "WN-LMF file only")])
def test_mistakes_get_one_sentence(folder, capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = asked(capsys, *arguments, "--wordnet", str(folder))
    assert (code, out) == (2, "")
    assert err.startswith("tsuzuri: ")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
