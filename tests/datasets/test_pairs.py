"""Pairs by name and from files: what their splits promise, which way round they come, and what is refused."""
import gzip
import hashlib
import re
import tracemalloc
from datetime import date, datetime
from itertools import cycle, groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.datasets import DATASETS, fetch, list_datasets, open_source
from tsuzuri.datasets import pairs as module
from tsuzuri.datasets.made_pairs import MADE
from tsuzuri.datasets.pairs import open_pairs
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text.reading import read_lines

FETCHED = ("tanaka", "tatoeba-eng-jpn", "multi30k", "dialogue", "wikitext2-headings")


def whole(source):
    return [pair for split in source.splits for pair in source.pairs(split)]


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return path


# Generated sets

DIGESTS = {
    "addition": "4ea8d9d596a383ac5a71ce5f9fa917bac23d1d74fdaf6b7a341bf5c1a445025b",
    "dates": "bfbac7699ec70686e04f9c166a4b1c8662a7031051a08a2e077b2a716a361b28",
    "copy": "8fe64497f32dc88f64dc4199e94dc408886842d9aaa9ab3ba6245ccab153fe08",
    "reverse": "1276c83aee4060d1a534dee066aad95e89e9052333a73d8f6d2e423095eaef0c",
    "sort": "b4f2a1fddfc6e0eef5a57dc97b81742510569ac071b899276864c2e3374b13b9",
}


@pytest.mark.parametrize("name", MADE)
def test_a_generated_set_is_the_same_everywhere(name):
    text = "".join(f"{a}\t{b}\n" for a, b in whole(open_pairs(name)))
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[name]


@pytest.mark.parametrize("name", MADE)
def test_generated_sources_are_all_different_and_the_last_tenth_is_held_out(name):
    source = open_pairs(name)
    count = 20_000 if name in ("copy", "reverse", "sort") else 50_000
    train, valid = list(source.pairs("train")), list(source.pairs("valid"))
    assert (len(train), len(valid)) == (0.9 * count, 0.1 * count)
    assert len({a for a, _ in train + valid}) == count
    assert list(source.pairs()) == train + valid
    assert source.splits == ("train", "valid")


def test_sums_are_right_and_of_every_length_as_far_as_there_are_enough():
    """Numbers of digits are drawn evenly, so of the pairs that cannot run short (3 and 3, 2 and 3: of 81,000 at least), all come
    about equally often; of one digit and one there are 100 in all."""
    pairs = whole(open_pairs("addition"))
    for question, answer in pairs:
        a, b = question.split("+")
        assert str(int(a) + int(b)) == answer
        assert str(int(a)) == a
        assert str(int(b)) == b
    kinds = [tuple(map(len, question.split("+"))) for question, _ in pairs]
    often = {kind: kinds.count(kind) for kind in set(kinds)}
    assert len(often) == 9
    assert often[1, 1] <= 100
    assert 0.9 < often[3, 2] / often[3, 3] < 1.0            # of 81,000 some come twice, of 810,000 few
    held_out = [tuple(map(len, question.split("+"))) for question, _ in open_pairs("addition").pairs("valid")]
    for kind, n in often.items():                           # a tenth of every kind, within five standard errors
        assert abs(held_out.count(kind) - 0.1 * n) < 5 * (0.09 * n) ** 0.5


FORMS = {
    r"[A-Za-z]{4,} \d+, \d{4}": "%B %d, %Y", r"[A-Za-z]{3} \d+, \d{4}": "%b %d, %Y",
    r"[A-Za-z]+, [A-Za-z]+ \d+, \d{4}": "%A, %B %d, %Y",
    r"\d+ [A-Za-z]{3} \d{4}": "%d %b %Y", r"\d+ [A-Za-z]{4,} \d{4}": "%d %B %Y", r"\d\d?/\d\d?/\d\d": "%m/%d/%y", r"\d{4}/\d\d/\d\d": "%Y/%m/%d"}


def test_dates_mean_what_a_calendar_says_in_every_style_and_case():
    pairs = whole(open_pairs("dates"))
    met = dict.fromkeys(FORMS, 0)
    for text, day in pairs:
        (form,) = [form for form in FORMS if re.fullmatch(form, text)]
        when = datetime.strptime(text, FORMS[form]).date()   # the day of the week too has to be a name of one
        assert when.isoformat() == day
        if form.startswith("[A-Za-z]+,"):
            assert text.split(",")[0].lower() == when.strftime("%A").lower()
        met[form] += 1
    assert min(met.values()) > 5_000
    days = [date.fromisoformat(day) for _, day in pairs]
    assert (min(days).year, max(days).year) == (1970, 2018)
    words = [text for text, _ in pairs if text[0].isalpha()]
    assert all(sum(map(case, words)) > 0.3 * len(words) for case in (str.islower, str.isupper, str.istitle))


