"""The commands of caption: every setting is a flag that does something, what they print is so, and bad input is one sentence."""
import json
import re
import shutil

import numpy as np
import pytest
from command_line import SMALL, Group, call, help_of, made_up, settings_of, values

from tsuzuri.cli.caption import measure, train, use
from tsuzuri.datasets.made_scenes import SETS
from tsuzuri.datasets.pictures import one_scene, read_picture, write_picture
from tsuzuri.datasets.scenes import is_true, sentences
from tsuzuri.models.captions import ARCHITECTURES
from tsuzuri.settings import fields
from tsuzuri.train.caption_run import TASK, CaptionRun
from tsuzuri.writing.captions import Captioner

COMMANDS = {"train": train.train, "evaluate": measure.evaluate, "predict": use.predict, "show": use.show, "scene": use.scene}
TINY = {"--pixels": "16", "--size": "8", "--filters": "2", "--blocks": "2", "--batch-size": "16", "--lr": "0.01", "--epochs": "1", "--patience": "0", "--threads": "1"}
GROUP = Group("caption", TINY)
ok, refused, tiny = GROUP.ok, GROUP.refused, GROUP.tiny


@pytest.fixture(autouse=True, scope="module")
def few():
    """Few scenes to validate with, and no picture of a training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.datasets.pictures.HELD_OUT", 30)
        patch.setattr("tsuzuri.train.captions.draw_run", lambda run, model: None)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """45 images of scenes with captions of capitals, figures, marks and full-width letters."""
    folder = tmp_path_factory.mktemp("photos")
    lines = []
    for k in range(45):
        made = one_scene("shapes", k, 20)
        write_picture(made.picture, folder / f"{k}.png")
        lines += [f"{k}.png\t{sentence.title() if k % 2 else sentence} {k % 7}, {'ｂ' if k % 3 else 'b'}!\n" for sentence in made.captions[:2]]
    (folder / "captions.txt").write_text("".join(lines))
    (folder / "other.txt").write_text("".join(line.lower() for line in lines[::2]))
    return folder


def base(photos, out, *flags):
    ok("train", photos, "--out", out, *tiny(*flags))
    return CaptionRun(out)


@pytest.fixture(scope="module")
def usual(photos, tmp_path_factory):
    """The run that the others are compared with."""
    return base(photos, tmp_path_factory.mktemp("runs") / "usual")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A run on scenes."""
    out = tmp_path_factory.mktemp("runs") / "shapes"
    ok("train", "shapes", "--out", out, "--scenes", 50, *tiny())
    return out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_every_parameter(name):
    GROUP.check_help(name, COMMANDS[name])


def test_every_setting_of_every_architecture_is_a_flag():
    flags = settings_of(train.train)
    assert flags == set(TASK.all_settings())


def test_the_defaults_in_the_help_are_the_defaults():
    checked, plain = 0, {"yes": True, "no": False}
    for arch in ARCHITECTURES:
        settings, _ = TASK.choose([("test", {"data": "x", "arch": arch})])
        known = {name: getattr(getattr(settings, section), name) for name, (section, _) in fields(TASK.settings_type(arch)).items()}
        for name, said in re.findall(r"^(\w+)\n    .*\[default: (.*?)\]", help_of(train.train), re.M):
            if name in known and name not in ("captions", "lr", "threads", "arch"):
                wanted = said.split(";")[0]
                assert known[name] == plain[wanted] if wanted in plain else str(known[name]) == wanted or float(known[name]) == float(wanted), (name, arch)
                checked += 1
    assert checked > 50


EFFECTS = {
    "captions": ("other.txt", "model"), "pixels": (18, "model"), "unit": ("char", "model"), "vocabulary": (9, "model"), "min_count": (9, "model"),
    "lowercase": (True, "model"), "digits": ("zero", "model"), "punctuation": ("split", "model"), "nfkc": (True, "model"), "longest": (3, "model"),
    "arch": ("init", "model"), "size": (10, "model"), "embedding": (5, "model"), "filters": (3, "model"), "blocks": (3, "model"), "score": ("additive", "model"),
    "choice": ("hard", "model"), "context": ("after", "model"), "dropout": (0.5, "model"), "smoothing": (0.2, "model"), "dtype": ("float64", "model"),
    "batch_size": (11, "model"), "accumulate": (2, "model"), "optimizer": ("sgd", "model"), "lr": (0.02, "model"), "weight_decay": (0.5, "model"),
    "schedule": ("constant", "model"), "clip": (0.001, "model"), "epochs": (2, "model"), "patience": (1, "other"), "seed": (2, "model"),
    "threads": (2, "rounding"), "save_every": (0.0, "other"),
}


