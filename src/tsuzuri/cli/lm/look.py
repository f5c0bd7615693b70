"""tsuzuri lm gates | forget | saliency: pictures of the inside of a run."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Prompt, Seed, Whole

MAP_TOKENS, TEXT_TOKENS, FIND_TOKENS = 100, 3000, 10_000     # read where no text is given


def register(lm: App) -> None:
    """Put the commands into their group."""
    for command in (gates, forget, saliency):
        lm.command(command)


def gates(run: Path, /, *, out: Path, text: Prompt = "", file: Path | None = None, layer: Whole = 0, part: str = "",
          unit: Whole | None = None, find: str = "", title: str = "") -> None:
    """Draw what the gates and cells of a run do while it reads a text.

    All units of a layer as a map, or with --unit or --find the text itself in
    the colours of one unit. Without a text, the beginning of the text that
    validated the run.

    Examples:

      tsuzuri lm gates runs/reference --text "if x is None:" --out map.png
      tsuzuri lm gates runs/reference --find length --out counts-the-line.png
      tsuzuri lm gates runs/reference --unit 37 --part f --file letter.txt --out unit-37.svg

    Parameters
    ----------
    run
        A run folder of arch rnn, gru or lstm.
    out
        The picture to write; .png, .svg or .pdf.
    text
        The text to read.
    file
        A file with the text to read.
    layer
        The recurrent layer, from 1. [default: the last; --find searches all]
    part
        LSTM: h, c, i, f, g or o; GRU: h, r, z or n; RNN: h. [default: c, or h where there is no c]
    unit
        Draw the text in the colours of this unit, from 0.
    find
        Rank the units by how well they follow length (of the line), word (its length), quotes or brackets, and draw the best:
        chosen on the first half of the text, measured on the second.
    title
        A title of your own.
    """
    from tsuzuri import inside
    from tsuzuri.errors import ConfigError, check_choice
    from tsuzuri.train.run import Run
    if find and unit is not None:
        raise ConfigError(f"--find {find} chooses the unit itself; leave out --unit {unit}, or --find.")
    opened = Run(run)
    ids = _read(opened, text, file, FIND_TOKENS if find else MAP_TOKENS if unit is None else TEXT_TOKENS)
    activations = inside.gates(opened.load_model(), ids)
    part = part or inside.default_part(activations)
    check_choice("part", part, activations[0])
    if not 0 <= layer <= len(activations):
        raise ConfigError(f"--layer {layer} is not there; the run has layers 1 to {len(activations)}.")
    tokens = inside.pieces(opened.tokenizer, ids)
    if find:
        return _draw_found(activations, part, tokens, find, layer, out, title)
    layer = layer or len(activations)
    values = activations[layer - 1][part]
    if unit is None:
        return _draw_map(values, tokens, part, layer, out, title)
    if not 0 <= unit < values.shape[1]:
        raise ConfigError(f"--unit {unit} is not there; layer {layer} has units 0 to {values.shape[1] - 1}.")
    _draw_text(values[:, unit], tokens, part, out, title or f"Unit {unit} of layer {layer}")


def forget(*runs: Path, out: Path, size: Whole | None = None, steps: Whole = 100, clip: float | None = None, seed: Seed | None = None,
           title: str = "") -> None:
    """Draw how much of a prediction's gradient reaches each earlier step: why an RNN forgets.

    Without runs: untrained RNNs, GRU and LSTM on random tokens, the RNN with
    its recurrent weights scaled to three spectral radii, the LSTM also with its
    forget gate held open. With runs: each run on the text that validated it.

    Examples:

      tsuzuri lm forget --out why-an-rnn-forgets.png
      tsuzuri lm forget runs/rnn runs/gru runs/lstm --steps 60 --out trained.svg

    Parameters
    ----------
    runs
        Run folders of arch rnn, gru or lstm.
    out
        The picture to write; .png, .svg or .pdf.
    size
        Units of the untrained models. [default: 128]
    steps
        Steps back from the loss.
    clip
        The clipping threshold to draw; 0: none. [default: that of the first run, or 5]
    seed
        Of the untrained models: the same seed gives the same picture. [default: 1]
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import print_table
    from tsuzuri.errors import ConfigError
    from tsuzuri.plots import reach_curves
    from tsuzuri.train.run import Run
    if runs and (size, seed) != (None, None):
        raise ConfigError("--size and --seed are of untrained models, and runs were named; leave them out, or the runs.")
    size, seed = 128 if size is None else size, 1 if seed is None else seed
    if size < 1 or steps < 2:
        raise ConfigError(f"--size {size} is a number from 1 and --steps {steps} one from 2.")
    if clip is not None and not 0 <= clip < float("inf"):
        raise ConfigError(f"--clip is {clip}; it must not be negative.")
    opened = [Run(run) for run in runs]
    clip = clip if clip is not None else getattr(opened[0].settings.training, "clip", 0.0) if opened else 5.0
    found = _reach_of_runs(opened, steps) if opened else _reach_of_fresh(size, steps, seed)
    print_table([(name, f"{one.norms[0]:.3g}", f"{one.norms[-1]:.3g}", f"{one.rate:.3f}", f"{one.whole:.3g}",
                  "yes" if clip and one.whole > clip else "no") for name, one in found.items()],
                ["model", "1 step back", f"{steps} steps back", "factor a step", "whole gradient", "clipped"])
    where = "trained models on the text that validated them" if opened else f"untrained models of {size} units on random tokens"
    with drawn(out):
        reach_curves({name: one.norms for name, one in found.items()}, out, clip=clip, title=title or _what_is_left(found, steps),
                     note=where)


