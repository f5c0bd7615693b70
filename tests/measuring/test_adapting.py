"""Strategies at test time: what they compute, that no cut of the text changes it, and that they help where they should."""
import math

import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.kernels import dynamic, inner
from tsuzuri.measuring import adapting
from tsuzuri.measuring.adapting import ADAPTATIONS, ContinuousCache, DynamicEvaluation, adapted, gradient_statistics
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.nn import make_output
from tsuzuri.optim import Adam
from tsuzuri.text import BPTTBatches

V, H = 12, 8
TEXT = np.random.default_rng(3).integers(V, size=(2, 41))
IDS, TARGETS = TEXT[:, :-1], TEXT[:, 1:].copy()
CUTS = [[40], [1] * 40, [7, 1, 20, 12], [13, 27]]


def model(dtype="float64", output="softmax", vocabulary=V, seed=1):
    rng = np.random.default_rng(seed)
    m = RecurrentLanguageModel(RecurrentConfig(arch="lstm", size=H, dtype=dtype, dropout=0.3), vocabulary, rng=rng)
    m.out = make_output(output, H, vocabulary, rng=rng, dtype=np.dtype(dtype))
    for p in m.parameters():
        p.data[...] = 0.7 * rng.standard_normal(p.shape)
    return m


def read(strategy, ids, targets, cut):
    """The losses of a text that is given in pieces."""
    state, found, start = strategy.start(len(ids)), [], 0
    for length in cut:
        losses, state = strategy.losses(ids[:, start:start + length], targets[:, start:start + length], state)
        found.append(losses)
        start += length
    return np.concatenate(found, axis=1)


def model_losses(m, ids, targets):
    hs = m.features(ids, m.start(len(ids)))[0].data
    return m.out.losses(hs.reshape(-1, H), targets.reshape(-1)).reshape(targets.shape)


