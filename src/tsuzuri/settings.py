"""Settings as frozen records: where each value came from, TOML in and out, and errors that name the setting.

A settings record is a ``msgspec.Struct`` of sections, themselves structs; no field name stands in two sections, so a
flag, an environment variable (``TSUZURI_BATCH_SIZE``) or a TOML key needs no section to be found.
"""
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tsuzuri.errors import ConfigError, suggest

PREFIX = "TSUZURI_"
_OURS = {"TSUZURI_DATA", "TSUZURI_COMPILED"}                 # variables that are not settings


def sections(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """Section name -> its record."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def fields(kind: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    """Setting -> (its section, its type)."""
    return {field.name: (section, field.type) for section, part in sections(kind).items()
            for field in msgspec.structs.fields(part)}


def resolve(kind: type[msgspec.Struct], layers: Iterable[tuple[str, Mapping[str, Any]]]):
    """(the settings, {setting: where its value came from}); a later layer (origin, {setting: value}) wins."""
    known, values, origin = fields(kind), {}, {}
    for where, layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise ConfigError(f'{where}: there is no setting "{name}"{suggest(name, known)}.')
            values[name], origin[name] = _convert(where, name, value, known[name][1]), where
    nested = {section: {name: value for name, value in values.items() if known[name][0] == section}
              for section in sections(kind)}
    settings = kind(**{section: part(**nested[section]) for section, part in sections(kind).items()})
    return settings, {name: origin.get(name, "default") for name in known}


def from_file(path: str | os.PathLike, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The settings in a TOML file, with or without section headers."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a TOML file of settings.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error}).") from None
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if name in sections(kind) and isinstance(value, dict):
            flat |= value
        else:
            flat[name] = value
    return flat


def from_environment(names: Iterable[str]) -> dict[str, Any]:
    """The settings among the environment's variables; one that looks like a setting and is none is an error."""
    known = {PREFIX + name.upper(): name for name in names if PREFIX + name.upper() not in _OURS}
    found = {}
    for variable, value in os.environ.items():
        if variable in known:
            found[known[variable]] = value
        elif variable.startswith(PREFIX) and variable not in _OURS:
            raise ConfigError(f"the environment's {variable} is no setting{suggest(variable, known)}; unset it.")
    return found


def to_toml(settings: msgspec.Struct) -> str:
    """The settings, every one of them, as TOML."""
    return msgspec.toml.encode(settings).decode()


def read(path: str | os.PathLike, kind: type[msgspec.Struct]):
    """The settings that ``to_toml`` wrote to ``path``."""
    return resolve(kind, [(str(path), from_file(path, kind))])[0]


def _convert(where, name, value, kind):
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        what = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}.get(kind, kind)
        raise ConfigError(f"{where}: {name} is {value!r}; it must be {what}.") from error
