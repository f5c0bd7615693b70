"""tsuzuri import, tsuzuri export: other people's weights, and ours for others."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text


def register(app: App) -> None:
    """Put the commands into the command line."""
    group = App(name="import", help="Make a run folder of other people's weights.")
    group.command(book)
    group.command(torch)
    app.command(group)
    app.command(export)


def book(file: Path, /, *, out: Path, data: Text = "ptb") -> None:
    """Import the language model published with "Deep Learning from Scratch 2" (Saito 2018).

    Nothing in the pickle is executed.

    Examples:

      tsuzuri import book Rnnlm.pkl --out runs/book
      tsuzuri lm evaluate runs/book ptb:test

    Parameters
    ----------
    file
        Rnnlm.pkl.
    out
        The run folder to write.
    data
        The text in which the words' numbers follow from their first occurrence.
    """
    from tsuzuri.train.importing import import_book
    print(import_book(file, out, data).folder)


def torch(file: Path, /, *, out: Path, tokenizer: Path | None = None, vocab: Path | None = None, unit: str | None = None) -> None:
    """Import a PyTorch language model: an embedding, one nn.LSTM, nn.GRU or nn.RNN (tanh) and a linear layer.

    FILE is its state dict, saved with safetensors.torch.save_file.

    Examples:

      tsuzuri import torch model.safetensors --out runs/theirs --vocab words.txt
      tsuzuri import torch model.safetensors --out runs/theirs --tokenizer runs/ptb

    Parameters
    ----------
    file
        A state dict in safetensors.
    out
        The run folder to write.
    tokenizer
        A run folder, or a tokenizer's folder, whose ids the model was trained with.
    vocab
        Instead: a text file with one token a line, in the order of their ids.
    unit
        What the tokens of --vocab are: word or char. [default: word]
    """
    from tsuzuri.errors import ConfigError
    from tsuzuri.train.importing import find_tokenizer, import_torch, read_vocabulary
    if tokenizer and unit is not None:
        raise ConfigError(f"--unit {unit} is of the tokens of --vocab, and a tokenizer knows its own; leave it out.")
    if tokenizer and not vocab:
        known = find_tokenizer(tokenizer)
    elif vocab and not tokenizer:
        known = read_vocabulary(vocab, "word" if unit is None else unit)
    else:
        raise ConfigError("which token each row of the weights stands for must be known; give --tokenizer or --vocab, one of them.")
    print(import_torch(file, known, out).folder)


def export(run: Path, /, *, out: Path, to: Annotated[str, Parameter(name="--to")] = "tsuzuri") -> None:
    """Write the weights of a run to a safetensors file.

    Examples:

      tsuzuri export runs/ptb --out ptb.safetensors --to torch

    Parameters
    ----------
    run
        A run folder.
    out
        The file to write.
    to
        tsuzuri: with the names and shapes of this library. torch: as the state dict of an embedding "encoder", a recurrent
        stack "rnn" and a linear layer "decoder".
    """
    from tsuzuri.cli.output import note
    from tsuzuri.errors import check_choice
    from tsuzuri.train.importing import export_arrays, export_torch
    from tsuzuri.train.run import Run
    writers = {"tsuzuri": export_arrays, "torch": export_torch}
    check_choice("to", to, writers)
    writers[to](Run(run), out)
    note(f"the tokens, in the order of their ids, are in {run / 'tokenizer'}")
    print(out)
