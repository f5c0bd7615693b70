"""Places for the boxes of a graph, layer below layer, so that arrows run downwards, cross seldom and hit no box.

Four steps: each node gets a layer; an arrow that passes through a layer gets a cell of its own there; the cells of a
layer are put in an order with few crossings; each cell moves sideways towards what it is joined to.
Source: Sugiyama, Tagawa and Toda 1981; the order by barycentres is theirs, the last step is an isotonic regression.
"""
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby, pairwise

GAP = 22.0                                                   # empty space between two boxes of a layer
SWEEPS = 16


@dataclass(eq=False)
class Cell:
    """A node (``left`` and ``right`` are how far it reaches from its centre) or the place where an arrow passes.

    Arrows back pass ``aside``: to the right of everything else.
    """

    layer: int
    left: float = 5.0
    right: float = 5.0
    passing: bool = False
    aside: bool = False
    anchor: float = 0.0
    x: float = 0.0
    joined: dict[int, list[tuple["Cell", float, float, float]]] = field(default_factory=lambda: {-1: [], 1: []})
    """by direction (-1 above, 1 below): the other cell, where the arrow touches it, where it touches this one, weight"""


def place(extents: list[tuple[float, float]], forward: list[tuple[int, int]], back: list[tuple[int, int]],
          lane: list[float]) -> tuple[list[Cell], dict[tuple[int, int, bool], list[Cell]]]:
    """(a cell for each node, the cells through which each arrow passes on its way).

    ``extents`` are (left, right) of each node; forward arrows go from a smaller number to a larger one; arrows back
    leave and arrive ``lane`` to the right of a node's centre.
    """
    made = {b for _, b in forward}
    layers = _layers(len(extents), forward, made)
    nodes = [Cell(layer, *extent) for layer, extent in zip(layers, extents, strict=True)]
    rows, routes = defaultdict(list), {}
    for cell in nodes:
        rows[cell.layer].append(cell)
    for a, b in forward:
        routes[a, b, False] = _join(nodes[a], nodes[b], 0.0, 0.0, rows, weight=1.0 if a in made else 0.15)
    for a, b in back:
        routes[a, b, True] = _join(nodes[a], nodes[b], lane[a], lane[b], rows, weight=0.3, aside=True)
    ordered = [rows[k] for k in sorted(rows)]
    _order(ordered)
    _align(ordered)
    return nodes, routes


def _layers(count, forward, made):
    """One below the lowest of what it is made of; a leaf comes right above the first that takes it."""
    layers, takers = [0] * count, defaultdict(list)
    for a, b in sorted(forward, key=lambda edge: edge[1]):
        layers[b] = max(layers[b], layers[a] + 1)
        takers[a].append(b)
    for node in range(count):
        if node not in made and takers[node]:
            layers[node] = min(layers[b] for b in takers[node]) - 1
    return layers


def _join(a, b, at_a, at_b, rows, weight, aside=False):
    """Join two nodes by way of a new cell in each layer between them; the cells in the order from a to b."""
    step = 1 if a.layer < b.layer else -1
    passing = [Cell(layer, passing=True, aside=aside) for layer in range(a.layer + step, b.layer, step)]
    for cell in passing:
        rows[cell.layer].append(cell)
    chain = [(a, at_a), *((cell, 0.0) for cell in passing), (b, at_b)]
    for (one, at_one), (other, at_other) in pairwise(chain):
        if one.layer != other.layer:
            one.joined[step].append((other, at_other, at_one, weight))
            other.joined[-step].append((one, at_one, at_other, weight))
    return passing


def _order(rows):
    """Sort every layer by the middle of its neighbours, down and up in turn; keep the order with the fewest crossings."""
    best, fewest = [list(row) for row in rows], _crossings(rows)
    for sweep in range(SWEEPS):
        direction = -1 if sweep % 2 == 0 else 1
        for row in rows if direction == -1 else reversed(rows):
            _number(rows)
            row.sort(key=lambda cell: (cell.aside, _middle(cell, direction)))
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    for row, order in zip(rows, best, strict=True):
        row[:] = _centred(order)


def _centred(row):
    """The leaves that only one node below takes, half of them on either side of what else that node takes."""
    result = []
    for _, group in groupby(row, key=lambda cell: id(cell.joined[1][0][0]) if len(cell.joined[1]) == 1 else id(cell)):
        cells = list(group)
        leaves = [cell for cell in cells if not cell.joined[-1]]
        half = len(leaves) // 2
        result += [*leaves[:half], *(cell for cell in cells if cell.joined[-1]), *leaves[half:]]
    return result


def _number(rows):
    for row in rows:
        for k, cell in enumerate(row):
            cell.anchor = k / max(len(row) - 1, 1) if len(row) > 1 else 0.5


def _middle(cell, direction):
    others = cell.joined[direction]
    return sum(other.anchor for other, *_ in others) / len(others) if others else cell.anchor


def _crossings(rows):
    count = 0
    for upper, lower in pairwise(rows):
        at = {id(cell): k for k, cell in enumerate(lower)}
        ends = [at[id(other)] for cell in upper for other in sorted((o for o, *_ in cell.joined[1]), key=lambda o: at[id(o)])]
        count += sum(a > b for k, b in enumerate(ends) for a in ends[:k])
    return count


def _align(rows):
    """Move cells sideways, down and up in turn, each layer as a whole by least squares, its order kept."""
    for row in rows:
        _settle(row, [0.0] * len(row), [1.0] * len(row))
    for sweep in range(8 * SWEEPS):
        direction = -1 if sweep % 2 else 1
        for row in rows if direction == -1 else reversed(rows):
            _settle(row, *zip(*(_wish(cell, direction) for cell in row), strict=True))


def _wish(cell, direction):
    """(where a cell would best be, how much it matters).  An arrow that passes goes straight on, so that it bends seldom."""
    sides = [direction] if cell.passing else [-1, 1]
    pulls = [(other.x + at_other - at_cell, weight) for side in sides for other, at_other, at_cell, weight in cell.joined[side]]
    total = sum(weight for _, weight in pulls)
    return (sum(x * weight for x, weight in pulls) / total, total) if total else (cell.x, 1e-3)


def _settle(row, wishes, weights):
    """The places nearest to the wishes at which no cell touches the next: isotonic regression by pooling neighbours."""
    offset, offsets = 0.0, []
    for before, cell in zip([None, *row], row, strict=False):
        offset += before.right + GAP + cell.left if before else 0.0
        offsets.append(offset)
    pools = []                                                                # [place, weight, members]
    for wish, weight, shift in zip(wishes, weights, offsets, strict=True):
        pools.append([wish - shift, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            x, w, n = pools.pop()
            x0, w0, n0 = pools[-1]
            pools[-1] = [(x0 * w0 + x * w) / (w0 + w), w0 + w, n0 + n]
    places = [x for x, _, n in pools for _ in range(n)]
    for cell, x, shift in zip(row, places, offsets, strict=True):
        cell.x = x + shift
