"""A computation graph as SVG: boxes and their texts, arrows from layer to layer, arrows back at the side, a legend."""
from collections import defaultdict
from html import escape

from tsuzuri.graph.collect import Edge, Graph, Node
from tsuzuri.graph.layout import Cell, place

HEIGHT, TITLE, SMALL = 42, 13, 11                            # of a box; of the two sizes of letters
CARD = 3                                                     # how far a card of a stack sticks out
LANE = 22                                                    # from a box's side to the arrow back
MARGIN, LEGEND = 28, 46
COLOURS = {"parameter": ("#dceaf7", "#2f6da8"), "input": ("#e9f4e4", "#4d8a3a"),
           "op": ("#fff5da", "#b98512"), "result": ("#fae1dc", "#b5402f")}
LOOP = "#b5402f"                                             # the colour of arrows back
BACK = f'stroke="{LOOP}" stroke-width="1.6" marker-end="url(#back)"'
MEANING = {"parameter": "parameter", "input": "input", "op": "operation", "result": "result"}


def svg(graph: Graph) -> str:
    """The text of an SVG file."""
    widths = [_width(node) for node in graph.nodes]
    forward = [(e.source, e.target) for e in graph.edges if not e.back]
    back = [(e.source, e.target) for e in graph.edges if e.back]
    lanes = [w / 2 + 2 * CARD * (node.repeat > 1) + LANE for node, w in zip(graph.nodes, widths, strict=True)]
    cells, routes = place(_extents(graph, widths, lanes), forward, back, lanes)
    levels = _levels(cells, routes)
    picture = _Picture(graph, widths, lanes, cells, routes, levels)
    body = [*picture.arrows(), *picture.boxes()]
    everything = [*cells, *(cell for route in routes.values() for cell in route)]
    left = min(cell.x - cell.left for cell in everything) - MARGIN
    right = max(cell.x + cell.right for cell in everything) + MARGIN
    narrow = max(0.0, (620 if back else 420) - (right - left)) / 2            # the legend needs its room
    left, right = left - narrow, right + narrow
    bottom = max(levels.values()) + HEIGHT / 2 + MARGIN
    body += _legend(graph, left + MARGIN, bottom + LEGEND / 2 - 8)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {-HEIGHT / 2 - MARGIN:.0f} {right - left:.0f} '
        f'{bottom + LEGEND + HEIGHT / 2 + MARGIN:.0f}" width="{right - left:.0f}" '
        f'height="{bottom + LEGEND + HEIGHT / 2 + MARGIN:.0f}" '
        'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" role="img">',
        f"<title>Computation graph of {escape(graph.nodes[-1].name)}</title>",
        f"<defs>{_tip('tip', '#555')}{_tip('back', LOOP)}</defs>",
        f'<rect x="{left:.0f}" y="{-HEIGHT / 2 - MARGIN:.0f}" width="100%" height="100%" fill="white"/>',
        *body, "</svg>", ""])


def _texts(node: Node) -> tuple[str, str]:
    """The two lines in a box."""
    shapes = "  ".join("(" + ", ".join(map(str, shape)) + ")" if shape else "number" for shape in node.shapes)
    times = f"  × {node.repeat}" if node.repeat > 1 else ""
    return node.name, shapes + times


def _width(node):
    """Wide enough in any of the fonts: letters of DejaVu Sans, the widest of them, are 0.62 of their size on average."""
    title, small = _texts(node)
    return max(64.0, _length(title + node.detail + " " * bool(node.detail), TITLE) + 8, _length(small, SMALL)) + 22


def _length(text, size):
    return 0.62 * size * len(text)


def _extents(graph, widths, lanes):
    """How far each box reaches to the left and right, the arrows back at its side and their labels included."""
    right = [lane - LANE for lane in lanes]
    for edge in graph.edges:
        if edge.back:
            right[edge.source] = max(right[edge.source], lanes[edge.source] + _length(edge.label, SMALL) + 8)
            right[edge.target] = max(right[edge.target], lanes[edge.target] + 6)
    return [(w / 2, r) for w, r in zip(widths, right, strict=True)]


def _levels(cells, routes):
    """The height of each layer; the further an arrow goes sideways, the more room there is for it to turn."""
    reach = defaultdict(float)
    for (a, b, _), route in routes.items():
        for upper, lower in zip([cells[a], *route], [*route, cells[b]], strict=True):
            reach[max(upper.layer, lower.layer)] = max(reach[max(upper.layer, lower.layer)], abs(upper.x - lower.x))
    y, levels = 0.0, {}
    first = min(cell.layer for cell in cells)
    for layer in range(first, max(cell.layer for cell in cells) + 1):
        y += HEIGHT + 30 + min(0.07 * reach[layer], 40) if layer > first else 0
        levels[layer] = y
    return levels


