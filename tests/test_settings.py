"""Where a setting's value comes from, and what is said of one that does not exist or does not fit."""
import msgspec
import pytest

from tsuzuri.errors import ConfigError, check_choice
from tsuzuri.settings import fields, from_environment, from_file, read, resolve, to_toml
from tsuzuri.train.run import all_settings, settings_type


class Model(msgspec.Struct, frozen=True):
    size: int = 8
    arch: str = "lstm"
    tie: bool = False


class Training(msgspec.Struct, frozen=True):
    lr: float = 0.1
    batch_size: int = 20


class Settings(msgspec.Struct, frozen=True):
    model: Model
    training: Training


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "settings.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os
    for name in [name for name in os.environ if name.startswith("TSUZURI_")]:
        monkeypatch.delenv(name)


def test_defaults_then_file_then_environment_then_flags(toml, monkeypatch):
    """Each of four settings is said in one place more than the one before; the last place wins."""
    path = toml("[model]\nsize = 1\narch = 'gru'\n[training]\nlr = 1.0\n")
    monkeypatch.setenv("TSUZURI_ARCH", "rnn")
    monkeypatch.setenv("TSUZURI_LR", "2")
    layers = [("file", from_file(path, Settings)), ("environment", from_environment(fields(Settings))), ("flag", {"lr": 3.0})]
    settings, origin = resolve(Settings, layers)
    assert settings == Settings(Model(1, "rnn", False), Training(3.0, 20))
    assert origin == {"size": "file", "arch": "environment", "tie": "default", "lr": "flag", "batch_size": "default"}


@pytest.mark.parametrize("text", ["size = 3\nlr = 2.0", "[model]\nsize = 3\n[training]\nlr = 2.0", "lr = 2\n[model]\nsize = 3"])
def test_a_file_may_leave_the_sections_out(toml, text):
    settings, _ = resolve(Settings, [("file", from_file(toml(text), Settings))])
    assert (settings.model.size, settings.training.lr) == (3, 2.0)


@pytest.mark.parametrize(("variable", "value", "expected"), [
    ("TIE", "true", True), ("TIE", "1", True), ("TIE", "false", False), ("LR", "1e-3", 1e-3), ("BATCH_SIZE", "7", 7),
    ("ARCH", "12", "12")])
def test_words_of_the_environment_become_what_the_setting_is(monkeypatch, variable, value, expected):
    monkeypatch.setenv(f"TSUZURI_{variable}", value)
    settings, _ = resolve(Settings, [("environment", from_environment(fields(Settings)))])
    section = settings.model if hasattr(settings.model, variable.lower()) else settings.training
    assert getattr(section, variable.lower()) == expected
    assert type(getattr(section, variable.lower())) is type(expected)


@pytest.mark.parametrize(("layer", "sentence"), [
    ({"siz": 3}, 'here: there is no setting "siz" (did you mean "size"?).'),
    ({"colour": 3}, 'here: there is no setting "colour".'),
    ({"size": 1.5}, "here: size is 1.5; it must be a whole number."),
    ({"size": "many"}, "here: size is 'many'; it must be a whole number."),
    ({"size": True}, "here: size is True; it must be a whole number."),
    ({"lr": "fast"}, "here: lr is 'fast'; it must be a number."),
    ({"lr": [1.0]}, "here: lr is [1.0]; it must be a number."),
    ({"tie": "maybe"}, "here: tie is 'maybe'; it must be true or false."),
    ({"tie": 2}, "here: tie is 2; it must be true or false."),
    ({"arch": 3}, "here: arch is 3; it must be a word."),
    ({"arch": None}, "here: arch is None; it must be a word."),
])
def test_what_does_not_fit_is_said_in_one_sentence(layer, sentence):
    with pytest.raises(ConfigError) as caught:
        resolve(Settings, [("here", layer)])
    assert str(caught.value) == sentence


def test_a_variable_that_looks_like_a_setting_and_is_none(monkeypatch):
    monkeypatch.setenv("TSUZURI_BATCHSIZE", "3")
    with pytest.raises(ConfigError, match=r'TSUZURI_BATCHSIZE is no setting \(did you mean "TSUZURI_BATCH_SIZE"\?\)'):
        from_environment(fields(Settings))


def test_the_folder_of_data_sets_is_not_the_text_to_train_on(monkeypatch, tmp_path):
    """TSUZURI_DATA names the cache, though ``data`` is also a setting."""
    monkeypatch.setenv("TSUZURI_DATA", str(tmp_path))
    monkeypatch.setenv("TSUZURI_COMPILED", "0")
    assert "data" in all_settings()
    assert from_environment(all_settings()) == {}


@pytest.mark.parametrize(("text", "message"), [("size 3", "is not TOML"), (b"size = '\xff'", "is not TOML")])
def test_a_file_that_is_no_toml_is_named(toml, text, message):
    path = toml(text)
    with pytest.raises(ConfigError, match=message) as caught:
        from_file(path, Settings)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.toml", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        from_file(tmp_path / name, Settings)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("settings", [
    Settings(Model(), Training()),
    Settings(Model(3, 'a "quoted" \\ name\twith 綴り', True), Training(1e-17, 10 ** 15)),
    Settings(Model(), Training(float("inf"))), Settings(Model(), Training(1 / 3)), Settings(Model(), Training(5e-324))])
def test_toml_and_back_is_the_identity(tmp_path, settings):
    path = tmp_path / "config.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    assert read(path, Settings) == settings
    assert to_toml(read(path, Settings)) == to_toml(settings)
    for name in fields(Settings):
        assert f"{name} = " in path.read_text()


def test_no_name_stands_in_two_sections():
    from tsuzuri.settings import sections
    names = [field.name for part in sections(settings_type("lstm")).values() for field in msgspec.structs.fields(part)]
    assert len(names) == len(set(names))


def test_a_choice_is_refused_with_the_nearest():
    check_choice("arch", "gru", ["rnn", "gru"])
    with pytest.raises(ConfigError, match=r'^arch "gruu" is unknown \(did you mean "gru"\?\); choose one of rnn, gru\.$'):
        check_choice("arch", "gruu", ["rnn", "gru"])