def test_the_table_has_every_setting():
    assert set(EFFECTS) | {"data", "scenes", "split_mode"} == set(TASK.all_settings())


@pytest.mark.parametrize("name", EFFECTS)
def test_a_flag_is_kept_and_has_an_effect(name, photos, tmp_path, usual):
    value, effect = EFFECTS[name]
    value = str(photos / value) if name == "captions" else value
    run = base(photos, tmp_path / "run", f"--{name.replace('_', '-')}", *([] if value is True else [value]))
    assert values(run)[name] == value
    if effect != "rounding":                                 # sums over pictures are shared out to the threads
        assert (run.final.read_bytes() != usual.final.read_bytes()) == (effect == "model")


def test_scenes_are_as_many_as_asked_for(shapes, tmp_path):
    assert len(CaptionRun(shapes).corpus()) == 50
    ok("train", "shapes", "--out", tmp_path / "run", "--scenes", 20, *tiny())
    assert len(CaptionRun(tmp_path / "run").corpus()) == 20


def test_length_of_japanese_words(photos, tmp_path):
    pytest.importorskip("sudachipy")
    (tmp_path / "ja.txt").write_text("".join(f"{k}.png\t選挙管理委員会\n" for k in range(45)))
    kinds = {}
    for mode in ("A", "C"):
        run = base(photos, tmp_path / mode, "--captions", tmp_path / "ja.txt", "--unit", "ja", "--split-mode", mode)
        kinds[mode] = {run.tokenizer.decode([k]) for k in range(len(run.tokenizer))}
    assert "選挙管理委員会" in kinds["C"] - kinds["A"]


def test_resumed_left_and_looked_at_before(photos, tmp_path, usual):
    """A run of some moments at a time ends as one at once; a dry run writes nothing; other flags are refused."""
    out = tmp_path / "run"
    done = ok("train", photos, "--out", out, *tiny("--dry-run"))
    assert {"data", "parameters", "steps", "memory", "time"} <= {line.split()[0] for line in done.out.split("\n\n")[1].splitlines()}
    assert not out.exists()
    done = ok("train", photos, "--out", out, *tiny("--minutes", 1e-9))
    assert "go on with `tsuzuri caption train --resume" in done.err
    assert "size was 8 when the run began" in refused("train", "--resume", "--out", out, "--size", 9)
    for _ in range(9):
        ok("train", "--resume", "--out", out, "--minutes", 1e-9)
    assert ok("train", "--resume", "--out", out).out == f"{out}\n"
    assert CaptionRun(out).final.read_bytes() == usual.final.read_bytes()
    ok("train", "--out", tmp_path / "again", "--config", out / "config.toml")
    assert CaptionRun(tmp_path / "again").final.read_bytes() == usual.final.read_bytes()


def test_a_run_goes_on_where_the_images_are_gone(photos, tmp_path, usual):
    folder = shutil.copytree(photos, tmp_path / "photos")
    out = tmp_path / "run"
    ok("train", folder, "--out", out, *tiny("--minutes", 1e-9))
    shutil.rmtree(folder)
    ok("train", "--resume", "--out", out)
    assert CaptionRun(out).final.read_bytes() == usual.final.read_bytes()


def test_evaluate_prints_what_it_measured(shapes, photos, usual, tmp_path):
    record = json.loads(ok("evaluate", shapes, "shapes", "--json", "--out", tmp_path / "texts.txt").out)
    assert record.keys() == {"pictures", "true", "true_unseen", "stating_unseen", "true_stating_unseen"}
    texts = (tmp_path / "texts.txt").read_text().splitlines()
    scenes = [one_scene(f"shapes:{split}", k, 16).scene for split in ("valid", "unseen") for k in range(30)]
    assert record["true"] == sum(is_true(text, scene, SETS["shapes"].nouns) for text, scene in zip(texts[:30], scenes)) / 30
    assert len(texts) == record["pictures"] == 60
    plain = ok("evaluate", shapes, "shapes").out
    assert f"{100 * record['true']:.2f} % of the captions are true\n{100 * record['true_unseen']:.2f} % of those of scenes with" in plain
    folder = json.loads(ok("evaluate", usual.folder, photos, "--json", "--beam", 2).out)
    assert folder.keys() == {"pictures", "bleu", "bleu_signature", "chrf", "chrf_signature"}
    assert "BLEU" in ok("evaluate", usual.folder, photos, "--captions", photos / "other.txt").out


