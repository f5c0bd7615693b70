"""Tree-LSTMs in PyTorch as they are usually written: a function that calls itself for the children, a node at a time."""
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore", "Sparse invariant checks")


class Recursion:
    """A training over the trees of a run, from the weights that the run starts with."""

    def __init__(self, size, run, batch, steps, lr, threads):
        torch.set_num_threads(threads)
        self.child_sum, self.H, self.batch, self.count, self.at, self.told = size.arch == "child-sum", size.size, batch, steps, 0, []
        start = {name: torch.tensor(a) for name, a in run.new_model().arrays().items()}
        self.embed = nn.Embedding.from_pretrained(start["embed.W"], freeze=False, sparse=True)       # a dense gradient of the table is slower
        self.Wx, self.Wh, self.b, self.W, self.c = (nn.Parameter(start[name].t().contiguous() if start[name].ndim == 2 else start[name])
                                                    for name in ("layer.Wx", "layer.Wh", "layer.b", "out.W", "out.b"))
        self.optimizer = torch.optim.Adagrad([*self.embed.parameters(), self.Wx, self.Wh, self.b, self.W, self.c], lr=lr)
        self.trees = [_nested(run.corpus().take([k])) for k in range(len(run.corpus()))]

    def step(self):
        """One batch."""
        low = self.at * self.batch % len(self.trees)
        hs, labels = [], []
        for tree in self.trees[low:low + self.batch]:
            self._grow(tree, hs, labels)
        loss = F.cross_entropy(F.linear(torch.stack(hs), self.W, self.c), torch.tensor(labels), ignore_index=-1)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.told.append(loss.item())
        self.at += 1

    def steps(self):
        """A turn."""
        for _ in range(self.count):
            self.step()

    def losses(self):
        """What was lost in the steps so far."""
        return self.told

    def _grow(self, tree, hs, labels):
        word, label, below = tree
        children = [self._grow(child, hs, labels) for child in below]
        if not children:
            i, _, g, o = F.linear(self.embed(word), self.Wx, self.b).split(self.H)
            c = torch.sigmoid(i) * torch.tanh(g)
        elif self.child_sum:
            c, o = self._sum(children)
        else:
            c, o = self._pair(*children)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        labels.append(label)
        return h, c

    def _pair(self, left, right):
        i, f1, f2, g, o = F.linear(torch.cat([left[0], right[0]]), self.Wh).split(self.H)
        bi, bf, bg, bo = self.b.split(self.H)
        c = torch.sigmoid(i + bi) * torch.tanh(g + bg) + torch.sigmoid(f1 + bf) * left[1] + torch.sigmoid(f2 + bf) * right[1]
        return c, o + bo

    def _sum(self, children):
        H, hs = self.H, torch.stack([h for h, _ in children])
        bi, bf, bg, bo = self.b.split(H)
        i, _, g, o = F.linear(hs.sum(0), self.Wh).split(H)
        forget = torch.sigmoid(F.linear(hs, self.Wh[H:2 * H]) + bf)
        return torch.sigmoid(i + bi) * torch.tanh(g + bg) + (forget * torch.stack([c for _, c in children])).sum(0), o + bo


def _nested(nodes):
    """(word, label, children) of the root of a tree."""
    made, waiting = [], [[] for _ in nodes.up]
    for k, (word, label, up) in enumerate(zip(nodes.words, nodes.labels, nodes.up, strict=True)):
        made.append((torch.tensor(int(word)) if word >= 0 else None, int(label), waiting[k]))
        if up:
            waiting[k + up].append(made[k])
    return made[-1]