def cache_one_token_at_a_time(m, ids, targets, window, theta, weight):
    """The definition, a row and a token at a time, with a dictionary of words."""
    hs = m.features(ids, m.start(len(ids)))[0].data
    base, losses = model_losses(m, ids, targets), np.zeros(targets.shape)
    for n, t in np.ndindex(*targets.shape):
        mass = {}
        for i in range(max(t - window, 0), t):
            if targets[n, i] >= 0:
                score = math.exp(theta * sum(a * b for a, b in zip(hs[n, t], hs[n, i], strict=True)))
                mass[targets[n, i]] = mass.get(targets[n, i], 0) + score
        p = math.exp(-base[n, t])
        if mass:
            p = (1 - weight) * p + weight * mass.get(targets[n, t], 0) / sum(mass.values())
        losses[n, t] = -math.log(p) if targets[n, t] >= 0 else 0
    return losses


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize(("window", "theta", "weight"), [(5, 0.7, 0.3), (100, 1.3, 0.1), (1, 0.0, 0.5), (9, 2.0, 0.0)])
def test_the_cache_equals_its_definition_for_any_cut(window, theta, weight, cut, monkeypatch):
    monkeypatch.setattr(adapting, "BLOCK", 6)
    m, targets = model(), TARGETS.copy()
    targets[0, 11:13] = -1
    wanted = cache_one_token_at_a_time(m, IDS, targets, window, theta, weight)
    np.testing.assert_allclose(read(ContinuousCache(m, window, theta, weight), IDS, targets, cut), wanted, atol=1e-10)
    short = read(ContinuousCache(model("float32"), window, theta, weight), IDS, targets, cut)
    np.testing.assert_allclose(short, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("output", ["mixture", "adaptive"])
def test_the_cache_works_with_every_output_layer(output):
    m = model(output=output)
    wanted = cache_one_token_at_a_time(m, IDS, TARGETS, 10, 1.0, 0.2)
    np.testing.assert_allclose(read(ContinuousCache(m, 10, 1.0, 0.2), IDS, TARGETS, [40]), wanted, atol=1e-10)


def test_probabilities_with_a_cache_sum_to_one():
    m, begun = model(), IDS[:1, :20]
    total = 0.0
    for word in range(V):
        targets = TARGETS[:1, :20].copy()
        targets[0, -1] = word
        total += math.exp(-read(ContinuousCache(m, 8, 1.0, 0.4), begun, targets, [20])[0, -1])
    assert total == pytest.approx(1, abs=1e-12)


def test_rows_have_caches_of_their_own():
    together = read(ContinuousCache(model()), IDS, TARGETS, [40])
    for n in range(2):
        alone = read(ContinuousCache(model()), IDS[n:n + 1], TARGETS[n:n + 1], [40])
        np.testing.assert_allclose(together[n:n + 1], alone, rtol=1e-12)


def test_the_cache_helps_where_rare_words_come_back():
    """A model that never learnt anything, on a text of four of its 200 words, and on one in which no word comes twice."""
    m = model(vocabulary=200)
    few = np.random.default_rng(0).choice([11, 57, 123, 180], size=(1, 101))
    never = np.random.default_rng(0).permutation(200)[None, :101]
    for text, better in ((few, True), (never, False)):
        ids, targets = text[:, :-1], text[:, 1:]
        cached = read(ContinuousCache(m, theta=0.1, weight=0.2), ids, targets, [100]).mean()
        plain = model_losses(m, ids, targets).mean()
        if better:                                           # p_cache is about 1/4, so the loss about log(1 / 0.05) = 3.0
            assert cached < min(plain - 1, 3.3)
        else:                                                # the weight of the cache is lost, but for the first token
            assert cached - plain == pytest.approx(-math.log(0.8) * 99 / 100, rel=1e-9)


def dynamic_by_hand(m, ids, targets, segment, lr, decay):
    """Plain steps on one row, with the model's own loss of a segment."""
    trained, found, state = {k: a.copy() for k, a in m.arrays().items()}, [], m.start(1)
    for start in range(0, ids.shape[1], segment):
        part = slice(start, start + segment)
        hs, after = m.features(ids[:, part], state)
        found.append(m.out.losses(hs.data.reshape(-1, H), targets[:, part].reshape(-1)))
        m.out.loss(hs, targets[:, part]).backward()
        for name, p in m.named_parameters():
            g = p.grad if isinstance(p.grad, np.ndarray) else p.grad.to_dense()
            p.data[...] = p.data - lr * g + decay * (trained[name] - p.data)
        m.zero_grad()
        state = after.detach()
    return np.concatenate(found)[None]


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("segment", [1, 5, 16])
def test_dynamic_evaluation_is_a_step_a_segment_for_any_cut(segment, cut):
    wanted = dynamic_by_hand(model(), IDS[:1], TARGETS[:1], segment, 0.3, 0.05)
    strategy = DynamicEvaluation(model(), 0.3, segment=segment, decay=0.05)
    np.testing.assert_allclose(read(strategy, IDS[:1], TARGETS[:1], cut), wanted, rtol=1e-9)


def test_no_token_is_scored_by_weights_that_have_seen_it():
    """Another word at place 7 changes losses from 7 on, by what was predicted there, and none before."""
    other = TARGETS[:1].copy()
    other[0, 7] = (other[0, 7] + 1) % V
    a, b = (read(DynamicEvaluation(model(), 0.3), IDS[:1], targets, [40]) for targets in (TARGETS[:1], other))
    assert np.nonzero(a != b)[1].min() == 7
    np.testing.assert_array_equal(a[:, 8:10], b[:, 8:10])    # the rest of the segment: the same weights, the same ids
    assert (a[:, 10:] != b[:, 10:]).all()


@pytest.mark.parametrize("with_statistics", [False, True])
def test_dynamic_evaluation_leaves_the_model_as_it_was(with_statistics):
    m = model()
    statistics = gradient_statistics(m, BPTTBatches(TEXT[0], 1, 5)) if with_statistics else None
    before = {name: a.copy() for name, a in m.arrays().items()}
    strategy = DynamicEvaluation(m, 0.01, statistics=statistics)
    first = read(strategy, IDS, TARGETS, [40])
    np.testing.assert_array_equal(read(strategy, IDS, TARGETS, [40]), first)           # nothing is kept in between
    assert not np.allclose(first, model_losses(m, IDS, TARGETS))
    assert all(p.grad is None for p in m.parameters())
    for name, a in m.arrays().items():
        np.testing.assert_array_equal(a, before[name])


def test_two_texts_are_read_side_by_side():
    strategy = DynamicEvaluation(model(), 0.3)
    alone = read(strategy, IDS[:1], TARGETS[:1], [10, 10])
    one, other, found = strategy.start(1), strategy.start(1), []
    for start in (0, 10):
        part = slice(start, start + 10)
        losses, one = strategy.losses(IDS[:1, part], TARGETS[:1, part], one)
        _, other = strategy.losses(IDS[1:, part], TARGETS[1:, part], other)
        found.append(losses)
    np.testing.assert_array_equal(np.concatenate(found, axis=1), alone)


@pytest.mark.parametrize("with_statistics", [False, True])
def test_dynamic_evaluation_follows_a_text_that_shifts(with_statistics):
    """Trained to count upwards; the text counts downwards."""
    up, down = np.arange(400) % V, -np.arange(401) % V
    m = model("float32")
    optimizer, batches = Adam(m), BPTTBatches(up, 4, 10)
    for _ in range(20):
        for k in range(len(batches)):
            m.loss(*batches[k])[0].backward()
            optimizer.step(0.02)
    statistics = gradient_statistics(m, batches) if with_statistics else None
    ids, targets = down[None, :-1], down[None, 1:]
    static = model_losses(m, ids, targets)[0, -100:].mean()
    adapted = read(DynamicEvaluation(m, 0.02 if with_statistics else 0.5, decay=0.001, statistics=statistics), ids, targets, [400])
    assert static > math.log(V)
    assert adapted[0, -100:].mean() < 0.5 * math.log(V)
    still = read(DynamicEvaluation(m, 0.0, statistics=statistics), ids, targets, [400])
    np.testing.assert_allclose(still, model_losses(m, ids, targets), rtol=1e-4, atol=1e-5)


def test_gradient_statistics_are_root_mean_squares():
    m, batches = model(), BPTTBatches(TEXT[0], 1, 10)
    found, squares, state = gradient_statistics(m, batches), 0, None
    for k in range(len(batches)):
        loss, state = m.loss(*batches[k], state)
        loss.backward()
        squares = squares + m.out.b.grad ** 2
        m.zero_grad()
    np.testing.assert_allclose(found["out.b"], np.sqrt(squares / len(batches)), rtol=1e-12)
    assert {name: a.shape for name, a in found.items()} == {name: a.shape for name, a in m.arrays().items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 9000])