def test_examples_of_dates():
    found = dict(whole(open_pairs("dates")))
    for text, day in {"september 27, 1994": "1994-09-27", "2/10/93": "1993-02-10", "JUN 17, 2013": "2013-06-17",
                      "TUESDAY, SEPTEMBER 25, 1984": "1984-09-25", "3 Mar 1987": "1987-03-03"}.items():
        assert found.get(text, day) == day


@pytest.mark.parametrize(("name", "change"), [("copy", str), ("reverse", lambda a: a[::-1]), ("sort", lambda a: "".join(sorted(a)))])
def test_strings_are_changed_as_the_name_says(name, change):
    pairs = whole(open_pairs(name))
    assert all(change(a) == b and re.fullmatch("[a-z]{1,12}", a) for a, b in pairs)
    assert {len(a) for a, _ in pairs} == set(range(1, 13))


def test_generated_sets_are_here_without_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TSUZURI_DATA", str(tmp_path))
    present = {row.name for row in list_datasets() if row.present and DATASETS[row.name].kind == "pairs"}
    assert present == set(MADE)
    assert fetch("copy").paths == []


# Sets that are fetched

SIZES = {"tanaka": (50_000, 500, 500), "multi30k": (29_000, 1_014, 1_000), "tatoeba-eng-jpn": (40_442, 2_134, 2_341),
         "dialogue": (3_359, 184, 182), "wikitext2-headings": (4_925, 476, 523)}


@pytest.mark.parametrize("name", FETCHED)
def test_the_splits_of_a_set(name, data_dir):
    source = open_pairs(name)
    assert source.splits == DATASETS[name].splits == ("train", "valid", "test")
    assert tuple(sum(1 for _ in source.pairs(split)) for split in source.splits) == SIZES[name]
    assert list(source.pairs()) == whole(source)
    assert all(a and b and a == a.strip() and b == b.strip() for a, b in source.pairs())


FIRST = {
    "tanaka:test": ("they finally acknowledged it as true .", "彼 ら は つい に それ が 真実 だ と 認め た 。"),
    "tanaka:valid": ("show your own business .", "自分 の 事 を しろ 。"),
    "multi30k:test": ("A man in an orange hat starring at something.", "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."),
    "multi30k:valid": ("A group of men are loading cotton onto a truck", "Eine Gruppe von Männern lädt Baumwolle auf einen Lastwagen"),
}


@pytest.mark.parametrize(("data", "pair"), FIRST.items())
def test_a_split_in_the_name_is_the_only_one(data, pair, data_dir):
    name, split = data.split(":")
    source = open_pairs(data)
    assert (source.name, source.split, source.splits) == (data, split, (split,))
    assert next(source.pairs()) == next(source.pairs(split)) == next(open_pairs(name).pairs(split)) == pair
    with pytest.raises(DataError, match=f'{data} has no split "train"; it has {split}'):
        source.pairs("train")


def test_no_sentence_of_tatoeba_is_in_two_parts_and_none_is_lost(data_dir):
    source = open_pairs("tatoeba-eng-jpn")
    parts = [list(source.pairs(split)) for split in source.splits]
    lines = [tuple(map(str.strip, line.split("\t"))) for line in read_lines(data_dir / "tatoeba-eng-jpn" / "jpn.txt")]
    assert sorted(pair for part in parts for pair in part) == sorted(lines)
    for side in (0, 1):
        train, valid, test = ({pair[side] for pair in part} for part in parts)
        assert not train & valid | train & test | valid & test
    assert [round(len(part) / len(lines), 2) for part in parts] == [0.90, 0.05, 0.05]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("rstuvwxy")), max_size=12))
def test_groups_are_what_can_be_reached_over_shared_sides(pairs):
    """Against a search that widens each pair's group until it stays."""
    labels = list(module._groups(pairs))
    for k, pair in enumerate(pairs):
        group = {pair}
        while (wider := {p for p in pairs if any(p[0] == g[0] or p[1] == g[1] for g in group)} | group) != group:
            group = wider
        assert labels[k] == min(i for i, p in enumerate(pairs) if p in group)


