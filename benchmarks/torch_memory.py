"""The Neural Turing Machine in PyTorch: a class that reads our settings and our weights.

It does what users of PyTorch do, step by step in Python, by the ways that are the quickest there: nn.LSTMCell on what comes in beside
what was read, one linear layer for all that the heads are told, baddbmm and bmm for cosines, reading and adding, torch.roll for the
shift.  The second bias of nn.LSTMCell stays zero and is not trained, so that both have the same parameters and take the same steps.
"""
import torch
from torch import nn
from torch.nn import functional as F

from tsuzuri.kernels.memory import FLOOR
from tsuzuri.nn.memory import BLANK


class TorchNTM(nn.Module):
    """inputs (N, T, D) -> logits (N, T, B)."""

    def __init__(self, config, arrays):
        super().__init__()
        if (config.controller, config.dtype) != ("lstm", "float32"):
            raise SystemExit("only the LSTM controller in float32 has a twin in PyTorch here")
        self.config, size = config, config.size
        weights = {name.split(".")[-1] if name.startswith("machine") else name: torch.from_numpy(a.copy()) for name, a in arrays.items()}
        self.cell = nn.LSTMCell(len(weights["Wx"]) + len(weights["U"]) - size, size)
        self.tell, self.out = nn.Linear(*weights["Wp"].shape), nn.Linear(*weights["out.W"].shape)
        with torch.no_grad():
            self.cell.weight_ih.copy_(torch.cat([weights["Wx"], weights["U"][size:]]).T)
            self.cell.weight_hh.copy_(weights["U"][:size].T)
            self.cell.bias_ih.copy_(weights["b"])
            self.cell.bias_hh.zero_().requires_grad_(False)
            for layer, names in ((self.tell, ("Wp", "bp")), (self.out, ("out.W", "out.b"))):
                layer.weight.copy_(weights[names[0]].T)
                layer.bias.copy_(weights[names[1]])
        self.read, self.places = nn.Parameter(weights["read"]), nn.Parameter(weights["places"])

    def forward(self, inputs):
        N, config = len(inputs), self.config
        R, K, M = config.read_heads, config.read_heads + config.write_heads, config.width
        memory, w = torch.full((N, config.slots, M), BLANK), self.places.softmax(1).expand(N, -1, -1)
        r, h = self.read.tanh().expand(N, -1), torch.zeros(N, config.size)
        c, zs = h, []
        for x in inputs.unbind(1):
            h, c = self.cell(torch.cat([x, r], 1), (h, c))
            w, erase, add = self._look(self.tell(h), w, memory, R, K, M)
            r = torch.bmm(w[:, :R], memory).flatten(1)
            for e in range(K - R):
                memory = memory * (1 - w[:, R + e, :, None] * erase[:, e, None])
            memory = torch.baddbmm(memory, w[:, R:].transpose(1, 2), add)
            zs.append(torch.cat([h, r], 1))
        return self.out(torch.stack(zs, 1))

    def _look(self, told, w, memory, R, K, M):
        """Where the heads are (N, K, S), and what those that write do."""
        E, J = K - R, 2 * self.config.shift + 1
        bent, shares, above, shift = told.split([(K + E) * M, E * M + K, 2 * K, K * J], dim=1)
        key, add = bent.tanh().view(-1, K + E, M).split([K, E], dim=1)
        erase, gate = shares.sigmoid().split([E * M, K], dim=1)
        strength, sharpness = F.softplus(above)[:, :, None].split(K, dim=1)
        shift = shift.view(-1, K, J).softmax(2)
        lengths = (memory.square().sum(2) + FLOOR).sqrt()[:, None] * (key.square().sum(2) + FLOOR).sqrt()[:, :, None]
        content = (strength * torch.bmm(key, memory.transpose(1, 2)) / lengths).softmax(2)
        mixed = w + gate[:, :, None] * (content - w)
        moved = sum(shift[:, :, j, None] * mixed.roll(j - J // 2, 2) for j in range(J))
        powers = moved.clamp_min(1e-30).pow(1 + sharpness)
        return powers / powers.sum(2, keepdim=True), erase.view(-1, E, M), add
