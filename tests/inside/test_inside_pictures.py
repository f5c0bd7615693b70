"""Pictures of the inside show what they are given: the words, the numbers, in places that do not cover each other."""
import matplotlib
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.plots import activation_map, coloured_text, reach_curves, run_curves, saliency_bars
from tsuzuri.plots.axes import moved_apart, power

RNG = np.random.default_rng(0)
WAVES = RNG.standard_normal((12, 5))


def words(tmp_path, draw, *arguments, **options):
    """The words of a picture, whose letters are kept as text."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw(*arguments, tmp_path / "a.svg", **options)
    return (tmp_path / "a.svg").read_text(encoding="utf-8")


def pixels(path):
    from matplotlib.image import imread
    return imread(path)


@pytest.mark.parametrize(("value", "shown"), [(0.01, "0.01"), (1, "1"), (2e5, "200,000"), (1e-8, "10⁻⁸"), (1e12, "10¹²"), (2e-20, "2·10⁻²⁰"),
                                             (9.7e-9, "10⁻⁸"), (9.4e-9, "9·10⁻⁹"), (999.7, "1,000")])
def test_powers_of_ten_in_plain_letters(value, shown):
    assert power(value) == shown


def test_names_are_moved_apart_as_little_as_it_takes():
    assert moved_apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert moved_apart([0.52, 0.48], 0.1) == pytest.approx([0.55, 0.45])
    assert moved_apart([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    crowd = list(RNG.uniform(0, 1, 30))
    apart = moved_apart(crowd, 0.05)
    assert np.diff(sorted(apart)).min() >= 0.05 - 1e-9
    assert [*np.argsort(apart)] == [*np.argsort(crowd)]


def test_the_map_names_tokens_and_units_in_their_order(tmp_path):
    found = words(tmp_path, activation_map, WAVES, list("abc def\nghi "), [4, 2, 0, 1, 3], part="h", title="A map")
    assert all(f">{word}<" in found for word in ("A map", "a", "␣", "↵", "4"))
    assert found.index(">4<") < found.index(">2<") < found.index(">0<")


def test_the_map_shows_the_values(tmp_path):
    for name, part in (("c", "c"), ("h", "h")):
        activation_map(np.r_[WAVES[:, :4].T, 100 * WAVES[:, 4:].T].T, list("abcdefghijkl"), range(5), tmp_path / f"{name}.png", part=part)
    scaled, unscaled = pixels(tmp_path / "c.png")[:, :, :3], pixels(tmp_path / "h.png")[:, :, :3]
    middle = slice(len(scaled) // 8, len(scaled) // 2), slice(scaled.shape[1] // 6, scaled.shape[1] // 2)
    assert np.ptp(scaled[middle], axis=(0, 1)).max() > 0.5               # cells on their own scale, units around 1 beside one around 100
    assert np.ptp(unscaled[middle][5:-5, 5:-5], axis=(0, 1)).max() < 0.3


def test_the_text_is_set_out_in_lines_of_letters(tmp_path):
    found = words(tmp_path, lambda tokens, values, path: coloured_text(tokens, values, path, title="Unit 3"),
                  ["ab", " c", "\n", "綴り"], np.array([1.0, -1.0, 0.5, 0.2]))
    assert all(f">{letter}<" in found for letter in ("a", "b", "c", "↵", "綴", "り", "Unit 3"))
    assert all(f'fill: {colour}' in found for colour in ("#053061", "#67001f"))        # the ends of the scale


def test_a_long_text_is_cut_and_says_where(tmp_path, monkeypatch):
    monkeypatch.setattr("tsuzuri.plots.inside.LINES", 3)
    assert coloured_text(["a"] * 500, np.zeros(500), tmp_path / "a.png") == 80 * 3
    assert coloured_text(["猫"] * 100, np.zeros(100), tmp_path / "a.png") == 100
    with pytest.raises(ConfigError, match="no letters"):
        coloured_text(["", ""], np.zeros(2), tmp_path / "a.png")


def test_reach_names_every_curve_and_the_threshold(tmp_path):
    norms = {"RNN": 0.5 ** np.arange(30), "LSTM": np.ones(30), "dead": np.r_[1.0, np.zeros(29)]}
    found = words(tmp_path, reach_curves, norms, clip=5.0, title="Reach", note="made up")
    assert all(f">{word}<" in found for word in (*norms, "clipping threshold 5", "Reach", "made up"))
    assert ">10⁻" in found
    assert "mathdefault" not in found
    assert "clipping" not in words(tmp_path, reach_curves, norms)
    assert ">nothing<" not in words(tmp_path, reach_curves, norms | {"nothing": np.zeros(30)})
    with pytest.raises(ConfigError, match="nothing to draw"):
        reach_curves({"dead": np.zeros(4)}, tmp_path / "a.png")


def test_saliency_has_a_bar_for_each_token(tmp_path):
    saliency_bars(["the", " cats", " were"], np.array([0.1, 2.0, 1.0]), np.array([0.1, 1.0, -1.0]), tmp_path / "a.png")
    image = pixels(tmp_path / "a.png")[:, :, :3]
    orange = np.isclose(image, np.array([0xD5, 0x5E, 0x00]) / 255, atol=0.01).all(-1).any(0)
    blue = np.isclose(image, np.array([0x00, 0x72, 0xB2]) / 255, atol=0.01).all(-1).any(0)
    middle = image.shape[1] // 2
    assert orange[middle]
    assert not blue[middle]
    assert blue[int(image.shape[1] * 0.85)]


def test_curves_of_several_runs_are_told_apart(tmp_path):
    runs = {"rnn": ([(0.5, 6.0), (1.0, 5.0)], [(1.0, 5.1), (2.0, 4.321)]), "lstm": ([(0.5, 6.0), (1.0, 4.5)], [(1.0, 4.6), (2.0, 4.7)]),
            "no validation": ([(0.5, 6.0), (1.0, 5.5)], [])}
    found = words(tmp_path, run_curves, runs, y_label="bits per character", title="Two runs")
    assert all(f">{word}<" in found for word in ("rnn  4.321", "lstm  4.6", "no validation", "bits per character", "Two runs"))
    with pytest.raises(ConfigError, match="nothing to draw"):
        run_curves({"a": ([], [])}, tmp_path / "a.png")


def test_values_of_float16_are_drawn(tmp_path):
    """A cell that stays at zero, whose scale float16 cannot hold, too."""
    values = np.c_[WAVES, np.zeros(12)].astype(np.float16)
    with np.errstate(all="raise"):
        activation_map(values, list("abcdefghijkl"), range(6), tmp_path / "a.png", part="c")
        coloured_text(list("abcdefghijkl"), values[:, 0], tmp_path / "b.png")
