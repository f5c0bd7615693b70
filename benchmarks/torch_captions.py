"""The models of pictures and captions in PyTorch: one class that reads our settings and our weights.

It does what users of PyTorch do, by the ways that are the quickest there: pictures in the memory format channels_last (a fifth quicker on a
CPU than the default one), nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.LSTM where all steps are known at once and nn.LSTMCell where each
waits for what the one before saw, torch.bmm and softmax.

Both libraries start from the same arrays, and the second bias of an LSTM stays zero.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch_seq2seq import cell_of, linear_of, lstm, tensor

from tsuzuri.models.captions import coordinates

SAME = {"score": "general", "choice": "soft", "dtype": "float32", "dropout": 0.0}      # what is not written here


class TorchCaptions(nn.Module):
    """pictures (N, H, W, C) bytes, inputs and targets (N, T) -> mean loss in nats a token."""

    def __init__(self, config, arrays):
        super().__init__()
        for name, value in SAME.items():
            if getattr(config, name, value) != value:
                raise SystemExit(f"{name} {getattr(config, name)} has no twin in PyTorch here; only {value} has")
        self.config = config
        blocks = []
        for k in range(config.blocks):
            blocks += [conv_of(arrays, f"encoder.convolutions.{k}."), norm_of(arrays, f"encoder.norms.{k}."), nn.ReLU()]
            blocks += [nn.MaxPool2d(2)] if k + 1 < config.blocks else []
        self.encoder = nn.Sequential(*blocks).to(memory_format=torch.channels_last)
        self.embed = nn.Embedding.from_pretrained(tensor(arrays["embed.W"]), freeze=False)
        self.lstm, self.out = lstm(arrays, ["decoder."]), linear_of(arrays, "out")
        if config.arch == "init":
            self.picture = linear_of(arrays, "picture")
        else:
            self.look, self.first, self.join = (linear_of(arrays, name) for name in ("look", "first", "join"))
            self.score = tensor(arrays["attend.score.W"])
            if config.context == "before":
                self.cell = cell_of(self.lstm)
                del self.lstm

    def training_loss(self, pictures, inputs, targets):
        """Mean loss in nats a token."""
        x = pictures.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last) / 127.5 - 1
        logits = self.out(getattr(self, f"_{self.config.arch}")(self.encoder(x), self.embed(inputs)))
        return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=-1, label_smoothing=self.config.smoothing)

    def _init(self, grid, x):
        halved = F.avg_pool2d(grid, 2).permute(0, 2, 3, 1).flatten(1)        # the order of our pictures
        hs, _ = self.lstm(torch.cat([self.picture(halved)[:, None], x], dim=1))
        return hs[:, 1:]

    def _attention(self, grid, x):
        places = torch.from_numpy(coordinates(grid.shape[2])).to(grid.dtype)
        seen = torch.relu(self.look(grid.permute(0, 2, 3, 1).flatten(1, 2)))
        values = torch.cat([seen, places.expand(len(seen), -1, -1)], dim=2)
        keys = values @ self.score
        h, c = torch.tanh(self.first(values.mean(1))).chunk(2, dim=1)
        if self.config.context == "after":
            hs, _ = self.lstm(x, (h[None].contiguous(), c[None].contiguous()))
            contexts = torch.bmm(F.softmax(torch.bmm(hs, keys.transpose(1, 2)), dim=-1), values)
        else:
            hs, contexts = [], []
            for t in range(x.shape[1]):
                weights = F.softmax(torch.bmm(h[:, None], keys.transpose(1, 2)), dim=-1)
                contexts.append(torch.bmm(weights, values)[:, 0])
                h, c = self.cell(torch.cat([x[:, t], contexts[-1]], dim=1), (h, c))
                hs.append(h)
            hs, contexts = torch.stack(hs, dim=1), torch.stack(contexts, dim=1)
        return torch.tanh(self.join(torch.cat([contexts, hs], dim=2)))


def conv_of(arrays, place):
    """Our convolution: the filters' axes as PyTorch has them."""
    W, b = arrays[f"{place}W"], arrays[f"{place}b"]
    layer = nn.Conv2d(W.shape[2], W.shape[3], W.shape[0], padding=1)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(W).permute(3, 2, 0, 1))
        layer.bias.copy_(torch.from_numpy(b))
    return layer


def norm_of(arrays, place):
    """Our batch norm."""
    layer = nn.BatchNorm2d(len(arrays[f"{place}gain"]))
    layer.weight, layer.bias = tensor(arrays[f"{place}gain"]), tensor(arrays[f"{place}bias"])
    return layer
