"""The log probability of every token: what the model says, where the token stands, what else was expected there."""
from dataclasses import replace

import numpy as np
import pytest

from small_runs import made_up
from tsuzuri.errors import ConfigError
from tsuzuri.measuring import scoring
from tsuzuri.measuring.scoring import score_text
from tsuzuri.tensor import no_grad
from tsuzuri.text import WordTokenizer

TEXT = made_up(3, seed=6)
ARCHS = {"lstm": {"arch": "lstm", "output": "mixture", "experts": 2}, "transformer": {"arch": "transformer", "heads": 2, "context": 12}}


@pytest.fixture
def make(prepare):
    """make(**settings) -> a run whose model is far from where it began."""
    def made(**settings):
        run = prepare("run", **settings)
        model, rng = run.new_model(), np.random.default_rng(3)
        for p in model.parameters():
            p.data += (0.4 * rng.standard_normal(p.shape)).astype(p.dtype)
        run.save_model(run.final, model)
        return run
    return made


@pytest.mark.parametrize("unit", ["char", "word"])
@pytest.mark.parametrize("arch", ARCHS)
def test_every_token_against_the_model_one_step_at_a_time(arch, unit, make, monkeypatch):
    """From a line end on, over many blocks."""
    monkeypatch.setattr(scoring, "BLOCK", 5)
    run = make(**ARCHS[arch], unit=unit)
    model, tokenizer = run.load_model(), run.tokenizer
    ids, scored = tokenizer.encode(TEXT), list(score_text(run, TEXT, 4))
    before, state = tokenizer.encode("\n")[-1:] + ids, model.start(1)
    assert len(scored) == len(ids) > 20
    for token, previous, line in zip(ids, before, scored, strict=False):
        with no_grad():
            z, state = model.step(np.array([previous]), state)
        p = np.exp(z[0].astype(float) - z.max())
        p /= p.sum()
        order = np.argsort(-p, kind="stable")
        assert line.log_probability == pytest.approx(np.log(p[token]), abs=1e-5)
        assert line.likelier == int((p > p[token]).sum())
        assert [name for name, _ in line.expected] == [tokenizer.decode([k]) for k in order[:4]]
        assert [share for _, share in line.expected] == pytest.approx(p[order[:4]], rel=1e-4)
        assert line.token == tokenizer.decode([token])


@pytest.mark.parametrize(("unit", "stands", "unknown"), [
    ("word", ["the", "cat", "\n", "\n", "sat", "zebra", "on", "\n"], {"zebra"}), ("char", [*"the  cat\n\n sat zebra on\n"], {"z", "b"})])
def test_tokens_stand_where_they_say(unit, stands, unknown, make):
    text = "the  cat\n\n sat zebra on\n"
    scored = list(score_text(make(unit=unit), text))
    assert [text[line.start:line.end] for line in scored] == stands
    assert [line.token for line in scored] == ["<unk>" if token in unknown else token for token in stands]


def test_nothing_is_expected_unless_it_is_asked_for_and_all_of_it_sums_to_one(make):
    run = make()
    assert all(line.expected == () for line in score_text(run, TEXT))
    for line in score_text(run, TEXT[:40], 10_000):
        assert len(line.expected) == len(run.tokenizer)
        assert sum(p for _, p in line.expected) == pytest.approx(1, rel=1e-5)
        names = [name for name, _ in line.expected]
        assert names.index(line.token) >= line.likelier
        assert dict(line.expected)[line.token] == pytest.approx(np.exp(line.log_probability), rel=1e-5)


def test_a_text_of_no_tokens_has_no_scores(make):
    assert list(score_text(make(), "")) == []


def test_a_number_below_zero_is_refused(make):
    with pytest.raises(ConfigError, match="-1; it must not be negative"):
        list(score_text(make(), TEXT, -1))


def test_without_a_line_end_the_first_token_is_only_read(make):
    """Every other token has its probability behind those before it, the last one too."""
    run = make(unit="word")
    run.tokenizer = WordTokenizer(run.tokenizer.vocabulary, replace(run.tokenizer.options, eos=False))
    ids, scored = run.tokenizer.encode("the cat sat on"), list(score_text(run, "the cat sat on", 1))
    log_p, _ = run.load_model().log_probabilities(np.array([ids[:-1]]))
    assert [(line.token, line.start, line.end) for line in scored] == [("cat", 4, 7), ("sat", 8, 11), ("on", 12, 14)]
    assert [line.log_probability for line in scored] == pytest.approx(log_p[0, np.arange(3), ids[1:]])
    assert list(score_text(run, "the")) == []
