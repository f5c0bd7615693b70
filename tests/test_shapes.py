"""Shape checks: what they bind, and that the message names the array at fault."""
import numpy as np
import pytest

from tsuzuri.errors import ShapeError
from tsuzuri.shapes import expect


def zeros(*shape):
    return np.zeros(shape)


def message(where, **specs):
    with pytest.raises(ShapeError) as caught:
        expect(where, **specs)
    return str(caught.value)


def test_the_message_of_the_house():
    assert message("lstm", x=(zeros(20, 35, 100), "N T D"), h0=(zeros(20, 64), "N H"),
                   Wx=(zeros(100, 400), "D 4H")) == """\
lstm: shapes do not fit together
  x   (N, T, D) = (20, 35, 100)
  h0  (N, H) = (20, 64)
  Wx  (D, 4H) = (100, 400)   <- axis 1 (4H) is 400, should be 256, because H is 64 in h0"""


def test_sizes_are_bound_and_unpacked():
    sizes = expect("f", x=(zeros(2, 3, 5), "N T D"), W=(zeros(5, 28), "D 4H"), one=(zeros(2, 1), "N 1"))
    assert sizes["NTDH"] == (2, 3, 5, 7)
    assert sizes["T"] == 3


@pytest.mark.parametrize(("specs", "culprit", "reason"), [
    ({"x": (zeros(2, 3), "N D"), "y": (zeros(4, 3), "N D")}, "y", "axis 0 (N) is 4, should be 2, because N is 2 in x"),
    ({"x": (zeros(2, 3), "N T D")}, "x", "has 2 axes, should have 3"),
    ({"x": (zeros(3), "... D"), "y": (zeros(4), "D")}, "y", "axis 0 (D) is 4, should be 3, because D is 3 in x"),
    ({"x": (zeros(), "... D")}, "x", "has 0 axes, should have 1"),
    ({"b": (zeros(10), "4H")}, "b", "axis 0 (4H) is 10, not a multiple of 4"),
    ({"b": (zeros(8), "4H"), "c": (zeros(9), "3H")}, "c", "axis 0 (3H) is 9, should be 6, because H is 2 in b"),
    ({"b": (zeros(8), "4H"), "h": (zeros(3), "H")}, "b", "axis 0 (4H) is 8, should be 12, because H is 3 in h"),
    ({"s": (zeros(2, 2), "H H"), "t": (zeros(2, 3), "H H")}, "t", "axis 1 (H) is 3, should be 2, because H is 2 in s"),
    ({"x": (zeros(2, 3), "N 1")}, "x", "axis 1 (1) is 3, should be 1"),
    ({"x": (zeros(7, 2, 3), "... N D"), "y": (zeros(7, 2, 4), "... N D")}, "y",
     "axis 2 (D) is 4, should be 3, because D is 3 in x"),
])
def test_the_culprit_is_named(specs, culprit, reason):
    lines = message("op", **specs).splitlines()
    assert lines[0] == "op: shapes do not fit together"
    assert len(lines) == 1 + len(specs)
    assert [line.split()[0] for line in lines if "<-" in line] == [culprit]
    assert next(line for line in lines if "<-" in line).split("<- ")[1] == reason


def test_a_size_of_zero_is_a_size():
    assert expect("f", x=(zeros(0, 4), "N D"), b=(zeros(0), "4H"))["NDH"] == (0, 4, 0)


def test_leading_axes_are_not_compared():
    assert expect("f", x=(zeros(9, 8, 3), "... D"), y=(zeros(3), "... D"))["D"] == 3


def test_a_letter_that_was_not_bound_is_a_key_error():
    with pytest.raises(KeyError):
        expect("f", x=(zeros(2), "N"))["ND"]


def test_arrays_of_several_float_types_are_refused_by_name():
    x, W, b = np.zeros((2, 3)), np.zeros((3, 4), np.float32), np.zeros(4, np.float32)
    assert message("linear", x=(x, "N D"), W=(W, "D H"), b=(b, "H")) == (
        "linear: x is float64, W is float32, b is float32; give all of them one dtype, for instance with x.astype(W.dtype).")
    assert "with x.astype(b.dtype)" in message("linear", x=(x, "N D"), W=(zeros(3, 4), "D H"), b=(b, "H"))
    expect("losses", x=(x, "N D"), targets=(np.zeros(2, int), "N"))     # indices are numbers of another kind
