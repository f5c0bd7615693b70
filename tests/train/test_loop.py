"""The training loop against a loop written out by hand, and what a run promises."""
import math

import numpy as np
import pytest

from small_runs import same
from tsuzuri.errors import DataError, TrainingError
from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.nn import Module
from tsuzuri.optim import NTASGD, SGD, Adam, global_norm
from tsuzuri.sparse import RowSparse
from tsuzuri.text import BPTTBatches, Corpus
from tsuzuri.text.batches import RandomWindows, VariedBPTT
from tsuzuri.train.checkpoint import load_arrays
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.events import Finished, Stepped, Validated
from tsuzuri.train.language_model import train_run, windows
from tsuzuri.train.loop import Progress, evaluate, fit
from tsuzuri.train.run import Run

V = 7
CONFIG = TrainingConfig(batch_size=3, bptt=5, lr=0.1, schedule="constant", epochs=2, optimizer="sgd", clip=0.0, patience=0)


def model(seed=0, **config) -> RecurrentLanguageModel:
    settings = {"size": 4, "layers": 2, "dtype": "float64"} | config
    return RecurrentLanguageModel(RecurrentConfig(**settings), V, rng=np.random.default_rng(seed))


def stream(tokens=100, seed=1):
    return np.random.default_rng(seed).integers(V, size=tokens)


def change(config, **fields):
    return TrainingConfig(**{name: getattr(config, name) for name in config.__struct_fields__} | fields)


def dense(grad):
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def grads(m: Module) -> dict[str, np.ndarray]:
    return {name: dense(p.grad) for name, p in m.named_parameters()}


def test_two_epochs_equal_a_loop_by_hand():
    """Plain descent: the state goes from window to window, each epoch starts without one, masks come from one stream."""
    batches = BPTTBatches(stream(), 3, 5)
    fitted, by_hand = model(dropout=0.5), model(dropout=0.5)
    list(fit(fitted, batches, SGD(fitted), CONFIG, progress=Progress(np.random.default_rng(9))))
    rng = np.random.default_rng(9)
    for _ in range(2):
        state = None
        for k in range(len(batches)):
            loss, state = by_hand.loss(*batches[k], state, rng)
            by_hand.zero_grad()
            loss.backward()
            for p in by_hand.parameters():
                p.data -= 0.1 * dense(p.grad)
    for name, a in fitted.arrays().items():
        np.testing.assert_allclose(a, by_hand.arrays()[name], rtol=1e-12, atol=1e-14, err_msg=name)


def test_accumulated_windows_are_one_mean():
    """Windows of 5 and of 2 steps: the gradient of the mean over all their tokens, not the mean of two gradients."""
    batches = BPTTBatches(stream(3 * 7 + 1), 3, 5)
    assert [batches[k][0].shape[1] for k in range(len(batches))] == [5, 2]
    m, seen = model(), {}

    class Look(SGD):
        def step(self, lr, scale=1.0):
            seen.update(grads(m))
            super().step(lr, scale)

    (event, *_) = fit(m, batches, Look(m), change(CONFIG, accumulate=2, epochs=1))
    m = other = model()
    first, state = other.loss(*batches[0])
    second, _ = other.loss(*batches[1], state)
    together = first * (5 / 7) + second * (2 / 7)
    together.backward()
    assert event.loss == pytest.approx(together.item(), rel=1e-12)
    assert event.tokens == 21
    for name, g in grads(other).items():
        np.testing.assert_allclose(seen[name], g, rtol=1e-11, atol=1e-14, err_msg=name)


def test_a_last_group_of_fewer_windows_is_a_step_too():
    m, batches = model(), BPTTBatches(stream(3 * 25 + 1), 3, 5)
    events = list(fit(m, batches, SGD(m), change(CONFIG, accumulate=2, epochs=1)))
    assert [e.tokens for e in events if isinstance(e, Stepped)] == [30, 30, 15]
    mean = sum(e.loss * e.tokens for e in events if isinstance(e, Stepped)) / 75
    assert events[-2].train_loss == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("limit", [0.01, 0.1, 1e3])
