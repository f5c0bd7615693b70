"""Ops over a forest (text.forest): each is a whole model's way up the trees.  The mathematics is in the kernels."""
from tsuzuri.kernels import tree, tree_lstm
from tsuzuri.tensor import Op


class RecursiveNet(Op):
    """(x (leaves, H), W (2H, H), b (H)) -> hs (M, H), the vector of every node; leaves have those of x."""

    def __init__(self, levels, children):
        self.levels, self.children = levels, children

    def forward(self, x, W, b):
        hs, self.saved = tree.recursive_forward(x, W, b, self.levels, self.children)
        return hs

    def backward(self, dhs):
        return tree.recursive_backward(dhs, self.saved)


class TensorNet(Op):
    """(x (leaves, H), V (4HH, H), W (2H, H), b (H)) -> hs (M, H), the vector of every node; leaves have those of x."""

    def __init__(self, levels, children):
        self.levels, self.children = levels, children

    def forward(self, x, V, W, b):
        hs, self.saved = tree.rntn_forward(x, V, W, b, self.levels, self.children)
        return hs

    def backward(self, dhs):
        return tree.rntn_backward(dhs, self.saved)


class TreeLSTM(Op):
    """(x (n, D) of the nodes ``at``, Wx (D, 4H), Wh (2H, 5H), b (4H)) -> hs (M, H); every inner node has two children."""

    def __init__(self, at, levels, children):
        self.at, self.levels, self.children = at, levels, children

    def forward(self, x, Wx, Wh, b):
        hs, self.saved = tree_lstm.tree_lstm_forward(x, Wx, Wh, b, self.at, self.levels, self.children)
        return hs

    def backward(self, dhs):
        return tree_lstm.tree_lstm_backward(dhs, self.saved)


class ChildSumLSTM(Op):
    """(x (n, D) of the nodes ``at``, Wx (D, 4H), Wh (H, 4H), b (4H)) -> hs (M, H); children as ``first`` (M + 1,) bounds them."""

    def __init__(self, at, levels, first, children):
        self.at, self.levels, self.first, self.children = at, levels, first, children

    def forward(self, x, Wx, Wh, b):
        hs, self.saved = tree_lstm.child_sum_forward(x, Wx, Wh, b, self.at, self.levels, self.first, self.children)
        return hs

    def backward(self, dhs):
        return tree_lstm.child_sum_backward(dhs, self.saved)
