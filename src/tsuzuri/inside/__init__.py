"""What goes on inside a trained model, as arrays: activations over a text, gradients back in time, saliency.

``plots.inside`` draws them, ``tsuzuri lm gates | forget | saliency`` does both.
"""
from tsuzuri.inside.gates import default_part, gates, in_order_of_likeness
from tsuzuri.inside.properties import PROPERTIES, Found, find_units, pieces
from tsuzuri.inside.reach import Reach, fresh_models, reach, with_open_gate, with_radius
from tsuzuri.inside.saliency import Saliency, saliency

__all__ = ["PROPERTIES", "Found", "Reach", "Saliency", "default_part", "find_units", "fresh_models", "gates",
           "in_order_of_likeness", "pieces", "reach", "saliency", "with_open_gate", "with_radius"]
