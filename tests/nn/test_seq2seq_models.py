"""Models from sequence to sequence, every one with every option: one step at a time is all at once, padding is never seen, rows
know nothing of each other, gradients are the numeric ones, and states are values."""
import numpy as np
import pytest
from seq2seq_cases import (
    ATTENDING,
    CASES,
    SMOOTH,
    batch,
    build,
    gradients,
    make,
    nats,
    objective,
    rows_of,
    stepped,
)

from tsuzuri.errors import ConfigError
from tsuzuri.gradcheck import check_gradients
from tsuzuri.kernels.sequence import turned
from tsuzuri.models.seq2seq import ARCHITECTURES, config_type, make_seq2seq

every = pytest.mark.parametrize("name", CASES)
attending = pytest.mark.parametrize("name", ATTENDING)
smooth = pytest.mark.parametrize("name", SMOOTH)
EXACT = {"rtol": 0, "atol": 1e-11}


def test_the_cases_have_every_architecture_and_every_option():
    """An option that no case sets would be one that nothing here has tried."""
    assert {arch for arch, _ in CASES.values()} == set(ARCHITECTURES)
    beside = {"arch", "size", "dropout", "smoothing", "dtype"}               # set for all of them
    for arch in ARCHITECTURES:
        tried = {option for other, options in CASES.values() if other == arch for option in options}
        assert set(config_type(arch).__struct_fields__) - tried - beside == set()


@every
def test_steps_are_the_losses(name):
    model = make(name)
    source, lengths, inputs, targets = batch(model)
    losses, state = model.losses(source, lengths, inputs, targets)
    logits, _ = stepped(model, source, lengths, inputs)
    assert state is None
    np.testing.assert_allclose(losses, nats(logits, targets), rtol=0, atol=1e-10)
    assert np.ptp(losses[targets >= 0]) > 0.1                # or equal numbers would be no wonder


@every
def test_the_training_loss_is_the_mean_of_the_losses(name):
    model = make(name)
    given = batch(model)
    losses, _ = model.losses(*given)
    loss, _, _ = model.training_loss(*given)
    assert loss.item() == pytest.approx(losses.sum() / (given[-1] >= 0).sum(), rel=1e-12)


@every
def test_padding_changes_no_loss_and_no_gradient(name):
    """More of it at the end of sources and targets, and ids in it that are not zero."""
    model = make(name)
    source, lengths, inputs, targets = given = batch(model)
    rng = np.random.default_rng(5)
    beyond = np.arange(source.shape[1] + 3) >= lengths[:, None]
    longer = np.where(beyond, rng.integers(model.vocabulary, size=beyond.shape), np.pad(source, ((0, 0), (0, 3))))
    wider = np.where(np.pad(targets, ((0, 0), (0, 2)), constant_values=-1) < 0, rng.integers(model.vocabulary, size=(len(source), targets.shape[1] + 2)),
                     np.pad(inputs, ((0, 0), (0, 2))))
    padded = longer, lengths, wider, np.pad(targets, ((0, 0), (0, 2)), constant_values=-1)
    losses, more = model.losses(*given)[0], model.losses(*padded)[0]
    np.testing.assert_allclose(more[:, :losses.shape[1]], losses, **EXACT)
    assert not more[padded[-1] < 0].any()
    ours, theirs = gradients(model, given), gradients(model, padded)
    for key, grad in ours.items():
        np.testing.assert_allclose(theirs[key], grad, **EXACT, err_msg=key)


@every
def test_a_batch_is_its_rows(name):
    """In its losses, and in its gradient: the mean over all tokens of those of the rows."""
    model = make(name)
    given = batch(model)
    whole, total = model.losses(*given)[0], (given[-1] >= 0).sum()
    wanted = {key: np.zeros(p.shape) for key, p in model.named_parameters()}
    for n in range(len(whole)):
        alone = rows_of(given, np.array([n]))
        np.testing.assert_allclose(model.losses(*alone)[0][0], whole[n, :alone[-1].shape[1]], **EXACT)
        for key, grad in gradients(model, alone).items():
            wanted[key] += grad * (alone[-1] >= 0).sum() / total
    for key, grad in gradients(model, given).items():
        np.testing.assert_allclose(grad, wanted[key], **EXACT, err_msg=key)