def saliency(run: Path, /, *, text: Prompt, out: Path, next: Prompt = "", title: str = "") -> None:
    """Draw what a prediction hangs on: the gradient of its log probability by the vector of each token before it.

    Examples:

      tsuzuri lm saliency runs/ptb --text "the cats that the dog chased" --next were --out were.png
      tsuzuri lm saliency runs/reference --text "def f(x" --out next.svg

    Parameters
    ----------
    run
        A run folder.
    text
        The tokens that the prediction may hang on.
    out
        The picture to write; .png, .svg or .pdf.
    next
        The token that is predicted. [default: the likeliest]
    title
        A title of your own.
    """
    from tsuzuri import inside
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import print_table
    from tsuzuri.plots import saliency_bars
    from tsuzuri.train.run import Run
    opened = Run(run)
    ids = _read(opened, text, None, 0)
    found = inside.saliency(opened.load_model(), ids, _one_token(opened.tokenizer, next) if next else None)
    tokens, target = inside.pieces(opened.tokenizer, ids), _name(opened.tokenizer, found.target)
    print_table([(place, repr(token), f"{size:.2e}", f"{effect:+.2e}") for place, (token, size, effect)
                 in enumerate(zip(tokens, found.size, found.effect, strict=True), 1)],
                ["place", "token", "hangs on it", "speaks for it"], f"log p({target}) = {found.log_p:.3f} nats, p = {_p(found):.3g}")
    most = _quoted(tokens[int(found.size.argmax())])
    with drawn(out):
        saliency_bars(tokens, found.size, found.effect, out,
                      title=title or f"{target} comes next with p = {_p(found):.2g}, which hangs on {most} most")


def _read(run, text, file, tokens):
    """The ids of the text that is given, or the first ``tokens`` of what validated the run."""
    import numpy as np

    from tsuzuri.cli.output import note
    from tsuzuri.errors import ConfigError
    from tsuzuri.text import read_text
    if text and file:
        raise ConfigError("--text and --file both name a text; give one of them.")
    if file:
        text = read_text(file, **run.settings.data.reading()).removesuffix("\n")
    if not (text or file) and tokens:
        return np.array((run.held_out() or run.corpus()).ids[:tokens], np.int64)
    if not (ids := run.tokenizer.encode(text)):
        raise ConfigError("the text has no tokens; give a longer one.")
    most = max(tokens, TEXT_TOKENS)
    if len(ids) > most:
        note(f"of the {len(ids):,} tokens the first {most:,} are read: a picture holds no more.")
    return np.array(ids[:most], np.int64)


def _draw_map(values, tokens, part, layer, out, title):
    from tsuzuri import inside
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.plots import activation_map
    with drawn(out):
        activation_map(values, tokens, inside.in_order_of_likeness(values), out, part=part,
                       title=title or f"{part} of the {values.shape[1]} units of layer {layer}")


