"""The attention LSTM and the Transformer from sequence to sequence, in PyTorch: classes that read our settings and our weights.

They do what users of PyTorch do, by the ways that are the quickest there: nn.LSTM on packed sequences (on plain ones where a batch
has no padding), torch.bmm and a masked softmax; blocks with the norm first whose heads are scaled_dot_product_attention (3 to 7 %
quicker than nn.TransformerEncoderLayer and its sister); greedy decoding as the usual loop, one sentence by nn.LSTMCell; beam search
as in OpenNMT, topk over beams times vocabulary and index_select of the states.

Both start from the arrays of one of our models, and the second bias of nn.LSTM stays zero, so that both have the same parameters
and take the same steps.  But rows of an untied embedding that a batch does not have: ours leaves them, PyTorch's moves them too.
"""
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tsuzuri.nn.attention import POSITIONS

SAME_RECURRENT = {"cell": "lstm", "layers": 1, "span": "global", "choice": "soft", "context": "after", "feeding": False,
                  "coverage": False, "copy": False, "dtype": "float32"}                       # what is not written here
SAME_TRANSFORMER = {"positions": "sinusoidal", "dtype": "float32"}
SCORES = {"dot": 1.0, "general": 1.0, "scaled": None}        # what the product is multiplied by; None: 1 / sqrt(H)


class Twin(nn.Module):
    """What both models have: the two embeddings, dropout, the output layer and the loss."""

    def __init__(self, config, arrays, same):
        super().__init__()
        for name, value in same.items():
            if getattr(config, name) != value:
                raise SystemExit(f"{name} {getattr(config, name)} has no twin in PyTorch here; only {value} has")
        self.config, self.dropout = config, nn.Dropout(config.dropout)
        self.source_embed = nn.Embedding.from_pretrained(tensor(arrays["source_embed.W"]), freeze=False)
        self.embed = self.source_embed                       # joint: one table
        if "embed.W" in arrays:
            self.embed = nn.Embedding.from_pretrained(tensor(arrays["embed.W"]), freeze=False)
        weight = self.embed.weight if config.tie else tensor(arrays["out.W"].T)
        self.out = linear(weight, arrays["out.b"])

    def training_loss(self, source, lengths, inputs, targets):
        """Mean loss in nats a token."""
        logits = self(source, lengths, inputs)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1), ignore_index=-1, label_smoothing=self.config.smoothing)