@every
def test_rows_in_another_order_have_their_losses_in_that_order(name):
    model, order = make(name), np.array([2, 0, 3, 1])
    given = batch(model)
    np.testing.assert_allclose(model.losses(*(a[order] for a in given))[0], model.losses(*given)[0][order], **EXACT)


@smooth
def test_the_gradients_are_the_numeric_ones(name):
    """Of the loss as it is trained, with dropout, smoothing and what the model adds to it."""
    options = {"dropout": 0.2} | ({} if "copy" in name else {"smoothing": 0.1})
    model = make(name, **options)
    given = batch(model)
    checked = list(check_gradients(model, lambda: objective(model, given, np.random.default_rng(5)), np.random.default_rng(0)))
    assert len(checked) == len(model.parameters())
    wrong = [c for c in checked if not c.right and abs(c.exact - c.numeric) > 1e-10]       # a bias that softmax cancels has none
    assert not wrong


@pytest.mark.parametrize("name", ["hard", "hard-local-reverse", "hard-feeding"])
def test_the_gradients_of_hard_choices_are_the_numeric_ones_where_the_draws_are_held(name):
    model = make(name, dropout=0.2, smoothing=0.1)
    given = batch(model)
    checked = list(check_gradients(model, lambda: model.training_loss(*given, rng=np.random.default_rng(5))[0], np.random.default_rng(0)))
    assert not [c for c in checked if not c.right and abs(c.exact - c.numeric) > 1e-10]


@every
def test_every_parameter_is_trained(name):
    """Those apart whose effect a softmax cancels: a bias that raises all scores of a query alike."""
    model = make(name)
    grads = gradients(model, batch(model), np.random.default_rng(3))
    dead = {key for key, grad in grads.items() if np.abs(grad).max() < 1e-12}
    assert {key for key in dead if not key.endswith("attention.key.b")} == set()


@every
@pytest.mark.parametrize("read", [0, 15, 16])
def test_a_state_is_a_value(name, read):
    """Two continuations of one state, and rows taken out of it with repeats, do not disturb each other or the state.

    A cache of the Transformer has room for 16 tokens at first.
    """
    model = make(name)
    source, lengths, *_ = batch(model)
    rng = np.random.default_rng(7)
    before, first, second = (rng.integers(model.vocabulary, size=(4, T)) for T in (read, 4, 4))

    def fresh(tokens, *rows):
        some = list(rows or range(4))
        return stepped(model, source[some], lengths[some], np.concatenate([before, tokens], 1)[some])[0][:, -1]

    def go_on(state, tokens):
        for t in range(tokens.shape[1]):
            logits, state = model.step(tokens[:, t], state)
        return logits, state

    state, picked = model.start(source, lengths), np.array([2, 0, 2, 3, 2])
    if read:
        _, state = go_on(state, before)
    taken = state.take(picked)
    _, halfway = go_on(state, first[:, :2])
    other, _ = go_on(state, second)
    later = halfway.take(np.array([1]))
    one, _ = go_on(halfway, first[:, 2:])
    single, _ = go_on(later, second[1:2, 2:])
    of_taken, _ = go_on(taken, first[picked])
    again, _ = go_on(state, first)
    np.testing.assert_allclose(other, fresh(second), **EXACT)
    np.testing.assert_allclose(one, fresh(first), **EXACT)
    np.testing.assert_array_equal(again, one)
    np.testing.assert_allclose(of_taken, fresh(first, *picked), **EXACT)
    np.testing.assert_allclose(single, fresh(np.concatenate([first[:, :2], second[:, 2:]], 1), 1), **EXACT)


