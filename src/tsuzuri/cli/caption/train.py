"""tsuzuri caption train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TextFlags, TrainingFlags, Whole


def register(caption: App) -> None:
    """Put the command into its group."""
    caption.command(train)


def train(data: Text | None = None, /, *, out: Path, captions: Text | None = None, scenes: Whole | None = None,
          pixels: Whole | None = None, unit: str | None = None, vocabulary: Whole | None = None,
          min_count: Whole | None = None, longest: Whole | None = None, arch: str | None = None,
          size: Whole | None = None, embedding: Whole | None = None, filters: Whole | None = None,
          blocks: Whole | None = None, score: str | None = None, choice: str | None = None, context: str | None = None,
          dropout: float | None = None, smoothing: float | None = None, dtype: str | None = None,
          batch_size: Whole | None = None, schedule: str | None = None, clip: float | None = None,
          epochs: Whole | None = None, patience: Whole | None = None, text: TextFlags | None = None,
          flags: TrainingFlags | None = None) -> None:
    """Train a model on pictures and their captions: the picture starts the decoder (init), or every step looks at it (attention).

    DATA is shapes or digits (scenes that are generated, `tsuzuri data list`),
    or a folder of images with a file of captions: an image's name, a tab and a
    caption in every line. Settings come from defaults < --config FILE <
    environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri caption train shapes --out runs/shapes
      tsuzuri caption train digits --out runs/digits --scenes 10000 --epochs 8
      tsuzuri caption train photos/ --captions photos/german.tsv --out runs/photos --pixels 64 --blocks 4 --lowercase
      tsuzuri caption train --out runs/shapes --resume

    Parameters
    ----------
    data
        The pictures to learn from.
    out
        The run folder to write.
    captions
        The file of the captions of a folder. [default: its captions.txt]
    scenes
        Scenes that are made to learn from. [default: 20000]
    pixels
        Height and width of a picture as it is learnt from. [default: 32]
    unit
        What a token is: char, word, bpe or ja (Japanese words). [default: word]
    vocabulary
        Largest vocabulary; 0 for no limit. [default: 0; bpe: 8000]
    min_count
        Leave out tokens that are rarer than this. [default: 1]
    longest
        Tokens of a caption; longer ones are cut. [default: 40]
    arch
        init or attention. [default: attention]
    size
        Units of the LSTM. [default: 128]
    embedding
        Length of a word's vector; 0: as --size. [default: 0]
    filters
        Filters of the encoder's first convolution; each further one has twice as many. [default: 16]
    blocks
        Convolutions of the encoder; between them the picture is halved. [default: 3]
    score
        attention: how well a place fits: dot, general, additive or scaled. [default: general]
    choice
        attention: soft (the mean), hard (one that is drawn, trained by REINFORCE) or straight-through. [default: soft]
    context
        attention: before (what is seen enters the step), after (the step's own state asks) or fed (so, and what is seen enters
        the next step). [default: before]
    dropout
        Probability of dropping an element. [default: 0]
    smoothing
        Share of the probability that training gives to all other tokens. [default: 0]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Pictures in a batch. [default: 64]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: cosine]
    clip
        Longest gradient; 0 for any. [default: 5]
    epochs
        Passes over the pictures. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5]
    text
        How the text is cut.
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("caption", given)