def test_a_reply_with_a_colon_is_what_the_next_question_is(data_dir):
    lines = list(read_lines(data_dir / "dialogue" / "dialogs.txt"))
    conversations = list(module._conversations(lines))
    pairs = [pair for conversation in conversations for pair in conversation]
    unspaced = [re.sub(" *: *", ":", line).strip() for line in lines]
    assert [f"{a}:{b}" for a, b in pairs] == unspaced
    assert all(a[1] == b[0] for conversation in conversations for a, b in pairwise(conversation))
    assert {len(conversation) for conversation in conversations} <= set(range(6, 12))
    assert ("when exactly does the party start?", "the invitation says it starts at 8:00 p.m.") in pairs
    assert ("the invitation says it starts at 8:00 p.m.", "has she given out a lot of invitations yet?") in pairs
    several = [pair for pair, line in zip(pairs, lines, strict=True) if line.count(":") > 1]
    assert len(several) == 15
    assert not [pair for pair in several if re.match(r"\d\d\b", pair[1])]


def test_a_colon_at_the_end_of_a_conversation_is_cut_at_the_first():
    assert list(module._conversations(["a?:b", "b:at 8:00", "c:d"])) == [[("a?", "b"), ("b", "at 8:00")], [("c", "d")]]
    assert list(module._conversations(["x:at 8:00 ", "at 8:00 :y"])) == [[("x", "at 8:00"), ("at 8", "00 :y")]]


def test_conversations_are_kept_whole(data_dir):
    source = open_pairs("dialogue")
    parts = {split: set(source.pairs(split)) for split in source.splits}
    for conversation in module._conversations(read_lines(data_dir / "dialogue" / "dialogs.txt")):
        assert any(set(conversation) <= part for part in parts.values())


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_heading_stands_above_its_text_and_no_whole_sentence_more_would_fit(split, data_dir):
    raw, place = (data_dir / "wikitext2" / f"{split}.txt").read_text("utf-8"), 0
    for text, heading in open_pairs("wikitext2-headings").pairs(split):
        assert "=" not in heading
        below = re.compile(rf"\n (= )+{re.escape(heading)}( =)+ \n \n {re.escape(text)} (.*)\n").search(raw, place)
        assert below, heading
        place = below.end() - 1
        assert text.endswith(" .")
        following, end, _ = f" {below[3]}".partition(" . ")
        assert not end or len(f"{text}{following} .".split()) > 60 >= len(text.split())


WORDS = " ".join("abcdefghij")                               # ten
HEADINGS = [                                                 # the lines of a text, and the pairs in it
    (["", " = A title = ", " ", " one . two . ", " three . ", " ", " = = b = = ", "", "four .", ""], [("one . two .", "A title"), ("four .", "b")]),
    (["", "= A =", "", "= = b = =", "", "one .", ""], [("one .", "b")]),
    (["", "= A =", "", "= = b = =", "", ""], []),
    (["", "= <unk> =", "", "one .", "", "= <unk> <unk> =", "", "two .", "", "= <unk> a =", "", "three .", ""], [("three .", "<unk> a")]),
    (["", "= A =", "", "no sentence", "one .", ""], []),
    (["", "= A =", "", f"{' '.join([WORDS] * 6)} .", ""], []),
    (["", "= A =", "", f"{' '.join([WORDS] * 5)} a b c d e f g h i . one . two"], [(f"{' '.join([WORDS] * 5)} a b c d e f g h i .", "A")]),
    (["", "= A =", "", f"one . {' '.join([WORDS] * 6)} .", ""], [("one .", "A")]),
    (["", "one", "= 2 x =", "two .", "", "three .", ""], []),
    (["", "= = A =", "", "one .", "", "= B = =", "", "two .", "", "= c", "", "three .", "", "==", "", "four ."], []),
]


@pytest.mark.parametrize(("lines", "pairs"), HEADINGS)
def test_what_is_a_heading_and_what_is_its_text(lines, pairs):
    assert list(module._headings(lines)) == pairs


def test_headings_are_streamed():
    found = module._headings(cycle(["", "= A =", "", "one ."]))      # a text without an end
    assert [next(found) for _ in range(3)] == [("one .", "A")] * 3


def test_a_pair_of_a_set_with_an_empty_side_is_skipped(tmp_path, monkeypatch):
    write(tmp_path / "e", ["a", " ", "c"])
    write(tmp_path / "j", ["x", "y", ""])
    monkeypatch.setattr(module, "fetch_file", lambda dataset, file: tmp_path / {"train-en": "e", "train-ja": "j"}[file])
    assert list(open_pairs("tanaka").pairs("train")) == [("a", "x")]


