"""tsuzuri memory train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TrainingFlags, Whole


def register(memory: App) -> None:
    """Put the command into its group."""
    memory.command(train)


def train(task: Text | None = None, /, *, out: Path, bits: Whole | None = None, shortest: Whole | None = None,
          longest: Whole | None = None, repeats: Whole | None = None, item: Whole | None = None,
          batches: Whole | None = None, arch: str | None = None, controller: str | None = None,
          size: Whole | None = None, layers: Whole | None = None, slots: Whole | None = None,
          width: Whole | None = None, read_heads: Whole | None = None, write_heads: Whole | None = None,
          shift: Whole | None = None, dtype: str | None = None, batch_size: Whole | None = None,
          schedule: str | None = None, clip: float | None = None, epochs: Whole | None = None,
          patience: Whole | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a Neural Turing Machine, or an LSTM to set beside it, on a task that is generated.

    TASK is copy, repeat-copy, recall or sort. Settings come from defaults <
    --config FILE < environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri memory train copy --out runs/copy
      tsuzuri memory train copy --out runs/copy-lstm --arch lstm --size 120
      tsuzuri memory train recall --out runs/recall --controller feedforward --batches 500
      tsuzuri memory train sort --out runs/sort --read-heads 2 --write-heads 2
      tsuzuri memory train --out runs/copy --resume

    Parameters
    ----------
    task
        What is asked: copy, repeat-copy, recall or sort. [default: copy]
    out
        The run folder to write.
    bits
        Bits in a vector. [default: 8; recall: 6]
    shortest
        Vectors of the shortest sequence; of recall: items. [default: 1; recall: 2; sort: 20]
    longest
        Vectors of the longest sequence; of recall: items. [default: 20; repeat-copy: 10; recall: 6]
    repeats
        repeat-copy: how often a sequence is asked for at most. [default: 10]
    item
        recall: vectors in an item. [default: 3]
    batches
        Batches in an epoch. [default: 200]
    arch
        ntm or lstm. [default: ntm]
    controller
        ntm: what works the heads, lstm or feedforward. [default: lstm]
    size
        Units of the controller, or of a layer. [default: 100]
    layers
        lstm: layers of units. [default: 1]
    slots
        ntm: slots of the memory. [default: 128]
    width
        ntm: numbers in a slot. [default: 20]
    read_heads
        ntm: heads that read. [default: 1]
    write_heads
        ntm: heads that write. [default: 1]
    shift
        ntm: slots that a head can move in a step, to either side. [default: 1]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Sequences in a batch; all of a batch have one length. [default: 8]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: hold]
    clip
        Longest gradient; 0 for any. [default: 0.3]
    epochs
        Passes of so many batches. [default: 20]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 0]
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("memory", given)
