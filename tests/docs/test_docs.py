"""Every ```python block of the documentation runs, a page's blocks one after the other in one namespace."""
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("derivations/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page(page: Path) -> dict:
    """The names that the page's blocks leave behind; a traceback names the page and its line."""
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "page"}
    for block in BLOCK.finditer(text):
        lines_before = text[:block.start(1)].count("\n")
        exec(compile("\n" * lines_before + block[1], str(page), "exec"), namespace)
    return namespace


@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text(encoding="utf-8"))], ids=lambda p: p.stem)
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page)


def test_four_ways_are_one_lstm():
    ways = run_page(DOCS / "lstm-four-ways.md")["ways"]
    assert list(ways) == ["kernel pair", "closure", "layer object", "op"]
    hs, grads = ways["kernel pair"]
    assert hs.dtype == np.float64
    assert len(grads) == 6
    for other_hs, other_grads in ways.values():
        for got, want in zip((other_hs, *other_grads), (hs, *grads), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
