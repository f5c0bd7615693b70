"""Recursion over a forest as PyTorch would have it, a node at a time: what our ops are compared with."""
import torch


def children_of(op, node):
    """The rows of a node's children."""
    if hasattr(op, "first"):
        return op.children[op.first[node]:op.first[node + 1]].tolist()
    leaves = int(op.levels[min(1, len(op.levels) - 1)])
    return op.children[2 * (node - leaves):2 * (node - leaves) + 2].tolist() if node >= leaves else []


def grown(op, start, join, like):
    """hs (M, H) of nodes that ``join`` makes of their children's states, and ``start`` of nothing."""
    states = []
    for node in range(int(op.levels[-1])):
        below = [states[child] for child in children_of(op, node)]
        states.append(join(node, below) if below else start(node))
    return torch.stack([h for h, _ in states]) if states else like.new_zeros(0, like.shape[1])


def of_all(forward):
    """Trees of one leaf use no weights; PyTorch wants them to have a gradient all the same."""
    return lambda op, *inputs: forward(op, *inputs) + 0 * sum(a.sum() for a in inputs)


@of_all
def recursive(op, x, W, b):
    return grown(op, lambda node: (x[node], None), lambda node, below: (torch.tanh(torch.cat([h for h, _ in below]) @ W + b), None), x)


@of_all
def tensor_net(op, x, V, W, b):
    def join(node, below):
        p = torch.cat([h for h, _ in below])
        return torch.tanh(torch.outer(p, p).reshape(-1) @ V + p @ W + b), None

    return grown(op, lambda node: (x[node], None), join, x)


@of_all
def tree_lstm(op, x, Wx, Wh, b):
    def forget(below):
        return torch.cat([h for h, _ in below]) @ Wh

    return _lstm(op, x, Wx, Wh, b, lambda below: forget(below).split(Wh.shape[1] // 5))


@of_all
def child_sum(op, x, Wx, Wh, b):
    H = len(Wh)

    def gates(below):
        ui, _, ug, uo = (sum(h for h, _ in below) @ Wh).split(H)
        return ui, *[h @ Wh[:, H:2 * H] for h, _ in below], ug, uo

    return _lstm(op, x, Wx, Wh, b, gates)


def _lstm(op, x, Wx, Wh, b, gates):
    place = {node: k for k, node in enumerate(op.at.tolist())}

    def join(node, below):
        ai, af, ag, ao = (b + (x[place[node]] @ Wx if node in place else 0)).split(len(b) // 4)
        ui, *forget, ug, uo = gates(below) if below else (0, 0, 0)
        c = torch.sigmoid(ai + ui) * torch.tanh(ag + ug)
        for u, (_, child) in zip(forget, below, strict=True):
            c = c + torch.sigmoid(af + u) * child
        return torch.sigmoid(ao + uo) * torch.tanh(c), c

    return grown(op, lambda node: join(node, []), join, x.new_zeros(0, len(b) // 4))
