"""Pictures, as PNG, SVG or PDF by the name of the file.

Nothing is ever shown on a screen, and no state of pyplot is touched.  The colours are those of Okabe and Ito 2008,
which can be told apart with any kind of colour vision; kinds of points also differ in their marks.
"""
from tsuzuri.plots.beams import beam_tree
from tsuzuri.plots.captions import caption_map
from tsuzuri.plots.inside import activation_map, coloured_text, reach_curves, saliency_bars
from tsuzuri.plots.labels import confusion_map
from tsuzuri.plots.memory import memory_picture
from tsuzuri.plots.paths import thesaurus_path
from tsuzuri.plots.series import forecast_chart
from tsuzuri.plots.training import curves, decision_regions, run_curves
from tsuzuri.plots.translation import attention_map, attention_maps
from tsuzuri.plots.tree import labelled_tree
from tsuzuri.plots.words import neighbour_bars, word_map

__all__ = ["activation_map", "attention_map", "attention_maps", "beam_tree", "caption_map", "coloured_text", "confusion_map",
           "curves", "decision_regions", "forecast_chart", "labelled_tree", "memory_picture", "neighbour_bars", "reach_curves", "run_curves",
           "saliency_bars", "thesaurus_path", "word_map"]
