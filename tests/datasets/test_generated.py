"""The spiral: three arms, alike but for a turn."""
import numpy as np

from tsuzuri.datasets import spiral


def test_points_lie_on_their_arms():
    x, labels = spiral(np.random.default_rng(0))
    assert x.shape == (300, 2)
    assert x.dtype == np.float64
    assert labels.dtype == np.int64
    assert np.array_equal(labels, np.repeat([0, 1, 2], 100))
    radius = np.hypot(*x.T)
    assert np.allclose(radius, np.tile(np.arange(100) / 100, 3))
    turn = np.arctan2(x[:, 0], x[:, 1]) - (4 * labels + 4 * radius)
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    assert 0.15 < turn[radius > 0].std() < 0.25
    assert abs(turn[radius > 0].mean()) < 0.05


def test_the_generator_decides():
    a, b, c = (spiral(np.random.default_rng(seed), arms=2, points=5)[0] for seed in (1, 1, 2))
    assert a.shape == (10, 2)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
