"""Modules: what holds parameters and is called."""
from tsuzuri.nn.adaptive import AdaptiveSoftmax
from tsuzuri.nn.attention import POSITIONS, LearntPositions, RotaryPositions, SelfAttention
from tsuzuri.nn.connections import CONNECTIONS, Highway, Plain, Residual
from tsuzuri.nn.conv import BatchNorm2D, Conv2D, MaxPool2D, MeanPool2D
from tsuzuri.nn.layers import Dropout, Embedding, EmbeddingDropout, LayerNorm, Linear, TiedLinear, VariationalDropout
from tsuzuri.nn.mixture import MixtureOfSoftmaxes
from tsuzuri.nn.module import Buffer, Module, Parameter
from tsuzuri.nn.outputs import OUTPUTS, SoftmaxOutput, make_output
from tsuzuri.nn.recurrent import CELLS, GRU, LSTM, RNN, Bidirectional, LSTMState, Recurrent, Stacked, State, States
from tsuzuri.nn.sequential import Last, OneHot, Sequential
from tsuzuri.nn.transformer import FeedForward, TransformerBlock
from tsuzuri.nn.weight_drop import WeightDrop

__all__ = ["CELLS", "CONNECTIONS", "GRU", "LSTM", "OUTPUTS", "POSITIONS", "RNN", "AdaptiveSoftmax", "BatchNorm2D",
           "Bidirectional", "Buffer", "Conv2D", "Dropout", "Embedding", "EmbeddingDropout", "FeedForward", "Highway", "LSTMState", "Last", "LayerNorm",
           "LearntPositions", "Linear", "MaxPool2D", "MeanPool2D", "MixtureOfSoftmaxes", "Module", "OneHot", "Parameter", "Plain", "Recurrent",
           "Residual", "RotaryPositions", "SelfAttention", "Sequential", "SoftmaxOutput", "Stacked", "State",
           "States", "TiedLinear", "TransformerBlock", "VariationalDropout", "WeightDrop", "make_output"]
