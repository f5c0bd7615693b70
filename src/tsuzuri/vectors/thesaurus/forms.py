"""Base forms of English words by WordNet's rules of detachment, morphy(7): boxes -> box, tried -> try."""
from collections.abc import Callable

RULES = {
    "n": (("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"),
          ("ies", "y")),
    "v": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}


def base_forms(word: str, pos: str, exceptions: dict[str, list[str]], known: Callable[[str], bool]) -> list[str]:
    """The known words of which ``word`` may be a form, itself first where it is one.

    An irregular form stands in ``exceptions`` and follows no rule.
    """
    bases = exceptions.get(word)
    if bases is None:
        bases = [word[:len(word) - len(end)] + base for end, base in RULES[pos] if word.endswith(end)]
    return [form for form in dict.fromkeys([word, *bases]) if form and known(form)]