class _Picture:
    def __init__(self, graph, widths, lanes, cells, routes, levels):
        self.graph, self.widths, self.lanes = graph, widths, lanes
        self.cells, self.routes, self.levels = cells, routes, levels
        self.ports = self._ports()

    def _ports(self):
        """Where on the upper side of its box each arrow arrives: side by side, in the order in which they come."""
        arriving = defaultdict(list)
        for edge in self.graph.edges:
            if not edge.back:
                route = self.routes[edge.source, edge.target, False]
                arriving[edge.target].append(((route[-1] if route else self.cells[edge.source]).x, edge.source))
        ports = {}
        for target, arrows in arriving.items():
            step = min(20.0, (self.widths[target] - 20) / len(arrows))
            for k, (_, source) in enumerate(sorted(arrows)):
                ports[source, target] = self.cells[target].x + (k - (len(arrows) - 1) / 2) * step
        return ports

    def arrows(self) -> list[str]:
        """Every arrow, and the labels of those that go back."""
        labels = {edge.source: edge for edge in self.graph.edges if edge.back}            # one is enough for a source
        return [self._arrow(edge) for edge in self.graph.edges] + [self._label(edge) for edge in labels.values()]

    def _arrow(self, edge: Edge) -> str:
        path = self._down(edge) if not edge.back else self._around(edge) if edge.source != edge.target else self._self(edge)
        style = BACK if edge.back else 'stroke="#555" stroke-width="1.1" marker-end="url(#tip)"'
        return f'<path d="{path}" fill="none" {style}/>'

    def _down(self, edge):
        source, target = self.cells[edge.source], self.cells[edge.target]
        x, y = source.x, self._y(source) + HEIGHT / 2
        path = [f"M{x:.1f} {y:.1f}"]
        for cell in self.routes[edge.source, edge.target, False]:
            path += [_bend(x, y, cell.x, self._y(cell) - HEIGHT / 2), f"V{self._y(cell) + HEIGHT / 2:.1f}"]
            x, y = cell.x, self._y(cell) + HEIGHT / 2
        return " ".join([*path, _bend(x, y, self.ports[edge.source, edge.target], self._y(target) - HEIGHT / 2)])

    def _around(self, edge):
        """Out at the right side, along the lanes and the cells between, in at the right side."""
        source, target = self.cells[edge.source], self.cells[edge.target]
        x, out, into = self._lane(edge.source), self._y(source) + 8, self._y(target) - 8
        turn = HEIGHT / 2 if source.layer < target.layer or source.layer == target.layer else -HEIGHT / 2
        path = [f"M{x - LANE:.1f} {out:.1f}", f"Q{x:.1f} {out:.1f} {x:.1f} {out + turn:.1f}"]
        y = out + turn
        for cell in self.routes[edge.source, edge.target, True]:
            path += [_bend(x, y, cell.x, self._y(cell) - turn), f"V{self._y(cell) + turn:.1f}"]
            x, y = cell.x, self._y(cell) + turn
        end = self._lane(edge.target)
        start = into - turn if source.layer != target.layer else into + turn
        return " ".join([*path, _bend(x, y, end, start), f"Q{end:.1f} {into:.1f} {end - LANE:.1f} {into:.1f}"])

    def _self(self, edge):
        x, y = self._lane(edge.source), self._y(self.cells[edge.source])
        side = x - LANE
        return f"M{side:.1f} {y + 10:.1f} C{x + 7:.1f} {y + 18:.1f} {x + 7:.1f} {y - 18:.1f} {side:.1f} {y - 10:.1f}"

    def _label(self, edge):
        x, y = self._lane(edge.source) + 5, self._y(self.cells[edge.source]) + 4
        return _text(x, y, edge.label, SMALL, "start", LOOP)

    def boxes(self) -> list[str]:
        """Every box with its two lines; what a loop goes through is a stack of cards."""
        return [part for node, cell, width in zip(self.graph.nodes, self.cells, self.widths, strict=True)
                for part in self._box(node, cell, width)]

    def _box(self, node, cell, width):
        left, top = cell.x - width / 2, self._y(cell) - HEIGHT / 2
        for shift in (2 * CARD, CARD) if node.repeat > 1 else ():
            yield _rect(left + shift, top + shift, width, node.kind)
        yield _rect(left, top, width, node.kind)
        title, small = _texts(node)
        detail = f' <tspan font-weight="normal" fill="#555">{escape(node.detail)}</tspan>' if node.detail else ""
        middle = self._y(cell)
        yield _text(cell.x, middle - 3, escape(title) + detail, TITLE, "middle", "#222", "bold")
        yield _text(cell.x, middle + 13, escape(small), SMALL, "middle", "#444")

    def _y(self, cell: Cell) -> float:
        return self.levels[cell.layer]

    def _lane(self, node: int) -> float:
        return self.cells[node].x + self.lanes[node]


def _tip(name, colour):
    return (f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 L10 5 L0 9 z" fill="{colour}"/></marker>')


def _bend(x0, y0, x1, y1):
    """From a point to another, leaving and arriving upright."""
    middle = (y0 + y1) / 2
    return f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"


def _rect(x, y, width, kind, height=HEIGHT):
    fill, line = COLOURS[kind]
    round_ = height / 2 if kind == "input" else 5
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="{round_:g}" fill="{fill}" '
            f'stroke="{line}" stroke-width="{2 if kind == "result" else 1.2}"/>')


def _text(x, y, content, size, anchor, colour, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{content}</text>')


def _legend(graph, x, y):
    present = {node.kind for node in graph.nodes}
    for kind in (kind for kind in COLOURS if kind in present):
        yield _rect(x, y - 9, 22, kind, 12)
        yield _text(x + 28, y + 1, MEANING[kind], SMALL, "start", "#444")
        x += 28 + _length(MEANING[kind], SMALL) + 18
    if any(edge.back for edge in graph.edges):
        yield f'<path d="M{x:.1f} {y - 3:.1f} h22" {BACK}/>'
        yield _text(x + 28, y + 1, "to the next step of a loop", SMALL, "start", "#444")
