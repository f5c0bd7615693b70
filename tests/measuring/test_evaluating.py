"""How well a run predicts a text: a number that depends on the model and the text alone, and can be compared."""
import math
import shutil

import numpy as np
import pytest

from small_runs import made_up
from tsuzuri.errors import TsuzuriError
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.measuring.scoring import score_text
from tsuzuri.tensor import no_grad
from tsuzuri.train.language_model import train_run
from tsuzuri.train.run import Run

RECURRENT = {"layers": 2, "dropout": 0.3, "state_dropout": 0.2, "weight_drop": 0.2, "embedding_dropout": 0.1}
TRANSFORMER = {"arch": "transformer", "layers": 2, "heads": 2, "context": 16, "size": 8}
NGRAM = {"arch": "ngram", "order": 3}
MODELS = {
    "rnn": {"arch": "rnn"} | RECURRENT,
    "gru, residual, tied": {"arch": "gru", "connection": "residual", "tie": True} | RECURRENT,
    "lstm, highway, mixture": {"arch": "lstm", "connection": "highway", "output": "mixture", "experts": 2} | RECURRENT,
    "lstm, adaptive": {"arch": "lstm", "output": "adaptive"} | RECURRENT,
    "transformer, rotary": TRANSFORMER | {"positions": "rotary"},
    "transformer, learnt": TRANSFORMER | {"positions": "learnt", "tie": False},
    "ngram": NGRAM,
}
models = pytest.mark.parametrize("name", MODELS)


def lively(run: Run, seed: int = 3) -> Run:
    """The run with a finished model, far from the one it begins with, so that what came before matters."""
    if run.settings.model.arch == "ngram":
        list(train_run(run))
        return run
    model, rng = run.new_model(), np.random.default_rng(seed)
    for p in model.parameters():
        p.data += (0.4 * rng.standard_normal(p.shape)).astype(p.dtype)
    run.save_model(run.final, model)
    return run


@pytest.fixture
def make(text, tmp_path, no_curves):
    """make(name, **settings) -> a run with a model; only the settings that its architecture has are added."""
    from tsuzuri.train.language_model import prepare_run
    from tsuzuri.train.run import choose

    def made(name: str, **settings) -> Run:
        chosen, _ = choose([("test", {"data": str(text), "unit": "char", "threads": 1} | settings)])
        return lively(prepare_run(chosen, tmp_path / name))
    return made


def small(name):
    """The settings of MODELS, small and with a batch of their own."""
    return MODELS[name] | ({} if name == "ngram" else {"size": 8, "batch_size": 4, "bptt": 10})


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "other.txt"
    path.write_text(made_up(12, seed=9))
    return path


@models
def test_the_result_does_not_depend_on_how_the_text_is_cut_to_be_read(name, make, other):
    run = make("run", **small(name))
    whole = evaluate_run(run, str(other), window=100_000)
    assert whole["tokens"] == len(run.tokenizer.encode(other.read_text())) - 1
    for window in (1, 7, 8, 64, 256):
        result = evaluate_run(run, str(other), window=window)
        assert result["loss"] == pytest.approx(whole["loss"], abs=1e-5)
        assert {k: v for k, v in result.items() if isinstance(v, (int, str))} == {k: v for k, v in whole.items() if isinstance(v, (int, str))}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "ngram"])
def test_the_result_does_not_depend_on_the_batches_of_the_training(name, make, other, tmp_path):
    run = make("run", **small(name))
    shutil.copytree(run.folder, tmp_path / "copy")
    config = tmp_path / "copy" / "config.toml"
    config.write_text(config.read_text().replace("batch_size = 4\n", "batch_size = 3\n").replace("bptt = 10\n", "bptt = 7\n"))
    copy = Run(tmp_path / "copy")
    assert (copy.settings.training.batch_size, copy.settings.training.bptt) == (3, 7)
    assert evaluate_run(copy, str(other)) == evaluate_run(run, str(other))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("ngram", "lstm, adaptive")])
@pytest.mark.parametrize("unit", ["char", "word"])
def test_a_model_of_zeros_is_as_surprised_as_a_fair_die_with_a_side_for_each_token(name, unit, make, other):
    run = make("run", **small(name), unit=unit)
    model = run.load_model()
    for p in model.parameters():
        p.data[...] = 0
    run.save_model(run.final, model)
    assert evaluate_run(run, str(other))["perplexity"] == pytest.approx(len(run.tokenizer), rel=1e-5)


