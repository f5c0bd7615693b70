"""The factor of the learning rate at given steps, by its exact values."""
import math

import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.schedules import SCHEDULES, Cosine, Hold, InverseSqrt, Plateau, Step, make_schedule


def test_constant():
    assert {make_schedule("constant").factor(k, 10) for k in range(10)} == {1.0}


def test_step_divides_at_equal_distances():
    assert [Step(2.0, 3).factor(k, 8) for k in range(8)] == [1, 1, .5, .5, .25, .25, .125, .125]
    assert [Step(4.0, 1).factor(k, 5) for k in range(5)] == [1, 1, 1, .25, .25]


def test_cosine_rises_in_a_line_and_falls_to_zero():
    schedule = Cosine(warmup=0.2)
    assert [schedule.factor(k, 20) for k in range(4)] == [.25, .5, .75, 1]
    assert schedule.factor(4, 20) == 1
    assert schedule.factor(12, 20) == pytest.approx(0.5)
    assert schedule.factor(8, 20) == pytest.approx(0.5 * (1 + math.sqrt(0.5)))
    assert schedule.factor(20, 20) == pytest.approx(0, abs=1e-15)
    assert 0 < schedule.factor(19, 20) < 0.02


def test_hold_stays_and_then_falls_to_zero():
    schedule = Hold(decay=0.4)
    assert [schedule.factor(k, 20) for k in range(13)] == [1.0] * 13
    assert schedule.factor(16, 20) == pytest.approx(0.5)
    assert schedule.factor(14, 20) == pytest.approx(0.5 * (1 + math.sqrt(0.5)))
    assert 0 < schedule.factor(19, 20) < 0.05


def test_inverse_sqrt_rises_in_a_line_and_falls_with_the_root():
    """From the top after r steps: after 4 r half of it, after 9 r a third."""
    schedule = InverseSqrt(warmup=0.1)
    assert [schedule.factor(k, 40) for k in range(4)] == [.25, .5, .75, 1]
    assert schedule.factor(15, 40) == pytest.approx(1 / 2)
    assert schedule.factor(35, 40) == pytest.approx(1 / 3)
    assert schedule.factor(24, 40) == pytest.approx((4 / 25) ** 0.5)
    assert InverseSqrt(warmup=0.0).factor(0, 10) == 1         # nothing to rise over
    assert make_schedule("inverse-sqrt").factor(4, 100) == pytest.approx(0.5)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 19, 20, 21])
def test_the_factor_is_above_zero_and_at_most_one(name, steps):
    """No step of a training is wasted, however short it is."""
    factors = [make_schedule(name).factor(k, steps) for k in range(steps)]
    assert all(0 < f <= 1 for f in factors)


def test_plateau():
    schedule, factors = Plateau(divide=4.0), []
    for loss in (5.0, 4.0, 4.0, 3.0, math.nan, 3.5):
        schedule.validated(loss)
        factors.append(schedule.factor(0, 1))
    assert factors == [1, 1, 1 / 4, 1 / 4, 1 / 16, 1 / 64]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_restored_schedule_goes_on_as_the_other(name):
    a, b = make_schedule(name), make_schedule(name)
    for loss in (3.0, 2.0, 2.5):
        a.validated(loss)
    b.restore(a.state())
    for loss in (2.2, 1.9, 2.0):
        a.validated(loss)
        b.validated(loss)
        assert a.factor(5, 9) == b.factor(5, 9)


def test_an_unknown_schedule_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r'"cosin" is unknown \(did you mean "cosine"\?\)'):
        make_schedule("cosin")