def test_pairs_are_never_read_as_text(data_dir):
    for name in (*FETCHED, *MADE):
        with pytest.raises(DataError, match=f"{name} is pairs of texts, not a text; `tsuzuri seq2seq train {name}`"):
            list(open_source(name).lines())


# Direction

def test_directions_turn_the_pairs_and_their_languages(data_dir):
    straight, turned = (open_pairs("tanaka:test", direction=direction) for direction in ("en-ja", "ja-en"))
    assert straight.languages == open_pairs("tanaka").languages == ("en", "ja")
    assert turned.languages == ("ja", "en")
    assert [pair[::-1] for pair in turned.pairs()] == list(straight.pairs()) == list(open_pairs("tanaka:test").pairs())


def test_directions_of_files_and_of_sets_without_two_languages(tmp_path):
    path = write(tmp_path / "p.tsv", ["a\tb", "c\td"])
    assert list(open_pairs(path, direction="2-1").pairs("valid")) == [("d", "c")]
    assert list(open_pairs(path, direction="1-2").pairs()) == [("a", "b"), ("c", "d")]
    assert open_pairs(path).languages == ("", "")
    reverse = open_pairs("reverse", direction="2-1").pairs()
    assert next(reverse) == next(open_pairs("reverse").pairs())[::-1]


def test_the_parts_of_a_file_are_the_same_in_both_directions(tmp_path):
    path = write(tmp_path / "p.tsv", [f"{k // 3}\t{k // 2}" for k in range(200)])
    for split in ("train", "valid"):
        assert list(open_pairs(path).pairs(split)) == [pair[::-1] for pair in open_pairs(path, direction="2-1").pairs(split)]


@pytest.mark.parametrize(("data", "direction", "message"), [
    ("tanaka", "en-de", 'direction "en-de" does not fit tanaka; there are en-ja and ja-en'),
    ("tanaka", "2-1", "there are en-ja and ja-en"), ("multi30k", "ja-en", "there are en-de and de-en"),
    ("dialogue", "en-en", "there are 1-2 and 2-1"), ("dates", "iso-text", "there are 1-2 and 2-1")])
def test_a_direction_that_there_is_not_names_those_there_are(data, direction, message):
    with pytest.raises(ConfigError, match=message):
        open_pairs(data, direction=direction)


# Files

def test_a_table_and_two_files_give_the_same_pairs(tmp_path):
    pairs = [(f"source {k} é", f"目的 {k}") for k in range(50)]
    table = write(tmp_path / "p.tsv", [f"{a}\t{b}" for a, b in pairs])
    first, second = write(tmp_path / "a", [a for a, _ in pairs]), write(tmp_path / "b", [b + "  " for _, b in pairs])
    packed = tmp_path / "p.tsv.gz"
    packed.write_bytes(gzip.compress(("\ufeff" + table.read_text("utf-8").replace("\n", "\r\n")).encode()))
    for source in (open_pairs(table), open_pairs(str(first), second), open_pairs(packed)):
        assert list(source.pairs()) == pairs
        assert list(source.pairs()) == pairs
        assert source.splits == ("train", "valid")
        assert source.split is None
        assert list(source.pairs("valid")) == [pairs[1], pairs[21], pairs[41]]


def test_an_attribution_is_not_a_side(tmp_path):
    path = write(tmp_path / "jpn.txt", ["Go.\t行け。\tCC-BY 2.0 (France) Attribution: tatoeba.org #2877272 (CM) & #7421534 (Ninja)"])
    assert list(open_pairs(path).pairs()) == [("Go.", "行け。")]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=150))
def test_parts_of_a_file_are_the_whole_and_split_no_run_of_one_source(sources):
    pairs = [(str(a), str(k)) for k, a in enumerate(sources)]
    runs = [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0])]
    if len(runs) < 2:
        with pytest.raises(DataError, match="x: one source is too little to hold out every 20th"):
            list(module._part_of_file(iter(pairs), "valid", "x"))
        return
    train, valid = (list(module._part_of_file(iter(pairs), split, "x")) for split in ("train", "valid"))
    assert sorted(train + valid) == sorted(pairs)
    assert valid == [pair for run in runs[1::20] for pair in run]
    assert train


