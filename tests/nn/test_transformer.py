"""The Transformer language model: PyTorch's numbers, one window or many, one token at a time, and states that are values."""
import numpy as np
import pytest

from tsuzuri.errors import ConfigError
from tsuzuri.gradcheck import check_gradients
from tsuzuri.models.transformer import TransformerConfig, TransformerLanguageModel

V, HALF = 11, 6
IDS = np.random.default_rng(0).integers(V, size=(3, 41))
TARGETS = np.random.default_rng(2).integers(V, size=(3, 41))
positions = pytest.mark.parametrize("positions", ["learnt", "rotary"])


def make(**config):
    """A small model whose parameters are large enough for every part of it to matter."""
    settings = {"size": 12, "layers": 2, "heads": 3, "context": 2 * HALF, "dropout": 0.3, "dtype": "float64"} | config
    model, rng = TransformerLanguageModel(TransformerConfig(**settings), V, rng=np.random.default_rng(1)), np.random.default_rng(2)
    for p in model.parameters():
        p.data += (0.3 * rng.standard_normal(p.shape)).astype(p.dtype)
    return model


def nats(logits, targets):
    """-log softmax(logits)[target]."""
    z = logits - logits.max(-1, keepdims=True)
    return np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, targets[..., None], -1)[..., 0]


