"""Everything that can be trained in a run folder, by the group of commands that trains it."""
import importlib

from tsuzuri.train.recording import Training

MODULES = {"lm": "language_model", "seq2seq": "seq2seq", "memory": "memory", "tree": "trees", "caption": "captions", "series": "series", "tag": "tagging"}
"""group of commands -> the file in this folder that trains its models"""


def training_of(command: str) -> Training:
    """How the models of a group of commands are trained."""
    return importlib.import_module(f"tsuzuri.train.{MODULES[command]}").TRAINING
