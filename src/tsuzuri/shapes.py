"""Shape specs that are documentation and check at once: ``"N T D"``, ``"D 4H"``, ``"... D"``."""
import re
from functools import lru_cache

from tsuzuri.array import Array
from tsuzuri.errors import ShapeError

_TERM = re.compile(r"(\d*)([A-Za-z]?)")


class Sizes(dict):
    """Letter -> size.  ``sizes["NTD"]`` unpacks several at once."""

    def __missing__(self, letters: str) -> tuple[int, ...]:
        if len(letters) < 2:
            raise KeyError(letters)
        return tuple(self[letter] for letter in letters)


def expect(where: str, **specs: tuple[Array, str]) -> Sizes:
    """Check ``name=(array, "N T D")`` pairs against each other; a letter means one size everywhere.

    ``4H`` is four times ``H``, ``1`` is itself, a leading ``...`` is any number of axes.  Returns the sizes that were
    bound: ``N, T, D, H = expect("lstm", x=(x, "N T D"), h0=(h0, "N H"))["NTDH"]``.  Raises ShapeError with one line
    an array, the one that does not fit pointed out; and where arrays have different float types, all of which a compiled
    kernel would read as the first one's.
    """
    sizes = Sizes()
    origin: dict[str, str] = {}
    axes = []
    real = None
    for name, (a, spec) in specs.items():
        dtype = a.dtype
        if dtype is not real and dtype.kind == "f":
            if real is not None and dtype != real:
                _fail_types(where, specs)
            real = dtype
        terms, leading = _parse(spec)
        extra = a.ndim - len(terms)
        if extra < 0 or (extra and not leading):
            _fail(where, specs, name, f"has {a.ndim} axes, should have {len(terms)}")
        axes += [(name, axis, *term, a.shape[axis]) for axis, term in enumerate(terms, extra)]
    for name, axis, factor, letter, got in axes:             # plain letters bind first, then 4H can be checked
        if factor == 1 and letter and sizes.setdefault(letter, got) != got:
            _fail(where, specs, name, _reason(axis, letter, got, sizes[letter], letter, sizes, origin))
        if factor == 1 and letter:
            origin.setdefault(letter, name)
    for name, axis, factor, letter, got in axes:
        if letter and factor > 1 and letter not in sizes:
            if got % factor:
                _fail(where, specs, name, f"axis {axis} ({factor}{letter}) is {got}, not a multiple of {factor}")
            sizes[letter], origin[letter] = got // factor, name
        want = factor * sizes[letter] if letter else factor
        if want != got:
            _fail(where, specs, name, _reason(axis, f"{factor}{letter}", got, want, letter, sizes, origin))
    return sizes


@lru_cache(maxsize=512)
def _parse(spec: str) -> tuple[list[tuple[int, str]], bool]:
    words = spec.split()
    leading = bool(words) and words[0] == "..."
    pairs = [_TERM.fullmatch(word).groups() for word in words[leading:]]  # type: ignore[union-attr]
    return [(int(digits or 1), letter) for digits, letter in pairs], leading


def _reason(axis, term, got, want, letter, sizes, origin):
    why = f", because {letter} is {sizes[letter]} in {origin[letter]}" if letter in origin else ""
    return f"axis {axis} ({term}) is {got}, should be {want}{why}"


def _fail_types(where, specs):
    real = {name: a.dtype for name, (a, _) in specs.items() if a.dtype.kind == "f"}
    first = next(iter(real))
    other = next(name for name in real if real[name] != real[first])
    raise ShapeError(f"{where}: {', '.join(f'{name} is {dtype}' for name, dtype in real.items())}; give all of them one dtype, for "
                     f"instance with {first}.astype({other}.dtype).")


def _fail(where, specs, culprit, reason):
    width = max(len(name) for name in specs)
    rows = [f"  {name:<{width}}  ({spec.replace(' ', ', ')}) = {tuple(a.shape)}"
            + (f"   <- {reason}" if name == culprit else "") for name, (a, spec) in specs.items()]
    raise ShapeError("\n".join([f"{where}: shapes do not fit together", *rows]))
