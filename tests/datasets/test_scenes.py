"""Scenes and what is true of them: the grammar word by word, what is held out, pictures that are the same every time, folders and bad input."""
import gzip

import numpy as np
import pytest

from tsuzuri.datasets.made_scenes import SETS, SPLITS, draw_scene, made_scenes, mnist, read_idx
from tsuzuri.datasets.picture_corpus import CaptionBatches, open_picture_corpus, write_pictures
from tsuzuri.datasets.pictures import Pictured, one_scene, open_pictures, read_picture, write_picture
from tsuzuri.datasets.scenes import (
    RELATIONS,
    Group,
    Relation,
    Scene,
    Thing,
    all_combinations,
    claims,
    combinations,
    is_true,
    plural,
    sentences,
)
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import train_tokenizer
from tsuzuri.text.pairs import line_end

NOUNS = ("red circle", "red cross", "blue square")
SCENE = Scene((Thing("red circle", 10, 10), Thing("red circle", 40, 12), Thing("blue square", 12, 50)), 8)


@pytest.mark.parametrize(("sentence", "true"), [
    ("a red circle", True), ("a blue square", True), ("a red cross", False), ("two red circles", True), ("two blue squares", False),
    ("three red circles", False), ("two red circles and a blue square", True), ("a blue square and two red circles", True),
    ("two red circles and two blue squares", False), ("a red circle above a blue square", True), ("a blue square below a red circle", True),
    ("a blue square above a red circle", False), ("a red circle right of a blue square", True), ("a blue square left of a red circle", True),
    ("a red circle left of a blue square", False),          # 2 units are not clearly left
    ("a red circle left of a red circle", True), ("a red circle above a red circle", False), ("  a  red   circle ", True),
])
def test_what_is_true_of_a_scene(sentence, true):
    assert claims(sentence, NOUNS) is not None
    assert is_true(sentence, SCENE, NOUNS) is true


@pytest.mark.parametrize("sentence", [
    "", "red circle", "a", "a red", "a circle", "two red circle", "a red circles", "one red circle", "five red circles", "a red circle and",
    "a red circle and a blue square and a red circle", "two red circles above a blue square", "a red circle above", "above a red circle",
    "a red circle left a blue square", "a red circle above a blue square above a red circle", "a green circle", "A red circle", "a red circle .",
])
def test_what_is_no_sentence_is_false(sentence):
    assert claims(sentence, NOUNS) is None
    assert not is_true(sentence, SCENE, NOUNS)
    assert combinations(sentence, NOUNS) == set()


def test_claims_say_what_was_read():
    assert claims("two red crosses and a blue square", NOUNS) == [Group(2, "red cross"), Group(1, "blue square")]
    assert claims("a red cross right of a blue square", NOUNS) == [Relation("red cross", "right of", "blue square")]
    assert [plural(noun) for noun in ("red cross", "3")] == ["red crosses", "3s"]


def test_turned_around_it_is_the_same_combination():
    way = ("blue square", "left of", "red cross")
    assert combinations("a red cross right of a blue square", NOUNS) == combinations("a blue square left of a red cross", NOUNS) == {way}
    assert combinations("two red circles and a blue square", NOUNS) == set()
    assert all_combinations(SCENE) == {("red circle", "left of", "red circle"), ("red circle", "above", "blue square"), ("blue square", "left of", "red circle")}


@pytest.mark.parametrize("name", SETS)
def test_all_that_is_said_of_a_made_scene_is_true_and_nothing_else_that_could_be(name):
    """Every relation of every two things is said or false."""
    made, relations = SETS[name], 0
    for scene, _ in made_scenes(name, "train", 150):
        said = sentences(scene)
        assert said
        assert all(is_true(sentence, scene, made.nouns) for sentence in said)
        if len(scene.things) == 2 and len({thing.kind for thing in scene.things}) == 2:
            a, b = (thing.kind for thing in scene.things)
            relations += 1
            for sentence in (f"a {one} {relation} a {other}" for one, other in ((a, b), (b, a)) for relation in RELATIONS):
                assert is_true(sentence, scene, made.nouns) == (sentence in said)
        elif len({thing.kind for thing in scene.things}) == 1:
            others = [f"a {scene.things[0].kind}"] + [f"{number} {plural(scene.things[0].kind)}" for number in ("two", "three", "four")]
            assert sum(is_true(sentence, scene, made.nouns) for sentence in others[1:]) == (len(scene.things) > 1)
    assert relations > 30


