"""Writing text with a model, token by token, over one protocol (arrays; nothing is recorded):

    start(rows) -> state                                            before the first token
    feed(ids (N, T), state) -> logits (N, V) after the last, state  the prompt at once
    step(ids (N,), state) -> logits (N, V), state                   one token
    state.take(rows) -> state                                       some rows of the batch, repeats allowed

A model that translates starts from a source instead: start(source (N, S), lengths (N,)).  The state of one that attends to
the source has ``attention``, the weights (N, S) of its last step.

``strategies`` change logits, a ``Sampler`` puts them in order and draws, ``generate`` goes on from a prompt with it, ``greedy``
takes the most probable token, ``beam_search`` looks for the most probable texts (a ``Search`` says how, a ``BeamTree`` shows
what it tried), an ``Ensemble`` is several models as one, and a ``TextStream`` turns ids into text as they come.
"""
from tsuzuri.decode.beams import beam_search
from tsuzuri.decode.ensemble import Ensemble
from tsuzuri.decode.generation import feed, generate, generate_batch
from tsuzuri.decode.greedy import greedy
from tsuzuri.decode.sampler import Sampler
from tsuzuri.decode.search import Hypothesis, Search
from tsuzuri.decode.strategies import STRATEGIES
from tsuzuri.decode.text_stream import TextStream
from tsuzuri.decode.tree import BeamTree

__all__ = ["STRATEGIES", "BeamTree", "Ensemble", "Hypothesis", "Sampler", "Search", "TextStream", "beam_search", "feed", "generate",
           "generate_batch", "greedy"]