@every
def test_rows_that_follow_different_tokens_from_one_source(name):
    """As in a beam: repeats of a row go on with tokens of their own, change places, and leave."""
    model = make(name)
    source, lengths, *_ = batch(model)
    rng = np.random.default_rng(3)
    rows, state = np.arange(4), model.start(source, lengths)
    texts = np.zeros((4, 0), int)
    for taken in ([0, 0, 1, 1, 2, 3], [1, 0, 2, 3, 3, 5], [5, 4, 4, 0, 0], [4, 1], [1, 0], [0]):
        tokens = rng.integers(model.vocabulary, size=len(rows))
        logits, state = model.step(tokens, state)
        texts = np.concatenate([texts, tokens[:, None]], 1)
        theirs, look = stepped(model, source[rows], lengths[rows], texts)
        np.testing.assert_allclose(logits, theirs[:, -1], **EXACT)
        if look is not None:
            np.testing.assert_allclose(state.attention, look[:, -1], **EXACT)
        taken = np.array(taken)
        rows, texts, state = rows[taken], texts[taken], state.take(taken)
        if look is not None:
            np.testing.assert_allclose(state.attention, look[taken, -1], **EXACT)


@every
def test_the_attention_that_is_shown(name):
    """Step by step what ``attention`` says of the whole; of a Transformer's last layer the mean of its heads."""
    model = make(name)
    source, lengths, inputs, _ = batch(model)
    weights, (_, look) = model.attention(source, lengths, inputs), stepped(model, source, lengths, inputs)
    if name not in ATTENDING:
        assert (weights, look) == (None, None)
        return
    arch, options = CASES[name]
    assert weights.shape == (options["layers"] if arch == "transformer" else 1, options.get("heads", 1), len(source), inputs.shape[1], source.shape[1])
    np.testing.assert_allclose(weights[-1].mean(0), look, **EXACT)
    beyond = np.arange(source.shape[1]) >= lengths[:, None]
    assert not np.moveaxis(weights, 2, 0)[beyond[:, None, None, None, :] & np.ones_like(np.moveaxis(weights, 2, 0), bool)].any()
    if options.get("span") != "local":
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, (_, options) in CASES.items() if options.get("reverse")])
def test_reverse_reads_the_source_from_its_end_and_shows_it_as_it_is_written(name):
    """The same as a model that does not, given the source turned round; what it sees is turned back."""
    model, straight = make(name), make(name, reverse=False)
    source, lengths, inputs, targets = given = batch(model)
    other = turned(source, lengths), lengths, inputs, targets
    np.testing.assert_array_equal(other[0][1, :4], source[1, 3::-1])
    np.testing.assert_allclose(model.losses(*given)[0], straight.losses(*other)[0], **EXACT)
    assert np.abs(model.losses(*given)[0] - straight.losses(*given)[0]).max() > 1e-3
    ours, theirs = model.attention(*given[:3]), straight.attention(*other[:3])
    if ours is not None:
        for n, length in enumerate(lengths):
            np.testing.assert_allclose(ours[:, :, n, :, :length], theirs[:, :, n, :, :length][..., ::-1], **EXACT)


@every
def test_the_target_is_read_from_left_to_right(name):
    """A later input changes no earlier loss, but those from its own place on; the source changes all of them."""
    model = make(name)
    source, lengths, inputs, targets = batch(model, lengths=(6, 6), targets=(5, 5))
    other, changed = inputs.copy(), source.copy()
    other[:, 3] = (other[:, 3] + 1) % model.vocabulary
    losses = model.losses(source, lengths, inputs, targets)[0]
    later = model.losses(source, lengths, other, targets)[0]
    np.testing.assert_allclose(later[:, :3], losses[:, :3], **EXACT)
    assert (np.abs(later[:, 3:] - losses[:, 3:]) > 1e-9).all()
    for place in range(6):
        changed[:] = source
        changed[:, place] = (changed[:, place] + 1) % model.vocabulary
        assert (np.abs(model.losses(changed, lengths, inputs, targets)[0] - losses) > 0).mean() > 0.8


