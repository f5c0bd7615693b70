"""The computation graph of one tensor as a picture, its loops over time folded.

    collect.py   the tape below a tensor -> nodes and edges        repeats.py   which steps are the turns of a loop
    layout.py    where boxes and lines go, on plain numbers        svg.py       the picture as text
"""
import os

from tsuzuri.files import atomic_write
from tsuzuri.graph.collect import Edge, Graph, Node, graph_of
from tsuzuri.graph.svg import svg as draw

__all__ = ["Edge", "Graph", "Node", "draw", "graph_of", "save"]


def save(graph: Graph, path: str | os.PathLike) -> None:
    """Write the picture as an SVG file."""
    atomic_write(path, draw(graph))
