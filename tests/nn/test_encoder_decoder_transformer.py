"""The Transformer from sequence to sequence: PyTorch's numbers, positions by their formula, and texts longer than those it was trained on."""
import numpy as np
import pytest
from seq2seq_cases import CASES, LONGEST, batch, build, gradients, make, nats, stepped

from tsuzuri.errors import ConfigError
from tsuzuri.models.encoder_decoder_transformer import ROOM, EncoderDecoderTransformer, EncoderDecoderTransformerConfig
from tsuzuri.nn.attention import HeadsAttention, SinusoidalPositions
from tsuzuri.tensor import Tensor

TRANSFORMERS = [name for name, (arch, _) in CASES.items() if arch == "transformer"]
positions = pytest.mark.parametrize("positions", ["sinusoidal", "learnt"])


def torch_layer(torch, kind, w, at, heads):
    """nn.TransformerEncoderLayer or DecoderLayer, norm first with gelu, as a function with our weights."""
    H = w[f"{at}.attention_norm.gain"].shape[0]
    layer = kind(H, heads, 4 * H, dropout=0.0, activation="gelu", norm_first=True, batch_first=True, dtype=torch.float64)

    def linear(ours, theirs):
        return {f"{theirs}.weight": w[f"{at}.{ours}.W"].T, f"{theirs}.bias": w[f"{at}.{ours}.b"]}

    def norm(ours, theirs):
        return {f"{theirs}.weight": w[f"{at}.{ours}.gain"], f"{theirs}.bias": w[f"{at}.{ours}.bias"]}

    def heads_of(ours, theirs):
        parts = [f"{at}.{ours}.{part}" for part in ("query", "key", "value")]
        return {f"{theirs}.in_proj_weight": torch.cat([w[f"{part}.W"].T for part in parts]), f"{theirs}.in_proj_bias": torch.cat([w[f"{part}.b"] for part in parts])}

    weights = linear("feedforward.wide", "linear1") | linear("feedforward.out", "linear2") | linear("attention.out", "self_attn.out_proj")
    weights |= norm("attention_norm", "norm1")
    if kind is torch.nn.TransformerEncoderLayer:
        weights |= heads_of("attention", "self_attn") | norm("feedforward_norm", "norm2")
    else:
        weights |= {"self_attn.in_proj_weight": w[f"{at}.attention.qkv.W"].T, "self_attn.in_proj_bias": w[f"{at}.attention.qkv.b"]}
        weights |= heads_of("source_attention", "multihead_attn") | linear("source_attention.out", "multihead_attn.out_proj")
        weights |= norm("source_norm", "norm2") | norm("feedforward_norm", "norm3")
    assert weights.keys() == dict(layer.named_parameters()).keys()
    return lambda *given, **named: torch.func.functional_call(layer, weights, given, named)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_loss_and_gradients_are_pytorchs(name, smoothing):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    model = make(name, smoothing=smoothing)
    source, lengths, inputs, targets = given = batch(model)
    w = {key: torch.tensor(a, requires_grad=True) for key, a in model.arrays().items()}
    config, H, V = model.config, model.config.size, model.vocabulary

    def embedded(table, ids, where):
        x = w[table][torch.from_numpy(ids)] * H ** 0.5
        places = w[f"{where}.table"] if f"{where}.table" in w else torch.from_numpy(sinusoids(LONGEST + 1, H))
        return x + places[:ids.shape[1]]

    def norm(at, x):
        return F.layer_norm(x, (H,), w[f"{at}.gain"], w[f"{at}.bias"])

    target = "embed.W" if "embed.W" in w else "source_embed.W"
    beyond = torch.from_numpy(np.arange(source.shape[1]) >= lengths[:, None])
    later = torch.ones(inputs.shape[1], inputs.shape[1], dtype=bool).triu(1)
    x = embedded("source_embed.W", source, "source_positions")
    for k in range(config.layers):
        x = torch_layer(torch, torch.nn.TransformerEncoderLayer, w, f"encoder.{k}", config.heads)(x, src_key_padding_mask=beyond)
    read, y = norm("source_norm", x), embedded(target, inputs, "positions")
    for k in range(config.layers):
        y = torch_layer(torch, torch.nn.TransformerDecoderLayer, w, f"decoder.{k}", config.heads)(
            y, read, tgt_mask=later, memory_key_padding_mask=beyond)
    logits = norm("norm", y) @ (w["out.W"] if "out.W" in w else w[target].T) + w["out.b"]
    loss = F.cross_entropy(logits.reshape(-1, V), torch.from_numpy(targets).flatten(), ignore_index=-1, label_smoothing=smoothing)
    loss.backward()
    assert model.training_loss(*given)[0].item() == pytest.approx(loss.item(), rel=1e-12)
    for key, grad in gradients(model, given).items():
        np.testing.assert_allclose(grad, w[key].grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_heads_are_pytorchs_multihead_attention(heads):
    """On a source, with its weights for each head; one position of it read alone is the same."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = HeadsAttention(8, heads, 0.0, out_std=0.5, std=0.5, rng=rng, dtype=np.float64)
    for p in layer.parameters():
        p.data += 0.3 * rng.standard_normal(p.shape)
    x, source, lengths = rng.standard_normal((3, 4, 8)), rng.standard_normal((3, 5, 8)), np.array([5, 1, 3])
    theirs = torch.nn.MultiheadAttention(8, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight[...] = torch.cat([torch.from_numpy(part.W.data.T) for part in (layer.query, layer.key, layer.value)])
        theirs.in_proj_bias[...] = torch.cat([torch.from_numpy(part.b.data) for part in (layer.query, layer.key, layer.value)])
        theirs.out_proj.weight[...], theirs.out_proj.bias[...] = torch.from_numpy(layer.out.W.data.T.copy()), torch.from_numpy(layer.out.b.data)
        wanted, weights = theirs(*map(torch.from_numpy, (x, source, source)), average_attn_weights=False,
                                 key_padding_mask=torch.from_numpy(np.arange(5) >= lengths[:, None]))
    memory = layer.memory(Tensor(source))
    ours, shown = layer(Tensor(x), Tensor(x), memory, lengths, None)
    np.testing.assert_allclose(ours.data, x + wanted.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown.data, weights.numpy(), rtol=0, atol=1e-12)
    for t in range(4):
        one, look = layer.read(x[:, t], x[:, t], *(part.data for part in memory), lengths)
        np.testing.assert_allclose(one, ours.data[:, t], rtol=0, atol=1e-12)
        np.testing.assert_allclose(look, weights.numpy()[:, :, t], rtol=0, atol=1e-12)


def sinusoids(length, size):
    """By the formula, number by number."""
    table = np.zeros((length, size))
    for t in range(length):
        for j in range(size):
            angle = t / 10_000 ** (2 * (j // 2) / size)
            table[t, j] = np.cos(angle) if j % 2 else np.sin(angle)
    return table


@pytest.mark.parametrize("size", [8, 7, 1])
def test_sinusoids_by_the_formula(size):
    """Also behind the length that they were made for, and read from any place on."""
    table = SinusoidalPositions(5, size, 1, rng=np.random.default_rng(0), dtype=np.float64)
    wanted = sinusoids(40, size)
    np.testing.assert_allclose(table(Tensor(np.zeros((1, 4, size)))).data[0], wanted[:4], rtol=0, atol=1e-13)
    np.testing.assert_allclose(table.read(np.zeros((1, 3, size)), 30)[0], wanted[30:33], rtol=0, atol=1e-13)
    np.testing.assert_allclose(table(Tensor(np.zeros((1, 40, size)))).data[0], wanted, rtol=0, atol=1e-13)
    assert table.parameters() == []


@positions
def test_a_target_may_be_longer_than_any_that_was_trained_on(positions):
    """A translation has twice the tokens of its source and twenty more, whatever the longest of the training."""
    model = build("transformer", layers=1, heads=2, positions=positions, longest=4)
    rng = np.random.default_rng(0)
    source, lengths, inputs = rng.integers(7, size=(2, 4)), np.array([4, 3]), rng.integers(7, size=(2, 28))
    logits, _ = stepped(model, source, lengths, inputs)
    assert np.isfinite(logits).all()
    if positions == "sinusoidal":
        np.testing.assert_allclose(model.losses(source, lengths, inputs, inputs)[0], nats(logits, inputs), rtol=0, atol=1e-11)


def test_a_text_that_learnt_positions_have_no_place_for():
    """Read at once as in training; what is written one by one may go on."""
    model = build("transformer", layers=1, heads=2, positions="learnt", longest=4)
    for lengths, targets in (((6,), (4,)), ((4,), (6,))):
        with pytest.raises(ConfigError, match="a text has 6 tokens, and positions learnt has a vector for 5 places; cut it, or train with a larger longest"):
            model.losses(*batch(model, lengths=lengths, targets=targets))


def test_where_a_token_stands_matters():
    """On both sides: with equal tokens the order could not be told otherwise."""
    for name in TRANSFORMERS:
        model = make(name)
        source, lengths, inputs, targets = batch(model, lengths=(5, 5), targets=(4, 4))
        losses = model.losses(source, lengths, inputs, targets)[0]
        other = source[:, [1, 0, 2, 3, 4]]
        other[:, 0] += other[:, 0] == other[:, 1]
        assert (np.abs(model.losses(other, lengths, inputs, targets)[0] - losses) > 1e-9).all()
        same = np.full((2, 4), 3)
        found = model.losses(source, lengths, same, same)[0]
        assert (np.abs(np.diff(found, axis=1)) > 1e-9).all()


def test_a_start_far_from_certain():
    """Before it has learnt anything every token is about as likely, in every depth; one that is tied believes in what it just read."""
    V = 300
    for tie in (True, False):
        for layers in (1, 6):
            config = EncoderDecoderTransformerConfig(size=64, layers=layers, heads=4, tie=tie, dropout=0.0)
            model = EncoderDecoderTransformer(config, V, V, rng=np.random.default_rng(0))
            ids = np.random.default_rng(1).integers(V, size=(8, 10))
            loss = model.losses(ids, np.full(8, 10), ids, ids[:, ::-1])[0].mean()
            assert abs(loss - np.log(V)) < (2.0 if tie else 0.1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cache_grows(dtype):
    """Far beyond the room it has at first, with rows that come and go."""
    model = build("transformer", layers=2, heads=2, longest=100, dtype=dtype)
    rng = np.random.default_rng(0)
    source, lengths = rng.integers(7, size=(3, 6)), np.array([6, 2, 4])
    inputs = rng.integers(7, size=(3, 5 * ROOM))
    rows, state = np.arange(3), model.start(source, lengths)
    whole = stepped(model, source, lengths, inputs)[0]
    np.testing.assert_allclose(nats(whole, inputs), model.losses(source, lengths, inputs, inputs)[0], rtol=0, atol=1e-4 if dtype == "float32" else 1e-11)
    for t in range(inputs.shape[1]):
        logits, state = model.step(inputs[rows, t], state)
        np.testing.assert_allclose(logits, whole[rows, t], rtol=0, atol=1e-4 if dtype == "float32" else 1e-11)
        if t in (3, ROOM - 1, ROOM, 2 * ROOM):
            rows = rows[::-1][:2] if t == 3 else np.repeat(rows, 2)[:3]
            state = state.take(np.arange(len(state.attention))[::-1][:2] if t == 3 else np.repeat(np.arange(len(state.attention)), 2)[:3])