def test_clipping_leaves_the_norm_at_the_limit(limit):
    """Plain descent with a rate of 1 moves by the clipped gradient; a shorter gradient is left alone."""
    m, batches = model(), BPTTBatches(stream(), 3, 5)
    before = {name: a.copy() for name, a in m.arrays().items()}
    event = next(fit(m, batches, SGD(m), change(CONFIG, lr=1.0, clip=limit)))
    moved = math.sqrt(sum(((a - before[name]) ** 2).sum() for name, a in m.arrays().items()))
    assert moved == pytest.approx(min(limit, event.norm), rel=1e-9)


def test_the_norm_counts_sparse_rows_and_dense_arrays():
    m = model(tie=False)
    m.loss(*BPTTBatches(stream(), 3, 5)[0])[0].backward()
    assert isinstance(m.embed.W.grad, RowSparse)
    assert global_norm(m.parameters()) == pytest.approx(math.sqrt(sum((g ** 2).sum() for g in grads(m).values())), rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_stops_and_moves_nothing(bad):
    m, batches = model(), BPTTBatches(stream(), 3, 5)
    optimizer, progress = Adam(m), Progress(np.random.default_rng(0))
    events = fit(m, batches, optimizer, CONFIG, progress=progress)
    next(events)
    m.out.W.data[0, 0] = bad
    before, carried = {name: a.copy() for name, a in (m.arrays() | optimizer.arrays()).items()}, progress.carried
    with pytest.raises(TrainingError, match=r"epoch 1, step 2; train with a smaller lr"):
        next(events)
    for name, a in (m.arrays() | optimizer.arrays()).items():
        np.testing.assert_array_equal(a, before[name], err_msg=name)
    assert (progress.step, optimizer.steps) == (1, 1)
    assert progress.carried is carried                       # the state is that before the step, too


def test_gradients_of_another_step_do_not_count():
    """One that failed left them, or a caller."""
    fresh, stale, batches = model(), model(), BPTTBatches(stream(), 3, 5)
    stale.loss(*batches[1])[0].backward()
    for m in (fresh, stale):
        next(fit(m, batches, SGD(m), CONFIG))
    for name, a in stale.arrays().items():
        np.testing.assert_array_equal(a, fresh.arrays()[name], err_msg=name)


class Masked(BPTTBatches):
    """Windows of which some have no target that counts."""

    empty: tuple[int, ...] = ()

    def __getitem__(self, k):
        ids, targets = super().__getitem__(k)
        return ids, np.where(k in self.empty, -1, targets)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_step_without_a_target_moves_nothing(kind):
    m, batches = model(), Masked(stream(61), 3, 5)
    batches.empty = (1,)
    events, weights = fit(m, batches, kind(m), change(CONFIG, epochs=1)), []
    seen = [(e.loss, e.tokens, weights.append({name: a.copy() for name, a in m.arrays().items()})) for e in events if isinstance(e, Stepped)]
    assert [tokens for _, tokens, _ in seen] == [15, 0, 15, 15]
    assert seen[1][0] == 0
    for name, a in weights[0].items():
        np.testing.assert_array_equal(weights[1][name], a)
        assert (weights[2][name] != a).any()


def test_an_epoch_without_a_target_is_refused():
    m, batches = model(), Masked(stream(61), 3, 5)
    batches.empty = range(4)
    with pytest.raises(DataError, match=r"no target of epoch 1 counts \(all are -1\)"):
        list(fit(m, batches, SGD(m), CONFIG))


def test_a_state_is_carried_in_evaluation_only_where_windows_go_on():
    m, batches = model(), RandomWindows(stream(200), 3, 10)
    alone = [m.losses(*batches[k])[0] for k in range(len(batches))]
    assert evaluate(m, batches)[0] == pytest.approx(np.mean(alone), rel=1e-12)


REGULARISED = {"dropout": 0.3, "dropout_kind": "variational", "state_dropout": 0.2, "weight_drop": 0.2, "embedding_dropout": 0.2,
               "activation_penalty": 2.0, "temporal_penalty": 1.0, "connection": "highway"}


def test_penalties_are_differentiated_and_not_told():
    """By hand, in varied windows: the step is that of loss + penalty at the rate of the window; losses are told without it."""
    batches = VariedBPTT(stream(400), 3, 12, seed=7)
    fitted, by_hand, rng = model(**REGULARISED), model(**REGULARISED), np.random.default_rng(9)
    events = list(fit(fitted, batches, SGD(fitted), CONFIG, progress=Progress(np.random.default_rng(9))))
    told, widths = iter(e for e in events if isinstance(e, Stepped)), set()
    for number in (1, 2):
        state, windows_, total = None, batches.epoch(number), 0.0
        for k in range(len(windows_)):
            ids, targets = windows_[k]
            loss, penalty, state = by_hand.training_loss(ids, targets, state, rng)
            by_hand.zero_grad()
            (loss + penalty).backward()
            rate = 0.1 * ids.shape[1] / 12
            event, total = next(told), total + loss.item() * targets.size
            widths.add(ids.shape[1])
            assert penalty.item() > 1e-3
            assert (event.loss, event.lr) == (pytest.approx(loss.item(), rel=1e-11), pytest.approx(rate, rel=1e-12))
            assert event.norm == pytest.approx(global_norm(by_hand.parameters()), rel=1e-10)
            for p in by_hand.parameters():
                p.data -= rate * dense(p.grad)
        assert [e.train_loss for e in events if isinstance(e, Validated)][number - 1] == pytest.approx(total / batches.tokens, rel=1e-11)
    assert next(told, None) is None
    assert len(widths) > 3
    for name, a in fitted.arrays().items():
        np.testing.assert_allclose(a, by_hand.arrays()[name], rtol=1e-10, atol=1e-13, err_msg=name)


def test_the_rate_of_accumulated_windows_is_their_mean():
    batches = VariedBPTT(stream(700), 3, 12, seed=7)
    m, schedule = model(), 0.1
    events = fit(m, batches, SGD(m), change(CONFIG, accumulate=3, epochs=1))
    rates = [batches.rate(k) for k in range(len(batches))]
    wanted = [schedule * np.mean(rates[k:k + 3]) for k in range(0, len(rates), 3)]
    assert len(rates) % 3                                    # the last group is a smaller one
    np.testing.assert_allclose([e.lr for e in events if isinstance(e, Stepped)], wanted, rtol=1e-12)


class Remembering(Module):
    """Notes which state it is given in training."""

    def __init__(self):
        self.inner, self.given = model(), []

    def training_loss(self, ids, targets, state, rng):
        self.given.append(state)
        return self.inner.training_loss(ids, targets, state, rng)


@pytest.mark.parametrize(("kind", "carried"), [(BPTTBatches, True), (VariedBPTT, True), (RandomWindows, False)])
def test_a_state_is_carried_where_windows_go_on_from_each_other_and_only_there(kind, carried):
    """A window from anywhere has nothing to do with the one before it."""
    m, batches = Remembering(), kind(stream(200), 3, 10)
    list(fit(m, batches, SGD(m), change(CONFIG, epochs=1)))
    assert len(m.given) == len(batches) > 3
    assert m.given[0] is None
    assert all((state is not None) == carried for state in m.given[1:])


class Falling(NTASGD):
    """Averages from the first step on, and notes the weights after each step."""

    def __init__(self, m):
        super().__init__(m)
        self.averaged, self.passed = 0, []

    def step(self, lr, scale=1.0):
        super().step(lr, scale)
        self.passed.append({name: p.data.copy() for name, p in self.parameters.items()})


def test_what_is_validated_is_the_average_of_the_weights():
    """Of all steps; the training itself goes on from the last weights."""
    m, batches, valid = model(), BPTTBatches(stream(), 3, 5), BPTTBatches(stream(60, 4), 1, 20)
    optimizer, seen = Falling(m), []
    for event in fit(m, batches, optimizer, change(CONFIG, lr=1.0), valid=valid):
        for name, p in m.named_parameters():
            np.testing.assert_array_equal(p.data, optimizer.passed[-1][name])
        if isinstance(event, Validated):
            other = model()
            other.load({name: np.mean([weights[name] for weights in optimizer.passed], axis=0) for name in optimizer.passed[0]})
            seen.append(event.valid_loss)
            assert event.valid_loss == pytest.approx(evaluate(other, valid)[0], rel=1e-12)
            assert event.valid_loss != pytest.approx(evaluate(m, valid)[0], rel=1e-6)
    assert len(seen) == 2


class Scripted(Module):
    """Costs what the script says, whatever it is shown: to test what ``fit`` makes of validation losses."""

    def __init__(self, losses):
        self.inner, self.script = model(), iter(losses)

    def training_loss(self, ids, targets, state, rng):
        return self.inner.training_loss(ids, targets, state, rng)

    def losses(self, ids, targets, state=None):
        """A validation, of one window."""
        return np.full(targets.shape, next(self.script)), state


def validations(losses, **settings):
    m, batches = Scripted(losses), BPTTBatches(stream(16), 3, 5)
    events = list(fit(m, batches, SGD(m), change(CONFIG, epochs=len(losses), **settings), valid=batches))
    return events, [e for e in events if isinstance(e, Validated)]


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 7), (0, 8)])
def test_early_stopping(patience, epochs):
    """Best at 2, again at 4, then never: after ``patience`` validations without a new best it is over."""
    events, seen = validations([5, 4, 4.5, 3, 3, 6, 7, 8], patience=patience)
    assert len(seen) == epochs
    assert [e.epoch for e in seen if e.best] == [1, 2, 4][:2 if patience == 1 else 3]
    assert isinstance(events[-1], Finished)
    assert ("no new best" in events[-1].reason) == (epochs < 8)


