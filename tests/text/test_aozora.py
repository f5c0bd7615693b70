"""Files of Aozora Bunko: what goes, what stays, one file at a time."""
import io
import sys

import pytest

from tsuzuri.datasets import open_source
from tsuzuri.text import read_lines
from tsuzuri.text.aozora import clean_line, clean_lines

RULE = "-" * 55
FILE = ["夜の庭", "作り人", "", RULE, "【テキスト中に現れる記号について】", "", "《》：ルビ", "（例）庭《にわ》", RULE, "",
        "［＃８字下げ］一［＃「一」は中見出し］", "", "　月《つき》が一｜尺五寸《しゃくごすん》出た。", "［＃改ページ］", "　※［＃「てへん＋劣」、U+6318］いだ。",
        "", "", "底本：「夜の本」架空書房", "入力：だれか"]
CLEAN = ["一", "", "　月が一尺五寸出た。", "　挘いだ。"]

LINES = [
    ("吾輩《わがはい》は猫である。", "吾輩は猫である。"),
    ("一番｜獰悪《どうあく》な種族", "一番獰悪な種族"),
    ("一番｜獰悪な種族", "一番獰悪な種族"),                          # the ruby was taken out before
    ("牛乳［＃「牛乳」に傍点］と［＃ここから２字下げ］パン", "牛乳とパン"),
    ("［＃「※［＃「口＋它」、第3水準1-14-88］」に傍点］は", "は"),
    ("※［＃始め二重山括弧、1-1-52］夜※［＃終わり二重山括弧、1-1-53］", "《夜》"),
    ("※［＃「口＋它」、第3水準1-14-88］だ", "咜だ"),
    ("※［＃何か、第4水準2-1-1］だ", "\U00020089だ"),                # of the second plane
    ("※［＃「口＋世」、ページ数-行数、12-3］は", "※は"),              # it has no number
    ("※［＃「口＋世」、第9水準1-99-99］は", "※は"),                   # nor is there such a place
    ("印※は", "印※は"),
    ("〔cafe'〕の《とじない", "〔cafe'〕の《とじない"),
]


@pytest.mark.parametrize(("line", "wanted"), LINES)
def test_ruby_and_notes_go_and_characters_stay(line, wanted):
    assert clean_line(line) == wanted


def test_header_footer_and_lines_of_nothing_but_notes_go():
    assert list(clean_lines(FILE)) == CLEAN


def test_a_text_without_header_and_footer_is_kept():
    lines = ["一", "", "　猫である。", RULE, "　名前はまだ無い。", RULE, "　おわり。"]
    assert list(clean_lines(lines)) == lines
    assert list(clean_lines([])) == []
    assert list(clean_lines(["", "　", "猫", ""])) == ["猫"]


def test_a_header_ends_within_sixty_lines():
    far = ["　文。"] * 60 + FILE[3:9]
    assert list(clean_lines(far))[:60] == far[:60]


def test_lines_are_streamed():
    def endless():
        yield from FILE[:-2]
        while True:
            yield "　終わらない《おわらない》。"
    lines = clean_lines(endless())
    assert [next(lines) for _ in range(7)] == [*CLEAN, "", "", "　終わらない。"]


def test_every_file_of_a_folder_is_cleaned_by_itself(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("\n".join(FILE), encoding="utf-8")
    assert list(read_lines(tmp_path, clean=clean_lines)) == CLEAN * 2
    source = open_source(tmp_path, clean=clean_lines)
    assert list(source.lines()) == CLEAN * 2
    assert [*source.lines("train"), *source.lines("valid")] == CLEAN * 2
    assert list(open_source(tmp_path).lines()) == FILE * 2


def test_standard_input_is_cleaned(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(FILE).encode())))
    assert list(open_source("-", clean=clean_lines).lines()) == CLEAN


def test_data_sets_are_clean_as_they_are(data_dir):
    lines = list(open_source("soseki:valid", clean=clean_lines).lines())
    assert lines == list(open_source("soseki:valid").lines()) == list(clean_lines(lines))


def test_a_published_file_becomes_the_text_that_others_made_of_it(data_dir):
    """Neko stands there twice: as published, and cut into words by others; they differ in one corrected character."""
    def joined(lines):
        return "".join("".join(line.split()) for line in lines)
    one = joined(read_lines(data_dir / "aozora/wagahaiwa_nekodearu.txt", clean=clean_lines))
    other = joined(read_lines(data_dir / "aozora/neko.txt"))
    assert len(one) == len(other) == 318_354
    assert [(a, b) for a, b in zip(one, other, strict=True) if a != b] == [("惜", "措")]