def _draw_text(values, tokens, part, out, title):
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.cli.output import note
    from tsuzuri.plots import coloured_text
    with drawn(out):
        shown = coloured_text(tokens, values, out, part=part, title=title)
    if shown < len(tokens):
        note(f"the picture has room for the first {shown:,} of {len(tokens):,} tokens")


def _draw_found(activations, part, tokens, name, layer, out, title):
    from tsuzuri import inside
    from tsuzuri.cli.output import print_table
    found = [one for one in inside.find_units(activations, part, tokens, name) if layer in (0, one.layer)]
    what = inside.PROPERTIES[name][0]
    print_table([(one.layer, one.unit, f"{one.chosen:+.2f}", f"{one.held_out:+.2f}") for one in found[:5]],
                ["layer", "unit", "correlation, first half", "second half"], f"{part} of the units that follow {what}")
    best, half = found[0], len(tokens) // 2
    _draw_text(activations[best.layer - 1][part][half:, best.unit], tokens[half:], part, out,
               title or f"Unit {best.unit} of layer {best.layer} follows {what}: correlation {best.held_out:+.2f} on new text")


def _reach_of_runs(runs, steps):
    import numpy as np

    from tsuzuri import inside
    from tsuzuri.cli.drawing import names_of
    from tsuzuri.errors import DataError
    from tsuzuri.text import BPTTBatches
    found = {}
    for name, run in zip(names_of([run.folder for run in runs]), runs, strict=True):
        ids = (run.held_out() or run.corpus()).ids
        rows = min(16, (len(ids) - 1) // steps)
        if rows < 1:
            raise DataError(f"{run.folder}: its text has {len(ids):,} tokens, too few for {steps} steps; take fewer --steps.")
        inputs, targets = BPTTBatches(np.asarray(ids), rows, steps)[0]
        found[f"{name} ({run.settings.model.arch})"] = inside.reach(run.load_model(), inputs, targets[:, -1])
    return found


def _reach_of_fresh(size, steps, seed):
    import numpy as np

    from tsuzuri import inside
    rng = np.random.default_rng(seed)
    kinds, rows = 64, 16
    models = inside.fresh_models(size, kinds, rng)
    ids, targets = rng.integers(0, kinds, (rows, steps)), rng.integers(0, kinds, rows)
    found = {f"RNN, radius {radius}": inside.reach(inside.with_radius(models["rnn"], radius), ids, targets)
             for radius in (0.9, 1.1, 1.5)}
    found |= {name.upper(): inside.reach(models[name], ids, targets) for name in ("gru", "lstm")}
    return found | {"LSTM, gate open": inside.reach(inside.with_open_gate(models["lstm"]), ids, targets)}


def _what_is_left(found, steps):
    """The finding as a title: what the farthest step gets of what the nearest one gets, at worst and at best."""
    from tsuzuri.plots.axes import power
    left = {name: max(one.norms[-1], 1e-300) / max(one.norms[0], 1e-300) for name, one in found.items()}
    worst, best = min(left, key=left.__getitem__), max(left, key=left.__getitem__)
    return f"What {steps} steps leave of the gradient: " + "; ".join(f"{name} × {power(left[name])}" for name in dict.fromkeys((worst, best)))


def _one_token(tokenizer, text):
    from tsuzuri.cli.output import note
    from tsuzuri.errors import ConfigError
    ids = tokenizer.encode(text)
    if not ids:
        raise ConfigError(f'--next "{text}" has no token.')
    if len(ids) > 1:
        note(f'--next "{text}" is {len(ids)} tokens; the first, {_name(tokenizer, ids[0])}, is looked at')
    if ids[0] == tokenizer.unk_id:
        note(f'--next "{text}" is not in the vocabulary; <unk> is looked at')
    return ids[0]


def _name(tokenizer, token):
    return _quoted(tokenizer.decode([token]))


def _quoted(token):
    text = token.strip(" ") or token
    return "the line end" if text == "\n" else f"“{text}”"


def _p(found):
    import math
    return math.exp(found.log_p)