def test_plateau_divides_after_each_validation_without_a_new_best():
    events, _ = validations([5, 4, 4.5, 3, 3, 6], schedule="plateau")
    rates = [e.lr for e in events if isinstance(e, Stepped)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.1 / 4, 0.1 / 4, 0.1 / 16])


def test_the_validation_loss_is_that_of_the_whole_text():
    m, valid = model(dropout=0.5), BPTTBatches(stream(80, 5), 3, 5)
    for event in fit(m, BPTTBatches(stream(), 3, 5), SGD(m), CONFIG, valid=valid):
        if isinstance(event, Validated):
            total, state = 0.0, None
            for k in range(len(valid)):
                loss, state = m.loss(*valid[k], state)
                total += loss.item() * valid[k][1].size
            assert event.valid_loss == pytest.approx(total / valid.tokens, rel=1e-12)


@pytest.mark.parametrize("arch", ["rnn", "gru", "lstm"])
def test_evaluation_does_not_depend_on_the_window(arch):
    m, ids = model(arch=arch, dropout=0.5), stream(200)
    whole = evaluate(m, BPTTBatches(ids, 1, 1000))
    assert whole[1] == 199
    for window in (1, 7, 64):
        loss, tokens = evaluate(m, BPTTBatches(ids, 1, window))
        assert (loss, tokens) == (pytest.approx(whole[0], rel=1e-12), 199)