@models
def test_the_loss_is_the_mean_of_what_scoring_prints(name, make, tmp_path):
    """A text that begins with an empty line is read by both from a line end on; more than three of a Transformer's windows."""
    run, text = make("run", **small(name)), made_up(6, seed=4)
    (tmp_path / "after.txt").write_text("\n" + text)
    scored = list(score_text(run, text))
    result = evaluate_run(run, str(tmp_path / "after.txt"))
    assert result["tokens"] == len(scored) > 100
    assert result["loss"] == pytest.approx(-np.mean([s.log_probability for s in scored]), abs=1e-5)


# Rows, as papers have them

def by_hand(run, ids, rows, window):
    """Mean loss of ``rows`` equal parts, a token at a time, of each as many as fill whole windows."""
    model, length = run.load_model(), (len(ids) - 1) // rows
    used, losses = length // window * window, []
    for row in range(rows):
        state = model.start(1)
        for t in range(row * length, row * length + used):
            with no_grad():
                logits, state = model.step(ids[t:t + 1], state)
            z = logits[0].astype(np.float64)
            losses.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[ids[t + 1]])
    return float(np.mean(losses)), len(losses)


@models
@pytest.mark.parametrize(("rows", "window"), [(3, 10), (2, 37)])
def test_rows_are_read_side_by_side_each_from_an_empty_state(name, rows, window, make, other):
    """And what does not fill a window is left out."""
    run = make("run", **small(name))
    ids = np.array(run.tokenizer.encode(other.read_text()))
    assert (len(ids) - 1) // rows % window
    result = evaluate_run(run, str(other), rows=rows, window=window)
    loss, tokens = by_hand(run, ids, rows, window)
    assert result["tokens"] == tokens
    assert result["loss"] == pytest.approx(loss, abs=1e-5)
    assert abs(result["loss"] - evaluate_run(run, str(other))["loss"]) > 1e-4


def test_a_window_that_no_row_fills_is_refused(make, other):
    """A text of which nothing would be read has no perplexity, least of all one of 1."""
    run = make("run", **small("rnn"))
    for rows, window in ((3, 100_000), (100_000, 2)):
        with pytest.raises(TsuzuriError, match=f"^{rows} rows of a text of .* tokens do not fill a window of {window};"):
            evaluate_run(run, str(other), rows=rows, window=window)


def test_a_single_token_has_nothing_before_it(make, tmp_path):
    run, line_end = make("run", **small("rnn")), tmp_path / "empty-line.txt"
    line_end.write_text("\n")
    for rows in (1, 2):
        with pytest.raises(TsuzuriError, match=r"empty-line\.txt has no token to predict"):
            evaluate_run(run, str(line_end), rows=rows)


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"window": 0}, {"rows": -1}])
def test_sizes_below_one_are_refused(wrong, make, other):
    with pytest.raises(TsuzuriError, match="must be at least 1"):
        evaluate_run(make("run", **NGRAM), str(other), **wrong)


def test_progress_is_told_up_to_the_end(make, other):
    told = []
    result = evaluate_run(make("run", **NGRAM), str(other), window=50, report=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == [*range(50, result["tokens"], 50), result["tokens"]]
    assert {of for _, of in told} == {result["tokens"] + 1}


# What a text costs, for units that can be compared

@pytest.mark.parametrize("unit", ["char", "word", "bpe"])
def test_bits_are_those_of_all_tokens_and_of_the_spelling_over_the_characters(unit, make, tmp_path):
    """Words: the nats of all tokens, the first at the price of the mean, and what spelling "zebra" and "µ" costs."""
    path = tmp_path / "unknown.txt"
    path.write_text("the zebra sat on a µ .\n" + made_up(5, seed=8), encoding="utf-8")
    run = make("run", **small("rnn"), unit=unit, **({"vocabulary": 300} if unit == "bpe" else {}))
    result, text = evaluate_run(run, str(path)), path.read_text(encoding="utf-8")
    ids = run.tokenizer.encode(text)
    assert result["characters"] == len(text)
    assert result["bytes"] == len(text.encode()) == len(text) + 1
    assert result["unknown"] == {"char": 3, "word": 3, "bpe": 0}[unit]           # z b µ; zebra µ and the point alone
    bits = result["loss"] * len(ids) / math.log(2) + result["spelling_bits"]
    assert result["bits_per_character"] == pytest.approx(bits / len(text), rel=1e-12)
    assert result["bits_per_byte"] == pytest.approx(bits / (len(text) + 1), rel=1e-12)
    assert (result["spelling_bits"] > 0) == (unit != "bpe")
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]), rel=1e-12)