@pytest.mark.parametrize("name", SETS)
def test_held_out_combinations_are_in_no_scene_of_the_training_and_in_all_that_is_said_of_unseen_ones(name):
    never, nouns = SETS[name].held_out(), SETS[name].nouns
    for split in ("train", "valid"):
        for scene, _ in made_scenes(name, split, 300):
            assert not all_combinations(scene) & never
            assert not any(combinations(sentence, nouns) & never for sentence in sentences(scene))
    for scene, _ in made_scenes(name, "unseen", 60):
        assert all(combinations(sentence, nouns) & never for sentence in sentences(scene))
    assert all(combinations(sentence, nouns) <= all_combinations(scene) for scene, _ in made_scenes(name, "train", 50) for sentence in sentences(scene))


@pytest.mark.parametrize("name", SETS)
def test_things_have_places_of_their_own_within_the_picture(name):
    side = 64 // SETS[name].places
    for split in SPLITS:
        for scene, _ in made_scenes(name, split, 40):
            assert len({(thing.x // side, thing.y // side) for thing in scene.things}) == len(scene.things) <= SETS[name].most + 1


def test_a_scene_is_the_same_however_many_are_drawn():
    few, many = list(made_scenes("shapes", "train", 5)), list(made_scenes("shapes", "train", 50))
    assert few == many[:5]
    pictures = [draw_scene("shapes", "train", *few[3], 32) for _ in range(2)]
    np.testing.assert_array_equal(*pictures)
    assert many[7] != list(made_scenes("shapes", "valid", 50))[7]


@pytest.mark.parametrize("pixels", [16, 32, 50])
def test_a_shape_is_drawn_where_it_is_and_in_its_colour(pixels):
    """The middle of a red square is red, a place without a thing is grey."""
    for scene, seed in made_scenes("shapes", "train", 30):
        picture = draw_scene("shapes", "train", scene, seed, pixels).astype(int)
        assert picture.shape == (pixels, pixels, 3)
        for thing in scene.things:
            red, green, blue = picture[thing.y * pixels // 64, thing.x * pixels // 64]
            colour = thing.kind.split()[0]
            assert {"red": red > green + 60 and red > blue + 60, "green": green > red + 40 and green > blue + 40, "blue": blue > red + 40 and blue > green + 40,
                    "yellow": red > blue + 60 and green > blue + 60, "purple": red > green + 40 and blue > green + 40}[colour], thing


def test_digits_are_those_of_mnist(data_dir):
    images, labels = mnist("test")
    assert (images.shape, labels[:3].tolist(), images[0].max()) == ((10_000, 28, 28), [7, 2, 1], 255)
    scene = Scene((Thing("7", 16, 16), Thing("1", 48, 48)), 16)
    picture = draw_scene("digits", "valid", scene, 5, 32)
    assert picture.shape == (32, 32, 1)
    quarters = picture.reshape(2, 16, 2, 16).swapaxes(1, 2).max((2, 3))
    assert quarters[0, 0] > 150 < quarters[1, 1]
    assert quarters[0, 1] < 20 > quarters[1, 0]


@pytest.mark.parametrize("content", [b"", b"\0\0\x08\1\0\0\0\5abc", b"\0\0\x0d\1\0\0\0\0", b"no array"])
def test_what_is_no_idx_file_is_said_to_be_none(content, tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="is no array of bytes in the format IDX"):
        read_idx(tmp_path / "x.gz")
    (tmp_path / "y.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be unpacked|is no array"):
        read_idx(tmp_path / "y.gz")


# Folders of images

@pytest.fixture
def folder(tmp_path):
    """25 pictures, the first with two captions."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for k in range(25):
        write_picture(one_scene("shapes", k, 24).picture, photos / f"{k}.png")
    lines = [f"{k}.png\tpicture {k}" for k in range(25)]
    (photos / "captions.txt").write_text("\n".join([*lines[:2], "", "0.png \t the first ", *lines[2:]]) + "\n")
    return photos


def test_a_folder_with_its_captions(folder):
    source = open_pictures(folder)
    found = list(source.pictures(pixels=24))
    assert [(pictured.name, pictured.captions) for pictured in found[:2]] == [("0.png", ["picture 0", "the first"]), ("1.png", ["picture 1"])]
    np.testing.assert_array_equal(found[3].picture, one_scene("shapes", 3, 24).picture)
    assert [p.name for p in source.pictures("valid")] == ["1.png", "21.png"]
    assert [p.name for p in source.pictures("train")] == [f"{k}.png" for k in range(25) if k not in (1, 21)]
    assert next(source.pictures(pixels=12)).picture.shape == (12, 12, 3)


def test_captions_in_a_file_of_their_own(folder, tmp_path):
    (tmp_path / "german.tsv").write_text("3.png\tein Bild\n")
    assert [(p.name, p.captions) for p in open_pictures(folder, tmp_path / "german.tsv").pictures()] == [("3.png", ["ein Bild"])]


@pytest.mark.parametrize(("line", "words"), [
    ("3.png no tab", '/captions.txt:2: "3.png no tab" is no caption; write an image\'s name, a tab and what is to be seen'),
    ("3.png\t", '/captions.txt:2: "3.png" is no caption'), ("\ta dog", '/captions.txt:2: "a dog" is no caption'),
    ("dog.png\ta dog", '/captions.txt:2: the image "dog.png" is not in'),
    ("broken.png\ta dog", "/captions.txt:2: "), ("cut.png\ta dog", "/captions.txt:2: "), ("empty.png\ta dog", "cannot be read as an image"),
])
def test_a_bad_line_or_image_is_told_with_file_and_line(line, words, folder):
    whole = (folder / "3.png").read_bytes()
    for name, content in (("broken.png", b"no image"), ("cut.png", whole[:len(whole) // 2]), ("empty.png", b"")):
        (folder / name).write_bytes(content)
    (folder / "captions.txt").write_text(f"1.png\tfine\n{line}\n")
    with pytest.raises(DataError) as caught:
        list(open_pictures(folder).pictures())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_sources_that_are_none(folder, tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "blank.txt").write_text("\n\n")
    for data, captions, words in ((tmp_path / "nothing", "", "captions.txt: there is no such file"), (folder, tmp_path / "blank.txt", "there are no captions"),
                                  ("ptb", "", "ptb is no set of pictures with captions; name one (shapes, digits)"), (folder / "3.png", "", "is not a folder"),
                                  ("shapes", "x.txt", "shapes is a data set, to which no file of captions"), ("shapes:test", "", 'no split "test"')):
        with pytest.raises(DataError) as caught:
            open_pictures(data, captions)
        assert words in str(caught.value)
    with pytest.raises(DataError, match='"cats" is no set of scenes; there are shapes, digits'):
        one_scene("cats", 0, 32)
    with pytest.raises(DataError, match="a scene of 4 pixels cannot be drawn; give 8 to 4,096"):
        one_scene("shapes", 0, 4)
    with pytest.raises(DataError, match=r'"scene.jpg" is no name for a picture of a scene; let it end in \.png'):
        write_picture(one_scene("shapes", 0, 8).picture, "scene.jpg")


def test_images_of_other_kinds_and_forms(tmp_path):
    """Turned by their notes, wide, grey, with a palette or see-through: three bytes a pixel, or one."""
    from PIL import Image
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "wide.png", 10), np.full((10, 10, 3), 200))
    for kind in ("L", "P", "RGBA", "1", "CMYK"):
        path = tmp_path / f"{kind}.{'tiff' if kind == 'CMYK' else 'png'}"
        Image.fromarray(wide).convert(kind).save(path)
        assert read_picture(path, 10).shape == (10, 10, 3)
        assert read_picture(path, 10, 1).shape == (10, 10, 1)
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8] = 255
    image = Image.fromarray(upright)
    notes = image.getexif()
    notes[0x0112] = 3                                        # upside down
    image.save(tmp_path / "turned.png", exif=notes)
    assert read_picture(tmp_path / "turned.png", 16)[:8].max() == 0


# On disk

@pytest.fixture
def corpus(tmp_path):
    pictures = [Pictured(str(k), np.full((8, 8, 3), k, np.uint8), [f"w{k} w{c}" for c in range(1 + k % 3)]) for k in range(10)]
    return write_pictures(pictures, tmp_path / "corpus", 8, 3)


def test_pictures_come_back_as_they_were_written(corpus):
    assert (len(corpus), corpus.captions, corpus.shape) == (10, 19, (8, 8, 3))
    assert corpus.images[:, 0, 0, 0].tolist() == list(range(10))
    assert corpus.said[2] == ["w2 w0", "w2 w1", "w2 w2"]
    assert isinstance(corpus.images, np.memmap)


def test_a_caption_may_have_any_characters(tmp_path):
    """Of those that Python takes for line ends only the line feed is one."""
    said = ["a dog\u2028runs", "on\x0bgrass\x85 .\x0c"]
    assert write_pictures([Pictured("dog", np.zeros((8, 8, 3), np.uint8), said)], tmp_path / "corpus", 8, 3).said == [said]


def test_batches_have_every_picture_once_with_a_caption_of_its_own(corpus):
    tokenizer = train_tokenizer("word", [caption for said in corpus.said for caption in said])
    end = line_end(tokenizer)
    batches = CaptionBatches(corpus, tokenizer, end, 40, 4, seed=1)
    drawn = set()
    for number in range(1, 30):
        found = batches.epoch(number)
        rows = [(int(p[0, 0, 0]), tokenizer.decode(t[t >= 0])) for k in range(len(found)) for p, t in zip(found[k][0], found[k][2])]
        assert sorted(k for k, _ in rows) == list(range(10))
        drawn |= set(rows)
    assert drawn == {(k, f"{caption}\n") for k, said in enumerate(corpus.said) for caption in said}
    pictures, inputs, targets = batches[0]
    assert pictures.shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(inputs[:, 0], end)
    np.testing.assert_array_equal(inputs[:, 1:][targets[:, 1:] >= 0], targets[:, :-1][targets[:, 1:] >= 0])
    for a, b in zip(batches.epoch(3)[1], CaptionBatches(corpus, tokenizer, end, 40, 4, 1, number=3)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_that_validate_have_every_caption_in_order(corpus):
    tokenizer = train_tokenizer("word", [caption for said in corpus.said for caption in said])
    batches = CaptionBatches(corpus, tokenizer, line_end(tokenizer), 1, 4, seed=1, shuffled=False)
    rows = [int(k) for b in range(len(batches)) for k in batches[b][0][:, 0, 0, 0]]
    assert rows == [k for k, said in enumerate(corpus.said) for _ in said]
    assert batches.epoch(5) is batches
    assert {batches[b][2].shape[1] for b in range(len(batches))} == {2}      # longest 1: one token and the end
    with pytest.raises(IndexError):
        batches[5]
    with pytest.raises(ConfigError, match="batch size 0"):
        CaptionBatches(corpus, tokenizer, 0, 1, 0, seed=1)


def test_a_damaged_folder_is_told(corpus, tmp_path):
    folder = tmp_path / "corpus"
    for name, content, words in (("pictures.bin", b"short", "pictures.bin: 5 bytes, but pictures.toml says 1,920"),
                                 ("captions.tsv", b"0\ta\n", r"captions.tsv: 4 bytes, but pictures.toml says \d+"),
                                 ("pictures.toml", b"pixels = 3", "pictures.toml: not the description of pictures")):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(DataError, match=words):
            open_picture_corpus(folder)
        (folder / name).unlink()
        with pytest.raises(DataError, match=f"no pictures here \\({name} is missing\\)"):
            open_picture_corpus(folder)
        (folder / name).write_bytes(kept)
    open_picture_corpus(folder)
    with pytest.raises(DataError, match="there are no pictures"):
        write_pictures([], folder, 8, 3)