def test_predict_says_what_the_model_says(shapes, photos):
    captioner = Captioner(shapes)
    wanted = [texts[0].text for texts in captioner.captions(captioner.read(photos / f"{k}.png") for k in (0, 1))]
    assert ok("predict", shapes, photos / "0.png").out == f"{wanted[0]}\n"
    assert ok("predict", shapes, photos / "0.png", photos / "1.png").out == f"{photos}/0.png\t{wanted[0]}\n{photos}/1.png\t{wanted[1]}\n"
    (record,) = (json.loads(line) for line in ok("predict", shapes, photos / "0.png", "--n-best", 3, "--json").out.splitlines())
    assert record["image"] == str(photos / "0.png")
    scores = [caption["score"] for caption in record["captions"]]
    assert len(scores) == 3 == len({caption["text"] for caption in record["captions"]})
    assert scores == sorted(scores, reverse=True)
    assert json.loads(ok("predict", shapes, photos / "0.png", "--json").out)["captions"][0]["text"] == wanted[0]
    assert ok("predict", shapes, photos / "0.png", "--beam", 3, "--length-penalty", 1).out.count("\n") == 1


def test_a_scene_is_written_and_true(tmp_path):
    done = ok("scene", "shapes:unseen", "--seed", 4, "--pixels", 40, "--out", tmp_path / "scene.png")
    made = one_scene("shapes:unseen", 4, 40)
    assert done.out.splitlines() == sentences(made.scene)
    np.testing.assert_array_equal(read_picture(tmp_path / "scene.png", 40), made.picture)
    ok("scene", "shapes", "--out", tmp_path / "first.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "first.png", 32), one_scene("shapes:valid", 0, 32).picture)


def test_show_draws_each_word(shapes, photos, tmp_path):
    svg = tmp_path / "where.svg"
    done = ok("show", shapes, photos / "3.png", "a red circle", "--out", svg, "--title", "Looking")
    assert done.out == "a red circle\n"
    assert all(f"<!-- {word} -->" in svg.read_text() for word in ("a", "red", "circle", "(end)", "Looking"))
    own = ok("show", shapes, "shapes:unseen", "--seed", 2, "--out", tmp_path / "own.png")
    captioner = Captioner(shapes)
    (texts,) = captioner.captions([one_scene("shapes:unseen", 2, 16).picture])
    assert own.out == " ".join(texts[0].tokens) + "\n"
    assert (tmp_path / "own.png").read_bytes()[:4] == b"\x89PNG"
    other = ok("show", shapes, "shapes", "--out", tmp_path / "other.png")
    assert other.code == 0
    assert (tmp_path / "other.png").read_bytes() != (tmp_path / "own.png").read_bytes()


def test_bad_input_is_one_sentence_and_writes_nothing(shapes, photos, tmp_path, monkeypatch, data_dir):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "bad.txt").write_text("0.png\tfine\ndog.png\ta dog\n")
    assert "bad.txt:2: the image \"dog.png\" is not in" in refused("train", photos, "--captions", "bad.txt", "--out", "run")
    assert "neither a data set" in refused("train", "nowhere", "--out", "run")
    assert "there is no such file; write an image's name" in refused("train", tmp_path, "--out", "run")
    assert "no pictures were given" in refused("train", "--out", "run")
    assert "scenes is for sets that are generated" in refused("train", photos, "--scenes", 5, "--out", "run")
    assert "mnist is no set of pictures with captions" in refused("train", "mnist", "--out", "run")
    assert "broken.png: cannot be read as an image" in refused("predict", shapes, "broken.png")
    assert "away.png: there is no such file" in refused("predict", shapes, "away.png")
    assert "no image was given" in refused("predict", shapes)
    assert "--n-best is 0" in refused("predict", shapes, photos / "0.png", "--n-best", 0)
    assert "beams is 0" in refused("predict", shapes, photos / "0.png", "--beam", 0)
    assert "--seed 3 chooses a scene" in refused("show", shapes, photos / "0.png", "--seed", 3, "--out", "x.png")
    assert "is no name for a picture" in refused("show", shapes, "shapes", "--out", "x.txt")
    assert "let it end in .png" in refused("scene", "shapes", "--out", "x.jpg")
    assert "is no set of scenes" in refused("scene", "cats", "--out", "x.png")
    assert 'no split "test"' in refused("scene", "shapes:test", "--out", "x.png")
    assert "digits has pictures of 1 channels" in refused("evaluate", shapes, "digits")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.txt", "broken.png"]


def test_runs_of_other_tasks_and_texts_are_told(shapes, tmp_path, text, quick):
    out = tmp_path / "lm"
    assert call("lm", "train", text, "--out", out, *SMALL).code == 0
    assert "is a run of `tsuzuri lm`" in refused("predict", out, "x.png")
    assert "is a run of `tsuzuri caption`" in call("lm", "generate", shapes).err
    assert "shapes is pictures, not text; `tsuzuri caption train shapes` learns from them" in call("lm", "train", "shapes", "--out", tmp_path / "no", *SMALL).err
    assert made_up(1)
