"""Modules: what holds parameters and is called."""
from tsuzuri.nn.layers import Dropout, Embedding, LayerNorm, Linear, TiedLinear, VariationalDropout
from tsuzuri.nn.module import Module, Parameter
from tsuzuri.nn.recurrent import CELLS, GRU, LSTM, RNN, Bidirectional, LSTMState, Recurrent, Stacked, State, States

__all__ = ["CELLS", "GRU", "LSTM", "RNN", "Bidirectional", "Dropout", "Embedding", "LSTMState", "LayerNorm", "Linear",
           "Module", "Parameter", "Recurrent", "Stacked", "State", "States", "TiedLinear",
           "VariationalDropout"]
