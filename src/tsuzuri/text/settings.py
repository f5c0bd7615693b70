"""Small flat TOML files: settings of a tokenizer, counts of a corpus."""
from collections.abc import Mapping


def to_toml(settings: Mapping[str, str | int | bool | None]) -> str:
    """One ``key = value`` a line in the order given; None, which TOML lacks, is left out.

    >>> print(to_toml({"unit": "word", "eos": True, "max_size": None}), end="")
    unit = "word"
    eos = true
    """
    return "".join(f"{key} = {_value(value)}\n" for key, value in settings.items() if value is not None)


def _value(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
