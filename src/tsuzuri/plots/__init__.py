"""Pictures, as PNG, SVG or PDF by the name of the file.

Nothing is ever shown on a screen, and no state of pyplot is touched.  The colours are those of Okabe and Ito 2008,
which can be told apart with any kind of colour vision; kinds of points also differ in their marks.
"""
from tsuzuri.plots.beams import beam_tree
from tsuzuri.plots.inside import activation_map, coloured_text, reach_curves, saliency_bars
from tsuzuri.plots.paths import thesaurus_path
from tsuzuri.plots.training import curves, decision_regions, run_curves
from tsuzuri.plots.translation import attention_map, attention_maps
from tsuzuri.plots.words import neighbour_bars, word_map

__all__ = ["activation_map", "attention_map", "attention_maps", "beam_tree", "coloured_text", "curves", "decision_regions",
           "neighbour_bars", "reach_curves", "run_curves", "saliency_bars", "thesaurus_path", "word_map"]
