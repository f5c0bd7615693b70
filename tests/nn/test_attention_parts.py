"""The parts of attention on a source by their definitions: scores, spans and choices, and the gradient of choices that are drawn."""
import itertools

import numpy as np
import pytest
from seq2seq_cases import batch, build, gradients

from tsuzuri.nn import source_attention
from tsuzuri.nn.scores import SCORES
from tsuzuri.nn.source_attention import Hard, Local, SourceAttention, StraightThrough
from tsuzuri.tensor import Tensor

N, T, S, H = 3, 4, 5, 6
LENGTHS = np.array([5, 2, 1])
RNG = np.random.default_rng(0)
QUERY, VALUES = RNG.standard_normal((N, T, H)), RNG.standard_normal((N, S, H))
COST = RNG.standard_normal((N, T, H))


def made(seed=1, **parts):
    """An attention with parameters of which none is small."""
    attention = SourceAttention(H, longest=7, rng=np.random.default_rng(seed), dtype=np.float64, **parts)
    for p in attention.parameters():
        p.data += 0.5 * np.random.default_rng(2).standard_normal(p.shape)
    return attention


def asked(attention, rng=None, query=QUERY, values=VALUES, lengths=LENGTHS):
    return attention(Tensor(query), attention.memory(Tensor(values), lengths), rng)


def softmax(scores, lengths=LENGTHS):
    """By the definition, over the first ``lengths`` of each row."""
    p = np.zeros(scores.shape)
    for n, length in enumerate(lengths):
        e = np.exp(scores[n, :, :length])
        p[n, :, :length] = e / e.sum(-1, keepdims=True)
    return p


def scores_by_hand(name, score):
    found = np.zeros((N, T, S))
    for n, t, s in np.ndindex(N, T, S):
        q, k = QUERY[n, t], VALUES[n, s]
        if name == "additive":
            found[n, t, s] = score.v.data @ np.tanh(q @ score.query.data + k @ score.key.W.data + score.key.b.data)
        elif name == "general":
            found[n, t, s] = q @ (k @ score.W.data)
        elif name == "location":
            found[n, t, s] = q @ score.places.W.data[:, s] + score.places.b.data[s]
        else:
            found[n, t, s] = q @ k / (np.sqrt(H) if name == "scaled" else 1)
    return found


@pytest.mark.parametrize("name", SCORES)
def test_weights_and_context_by_the_definition(name):
    attention = made(score=name)
    weights = softmax(scores_by_hand(name, attention.score))
    seen = asked(attention)
    np.testing.assert_allclose(seen.weights.data, weights, rtol=0, atol=1e-13)
    np.testing.assert_allclose(seen.context.data, np.einsum("nts,nsh->nth", weights, VALUES), rtol=0, atol=1e-13)
    assert seen.log_p is None


@pytest.mark.parametrize("score", SCORES)
def test_the_quick_way_is_the_long_one(score):
    """Soft and global attention by dot products is one op; with nothing seen, coverage takes the parts one by one."""
    quick, slow = made(score=score), made(score=score, coverage=True)
    slow.score = quick.score
    nothing = Tensor(np.zeros((N, 1, S)))
    one, other = asked(quick), slow(Tensor(QUERY), slow.memory(Tensor(VALUES), LENGTHS), None, nothing)
    np.testing.assert_allclose(one.context.data, other.context.data, rtol=0, atol=1e-13)
    np.testing.assert_allclose(one.weights.data, other.weights.data, rtol=0, atol=1e-13)


# Local

@pytest.mark.parametrize("width", [0, 1, 2, 5])
def test_local_weights_by_the_definition(width):
    attention = made(span="local", width=width)
    span, D = attention.span, max(width, 0.5)
    sigmoid = 1 / (1 + np.exp(-(np.tanh(QUERY @ span.hidden.W.data + span.hidden.b.data) @ span.place.W.data + span.place.b.data)[..., 0]))
    p = sigmoid * (LENGTHS - 1)[:, None]
    scores, wanted = scores_by_hand("general", attention.score), np.zeros((N, T, S))
    for n, t in np.ndindex(N, T):
        inside = [s for s in range(LENGTHS[n]) if abs(s - p[n, t]) <= D]
        e = np.exp(scores[n, t, inside])
        wanted[n, t, inside] = e / e.sum() * np.exp(-(np.array(inside) - p[n, t]) ** 2 / (2 * (D / 2) ** 2))
    found = asked(attention).weights.data
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)
    assert (found.sum(-1) > 0).all()
    assert not found[wanted == 0].any()
    if width < 2:
        assert (found[0] == 0).sum() >= T                    # outside the window there is nothing


