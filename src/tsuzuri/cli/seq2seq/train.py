"""tsuzuri seq2seq train."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Text, TextFlags, TrainingFlags, Whole


def register(seq2seq: App) -> None:
    """Put the command into its group."""
    seq2seq.command(train)


def train(data: Text | None = None, target: Text | None = None, /, *, out: Path, direction: str | None = None,
          valid: Text | None = None, valid_target: Text | None = None, unit: str | None = None,
          target_unit: str | None = None, joint: bool | None = None, vocabulary: Whole | None = None,
          min_count: Whole | None = None, bpe_dropout: float | None = None, longest: Whole | None = None,
          encoding_errors: str | None = None, arch: str | None = None, cell: str | None = None,
          size: Whole | None = None, embedding: Whole | None = None, layers: Whole | None = None,
          reverse: bool | None = None, peeky: bool | None = None, bidirectional: bool | None = None,
          score: str | None = None, span: str | None = None, width: Whole | None = None, choice: str | None = None,
          context: str | None = None, feeding: bool | None = None, coverage: bool | None = None,
          copy: bool | None = None, heads: Whole | None = None, positions: str | None = None,
          dropout: float | None = None, smoothing: float | None = None, tie: bool | None = None,
          dtype: str | None = None, batch_size: Whole | None = None, schedule: str | None = None,
          clip: float | None = None, epochs: Whole | None = None, patience: Whole | None = None,
          average: Whole | None = None, text: TextFlags | None = None, flags: TrainingFlags | None = None) -> None:
    """Train a model on pairs of texts: encoder-decoder, attention, GNMT or Transformer.

    DATA is a data set's name (`tsuzuri data list`), a file with a tab between
    the two texts of every line, or the file of the sources, with the file of
    the TARGETs behind it. Settings come from defaults < --config FILE <
    environment (TSUZURI_LR ...) < flags.

    Examples:

      tsuzuri seq2seq train addition --out runs/addition --unit char --arch encoder-decoder --reverse --peeky
      tsuzuri seq2seq train dates --out runs/dates --unit char --reverse --epochs 4
      tsuzuri seq2seq train multi30k --out runs/en-de --arch transformer --unit bpe --joint --vocabulary 6000
      tsuzuri seq2seq train tatoeba-eng-jpn --out runs/ja-en --direction ja-en --unit ja --target-unit word --punctuation split
      tsuzuri seq2seq train questions.txt answers.txt --out runs/answers --epochs 20
      tsuzuri seq2seq train --out runs/dates --resume

    Parameters
    ----------
    data
        The pairs to learn from, or their sources.
    target
        The file of the targets, line by line those of DATA.
    out
        The run folder to write.
    direction
        From which side to which: en-ja, ja-en ... of a data set, 1-2 or 2-1 of files. [default: from the first to the second]
    valid
        The pairs to validate with: DATA, or "none". [default: the data set's own split, or every 20th pair]
    valid_target
        The file of the targets of --valid.
    unit
        What a token is: char, word, bpe or ja (Japanese words). [default: word]
    target_unit
        What a token of the target is. [default: as --unit]
    joint
        One vocabulary for both sides. [default: no]
    vocabulary
        Largest vocabulary of a side; 0 for no limit. [default: 0; bpe: 8000]
    min_count
        Leave out tokens that are rarer than this. [default: 1]
    bpe_dropout
        Probability of leaving out a merge of bpe, drawn anew whenever a sentence is read. [default: 0]
    longest
        Tokens of a side; longer pairs are left out, and longer sources refused afterwards. [default: 100]
    encoding_errors
        What to do about bytes that are not UTF-8: strict (stop), replace or ignore. [default: strict]
    arch
        encoder-decoder, attention, gnmt or transformer. [default: attention]
    cell
        Recurrent: rnn, gru or lstm. [default: lstm]
    size
        Units in a layer. [default: 256]
    embedding
        Recurrent: length of a token's vector; 0: as --size. [default: 0]
    layers
        Layers of the encoder, and of the decoder. [default: 1; gnmt: 4; transformer: 3]
    reverse
        Recurrent: read the source from its end. [default: no]
    peeky
        encoder-decoder: let the encoding reach every step and the output layer. [default: no]
    bidirectional
        attention: read the source in both directions. [default: no]
    score
        How well a source token fits: dot, general, additive, scaled or location. [default: general; gnmt: additive]
    span
        attention: global (all source tokens) or local (those around a place that is pointed at). [default: global]
    width
        Tokens to either side of a local span's place. [default: 5]
    choice
        attention: soft (the mean), hard (one that is drawn, trained by REINFORCE) or straight-through. [default: soft]
    context
        attention: after (the step's own state asks) or before (what is seen enters the step). [default: after]
    feeding
        attention: let what a step has seen enter the next. [default: no]
    coverage
        attention: let the scores know what was looked at already. [default: no]
    copy
        attention: let source tokens be copied; needs --joint. [default: no]
    heads
        Transformer: heads of attention. [default: 4]
    positions
        Transformer: sinusoidal or learnt. [default: sinusoidal]
    dropout
        Probability of dropping an element. [default: 0; transformer: 0.1]
    smoothing
        Share of the probability that training gives to all other tokens. [default: 0; transformer: 0.1]
    tie
        Use the embedding of the targets as output weights too. [default: no; transformer: yes]
    dtype
        float32 or float64. [default: float32]
    batch_size
        Pairs in a batch. [default: 128]
    schedule
        Of the learning rate: constant, step, cosine, inverse-sqrt, hold or plateau. [default: constant; transformer: inverse-sqrt]
    clip
        Longest gradient; 0 for any. [default: 5; transformer: 1]
    epochs
        Passes over the pairs. [default: 10]
    patience
        Stop after so many epochs without a new best; 0: never. [default: 5]
    average
        Last epochs whose weights are averaged for the finished model; 0: the best epoch alone. [default: 0]
    text
        How the text is cut.
    flags
        What every training may be told.
    """
    given = {**locals()}
    from tsuzuri.cli import training
    training.train("seq2seq", given)
