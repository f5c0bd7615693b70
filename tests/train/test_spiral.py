"""The spiral: it learns, the same seed gives the same bits, every float type works, and the recipe reaches its figure."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.models.two_layer import TwoLayer
from tsuzuri.train.spiral import draw_spiral, train_spiral


def test_a_short_training_learns():
    result = train_spiral(np.random.default_rng(0), epochs=60)
    assert len(result.losses) == 60
    assert result.losses[-1] < 0.5 < result.losses[0]
    assert result.accuracy > 0.8
    assert (result.model.predict(result.x) == result.labels).mean() == result.accuracy


def test_the_whole_training_reaches_the_figure_of_the_recipe():
    assert train_spiral(np.random.default_rng(1)).accuracy >= 0.97


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_same_seed_gives_the_same_bits(dtype):
    one, two = (train_spiral(np.random.default_rng(3), epochs=3, dtype=dtype) for _ in range(2))
    assert one.losses == two.losses
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert a.dtype == dtype
        assert a.data.tobytes() == b.data.tobytes()
    assert train_spiral(np.random.default_rng(4), epochs=3, dtype=dtype).losses != one.losses


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_float_type_changes_the_digits_and_little_else(dtype):
    usual, other = (train_spiral(np.random.default_rng(0), epochs=40, dtype=d) for d in ("float32", dtype))
    assert usual.losses != other.losses
    assert other.losses[-1] == pytest.approx(usual.losses[-1], rel=0.1)


def test_hidden_batch_rate_and_epochs_take_effect():
    usual = train_spiral(np.random.default_rng(0), epochs=2)
    assert train_spiral(np.random.default_rng(0), epochs=2, hidden=4).model.first.b.shape == (4,)
    for other in ({"lr": 0.1}, {"batch": 64}, {"epochs": 3}):
        assert train_spiral(np.random.default_rng(0), **{"epochs": 2, **other}).losses != usual.losses


def test_an_unknown_float_type_is_named():
    with pytest.raises(ConfigError, match="float23"):
        TwoLayer(2, 3, 3, rng=np.random.default_rng(0), dtype="float23")


def test_pictures_are_drawn(tmp_path):
    paths = draw_spiral(train_spiral(np.random.default_rng(0), epochs=1), tmp_path / "out")
    assert [path.name for path in paths] == ["loss.png", "regions.png", "graph.svg"]
    assert all(path.stat().st_size > 1000 for path in paths)