def test_a_local_place_is_within_the_source_and_moves_with_the_query():
    span = Local(H, 1, rng=np.random.default_rng(0), dtype=np.float64)
    for push, place in ((50.0, LENGTHS - 1), (-50.0, 0 * LENGTHS)):
        span.place.b.data[...] = push
        weights = span(Tensor(QUERY), Tensor(np.zeros((N, T, S))), LENGTHS).data
        np.testing.assert_array_equal(weights.argmax(-1), np.broadcast_to(place[:, None], (N, T)))


# Choices

def test_hard_takes_one_value():
    """In training one that is drawn, afterwards the weightiest."""
    attention = made(choice="hard")
    weights = asked(made()).weights.data
    seen = asked(attention)
    np.testing.assert_array_equal(seen.context.data, np.take_along_axis(VALUES, weights.argmax(-1)[:, :, None], 1))
    np.testing.assert_allclose(seen.weights.data, weights, rtol=0, atol=1e-14)
    assert seen.log_p is None
    drawn = asked(attention, np.random.default_rng(3))
    for n, t in np.ndindex(N, T):
        chosen = [s for s in range(LENGTHS[n]) if (drawn.context.data[n, t] == VALUES[n, s]).all()]
        assert len(chosen) == 1
        assert drawn.log_p.data[n, t] == pytest.approx(np.log(weights[n, t, chosen[0]]), abs=1e-7)


