"""The classifier and the tagger in PyTorch: one class that reads our settings and starts from our weights.

It does what users of PyTorch do: an embedding, a bidirectional nn.LSTM on packed sequences, the largest value over time, cross
entropy; for the linear chain the usual loop, a logsumexp over (N, K, K) at every step (as in pytorch-crf).  The second bias of nn.LSTM
stays zero, so that both libraries have the same parameters.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class TorchLabeller(nn.Module):
    """source (N, T), lengths (N,), targets (N,) or (N, T) -> loss, with the weights ``arrays`` of one of our models of ``config``."""

    def __init__(self, config, arrays):
        super().__init__()
        if (config.cell, config.layers, config.bidirectional) != ("lstm", 1, True) or getattr(config, "pooling", "max") != "max":
            raise SystemExit("only one bidirectional LSTM, pooled by its largest values, has a twin in PyTorch here")
        weights = {name: torch.tensor(array) for name, array in arrays.items()}
        self.config = config
        self.embed = nn.Embedding.from_pretrained(weights["embed.W"], freeze=False)
        self.lstm = nn.LSTM(self.embed.embedding_dim, config.size // 2, bidirectional=True, batch_first=True)
        for suffix, way in (("", "ahead"), ("_reverse", "back")):
            part = f"layers.layers.0.{way}."
            for name, value in (("weight_ih", weights[part + "Wx"].T), ("weight_hh", weights[part + "Wh"].T), ("bias_ih", weights[part + "b"])):
                getattr(self.lstm, f"{name}_l0{suffix}").data.copy_(value)
            second = getattr(self.lstm, f"bias_hh_l0{suffix}")
            second.data.zero_()
            second.requires_grad_(False)
        self.out = nn.Linear(config.size, weights["out.W"].shape[1])
        self.out.weight.data.copy_(weights["out.W"].T)
        self.out.bias.data.copy_(weights["out.b"])
        if getattr(config, "output", "") == "crf":
            self.A, self.start, self.end = (nn.Parameter(weights[f"out.{name}"].clone()) for name in ("A", "start", "end"))

    def training_loss(self, source, lengths, targets):
        """The mean loss of a label."""
        x = F.dropout(self.embed(source), self.config.dropout)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        hs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        mask = torch.arange(source.shape[1]) < lengths[:, None]
        if targets.ndim == 1:
            pooled = hs.masked_fill(~mask[:, :, None], -torch.inf).amax(1)
            return F.cross_entropy(self.out(F.dropout(pooled, self.config.dropout)), targets)
        e = self.out(F.dropout(hs, self.config.dropout))
        if self.config.output == "softmax":
            return F.cross_entropy(e.flatten(0, 1), targets.flatten(), ignore_index=-1)
        return self._chain(e, targets, mask) / mask.sum()

    def _chain(self, e, targets, mask):
        """The sum over the rows of log Z less the score of the labels."""
        y, rows = targets.clamp(min=0), torch.arange(len(e))
        score, sums = self.start[y[:, 0]] + e[rows, 0, y[:, 0]], self.start + e[:, 0]
        for t in range(1, e.shape[1]):
            on = mask[:, t]
            score = score + (self.A[y[:, t - 1], y[:, t]] + e[rows, t, y[:, t]]) * on
            after = torch.logsumexp(sums[:, :, None] + self.A, 1) + e[:, t]
            sums = torch.where(on[:, None], after, sums)
        score = score + self.end[y[rows, mask.sum(1) - 1]]
        return (torch.logsumexp(sums + self.end, 1) - score).sum()