def test_a_step_compiled_equals_plain(size, dtype):
    rng = np.random.default_rng(0)
    w, g, trained, rms = rng.standard_normal((4, size)).astype(dtype)
    for spread in (abs(rms), rms[:0]):
        results = []
        for on in (False, True):
            moved = w.copy()
            with inner.compiled(on):
                dynamic.adapt(moved, g, trained, spread, 0.1, 0.5, 1e-3)
            results.append(moved)
        np.testing.assert_allclose(results[1], results[0], rtol=1e-5 if dtype is np.float32 else 1e-13, atol=1e-6)
    pulled = w.copy()
    dynamic.adapt(pulled, g, trained, np.full(size, 1e9, dtype), 0.0, 1.0, 1e-3)
    np.testing.assert_allclose(pulled, trained, atol=1e-6)   # home at most: never beyond the trained value


@pytest.mark.parametrize(("strategy", "settings", "sentence"), [
    ("cache", {"window": 0}, "window is 0; a cache holds at least 1 token."),
    ("cache", {"theta": -1.0}, "theta is -1.0; it must be a number from 0."),
    ("cache", {"weight": 1.0}, "weight is 1.0; the cache's share must be at least 0 and below 1."),
    ("dynamic", {"lr": 0.1, "segment": 0}, "segment is 0; it must hold at least 1 token."),
    ("dynamic", {"lr": float("nan")}, "lr is nan; it must be a number from 0."),
    ("dynamic", {"lr": 0.1, "decay": 2.0}, "decay is 2.0; the way back to the trained weights must be a share from 0 to 1."),
])
def test_a_setting_that_does_not_fit_is_said_in_one_sentence(strategy, settings, sentence):
    with pytest.raises(ConfigError) as caught:
        ADAPTATIONS[strategy](model(), **settings)
    assert str(caught.value) == sentence


def test_a_run_is_adapted_by_name(train):
    run = train("run", epochs=1)
    cache = adapted(run, "cache", {"window": 7.0, "theta": 0.5})
    assert (type(cache), cache.window, cache.theta, cache.weight) == (ContinuousCache, 7, 0.5, 0.13)
    dynamic = adapted(run, "dynamic", {"segment": 3.0})
    assert (type(dynamic), dynamic.segment) == (DynamicEvaluation, 3)
    assert all(a.shape == dynamic.trained[name].shape and (a >= 0).all() and a.any() for name, a in dynamic.rms.items())
    ids = np.array(run.tokenizer.encode("the cat sat on the mat"))
    for strategy in (cache, dynamic):
        losses, _ = strategy.losses(ids[None, :-1], ids[None, 1:], None)
        assert (losses > 0).all()
    for name, options, sentence in (
            ("cash", {}, 'adapt "cash" is unknown (did you mean "cache"?); choose one of cache, dynamic.'),
            ("cache", {"teta": 1.0}, 'cache has no option "teta" (did you mean "theta"?); it has window, theta, weight.'),
            ("dynamic", {"statistics": 1.0}, 'dynamic has no option "statistics"; it has lr, segment, decay, epsilon.'),
            ("dynamic", {"segment": 2.5}, "segment is 2.5; it must be a whole number.")):
        with pytest.raises(ConfigError) as caught:
            adapted(run, name, options)
        assert str(caught.value) == sentence


def test_a_run_that_is_not_recurrent_is_refused(train):
    run = train("transformer", arch="transformer", layers=1, heads=2, dropout=0.0, epochs=1)
    with pytest.raises(ConfigError, match=r"adapt cache goes with recurrent models, and arch of .* is transformer; leave adapt out"):
        adapted(run, "cache", {})
