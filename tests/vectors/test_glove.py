"""GloVe: the gradient against differences, the compiled walk against the plain one, blocks that do not touch."""
import numpy as np
import pytest
from made_corpus import ListCorpus, zipf_lines
from scipy.sparse import csr_array

from tsuzuri.array import threads
from tsuzuri.errors import ConfigError, DataError, TrainingError
from tsuzuri.kernels.glove import glove_blocks
from tsuzuri.kernels.inner import compiled
from tsuzuri.vectors.cooccurrence import count_cooccurrences
from tsuzuri.vectors.glove import SIDE, _deal, train_glove

V, D = 6, 4


def rng(seed=1):
    return np.random.default_rng(seed)


def start(dtype="float64", counts=((0, 1, 3.0), (2, 1, 50.0), (2, 4, 7.0), (0, 1, 5.0)), seed=0):
    """The arguments of ``glove_blocks``: random tables, a few counts in one block."""
    tables = [rng(seed).standard_normal((V, D + 1)).astype(dtype) for _ in range(2)]
    rows, columns, values = (np.array(column) for column in zip(*counts))
    return [*tables, *(np.ones_like(table) for table in tables), rows.astype(np.int32), columns.astype(np.int32),
            np.log(values).astype(dtype), np.minimum(1, (values / 10) ** 0.75).astype(dtype), np.array([[0, len(rows)]]), 0.05]


def objective(words, contexts, r, c, x):
    """J of one count, from its definition."""
    e = words[r, :-1] @ contexts[c, :-1] + words[r, -1] + contexts[c, -1] - np.log(x)
    return min(1, (x / 10) ** 0.75) * e * e / 2


@pytest.mark.parametrize("fast", [True, False])
def test_the_first_step_is_the_gradient(fast):
    """With the sums of squares at 1 the step is rate times dJ, which differences of J give too."""
    arguments = start(counts=[(2, 1, 7.0)])
    tables = [table.copy() for table in arguments[:2]]
    with compiled(fast):
        loss = glove_blocks(*arguments)
    assert loss == pytest.approx(objective(*tables, 2, 1, 7.0), rel=1e-14)
    for k in (0, 1):
        numeric = np.zeros_like(tables[k])
        for place in np.ndindex(numeric.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [table.copy() for table in tables]
                moved[k][place] += step
                ends.append(objective(*moved, 2, 1, 7.0))
            numeric[place] = (ends[0] - ends[1]) / 2e-5
        taken = (tables[k] - arguments[k]) / 0.05
        np.testing.assert_allclose(taken, numeric, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(arguments[k + 2], 1 + (0.05 * numeric) ** 2, rtol=1e-8)


def test_later_steps_are_divided_by_the_root_of_the_squares():
    arguments, other = start(counts=[(2, 1, 7.0)]), start(counts=[(2, 1, 7.0)])
    for squares in arguments[2:4]:
        squares[...] = 4
    before = arguments[0].copy()
    glove_blocks(*arguments)
    glove_blocks(*other)
    np.testing.assert_allclose(arguments[0] - before, (other[0] - before) / 2, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 1e-5)])
def test_the_compiled_walk_is_the_plain_one(dtype, bound):
    fast, plain = start(dtype), start(dtype)
    losses = [glove_blocks(*fast)]
    with compiled(False):
        losses.append(glove_blocks(*plain))
    assert losses[0] == pytest.approx(losses[1], rel=bound)
    for a, b in zip(fast[:4], plain[:4], strict=True):
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound)


@pytest.fixture(scope="module")
def counts():
    return count_cooccurrences(ListCorpus(zipf_lines(20_000, 300)), 5, weighting="distance")


def test_blocks_of_a_diagonal_share_no_row_and_no_column(counts):
    rows, columns, values, bounds = _deal(counts, rng())
    dealt = csr_array((values, (rows, columns)), counts.shape)
    assert (dealt != counts).nnz == 0                        # every count once
    assert sorted(place for block in bounds.reshape(-1, 2) for place in range(*block)) == list(range(counts.nnz))
    for diagonal in bounds:
        for of in (rows, columns):
            sets = [set(of[start:stop].tolist()) for start, stop in diagonal]
            assert sum(map(len, sets)) == len(set.union(*sets))
    assert len(bounds) == SIDE


def test_the_order_within_a_block_is_random(counts):
    rows, _, _, bounds = _deal(counts, rng())
    start, stop = bounds[0, 0]
    assert (np.diff(rows[start:stop]) < 0).mean() > 0.3


def test_one_seed_gives_one_result_on_any_number_of_threads(counts):
    results = []
    for count in (1, 2):
        with threads(count):
            *_, last = train_glove(counts, 8, 3, rng=rng())
            results.append((last.vectors.tobytes(), last.loss))
    assert results[0] == results[1]
    *_, other = train_glove(counts, 8, 3, rng=rng(2))
    assert other.vectors.tobytes() != results[0][0]


def test_the_first_loss_is_that_of_vectors_near_zero(counts):
    """Before it has learnt anything e is -ln X; the loss is the mean of f e^2 / 2.  A tiny rate learns nothing."""
    epoch = next(train_glove(counts, 5, 1, rng=rng(), rate=1e-9, dtype="float64"))
    x = counts.data
    assert epoch.epoch == 1
    assert epoch.loss == pytest.approx((np.minimum(1, (x / 10) ** 0.75) * np.log(x) ** 2 / 2).mean(), rel=0.1)


def test_counts_that_vectors_can_say_are_said():
    """ln X of rank 2 plus two biases is what vectors of size 2 can reach exactly."""
    w, c, b = rng().standard_normal((40, 2)), rng(2).standard_normal((40, 2)), rng(3).standard_normal(40)
    counts = csr_array(np.exp(w @ c.T + b[:, None] + 0.5))
    losses = [epoch.loss for epoch in train_glove(counts, 2, 100, rng=rng(), x_max=1, dtype="float64", rate=0.2)]
    assert losses[-1] < 1e-3 * losses[0]


def test_the_vectors_are_the_sum_of_both_tables():
    """With one word both tables get the same gradients, so the sum is what the two were drawn as and moved by."""
    counts = csr_array(np.array([[np.e]]))
    epoch = next(train_glove(counts, 3, 1, rng=rng(), rate=1e-12, dtype="float64"))
    words, contexts = ((lambda g: (g.random((1, 4)) - 0.5) / 3) for _ in range(2))
    generator = rng()
    generator.permutation(1)                                 # the counts are shuffled before the tables are drawn
    np.testing.assert_allclose(epoch.vectors, (words(generator) + contexts(generator))[:, :3], atol=1e-11)


BAD = {
    "size": ({"size": 0}, "size 0 does not fit"),
    "epochs": ({"epochs": 0}, "epochs 0 does not fit"),
    "x_max": ({"x_max": 0}, "x_max 0 does not fit"),
    "rate": ({"rate": -1}, "rate -1 does not fit"),
    "alpha": ({"alpha": 2}, "alpha 2 does not fit"),
}


@pytest.mark.parametrize(("settings", "message"), BAD.values(), ids=BAD)
def test_settings_that_do_not_fit(settings, message, counts):
    with pytest.raises(ConfigError, match=message):
        next(train_glove(counts, **settings, rng=rng()))


def test_no_counts():
    with pytest.raises(DataError, match="no counts"):
        next(train_glove(csr_array((3, 3)), rng=rng()))


def test_a_rate_that_blows_up_is_told(counts):
    with pytest.raises(TrainingError, match="smaller rate"):
        list(train_glove(counts, 4, 20, rng=rng(), rate=1e30))