class TorchAttention(Twin):
    """The encoder-decoder with attention after the step.    source (N, S), lengths (N,), inputs (N, T) -> logits (N, T, V)

    Where our model reads the source from its end, this one is given it turned.
    """

    def __init__(self, config, arrays):
        super().__init__(config, arrays, SAME_RECURRENT)
        scale = SCORES[config.score]
        self.scale = config.size ** -0.5 if scale is None else scale
        ways = [".ahead", ".back"] if config.bidirectional else [""]
        self.encoder = lstm(arrays, [f"encoder.layers.layers.0{way}." for way in ways])
        self.decoder = lstm(arrays, ["decoder.layers.0."])
        self.cell = cell_of(self.decoder)
        self.score = tensor(arrays["attend.score.W"]) if config.score == "general" else None
        self.join = linear_of(arrays, "join")

    def forward(self, source, lengths, inputs):
        memory, state = self.read(source, lengths)
        hs, _ = self.decoder(self.dropout(self.embed(inputs)), state)
        return self.out(self.dropout(self._looked(hs, memory)))

    def read(self, source, lengths):
        """(keys, values (N, S, H), mask (N, 1, S) of the padding or None), the decoder's first state."""
        N, S = source.shape
        x, padded = self.dropout(self.source_embed(source)), int(lengths.min()) < S
        if padded:
            packed, state = self.encoder(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            values, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=S)
        else:
            values, state = self.encoder(x)
        keys = values if self.score is None else values @ self.score
        mask = (torch.arange(S) >= lengths[:, None])[:, None] if padded else None
        return (keys, values, mask), tuple(part.transpose(0, 1).reshape(1, N, -1) for part in state)

    def _looked(self, hs, memory):
        keys, values, mask = memory
        scores = torch.bmm(hs, keys.transpose(1, 2))
        if self.scale != 1:
            scores = scores * self.scale
        if mask is not None:
            scores = scores.masked_fill(mask, -math.inf)
        context = torch.bmm(F.softmax(scores, dim=-1), values)
        return torch.tanh(self.join(torch.cat([context, hs], dim=2)))

    def step(self, ids, memory, state):
        """ids (N,) -> logits (N, V), state (1, N, H)."""
        hs, state = self.decoder(self.embed(ids[:, None]), state)
        return self.out(self._looked(hs, memory)[:, 0]), state

    def step_of_one(self, ids, memory, state):
        """The same by nn.LSTMCell, which takes a third of the time for one row and a fifth more for 256; state (N, H)."""
        state = self.cell(self.embed(ids), state)
        return self.out(self._looked(state[0][:, None], memory)[:, 0]), state

    @torch.inference_mode()
    def greedy(self, source, lengths, end, most):
        """The most probable token at each step (N, T), until all rows have ended."""
        memory, state = self.read(source, lengths)
        step, ids, found = self.step, torch.full((len(source),), end), []
        if len(source) == 1:
            step, state = self.step_of_one, tuple(part[0] for part in state)
        going = torch.ones(len(source), dtype=torch.bool)
        for _ in range(most):
            logits, state = step(ids, memory, state)
            ids = logits.argmax(-1)
            found.append(ids)
            going &= ids != end
            if not going.any():
                break
        return torch.stack(found, dim=1)

    @torch.inference_mode()
    def beam_search(self, source, lengths, end, most, beams):
        """The best text (N, T) of every sentence and its log p (N,), sentences and beams side by side.

        For weights of which no text ends before ``most``: the loop looks whether all have, and keeps no ended ones aside.
        """
        memory, state = self.read(source, lengths)
        memory = tuple(None if part is None else part.repeat_interleave(beams, dim=0) for part in memory)
        state = tuple(part.repeat_interleave(beams, dim=1) for part in state)
        N = len(source)
        ids, log_p = torch.full((N * beams, 1), end), torch.full((N, beams), -math.inf)
        log_p[:, 0] = 0.0                                    # at first all beams of a sentence are one
        firsts = torch.arange(0, N * beams, beams)[:, None]
        for _ in range(most):
            logits, state = self.step(ids[:, -1], memory, state)
            V = logits.shape[1]
            scores = F.log_softmax(logits, dim=-1).view(N, beams, V).add_(log_p[:, :, None])
            log_p, places = scores.view(N, beams * V).topk(beams)
            rows = (places // V + firsts).view(-1)
            ids = torch.cat([ids.index_select(0, rows), (places % V).view(-1, 1)], dim=1)
            state = tuple(part.index_select(1, rows) for part in state)
            if (ids[:, -1] == end).all():
                break
        return ids.view(N, beams, -1)[:, 0, 1:], log_p[:, 0]


class TorchTransformer(Twin):
    """The Transformer.    source (N, S), lengths (N,), inputs (N, T) -> logits (N, T, V)"""

    def __init__(self, config, arrays):
        super().__init__(config, arrays, SAME_TRANSFORMER)
        self.encoder = nn.ModuleList(Block(config, arrays, f"encoder.{k}.", ["attention"]) for k in range(config.layers))
        self.decoder = nn.ModuleList(Block(config, arrays, f"decoder.{k}.", ["attention", "source_attention"]) for k in range(config.layers))
        self.source_norm, self.norm = norm_of(arrays, "source_norm"), norm_of(arrays, "norm")

    def _embedded(self, embed, ids):
        T, H = ids.shape[1], self.config.size
        if not hasattr(self, "positions") or len(self.positions) < T:
            self.positions = torch.from_numpy(POSITIONS["sinusoidal"](2 * T, H, self.config.heads, rng=None).table)
        return self.dropout(embed(ids) * H ** 0.5 + self.positions[:T])

    def forward(self, source, lengths, inputs):
        seen, S = None, source.shape[1]
        if int(lengths.min()) < S:
            seen = (torch.arange(S) < lengths[:, None])[:, None, None]
        read = self._embedded(self.source_embed, source)
        for block in self.encoder:
            read = block(read, seen)
        read = self.source_norm(read)
        x = self._embedded(self.embed, inputs)
        for block in self.decoder:
            x = block(x, seen, read)
        return self.out(self.norm(x))


class Block(nn.Module):
    """x (N, T, H) -> (N, T, H): attention on itself, on what was ``read`` (N, S, H) where this is a decoder's, feed-forward layer.

    An encoder's block sees where ``seen`` (N, 1, 1, S) is true, a decoder's what was written before, and the source so.
    """

    def __init__(self, config, arrays, place, attentions):
        super().__init__()
        self.heads, self.dropout = config.heads, nn.Dropout(config.dropout)
        own = [f"{place}attention.qkv"] if f"{place}attention.qkv.W" in arrays else [f"{place}attention.{part}" for part in ("query", "key", "value")]
        self.norm1, self.qkv, self.end = norm_of(arrays, f"{place}attention_norm"), linear_of(arrays, *own), linear_of(arrays, f"{place}attention.out")
        if "source_attention" in attentions:
            source = f"{place}source_attention."
            self.norm2, self.query = norm_of(arrays, f"{place}source_norm"), linear_of(arrays, f"{source}query")
            self.memory, self.source_end = linear_of(arrays, f"{source}key", f"{source}value"), linear_of(arrays, f"{source}out")
        self.norm3 = norm_of(arrays, f"{place}feedforward_norm")
        self.wide, self.narrow = linear_of(arrays, f"{place}feedforward.wide"), linear_of(arrays, f"{place}feedforward.out")

    def forward(self, x, seen, read=None):
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=2)
        mask = {"attn_mask": seen} if read is None else {"is_causal": True}
        x = x + self.dropout(self.end(self._mixed(q, k, v, **mask)))
        if read is not None:
            mixed = self._mixed(self.query(self.norm2(x)), *self.memory(read).chunk(2, dim=2), attn_mask=seen)
            x = x + self.dropout(self.source_end(mixed))
        return x + self.dropout(self.narrow(F.gelu(self.wide(self.norm3(x)))))

    def _mixed(self, q, k, v, **mask):
        N, T, H = q.shape
        q, k, v = (a.view(N, -1, self.heads, H // self.heads).transpose(1, 2) for a in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, **mask).transpose(1, 2).reshape(N, T, H)


TWINS = {"attention": TorchAttention, "transformer": TorchTransformer}


def tensor(array):
    """A parameter with a copy of the array."""
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def linear(weight, bias):
    """x -> x weight^T + bias."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = weight, tensor(bias)
    return layer


def linear_of(arrays, *names):
    """One layer with the weights of several of ours side by side."""
    return linear(tensor(np.concatenate([arrays[f"{name}.W"] for name in names], axis=1).T), np.concatenate([arrays[f"{name}.b"] for name in names]))


def norm_of(arrays, name):
    """Our layer norm."""
    layer = nn.LayerNorm(len(arrays[f"{name}.gain"]))
    layer.weight, layer.bias = tensor(arrays[f"{name}.gain"]), tensor(arrays[f"{name}.bias"])
    return layer


def lstm(arrays, places):
    """One layer of one or two directions."""
    in_size, units = arrays[f"{places[0]}Wx"].shape[0], arrays[f"{places[0]}Wh"].shape[0]
    layer = nn.LSTM(in_size, units, batch_first=True, bidirectional=len(places) == 2)
    with torch.no_grad():
        for place, way in zip(places, ("", "_reverse"), strict=False):
            getattr(layer, f"weight_ih_l0{way}").copy_(torch.from_numpy(arrays[f"{place}Wx"].T))
            getattr(layer, f"weight_hh_l0{way}").copy_(torch.from_numpy(arrays[f"{place}Wh"].T))
            getattr(layer, f"bias_ih_l0{way}").copy_(torch.from_numpy(arrays[f"{place}b"]))
            getattr(layer, f"bias_hh_l0{way}").zero_().requires_grad_(False)
    return layer


def cell_of(layer):
    """The cell of an nn.LSTM of one layer, with its parameters."""
    cell = nn.LSTMCell(layer.input_size, layer.hidden_size)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(cell, name, getattr(layer, f"{name}_l0"))
    return cell