ERRORS = [
    ("a\tb\nc\n", "p.tsv: line 2 has no tab; a pair is two texts with a tab"),
    ("a\tb\n\n", "p.tsv: line 2 has no tab"),
    ("a\tb\nc\td\te\n", "p.tsv: line 2 has 2 tabs"),
    ("a\tb\n1\tc\t2\td\n", "p.tsv: line 2 has 3 tabs"),
    ("a\tb\n\td\n", "p.tsv: line 2 has an empty first side"),
    ("a\tb\nc\t \n", "p.tsv: line 2 has an empty second side"),
    ("a\tb\nc\t\udcff\n", "p.tsv: line 2, byte 6: 0xff is not UTF-8"),
    ("", "p.tsv: there is no text in it"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_a_line_that_is_no_pair_is_named(text, message, tmp_path):
    path = tmp_path / "p.tsv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    source = open_pairs(path)
    with pytest.raises(DataError, match=message) as caught:
        list(source.pairs("train"))
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_can_be_replaced(tmp_path):
    (tmp_path / "p.tsv").write_bytes(b"a\xff\tb\n")
    assert list(open_pairs(tmp_path / "p.tsv", encoding_errors="replace").pairs()) == [("a\ufffd", "b")]


@pytest.mark.parametrize(("first", "second", "message"), [
    (3, 5, "a has 3 lines and .*b has 5; line by line"), (5, 3, "a has 5 lines and .*b has 3"), (4, 3, "a has 4 lines and .*b has 3")])
def test_two_files_of_different_lengths_are_refused_with_both(first, second, message, tmp_path):
    source = open_pairs(write(tmp_path / "a", ["x"] * first), write(tmp_path / "b", ["y"] * second))
    with pytest.raises(DataError, match=message):
        list(source.pairs())


@pytest.mark.parametrize(("first", "second", "message"), [("", "b", "a: line 2 is empty"), ("a", "\t", "b: line 2 is empty")])
def test_an_empty_line_of_two_files_is_named(first, second, message, tmp_path):
    source = open_pairs(write(tmp_path / "a", ["x", first]), write(tmp_path / "b", ["y", second]))
    with pytest.raises(DataError, match=message):
        list(source.pairs())


@pytest.mark.parametrize(("data", "target", "message"), [
    ("tanakka", "", '"tanakka" is neither a data set .did you mean "tanaka"'),
    ("tanaka:tset", "", 'tanaka has no split "tset" .did you mean "test"..; it has train, valid, test'),
    ("addition:test", "", 'addition has no split "test"; it has train, valid'),
    ("ptb", "", "ptb is not pairs of texts; sets of pairs are tanaka, .*sort"), ("ptb:test", "", "ptb is not pairs"),
    ("nothing.tsv", "", '"nothing.tsv" is neither'), ("-", "", "not from standard input"), (".", "", "is not a file"),
    ("*.nothing", "", "there is no such file"), ("tanaka", "b", "leave that out, or write ./tanaka"),
    (__file__, "nothing", "nothing: there is no such file"),
    (__file__ + ":valid", "", "only data sets have splits")])
def test_what_cannot_be_opened_is_named(data, target, message):
    with pytest.raises(DataError, match=message):
        open_pairs(data, target)


def test_a_split_that_is_not_there_is_suggested(tmp_path):
    source = open_pairs(write(tmp_path / "p.tsv", ["a\tb"]))
    with pytest.raises(DataError, match=r'p\.tsv has no split "vaild" .did you mean "valid"..; it has train, valid'):
        source.pairs("vaild")


def test_which_split_is_taken_where_none_is_named(tmp_path):
    """A data set validates with its own valid split and is measured on test; of a file all is taken."""
    multi30k, addition, file = open_pairs("multi30k"), open_pairs("addition"), open_pairs(write(tmp_path / "p.tsv", ["a\tb"]))
    assert [source.first_of("valid", "test") for source in (multi30k, addition, file)] == ["valid", "valid", None]
    assert [source.first_of("test", "valid") for source in (multi30k, addition, file)] == ["test", "valid", None]
    assert open_pairs("multi30k:train").first_of("test", "valid") == "train"


def test_files_are_streamed(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("".join(f"the source number {k}\tthe target number {k}\n" for k in range(100_000)))
    tracemalloc.start()
    count = sum(1 for _ in open_pairs(path).pairs("train"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 95_000
    assert peak < 8 << 20                                    # a block of a mebibyte as bytes, text and lines; all pairs take 20
