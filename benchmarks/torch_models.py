"""The recurrent language model of any of our settings, in PyTorch: one class that reads the same RecurrentConfig.

It does what users of PyTorch do: one fused recurrent layer of PyTorch a layer (torch.lstm, which nn.LSTM calls), time first, and
for what regularises AWD-LSTM the ways of salesforce/awd-lstm-lm: F.dropout on the recurrent weights, one mask for all time steps
(LockedDropout), a masked embedding table, the decoder tied to it, the two penalties.

It starts from the arrays of one of our models, so both libraries start alike.  The second bias of PyTorch's layers stays zero
(in a GRU it holds the candidate's), so that both also have the same parameters and take the same steps
(tests/test_torch_models.py).  But rows of an untied embedding that a window does not have: ours leaves them, PyTorch's moves them too.
"""
import torch
from torch.nn import Parameter
from torch.nn import functional as F

LAYERS = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}
THE_SAME = {"connection": "plain", "output": "softmax", "state_dropout": 0.0, "dtype": "float32"}    # what is not written here


def element_dropout(x, p):
    """x with single elements dropped."""
    return F.dropout(x, p)


def locked_dropout(x, p):
    """x (T, N, D) with the same elements dropped at every step."""
    if not p:
        return x
    return x * (x.new_empty(1, *x.shape[1:]).bernoulli_(1 - p) / (1 - p)).expand_as(x)


class TorchRecurrent(torch.nn.Module):
    """ids and targets (N, T) -> loss, with the weights ``arrays`` of a RecurrentLanguageModel of the same config."""

    def __init__(self, config, arrays):
        super().__init__()
        for name, value in THE_SAME.items():
            if getattr(config, name) != value:
                raise SystemExit(f"{name} {getattr(config, name)} has no twin in PyTorch here; only {value} has")
        self.config = config
        self.table = Parameter(torch.tensor(arrays["embed.W"]))
        self.layers = torch.nn.ModuleList(Layer(config, arrays, k) for k in range(config.layers))
        self.weight = self.table if config.tie else Parameter(torch.tensor(arrays["out.W"]).T.contiguous())
        self.bias = Parameter(torch.tensor(arrays["out.b"]))
        self.drop = {"element": element_dropout, "variational": locked_dropout}[config.dropout_kind]

    def _dropped(self, x, own=-1.0):
        p = self.config.dropout if own < 0 else own
        return self.drop(x, p) if self.training else x

    def _embedded(self, ids):
        """ids (T, N) -> (T, N, D), whole words dropped."""
        p, table = self.config.embedding_dropout, self.table
        if p and self.training:
            table = table * (table.new_empty(len(table), 1).bernoulli_(1 - p) / (1 - p)).expand_as(table)
        return F.embedding(ids, table)

    def forward(self, ids, state=None):
        """ids (N, T), state -> what the output layer sees and what left the last layer (T, N, H), state."""
        xs = self._dropped(self._embedded(ids.t().contiguous()), self.config.input_dropout)
        state = [layer.start(ids.shape[0]) for layer in self.layers] if state is None else state
        after = []
        for k, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            xs, last = layer(self._dropped(xs) if k else xs, before)
            after.append(tuple(part.detach() for part in last))
        return self._dropped(xs, self.config.output_dropout), xs, after

    def _cross_entropy(self, seen, targets, reduction="mean"):
        logits = F.linear(seen, self.weight, self.bias)
        return F.cross_entropy(logits.view(-1, len(self.bias)), targets.t().reshape(-1), reduction=reduction)

    def training_loss(self, ids, targets, state):
        """What is told, what is differentiated, state."""
        seen, hs, state = self(ids, state)
        loss = objective = self._cross_entropy(seen, targets)
        if self.config.activation_penalty:
            objective = objective + self.config.activation_penalty * seen.pow(2).mean()
        if self.config.temporal_penalty:
            objective = objective + self.config.temporal_penalty * (hs[1:] - hs[:-1]).pow(2).mean()
        return loss, objective, state

    @torch.no_grad()
    def evaluate(self, batches):
        """The mean loss in nats a token, the state carried from the first batch to the last."""
        self.eval()
        total, state = 0.0, None
        for k in range(len(batches)):
            ids, targets = map(torch.from_numpy, batches[k])
            seen, _, state = self(ids, state)
            total += self._cross_entropy(seen, targets, "sum").item()
        self.train()
        return total / batches.tokens

    def losses(self, ids, targets, state):
        """The loss of every target (N, T), state."""
        seen, _, state = self(ids, state)
        return self._cross_entropy(seen, targets, "none").view(ids.shape[::-1]).t(), state


class Layer(torch.nn.Module):
    """One recurrent layer, its recurrent weights dropped while training.    xs (T, N, D), state -> hs (T, N, H), state"""

    def __init__(self, config, arrays, k):
        super().__init__()
        place = f"recurrent.layers.{k}.layer." if config.weight_drop else f"recurrent.layers.{k}."
        own = {name.removeprefix(place): torch.tensor(a) for name, a in arrays.items() if name.startswith(place)}
        self.run, self.size, self.weight_drop = LAYERS[config.arch], own["Wh"].shape[0], config.weight_drop
        self.parts = 2 if config.arch == "lstm" else 1
        self.input, self.recurrent = (Parameter(own[name].T.contiguous()) for name in ("Wx", "Wh"))
        self.bias = Parameter(own["b"])
        self.second = Parameter(own["bm"]) if "bm" in own else None
        self.register_buffer("zeros", torch.zeros(len(own["b"]) - len(own.get("bm", ()))))

    def start(self, rows):
        """The state before the first token."""
        return (torch.zeros(1, rows, self.size),) * self.parts

    def forward(self, xs, state):
        recurrent = F.dropout(self.recurrent, self.weight_drop, self.training)
        second = self.zeros if self.second is None else torch.cat([self.zeros, self.second])
        weights = [self.input, recurrent, self.bias, second]
        hs, *last = self.run(xs, state if self.parts == 2 else state[0], weights, True, 1, 0.0, self.training, False, False)
        return hs, last


def make_optimizer(model, training):
    """The optimiser of a TrainingConfig.  NT-ASGD is SGD, of which the caller takes the average; decay is apart from Adam's step, as ours."""
    kinds = {"sgd": torch.optim.SGD, "nt-asgd": torch.optim.SGD, "adam": torch.optim.AdamW, "adamw": torch.optim.AdamW}
    if training.optimizer not in kinds:
        raise SystemExit(f"optimizer {training.optimizer} has no twin in PyTorch here; there are {', '.join(kinds)}")
    return kinds[training.optimizer](model.parameters(), lr=training.lr, weight_decay=training.weight_decay)


def update(model, optimizer, objective, lr, clip):
    """Backward, clip to the global norm, one step."""
    optimizer.zero_grad()
    objective.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