def torch_logits(torch, w, ids, heads, layers, rotary):
    """The same model in PyTorch's functions, from parameters by name."""
    F = torch.nn.functional
    x = w["embed.W"][ids]
    T, H = x.shape[1:]
    x = x if rotary else x + w["positions.table"][:T]
    angles = torch.arange(T).double()[:, None] * 10_000.0 ** (-2 * torch.arange(H // heads // 2).double() / (H // heads))

    def turn(a):
        z = torch.complex(*a.chunk(2, -1)) * torch.polar(torch.ones_like(angles), angles)
        return torch.cat([z.real, z.imag], -1)

    def norm(name, x):
        return F.layer_norm(x, (H,), w[f"{name}.gain"], w[f"{name}.bias"])

    def linear(name, x):
        return x @ w[f"{name}.W"] + w[f"{name}.b"]

    for k in range(layers):
        at = f"blocks.{k}"
        q, k_, v = linear(f"{at}.attention.qkv", norm(f"{at}.attention_norm", x)).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        q, k_ = (turn(q), turn(k_)) if rotary else (q, k_)
        mixed = F.scaled_dot_product_attention(q, k_, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + linear(f"{at}.attention.out", mixed)
        wide = F.gelu(linear(f"{at}.feedforward.wide", norm(f"{at}.feedforward_norm", x)))
        x = x + linear(f"{at}.feedforward.out", wide)
    return norm("norm", x) @ (w["out.W"] if "out.W" in w else w["embed.W"].T) + w["out.b"]


@positions
@pytest.mark.parametrize("tie", [True, False], ids=["tied", ""])
def test_loss_and_gradients_are_pytorchs(positions, tie):
    torch = pytest.importorskip("torch")
    model = make(positions=positions, tie=tie)
    ids, targets = IDS[:, :2 * HALF], TARGETS[:, :2 * HALF]
    weights = {name: torch.tensor(a, requires_grad=True) for name, a in model.arrays().items()}
    logits = torch_logits(torch, weights, torch.from_numpy(ids), 3, 2, positions == "rotary")
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())
    theirs.backward()
    loss, state = model.loss(ids, targets)
    loss.backward()
    assert state is None
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-13)
    for name, p in model.named_parameters():
        grad = p.grad.to_dense() if hasattr(p.grad, "to_dense") else p.grad
        np.testing.assert_allclose(grad, weights[name].grad.numpy(), rtol=1e-9, atol=1e-13, err_msg=name)


@positions
def test_gradients_with_dropout_are_the_numeric_ones(positions):
    model, targets = make(positions=positions), TARGETS[:, :9].copy()
    targets[0, 3:] = -1
    checked = list(check_gradients(model, lambda: model.loss(IDS[:, :9], targets, None, np.random.default_rng(5))[0],
                                   np.random.default_rng(0)))
    assert len(checked) == len(model.parameters())
    assert all(c.right for c in checked), [c for c in checked if not c.right]


@positions
def test_a_token_is_predicted_from_the_window_its_place_decides(positions):
    """By the definition: place p from the tokens that begin at max(0, (p // S - 1) S), each window computed alone."""
    model = make(positions=positions)
    losses, _ = model.losses(IDS, TARGETS)
    for p in range(IDS.shape[1]):
        begin = max(0, (p // HALF - 1) * HALF)
        assert 1 <= p + 1 - begin <= 2 * HALF
        h, _ = model.features(IDS[:, begin:p + 1])
        np.testing.assert_allclose(losses[:, p], nats(model.out.logits(h.data[:, -1]), TARGETS[:, p]), rtol=1e-11)


@positions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", [1, 5, 6, 7, 12, 13, 40])
def test_losses_do_not_know_how_the_stream_was_cut(positions, dtype, cut):
    model, state, parts = make(positions=positions, dtype=dtype), None, []
    whole, _ = model.losses(IDS, TARGETS)
    for at in range(0, IDS.shape[1], cut):
        losses, state = model.losses(IDS[:, at:at + cut], TARGETS[:, at:at + cut], state)
        parts.append(losses)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=0, atol=1e-5 if dtype == "float32" else 1e-12)


@positions
@pytest.mark.parametrize("rows", [1, 3])
def test_steps_and_feeding_are_the_whole_text(positions, rows):
    """Logits after each token, one by one and after a prompt at once, against log p of the whole text."""
    model, ids = make(positions=positions), IDS[:rows]
    log_p, _ = model.log_probabilities(ids)
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(-log_p, TARGETS[:rows, :, None], 2)[..., 0], model.losses(ids, TARGETS[:rows])[0],
                               rtol=1e-12)
    state = model.start(rows)
    for p in range(ids.shape[1]):
        logits, state = model.step(ids[:, p], state)
        fed, _ = model.feed(ids[:, :p + 1], model.start(rows))
        for z in (logits, fed):
            np.testing.assert_allclose(z - z.max(-1, keepdims=True), log_p[:, p] - log_p[:, p].max(-1, keepdims=True), rtol=0, atol=1e-11)


def test_a_batch_is_its_rows():
    model = make()
    whole, _ = model.losses(IDS, TARGETS)
    for n in range(3):
        np.testing.assert_allclose(model.losses(IDS[n:n + 1], TARGETS[n:n + 1])[0][0], whole[n], rtol=0, atol=1e-12)


@pytest.mark.parametrize("read", [1, 2 * HALF - 1, 2 * HALF, 17])
def test_a_state_is_a_value(read):
    """Two continuations of one state, and rows taken out of it, do not disturb each other or the state."""
    model = make()
    _, state = model.feed(IDS[:, :read], model.start(3))
    first, second = IDS[:, read:read + 9], IDS[:, read + 9:read + 18]

    def fresh(tokens, rows):
        return model.feed(np.concatenate([IDS[rows, :read], tokens[rows]], axis=1), model.start(len(rows)))[0]

    every, picked = np.arange(3), np.array([2, 0, 2])
    taken = state.take(picked)
    _, one = model.feed(first[:, :4], state)
    other, _ = model.feed(second, state)
    np.testing.assert_allclose(other, fresh(second, every), rtol=0, atol=1e-11)
    np.testing.assert_allclose(model.feed(first[:, 4:], one)[0], fresh(first, every), rtol=0, atol=1e-11)
    np.testing.assert_allclose(model.feed(first[picked], taken)[0], fresh(first, picked), rtol=0, atol=1e-11)
    assert state.detach() is state


def test_later_tokens_change_no_earlier_prediction():
    model, other = make(), IDS.copy()
    other[:, 9:] = (other[:, 9:] + 1) % V
    np.testing.assert_array_equal(model.log_probabilities(IDS[:, :12])[0][:, :9], model.log_probabilities(other[:, :12])[0][:, :9])
    ours, theirs = (model.features(ids[:, :12])[0].data for ids in (IDS, other))
    np.testing.assert_array_equal(ours[:, :9], theirs[:, :9])
    assert np.abs(ours[:, 9:] - theirs[:, 9:]).min(axis=(0, 2)).max() > 0


def test_dropout_needs_a_generator():
    model, ids, targets = make(), IDS[:, :9], TARGETS[:, :9]
    loss = model.loss(ids, targets)[0].item()
    drawn = [model.training_loss(ids, targets, None, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert [(penalty, state) for _, penalty, state in drawn] == [(None, None)] * 3
    values = [drawn_loss.item() for drawn_loss, _, _ in drawn]
    assert values[0] == values[1] != values[2]
    assert loss not in values
    assert make(dropout=0.0).loss(ids, targets, None, np.random.default_rng(1))[0].item() == pytest.approx(loss, rel=1e-12)


def test_ignored_targets_count_nothing():
    model, targets = make(), TARGETS[:, :9].copy()
    targets[1, 2:] = -1
    losses, _ = model.losses(IDS[:, :9], targets)
    assert not losses[1, 2:].any()
    assert model.loss(IDS[:, :9], targets)[0].item() == pytest.approx(losses.sum() / (targets >= 0).sum(), rel=1e-12)


def test_the_start_is_gpt2s():
    """Deviation 0.02, of the matrices that add to the stream 0.02 / sqrt(2 layers); the table is the output's weights."""
    model = TransformerLanguageModel(TransformerConfig(size=96, layers=2, heads=4, positions="learnt"), 500, rng=np.random.default_rng(0))
    for name, a in model.arrays().items():
        if name.endswith((".W", "table")):
            want = 0.01 if ".out.W" in name else 0.02
            assert a.std() == pytest.approx(want, rel=0.03), name
        elif name.endswith((".b", "bias")):
            assert not a.any()
    assert model.out.table is model.embed.W
    assert len([name for name in model.arrays() if "positions" in name]) == 1


def test_a_window_longer_than_the_context_is_refused():
    with pytest.raises(ConfigError, match="a window has 13 tokens, and the model sees at most context 12; train with a larger"):
        make().loss(IDS[:, :13], TARGETS[:, :13])


@pytest.mark.parametrize(("config", "sentence"), [
    ({"arch": "transfomer"}, 'arch "transfomer" is unknown (did you mean "transformer"?); choose one of transformer.'),
    ({"positions": "rotatory"}, 'positions "rotatory" is unknown (did you mean "rotary"?); choose one of learnt, rotary.'),
    ({"heads": 5}, "size 384 cannot be shared out evenly to heads 5; choose a size that is a multiple of heads."),
    ({"size": 6, "heads": 6}, "rotary positions turn pairs of numbers, and size 6 / heads 6 = 1 is odd; "
                              "choose another size, or positions learnt."),
    ({"context": 1}, "context is 1; it must be 2 to 1,000,000."), ({"layers": 0}, "layers is 0; it must be 1 to 1,000,000."),
    ({"dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1."),
    ({"dtype": "float31"}, 'dtype "float31" is unknown (did you mean "float32"?); choose one of float16, float32, float64.'),
])
def test_a_config_that_does_not_fit_is_said_in_one_sentence(config, sentence):
    with pytest.raises(ConfigError) as caught:
        TransformerConfig(**config)
    assert str(caught.value) == sentence
