"""Small models from sequence to sequence, one for every option, and a batch whose rows end at different places."""
import numpy as np

from tsuzuri.models.seq2seq import config_type, make_seq2seq

SOURCE, TARGET = 9, 7                                        # vocabularies; 9 for both where they are joint
LONGEST = 30
SIZE = {"encoder-decoder": 6, "attention": 6, "gnmt": 4, "transformer": 8}

CASES = {
    "plain": ("encoder-decoder", {}),
    "plain-rnn-2-layers": ("encoder-decoder", {"cell": "rnn", "layers": 2, "embedding": 5}),
    "plain-gru-reverse": ("encoder-decoder", {"cell": "gru", "reverse": True}),
    "peeky-reverse-2-layers": ("encoder-decoder", {"peeky": True, "reverse": True, "layers": 2, "embedding": 3}),
    "plain-tied-joint": ("encoder-decoder", {"tie": True, "joint": True}),
    "dot": ("attention", {"score": "dot"}),
    "general": ("attention", {"score": "general", "layers": 2}),
    "additive": ("attention", {"score": "additive", "cell": "gru"}),
    "scaled-reverse": ("attention", {"score": "scaled", "reverse": True, "embedding": 3}),
    "location": ("attention", {"score": "location", "cell": "rnn"}),
    "location-reverse": ("attention", {"score": "location", "reverse": True}),
    "bidirectional-2-layers": ("attention", {"bidirectional": True, "layers": 2}),
    "local": ("attention", {"span": "local", "width": 1}),
    "local-reverse": ("attention", {"span": "local", "width": 2, "score": "dot", "reverse": True}),
    "hard": ("attention", {"choice": "hard", "score": "dot"}),
    "hard-local-reverse": ("attention", {"choice": "hard", "span": "local", "width": 2, "reverse": True}),
    "straight-through": ("attention", {"choice": "straight-through", "bidirectional": True}),
    "hard-feeding": ("attention", {"choice": "hard", "feeding": True}),
    "before": ("attention", {"context": "before", "score": "additive", "bidirectional": True}),
    "before-coverage-reverse-2-layers": ("attention", {"context": "before", "coverage": True, "reverse": True, "layers": 2, "cell": "gru"}),
    "feeding": ("attention", {"feeding": True, "score": "dot"}),
    "coverage": ("attention", {"coverage": True, "score": "additive"}),
    "copy": ("attention", {"copy": True, "joint": True}),
    "copy-reverse-feeding-coverage-tied": ("attention", {"copy": True, "joint": True, "reverse": True, "feeding": True, "coverage": True,
                                                         "tie": True, "score": "additive"}),
    "attention-tied-joint": ("attention", {"tie": True, "joint": True}),
    "gnmt-2": ("gnmt", {"layers": 2}),
    "gnmt-4-reverse": ("gnmt", {"layers": 4, "reverse": True, "score": "scaled", "embedding": 3}),
    "gnmt-gru-tied": ("gnmt", {"layers": 3, "cell": "gru", "tie": True, "score": "general"}),
    "transformer": ("transformer", {"layers": 2, "heads": 2}),
    "transformer-learnt": ("transformer", {"layers": 1, "heads": 4, "positions": "learnt", "tie": False}),
    "transformer-joint": ("transformer", {"layers": 3, "heads": 1, "joint": True}),
}
SMOOTH = [name for name, (_, options) in CASES.items() if options.get("choice", "soft") == "soft"]
ATTENDING = [name for name, (arch, _) in CASES.items() if arch != "encoder-decoder"]


def make(name, **more):
    """The model of a case, with parameters large enough for every part of it to matter; ``more`` settings come on top."""
    arch, options = CASES[name]
    return build(arch, **options | more)


def build(arch, *, joint=False, seed=1, longest=LONGEST, perturbed=0.3, **options):
    config = config_type(arch)(**{"arch": arch, "size": SIZE[arch], "dtype": "float64", "dropout": 0.0} | options)
    model = make_seq2seq(config, SOURCE, SOURCE if joint else TARGET, np.random.default_rng(seed), joint=joint, longest=longest)
    rng = np.random.default_rng(2)
    for p in model.parameters():
        p.data += (perturbed * rng.standard_normal(p.shape)).astype(p.dtype)
    return model


def batch(model, seed=0, lengths=(6, 4, 1, 3), targets=(3, 5, 4, 1)):
    """source (N, S), lengths (N,), inputs (N, T), targets (N, T): padded at their ends as the batches of a training are."""
    rng, lengths, ends = np.random.default_rng(seed), np.array(lengths), np.array(targets)
    source = rng.integers(SOURCE, size=(len(lengths), lengths.max())) * (np.arange(lengths.max()) < lengths[:, None])
    wanted = rng.integers(model.vocabulary, size=(len(ends), ends.max()))
    inputs = np.roll(wanted, 1, axis=1)
    inputs[:, 0] = 1
    inside = np.arange(ends.max()) < ends[:, None]
    return source, lengths, np.where(inside, inputs, 0), np.where(inside, wanted, -1)


def rows_of(given, rows):
    """Some rows of a batch, cut to what these need."""
    source, lengths, inputs, targets = (a[rows] for a in given)
    T = (targets >= 0).sum(1).max()
    return source[:, :lengths.max()], lengths, inputs[:, :T], targets[:, :T]


def nats(logits, targets):
    """-log softmax(logits)[target], 0 where a target is -1."""
    z = logits - logits.max(-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return np.where(targets >= 0, -np.take_along_axis(log_p, np.maximum(targets, 0)[..., None], -1)[..., 0], 0)


def stepped(model, source, lengths, inputs):
    """The logits (N, T, V) and the attention (N, T, S) or None of one step after the other."""
    state, logits, looks = model.start(source, lengths), [], []
    assert state.attention is None
    for t in range(inputs.shape[1]):
        z, state = model.step(inputs[:, t], state)
        logits.append(z)
        looks.append(state.attention)
    return np.stack(logits, 1), None if looks[0] is None else np.stack(looks, 1)


def objective(model, given, rng=None):
    """What is differentiated in training."""
    loss, penalty, state = model.training_loss(*given, rng=rng)
    assert state is None
    return loss if penalty is None else loss + penalty


def gradients(model, given, rng=None):
    """parameter -> its dense gradient."""
    model.zero_grad()
    objective(model, given, rng).backward()
    return {name: dense(p) for name, p in model.named_parameters()}


def dense(p):
    if p.grad is None:
        return np.zeros(p.shape)
    return p.grad.to_dense() if hasattr(p.grad, "to_dense") else p.grad