def test_bits_of_models_that_know_nothing_in_two_units(make, tmp_path):
    """All fractions: log2 V a token, and for the word that is unknown its letters by their share in the vocabulary's words.

    Words: ab, b, <unk>, <eos>: V 4.  Letters: a 1, b 2, ends 2, escape 1 of 6.  "ba" costs log2 3 + log2 6 + log2 3.
    Characters: a, b, space, line end, <unk>: V 5, nothing unknown.
    """
    path, text = tmp_path / "tiny.txt", tmp_path / "read.txt"
    path.write_text("ab b\n" * 20)
    text.write_text("ab ba\nb\n")
    for unit, kinds, tokens, spelled in (("word", 4, 5, 2 * math.log2(3) + math.log2(6)), ("char", 5, 8, 0.0)):
        run = make(unit, data=str(path), unit=unit, size=3, batch_size=1, bptt=5)
        model = run.load_model()
        for p in model.parameters():
            p.data[...] = 0
        run.save_model(run.final, model)
        assert len(run.tokenizer) == kinds
        result = evaluate_run(run, str(text))
        assert result["tokens"] == tokens - 1
        assert result["spelling_bits"] == pytest.approx(spelled, rel=1e-12)
        assert result["bits_per_character"] == pytest.approx((tokens * math.log2(kinds) + spelled) / 8, rel=1e-6)


def test_an_unk_that_stands_in_the_text_is_a_token_like_others(make, tmp_path):
    """As in the Penn Treebank: it costs what the model gives it, and hides nothing."""
    text = tmp_path / "read.txt"
    text.write_text("the <unk> sat\n" * 3)
    result = evaluate_run(make("run", **small("rnn"), unit="word"), str(text))
    assert (result["unknown"], result["spelling_bits"]) == (3, 0.0)


# Adaptation and mixing

@pytest.mark.parametrize(("adapt", "options"), [("cache", {"weight": 0.3, "theta": 0.5, "window": 50}), ("dynamic", {"lr": 0.01, "segment": 6})])
def test_what_goes_on_learning_does_not_depend_on_the_window_either(adapt, options, make, other):
    run = make("run", **small("lstm, highway, mixture"))
    plain, *found = (evaluate_run(run, str(other), **how)["loss"] for how in (
        {}, *({"adapt": adapt, "options": options, "window": window} for window in (1, 25, 100_000))))
    assert found == pytest.approx([found[0]] * 3, abs=1e-5)
    assert abs(found[0] - plain) > 1e-3


@pytest.mark.parametrize(("adapt", "options"), [("cache", {"weight": 0.0}), ("dynamic", {"lr": 0.0})])
def test_adaptation_of_no_strength_changes_nothing(adapt, options, make, other):
    run = make("run", **small("rnn"))
    assert evaluate_run(run, str(other), adapt=adapt, options=options)["loss"] == pytest.approx(evaluate_run(run, str(other))["loss"], abs=1e-5)


@pytest.mark.parametrize(("name", "adapt", "options", "says"), [
    ("rnn", "cash", {}, r'adapt "cash" is unknown \(did you mean "cache"\?\); choose one of cache, dynamic\.'),
    ("rnn", "cache", {"wieght": 0.1}, r'cache has no option "wieght" \(did you mean "weight"\?\); it has window, theta, weight\.'),
    ("rnn", "cache", {"window": 0.5}, "window is 0.5; it must be a whole number"),
    ("ngram", "cache", {}, "goes with recurrent models, and arch of .* is ngram"),
    ("transformer, rotary", "dynamic", {}, "goes with recurrent models, and arch of .* is transformer"),
])
def test_adaptation_that_does_not_fit_is_refused(name, adapt, options, says, make, other):
    with pytest.raises(TsuzuriError, match=says):
        evaluate_run(make("run", **small(name)), str(other), adapt=adapt, options=options)