def test_a_model_of_zeros_is_as_surprised_as_a_fair_die(train, text):
    run = train("run", epochs=1)
    m = run.load_model()
    for a in m.arrays().values():
        a[...] = 0
    run.save_model(run.final, m)
    result = evaluate_run(run, str(text))
    assert result["perplexity"] == pytest.approx(len(run.tokenizer), rel=1e-6)
    assert result["loss"] == pytest.approx(math.log(len(run.tokenizer)), rel=1e-6)


# Runs

@pytest.mark.parametrize("unit", ["char", "word", "bpe"])
def test_training_with_the_config_of_a_run_gives_its_bytes(train, tmp_path, prepare, unit):
    from tsuzuri.settings import from_file
    from tsuzuri.train.run import Settings
    size = {"vocabulary": 270} if unit == "bpe" else {}
    first = train("first", unit=unit, **size)
    again = prepare("again", **from_file(first.folder / "config.toml", Settings))
    list(train_run(again))
    assert (first.folder / "config.toml").read_bytes() == (again.folder / "config.toml").read_bytes()
    same(first.folder, again.folder)


def test_the_model_of_a_run_is_its_best(train):
    """A rate so high that later epochs are worse."""
    run = train("run", lr=0.5, epochs=4, patience=0, schedule="constant", optimizer="sgd", clip=0.0)
    seen = [r for r in run.logged() if "valid_loss" in r]
    best = min(seen, key=lambda r: r["valid_loss"])
    loss, _ = evaluate(run.load_model(), windows(held_out(run), run.settings))
    assert loss == pytest.approx(best["valid_loss"], rel=1e-6)
    assert run.final.read_bytes() == run.best.read_bytes()


