"""Pictures of a memory in use: which slots are drawn, what stands in them, and what does not fit."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.plots import memory_picture
from tsuzuri.plots.memory import slots_used


def scene(T=5, D=3, B=2, K=3, S=20):
    weights = np.zeros((T, K, S))
    weights[:, :, 12:14] = 0.5
    targets = np.full((T, B), np.nan)
    targets[3:] = 1
    p = np.full((T, B), 0.9)
    p[4, 1] = 0.2
    return np.ones((T, D)), targets, p, weights


@pytest.mark.parametrize(("at", "S", "drawn"), [([12, 13], 20, (9, 17)), ([0], 20, (0, 8)), ([19], 20, (16, 24)), ([2, 11], 20, (2, 12)), ([1], 4, (0, 4)),
                                              ([], 20, (0, 20)), ([0, 1, 14, 15, 16, 17, 18, 19], 20, (-6, 2)), ([0, 12, 15], 20, (-8, 1)), ([0, 19], 20, (-1, 7))])
def test_the_slots_that_a_head_has_been_at(at, S, drawn):
    weights = np.full((3, 1, S), 0.01)
    weights[1, 0, at] = 0.4
    assert slots_used(weights) == drawn


def test_slots_beyond_the_end_have_their_own_number(tmp_path):
    inputs, targets, p, weights = scene()
    weights[:] = 0
    weights[:, :, [0, 14, 15, 16, 17, 18, 19]] = 0.14
    memory_picture(inputs, targets, p, weights, 2, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<!-- 16 -->" in text
    assert "<!-- −" not in text


def test_every_head_and_every_wrong_bit(tmp_path):
    memory_picture(*scene(), 2, tmp_path / "a.svg", title="A title")
    text = (tmp_path / "a.svg").read_text()
    for word in ("in", "answered", "read 1", "read 2", "write", "A title"):
        assert f"<!-- {word} -->" in text
    assert text.count("#d55e00") == 1
    inputs, targets, p, weights = scene()
    memory_picture(inputs, targets, np.full_like(p, 0.9), weights, 2, tmp_path / "right.svg")
    assert "#d55e00" not in (tmp_path / "right.svg").read_text()


def test_what_does_not_belong_together(tmp_path):
    inputs, targets, p, weights = scene()
    for arrays, reads in (((inputs, targets, p[:3], weights), 2), ((inputs, targets, p, weights[:2]), 2), ((inputs, targets, p, weights), 4)):
        with pytest.raises(ConfigError, match="do not belong to one sequence"):
            memory_picture(*arrays, reads, tmp_path / "a.png")
    assert [*tmp_path.iterdir()] == []