@every
def test_float32_stays_float32(name):
    """No part of it falls into float64, which costs twice; and the losses are those of float64 to seven digits or so."""
    model, exact = make(name, dtype="float32"), make(name)
    exact.load(model.arrays())
    source, lengths, inputs, _ = given = batch(model)
    state = model.start(source, lengths)
    for t in range(2):
        logits, state = model.step(inputs[:, t], state)
        assert logits.dtype == np.float32
        assert state.attention is None or state.attention.dtype == np.float32
    losses = model.losses(*given)[0]
    assert losses.dtype == np.float32
    np.testing.assert_allclose(losses, exact.losses(*given)[0], rtol=0, atol=3e-5)
    loss, penalty, _ = model.training_loss(*given, rng=np.random.default_rng(1))
    assert {part.dtype for part in (loss, penalty) if part is not None} == {np.dtype(np.float32)}
    assert {p.data.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert {grad.dtype for grad in gradients(model, given, np.random.default_rng(1)).values()} == {np.dtype(np.float32)}


@every
def test_what_is_given_is_left_as_it_is(name):
    model = make(name, dropout=0.3)
    given = batch(model)
    kept, weights = [a.copy() for a in given], {key: a.copy() for key, a in model.arrays().items()}
    gradients(model, given, np.random.default_rng(0))
    model.losses(*given)
    stepped(model, *given[:3])
    for a, b in zip(given, kept, strict=True):
        np.testing.assert_array_equal(a, b)
    for key, a in model.arrays().items():
        np.testing.assert_array_equal(a, weights[key])


@every
def test_dropout_needs_a_generator_and_follows_from_it(name):
    model, sober = make(name, dropout=0.4), make(name)
    given = batch(model)
    assert model.training_loss(*given)[0].item() == sober.training_loss(*given)[0].item()
    values = [objective(model, given, np.random.default_rng(seed)).item() for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]
    assert values[0] != objective(model, given).item()


@every
def test_smoothing_asks_a_share_for_all_tokens(name):
    """(1 - s) of the loss and s of the mean of -log p over the vocabulary, by the probabilities that steps give; and of what is
    measured afterwards nothing."""
    if "copy" in name:
        pytest.skip("copy and smoothing do not go together")
    model, plain = make(name, smoothing=0.3), make(name)
    source, lengths, inputs, targets = given = batch(model)
    logits, _ = stepped(model, source, lengths, inputs)
    z = logits - logits.max(-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    wanted = 0.7 * nats(logits, targets) - 0.3 * log_p.mean(-1)
    count = targets >= 0
    assert model.training_loss(*given)[0].item() == pytest.approx(wanted[count].mean(), rel=1e-11)
    np.testing.assert_array_equal(model.losses(*given)[0], plain.losses(*given)[0])


def test_copy_refuses_smoothing_or_has_it():
    """An accepted setting has an effect."""
    try:
        model = make("copy", smoothing=0.3)
    except ConfigError:
        return
    given = batch(model)
    assert model.training_loss(*given)[0].item() != make("copy").training_loss(*given)[0].item()


# What the options mean

@pytest.mark.parametrize("peeky", [True, False])
def test_peeky_reaches_the_output(peeky):
    """With a decoder that reads and keeps nothing, only the way past it is left to the source."""
    model = build("encoder-decoder", cell="rnn", peeky=peeky)
    source, *_, targets = given = batch(model)
    for layer in model.decoder.layers:
        layer.Wx.data[...] = layer.Wh.data[...] = 0
    before = model.losses(*given)[0]
    source[:, 0] = (source[:, 0] + 1) % 7
    assert (np.abs(model.losses(*given)[0] - before)[targets >= 0] > 1e-4).all() == peeky
    np.testing.assert_allclose(model.losses(*given)[0], nats(stepped(model, *given[:3])[0], targets), **EXACT)


def test_peeky_reaches_every_step():
    """With an output that does not see it and a decoder that keeps nothing."""
    for peeky in (True, False):
        model = build("encoder-decoder", cell="rnn", peeky=peeky)
        *_, targets = given = batch(model)
        model.decoder.layers[0].Wh.data[...] = 0
        if peeky:
            model.out.W.data[:6] = 0
        before = model.losses(*given)[0]
        given[0][:, 0] = (given[0][:, 0] + 1) % 7
        assert (np.abs(model.losses(*given)[0] - before)[targets >= 0] > 1e-6).all() == peeky


@pytest.mark.parametrize("feeding", [True, False])
def test_feeding_carries_what_a_step_has_seen(feeding):
    """A decoder that keeps nothing of its own knows of earlier inputs by that alone."""
    model = build("attention", cell="rnn", feeding=feeding)
    source, lengths, inputs, targets = batch(model, lengths=(6, 6), targets=(5, 5))
    model.decoder.layers[0].Wh.data[...] = 0
    other = inputs.copy()
    other[:, 0] = (other[:, 0] + 1) % model.vocabulary
    moved = np.abs(model.losses(source, lengths, other, targets)[0] - model.losses(source, lengths, inputs, targets)[0])[:, 1:]
    assert (moved > 1e-12).all() == feeding
    assert moved.any() == feeding


def test_context_before_is_asked_by_the_state_before_and_enters_the_step():
    """Where it looks at step t is known before input t; what it sees there moves the state."""
    source, lengths, inputs, _ = batch(build("attention"), lengths=(6, 6), targets=(5, 5))
    other = inputs.copy()
    other[:, 2] = (other[:, 2] + 1) % 7
    for context, first in (("before", 3), ("after", 2)):
        model = build("attention", context=context)
        moved = np.abs(model.attention(source, lengths, inputs) - model.attention(source, lengths, other))[0, 0].max((0, 2))
        assert not moved[:first].any()
        assert (moved[first:] > 1e-9).all()
    model = build("attention", context="before", cell="rnn")
    model.decoder.layers[0].Wh.data[...] = 0                  # so that the source comes in by what is seen alone
    model.join.W.data[:6] = 0
    before = model.losses(source, lengths, inputs, inputs)[0]
    source[:, 4] = (source[:, 4] + 1) % 7
    assert (np.abs(model.losses(source, lengths, inputs, inputs)[0] - before) > 1e-9).all()


def test_coverage_moves_the_scores_by_what_was_seen():
    """With weights that would be the same at every step: softmax(u), then softmax(u + seen * sum of those before)."""
    model = build("attention", coverage=True, score="location", cell="rnn")
    source, lengths, inputs, _ = batch(model, lengths=(5, 3), targets=(4, 4))
    model.attend.score.places.W.data[...] = 0                 # the query says nothing
    u, factor = model.attend.score.places.b.data[:5], model.attend.seen.data[0]
    found = model.attention(source, lengths, inputs)[0, 0]
    for n, length in enumerate(lengths):
        seen = np.zeros(length)
        for t in range(4):
            scores = np.exp(u[:length] + factor * seen)
            np.testing.assert_allclose(found[n, t, :length], scores / scores.sum(), rtol=1e-11)
            seen += scores / scores.sum()


def test_the_coverage_penalty_by_hand():
    """The mean over all tokens of sum_s min(a_ts, sum of a_s before): of the first step nothing."""
    model = make("coverage")
    source, lengths, inputs, targets = given = batch(model)
    weights = model.attention(source, lengths, inputs)[0, 0]
    total = 0.0
    for n in range(len(source)):
        seen = np.zeros(source.shape[1])
        for t in range((targets[n] >= 0).sum()):
            total += np.minimum(weights[n, t], seen).sum()
            seen += weights[n, t]
    penalty = model.training_loss(*given)[1]
    assert penalty.item() == pytest.approx(total / (targets >= 0).sum(), rel=1e-12)
    one = rows_of(given, np.array([3]))                       # a target of one token looks at nothing twice
    assert model.training_loss(*one)[1].item() == 0


@pytest.mark.parametrize("name", [name for name in CASES if "copy" in name])
def test_copying_keeps_a_distribution(name):
    model = make(name)
    source, lengths, inputs, _ = batch(model)
    logits, _ = stepped(model, source, lengths, inputs)
    np.testing.assert_allclose(np.exp(logits).sum(-1), 1, rtol=0, atol=1e-10)


def test_copying_within_a_local_span_keeps_a_distribution_or_is_refused():
    """Local weights do not add up to one, and as probabilities they would have to."""
    try:
        model = make("copy", span="local", width=1)
    except ConfigError:
        return
    source, lengths, inputs, _ = batch(model)
    np.testing.assert_allclose(np.exp(stepped(model, source, lengths, inputs)[0]).sum(-1), 1, rtol=0, atol=1e-10)


def test_a_token_that_the_softmax_would_never_say_can_be_copied():
    model = make("copy")
    source, lengths = np.array([[3, 5, 3, 8], [6, 6, 0, 0]]), np.array([4, 2])
    model.out.b.data[...] = np.where(np.arange(9) == 2, 60.0, -60.0)         # it says 2 alone
    model.copying.switch.W.data[...], model.copying.switch.b.data[...] = 0, -1.0
    logits, state = model.step(np.array([1, 1]), model.start(source, lengths))
    g, p, weights = 1 / (1 + np.e), np.exp(logits), state.attention
    np.testing.assert_allclose(p[:, 2], g, rtol=1e-9)
    np.testing.assert_allclose(p[0, [3, 5, 8]], (1 - g) * np.array([weights[0, 0] + weights[0, 2], weights[0, 1], weights[0, 3]]), rtol=1e-9)
    np.testing.assert_allclose(p[1, 6], 1 - g, rtol=1e-9)
    assert p[1, 0] < 1e-11                                    # the padding of the second is copied by nobody
    losses = model.losses(source, lengths, np.array([[1], [1]]), np.array([[8], [6]]))[0][:, 0]
    np.testing.assert_allclose(losses, [-np.log(p[0, 8]), -np.log(p[1, 6])], rtol=1e-9)


@every
def test_tied_and_joint_tables_are_one_array(name):
    arch, options = CASES[name]
    model, names = make(name), dict(make(name).named_parameters())
    tied = options.get("tie", arch == "transformer")
    assert (getattr(model.out, "table", None) is model.embed.W) == tied
    assert (model.source_embed is model.embed) == options.get("joint", False)
    assert len([key for key in names if "embed" in key]) == (1 if options.get("joint") else 2)
    assert ("out.W" in names) != tied


def test_gnmt_adds_what_a_layer_was_given():
    """From the third layer on: where their weights are zero the layers above the second pass on what they get."""
    small, deep = build("gnmt", layers=2, perturbed=0.0), build("gnmt", layers=4, perturbed=0.0)
    arrays = small.arrays()
    for key, a in deep.arrays().items():
        if any(f"{part}.{k}." in key for part in ("layers", "decoder") for k in (2, 3)):
            a[...] = 0
        else:
            a[...] = arrays[key]
    given = batch(small)
    np.testing.assert_allclose(deep.losses(*given)[0], small.losses(*given)[0], **EXACT)
    assert np.ptp(small.losses(*given)[0][given[-1] >= 0]) > 0.01


def test_gnmt_is_asked_by_the_bottom_layer_and_every_layer_above_hears_it():
    """No weight above the bottom layer moves where it looks; and each layer above gets a gradient for what was seen."""
    model = build("gnmt", layers=4)
    given = batch(model)
    seen, grads = model.attention(*given[:3]), gradients(model, given, None)
    for k, layer in enumerate(model.decoder[1:], 1):
        below, context = np.split(grads[f"decoder.{k}.Wx"], 2)
        assert np.abs(below).max() > 1e-4
        assert np.abs(context).max() > 1e-4
        for p in layer.parameters():
            p.data[...] += 1
    np.testing.assert_array_equal(model.attention(*given[:3]), seen)
    model.decoder[0].Wx.data[...] += 1
    assert np.abs(model.attention(*given[:3]) - seen).max() > 1e-4


def test_gnmt_reads_in_both_directions_first_and_adds_from_the_third_layer_on():
    """A layer whose weights are zero gives nothing: of the second nothing is left, of the third what it was given."""
    source, lengths, *_ = batch(build("gnmt"))
    for silent in (1, 2):
        model = build("gnmt", layers=3)
        for p in model.encoder.layers.layers[silent].parameters():
            p.data[...] = 0
        hs = model.encoder(source, lengths).hs.data
        if silent == 1:                                      # the third knows only that time passes
            other = (source + 1) % 7
            np.testing.assert_array_equal(model.encoder(other, lengths).hs.data[0], hs[0])
        else:
            second = build("gnmt", layers=2)
            second.load({key: model.arrays()[key] for key in second.arrays()} | {
                key: a for key, a in second.arrays().items() if not key.startswith(("encoder", "source_embed"))})
            np.testing.assert_allclose(hs[0], second.encoder(source, lengths).hs.data[0], **EXACT)
    first = build("gnmt", layers=2).encoder.layers.layers[0]
    assert (first.ahead.size, first.back.size) == (2, 2)


def test_the_same_seed_gives_the_same_model():
    for arch in ARCHITECTURES:
        one, two, other = (build(arch, seed=seed, perturbed=0.0).arrays() for seed in (1, 1, 2))
        assert all((one[key] == two[key]).all() for key in one)
        assert any((one[key] != other[key]).any() for key in one)


def test_recurrent_matrices_start_orthogonal():
    for name in ("plain-gru-reverse", "bidirectional-2-layers", "gnmt-2"):
        arch, options = CASES[name]
        for key, a in build(arch, perturbed=0.0, **options).arrays().items():
            if key.endswith("Wh"):
                H = len(a)
                for gate in range(a.shape[1] // H):
                    np.testing.assert_allclose(a[:, gate * H:][:, :H].T @ a[:, gate * H:][:, :H], np.eye(H), atol=1e-12)


# PyTorch's numbers

def test_the_encoder_decoder_is_pytorchs():
    """Two layers of nn.LSTM (gates i, f, g, o, weights transposed, two biases), packed sources, cross entropy; all gradients."""
    torch = pytest.importorskip("torch")
    model = make("peeky-reverse-2-layers", reverse=False, peeky=False)
    source, lengths, inputs, _ = given = batch(model)
    w = {key: torch.tensor(a, requires_grad=True) for key, a in model.arrays().items()}

    def run(part, x, state=None):
        after = []
        for k in range(2):
            at = f"{part}.layers.layers.{k}" if part == "encoder" else f"{part}.layers.{k}"
            weights = {"weight_ih_l0": w[f"{at}.Wx"].T, "weight_hh_l0": w[f"{at}.Wh"].T, "bias_ih_l0": w[f"{at}.b"],
                       "bias_hh_l0": torch.zeros_like(w[f"{at}.b"])}
            lstm = torch.nn.LSTM(w[f"{at}.Wx"].shape[0], 6, batch_first=True, dtype=torch.float64)
            if part == "encoder":
                packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
                hs, last = torch.func.functional_call(lstm, weights, (packed,))
                x = torch.nn.utils.rnn.pad_packed_sequence(hs, batch_first=True)[0]
            else:
                x, last = torch.func.functional_call(lstm, weights, (x, state[k]))
            after.append(last)
        return x, after

    _, states = run("encoder", w["source_embed.W"][torch.from_numpy(source)])
    hs, _ = run("decoder", w["embed.W"][torch.from_numpy(inputs)], states)
    compare(torch, model, given, w, hs @ w["out.W"] + w["out.b"])


@pytest.mark.parametrize("score", ["dot", "general", "scaled", "additive"])
def test_attention_is_pytorchs(score):
    """Luong's decoder over a bidirectional nn.LSTM, and Bahdanau's score."""
    torch = pytest.importorskip("torch")
    model = build("attention", score=score, bidirectional=True)
    source, lengths, inputs, _ = given = batch(model)
    w = {key: torch.tensor(a, requires_grad=True) for key, a in model.arrays().items()}

    def of(at, suffix=""):
        return {f"weight_ih_l0{suffix}": w[f"{at}.Wx"].T, f"weight_hh_l0{suffix}": w[f"{at}.Wh"].T, f"bias_ih_l0{suffix}": w[f"{at}.b"],
                f"bias_hh_l0{suffix}": torch.zeros_like(w[f"{at}.b"])}

    lstm = torch.nn.LSTM(6, 3, batch_first=True, bidirectional=True, dtype=torch.float64)
    packed = torch.nn.utils.rnn.pack_padded_sequence(w["source_embed.W"][torch.from_numpy(source)], torch.from_numpy(lengths),
                                                     batch_first=True, enforce_sorted=False)
    read, (h, c) = torch.func.functional_call(lstm, of("encoder.layers.layers.0.ahead") | of("encoder.layers.layers.0.back", "_reverse"), (packed,))
    values = torch.nn.utils.rnn.pad_packed_sequence(read, batch_first=True)[0]
    state = tuple(torch.cat([part[0], part[1]], -1)[None] for part in (h, c))
    decoder = torch.nn.LSTM(6, 6, batch_first=True, dtype=torch.float64)
    hs, _ = torch.func.functional_call(decoder, of("decoder.layers.0"), (w["embed.W"][torch.from_numpy(inputs)], state))
    if score == "additive":
        keys = values @ w["attend.score.key.W"] + w["attend.score.key.b"]
        scores = torch.tanh((hs @ w["attend.score.query"])[:, :, None] + keys[:, None]) @ w["attend.score.v"]
    else:
        keys = values @ w["attend.score.W"] if score == "general" else values
        scores = hs @ keys.transpose(1, 2) * (6 ** -0.5 if score == "scaled" else 1)
    beyond = torch.from_numpy(np.arange(source.shape[1]) >= lengths[:, None])
    weights = scores.masked_fill(beyond[:, None], -torch.inf).softmax(-1)
    a = torch.tanh(torch.cat([weights @ values, hs], -1) @ w["join.W"] + w["join.b"])
    np.testing.assert_allclose(model.attention(source, lengths, inputs)[0, 0], weights.detach().numpy(), rtol=0, atol=1e-12)
    compare(torch, model, given, w, a @ w["out.W"] + w["out.b"])


def compare(torch, model, given, w, logits, smoothing=0.0):
    """Loss and gradients of a model with those of PyTorch."""
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(given[-1]).flatten(), ignore_index=-1, label_smoothing=smoothing)
    theirs.backward()
    assert model.training_loss(*given)[0].item() == pytest.approx(theirs.item(), rel=1e-12)
    for key, grad in gradients(model, given).items():
        np.testing.assert_allclose(grad, w[key].grad.numpy(), rtol=1e-9, atol=1e-13, err_msg=key)


# What does not fit

@pytest.mark.parametrize(("settings", "words"), [
    ({"arch": "atention"}, 'did you mean "attention"'),
    ({"size": 0}, "size is 0; it must be 1 to"), ({"layers": 0}, "layers is 0"), ({"dropout": 1.0}, "dropout is 1.0"),
    ({"smoothing": -0.1}, "smoothing is -0.1"), ({"smoothing": float("nan")}, "smoothing is nan"), ({"dtype": "float16"}, "float16 is too short"),
    ({"cell": "lstmm"}, 'did you mean "lstm"'), ({"embedding": -1}, "embedding is -1"), ({"tie": True, "embedding": 5}, "tie shares one table"),
    ({"score": "bilinear"}, 'score "bilinear" is unknown'), ({"span": "globl"}, 'did you mean "global"'), ({"choice": "firm"}, "choice"),
    ({"context": "befor"}, 'did you mean "before"'), ({"width": -1}, "width is -1"), ({"feeding": True, "context": "before"}, "feeding does not fit"),
    ({"bidirectional": True, "size": 7}, "size is 7"), ({"copy": True, "choice": "hard"}, "choice is hard"),
    ({"arch": "encoder-decoder", "peeky": True, "tie": True}, "peeky makes the output layer wider"),
    ({"arch": "gnmt", "layers": 1}, "a gnmt has at least 2"), ({"arch": "gnmt", "size": 5}, "size is 5"), ({"arch": "gnmt", "score": "no"}, "score"),
    ({"arch": "transformer", "heads": 3, "size": 8}, "cannot be shared out evenly"), ({"arch": "transformer", "heads": 0}, "heads is 0"),
    ({"arch": "transformer", "positions": "rotary"}, "choose one of"),
])
def test_a_setting_that_does_not_fit_is_said_in_one_sentence(settings, words):
    arch = settings.get("arch", "attention")
    with pytest.raises(ConfigError) as caught:
        config_type(arch)(**settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_that_score_location_has_no_places_for():
    model = build("attention", score="location", longest=4)
    with pytest.raises(ConfigError, match="a source has 6 tokens, and score location has weights for 4 places"):
        model.losses(*batch(model))


def test_make_seq2seq_suggests_an_architecture():
    with pytest.raises(ConfigError, match='"transfomer" is unknown'):
        config_type("transfomer")
    config = config_type("gnmt")(size=4, layers=2)
    assert make_seq2seq(config, 5, 6, np.random.default_rng(0)).vocabulary == 6