@pytest.mark.parametrize("span", ["global", "local"])
@pytest.mark.parametrize("choice", ["hard", "straight-through"])
def test_choices_are_drawn_by_their_weights(span, choice):
    """So often as the weights say, over 4,000 draws within five deviations; never one of weight 0."""
    attention = made(choice=choice, span=span, width=2)
    weights = asked(attention).weights.data
    p = weights / weights.sum(-1, keepdims=True)
    draws, count = 4000, np.zeros((N, T, S))
    rng = np.random.default_rng(0)
    for _ in range(draws // 100):
        chosen = source_attention._chosen(np.tile(weights, (100, 1, 1)), rng).reshape(100, N, T)
        count += (chosen[..., None] == np.arange(S)).sum(0)
    assert (np.abs(count - draws * p) <= 5 * np.sqrt(draws * p * (1 - p)) + 1e-9).all()


def test_the_log_p_of_a_hard_choice_is_that_of_its_draw():
    """Local weights do not add up to one, and the draw is among them all the same."""
    attention = made(choice="hard", span="local", width=2)
    weights = asked(attention).weights.data
    p = weights / weights.sum(-1, keepdims=True)
    for seed in range(5):
        seen = asked(attention, np.random.default_rng(seed))
        chosen = np.abs(seen.context.data[:, :, None] - VALUES[:, None]).max(-1).argmin(-1)
        np.testing.assert_allclose(seen.log_p.data, np.log(np.take_along_axis(p, chosen[..., None], -1)[..., 0]), rtol=0, atol=1e-6)


def test_straight_through_gives_one_value_and_takes_the_gradient_of_the_mean():
    """Forward as hard; backward, to the query, the keys and the values, as soft weights with the value of the choice."""
    grads = {}
    for choice in ("soft", "straight-through"):
        attention = made(choice=choice, score="additive")
        query, values = Tensor(QUERY, requires_grad=True), Tensor(VALUES, requires_grad=True)
        memory = attention.memory(values.detach(), LENGTHS)._replace(values=values)
        seen = attention(query, memory, None)
        (seen.context * COST).sum().backward()
        grads[choice] = [query.grad, *(p.grad for p in attention.parameters())]
        if choice == "soft":
            weights = seen.weights.data
        else:
            one_hot = (np.arange(S) == weights.argmax(-1)[..., None]).astype(float)
            np.testing.assert_allclose(seen.context.data, one_hot @ VALUES, rtol=0, atol=1e-14)
            np.testing.assert_allclose(values.grad, one_hot.swapaxes(1, 2) @ COST, rtol=0, atol=1e-14)
    for soft, through in zip(*grads.values(), strict=True):
        np.testing.assert_allclose(through, soft, rtol=0, atol=1e-13)
        assert soft.any()


@pytest.mark.parametrize("choice", [Hard, StraightThrough])
def test_the_padding_is_never_drawn(choice):
    weights = softmax(np.zeros((N, T, S)))
    for seed in range(30):
        context = choice()(Tensor(weights), Tensor(np.where(np.arange(S)[:, None] < LENGTHS[:, None, None], 0.0, 1e9) * np.ones((N, S, H))), np.random.default_rng(seed)).context
        assert not context.data.any()


# The gradient of the expected loss, by all choices that could be drawn

def drawn_as(monkeypatch, model, given, choices):
    """The model's gradient where these are the choices (N, T), as its training takes it."""
    steps = iter(range(choices.shape[1]))

    def chosen(weights, rng):
        assert rng is not None
        return choices if weights.shape[1] == choices.shape[1] else choices[:, [next(steps)]]
    monkeypatch.setattr(source_attention, "_chosen", chosen)
    return gradients(model, given, np.random.default_rng(0))


def loss_and_p(monkeypatch, model, given, choices):
    """The training loss where these are the choices, and how probable they are."""
    steps = iter(range(choices.shape[1]))

    def chosen(weights, rng):
        return choices if weights.shape[1] == choices.shape[1] else choices[:, [next(steps)]]
    monkeypatch.setattr(source_attention, "_chosen", chosen)
    source, lengths, inputs, targets = given
    made = model._read(source, lengths, inputs, np.random.default_rng(0))
    weights = made.weights.data / made.weights.data.sum(-1, keepdims=True)
    p = np.take_along_axis(weights, choices[..., None], -1)[..., 0]
    losses = model.out.losses(made.hs.data.reshape(-1, made.hs.shape[-1]), targets.reshape(-1)).reshape(targets.shape)
    weights = made.weights.data
    twice = np.minimum(weights, weights.cumsum(1) - weights).sum(2) if model.config.coverage else np.zeros(targets.shape)
    return (losses + twice)[targets >= 0].sum() / (targets >= 0).sum(), p[targets >= 0].prod()


@pytest.mark.parametrize("options", [{}, {"span": "local", "width": 2}, {"feeding": True}, {"context": "before"},
                                     {"coverage": True}, {"coverage": True, "feeding": True}, {"coverage": True, "context": "before"}],
                         ids=["global", "local", "feeding", "before", "coverage", "coverage and feeding", "coverage and before"])
@pytest.mark.parametrize("shape", [((2,), (2,)), ((2, 3), (2, 2)), ((3, 2, 2), (1, 1, 2))], ids=["one row", "two rows", "rows that end"])
def test_reinforce_is_in_expectation_the_gradient_of_the_expected_loss(options, shape, monkeypatch):
    """sum over all choices of p (gradient as it is trained) = d/dw of the sum over all choices of p (loss), numerically.

    One that is only proportional would be a smaller learning rate for the attention alone, for one row none at all.
    """
    lengths, ends = shape
    model = build("attention", choice="hard", size=4, cell="rnn", embedding=3, **options)
    given = batch(model, lengths=lengths, targets=ends)
    N, T = given[3].shape
    ranges = [range(lengths[n]) if given[3][n, t] >= 0 else (0,) for n in range(N) for t in range(T)]
    every = [np.array(flat).reshape(N, T) for flat in itertools.product(*ranges)]

    wanted = {}
    rng = np.random.default_rng(1)
    directions = {key: rng.standard_normal(p.shape) for key, p in model.named_parameters()}
    expected = dict.fromkeys(directions, 0.0)
    total = 0.0
    for choices in every:
        _, p = loss_and_p(monkeypatch, model, given, choices)
        total += p
        for key, grad in drawn_as(monkeypatch, model, given, choices).items():
            expected[key] += p * (grad * directions[key]).sum()
    assert total == pytest.approx(1, rel=1e-9)
    for key, parameter in model.named_parameters():
        at, kept = {}, parameter.data.copy()
        for step in (-2, -1, 1, 2):
            parameter.data[...] = kept + step * 1e-5 * directions[key]
            at[step] = sum(loss * p for loss, p in (loss_and_p(monkeypatch, model, given, choices) for choices in every))
        parameter.data[...] = kept
        wanted[key] = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / 12e-5
    for key, number in wanted.items():
        assert expected[key] == pytest.approx(number, rel=1e-5, abs=1e-7), key
    assert max(abs(number) for key, number in wanted.items() if "attend" in key) > 1e-5


# Memory

def test_a_memory_of_the_same_rows_is_not_copied():
    """A beam's rows change places at each step, among hypotheses of one source."""
    memory = made().memory(Tensor(VALUES), LENGTHS).take(np.array([0, 0, 1, 2, 2]))
    assert memory.take(np.array([1, 0, 2, 4, 3])) is memory
    other = memory.take(np.array([2, 2, 0, 3, 4]))
    np.testing.assert_array_equal(other.values.data, VALUES[[1, 1, 0, 2, 2]])
    np.testing.assert_array_equal(other.lengths, LENGTHS[[1, 1, 0, 2, 2]])