def test_the_best_model_of_nt_asgd_is_the_average_and_its_checkpoint_goes_on_from_the_last_weights(train):
    """A rate so high that validation soon stops improving; then it is the average that is validated, kept and finished with."""
    run = train("run", optimizer="nt-asgd", lr=15.0, clip=0.5, schedule="constant", epochs=13, patience=0, windows="varied", dropout=0.0)
    arrays, notes = load_arrays(run.checkpoint)
    validations = [r for r in run.logged() if "valid_loss" in r]
    losses = [r["valid_loss"] for r in validations]
    begun = next(k for k, loss in enumerate(losses) if loss > min(losses[:max(k - 5, 0)], default=math.inf))
    assert notes["optimizer"]["averaged"] == validations[-1]["step"] - validations[begun]["step"] > 0
    assert notes["optimizer"]["losses"] == losses
    assert validations[-1]["best"]
    best, _ = load_arrays(run.best)
    loaded = run.new_model()
    loaded.load(best)
    assert evaluate(loaded, BPTTBatches(held_out(run).ids, 4, 10))[0] == pytest.approx(losses[-1], rel=1e-6)
    for name, a in best.items():
        np.testing.assert_array_equal(a, arrays[f"optimizer.average.{name}"])
        assert (a != arrays[f"model.{name}"]).any()


def held_out(run: Run) -> Corpus:
    corpus = run.held_out()
    assert corpus is not None
    return corpus


def test_the_last_lines_are_held_out_and_the_others_are_not_seen_twice(train, text):
    run, lines = train("run", epochs=1), text.read_text().splitlines(keepends=True)
    keep = len(lines) - len(lines) // 20
    assert run.tokenizer.decode(run.corpus().ids) == "".join(lines[:keep])
    assert run.tokenizer.decode(held_out(run).ids) == "".join(lines[keep:])


def test_another_seed_gives_other_bytes(train):
    assert train("a", epochs=1).final.read_bytes() != train("b", epochs=1, seed=2).final.read_bytes()


def test_threads_are_those_of_the_config(prepare):
    """Of the compiled loops and of BLAS, while it trains and not longer."""
    import numba
    from threadpoolctl import threadpool_info

    def now():
        return numba.get_num_threads(), *{lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    before = now()
    for count in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        events = train_run(prepare(f"run{count}", threads=count, epochs=1))
        assert {now() for event in events if isinstance(event, Stepped)} == {(count, count)}
        assert now() == before
