"""Writing text with a model, token by token, over one protocol (arrays; nothing is recorded):

    start(rows) -> state                                            before the first token
    feed(ids (N, T), state) -> logits (N, V) after the last, state  the prompt at once
    step(ids (N,), state) -> logits (N, V), state                   one token
    state.take(rows) -> state                                       some rows of the batch, repeats allowed

``strategies`` change logits, a ``Sampler`` puts them in order and draws, ``generate`` goes on from a prompt with it,
``beam_search`` looks for the most probable continuation, and a ``TextStream`` turns ids into text as they come.
"""
from tsuzuri.decode.beams import beam_search
from tsuzuri.decode.generation import feed, generate, generate_batch
from tsuzuri.decode.sampler import Sampler
from tsuzuri.decode.strategies import STRATEGIES
from tsuzuri.decode.text_stream import TextStream

__all__ = ["STRATEGIES", "Sampler", "TextStream", "beam_search", "feed", "generate", "generate_batch"]
