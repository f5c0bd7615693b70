"""`lm evaluate` and `lm score` as a user meets them: every argument arrives, and what is printed is what was measured."""
import ast
import json
import math

import pytest
from command_line import call, made_up, small

from tsuzuri.measuring.evaluation import evaluate_run
from tsuzuri.train.run import Run

GIVEN = {                                                    # what is typed, and the same in Python
    "": {},
    "--adapt cache": {"adapt": "cache"},
    "--adapt cache --option weight=0.3": {"adapt": "cache", "options": {"weight": 0.3}},
    "--adapt cache --option weight=0.3 --option window=20": {"adapt": "cache", "options": {"weight": 0.3, "window": 20}},
    "--adapt dynamic": {"adapt": "dynamic"},
    "--adapt dynamic --option lr=0.01": {"adapt": "dynamic", "options": {"lr": 0.01}},
    "--mix {counted}": {"mix": ["counted"]},
    "--mix {counted} --mix {gru}": {"mix": ["counted", "gru"]},
    "--adapt cache --mix {counted}": {"adapt": "cache", "mix": ["counted"]},
    "--rows 2 --window 9": {"rows": 2, "window": 9},
    "--rows 2 --window 7": {"rows": 2, "window": 7},
}


@pytest.fixture(scope="module")
def folders(trained, text, tmp_path_factory):
    """The trained run, and others of its text and as good as it is, so that a mixture trusts them all, by name."""
    found, kinds = {"run": trained}, {"counted": ["--arch", "ngram", "--order", "1", "--unit", "char", "--threads", "1"], "gru": small("--arch", "gru")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsuzuri.train.language_model.draw_run", lambda *run: None)
        for name, flags in kinds.items():
            found[name] = tmp_path_factory.mktemp("measure") / name
            done = call("lm", "train", text, "--out", found[name], *flags)
            assert done.code == 0, done.err
    return found


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    path = tmp_path_factory.mktemp("other") / "other.txt"
    path.write_text(made_up(9, seed=5))
    return path


def test_evaluation_with_every_argument_is_that_of_python(folders, other):
    """And no argument, option or other run can be left out with the same loss."""
    losses = []
    for typed, arguments in GIVEN.items():
        done = call("lm", "evaluate", folders["run"], other, *typed.format(**folders).split(), "--json")
        assert done.code == 0, done.err
        mix = [Run(folders[name]) for name in arguments.get("mix", [])]
        found = json.loads(done.out)
        assert found == evaluate_run(Run(folders["run"]), str(other), **arguments | {"mix": mix}), typed
        losses.append(found["loss"])
    assert len(set(losses)) == len(GIVEN)


def test_every_run_of_a_mixture_stands_beside_its_own_weight(folders, other):
    flags = ("--mix", folders["counted"], "--mix", folders["gru"])
    weights = evaluate_run(Run(folders["run"]), str(other), mix=[Run(folders[name]) for name in ("counted", "gru")])["weights"]
    assert len({f"{weight:.3f}" for weight in weights}) == 3
    first, *rest = call("lm", "evaluate", folders["run"], other, *flags).out.splitlines()
    assert first == "weights of the models: " + ", ".join(f"{folder} {weight:.3f}" for folder, weight in zip(folders.values(), weights, strict=True))
    alone = call("lm", "evaluate", folders["run"], other).out
    assert "weights of the models" not in alone
    assert len(rest) == len(alone.splitlines()) == 2


def test_the_lines_of_scores_agree_with_json_and_their_sum_with_the_note(folders, other):
    """Token, log p, p and how many were likelier."""
    plain, exact = call("lm", "score", folders["run"], other), call("lm", "score", folders["run"], other, "--json")
    records = [json.loads(line) for line in exact.out.splitlines()]
    assert "".join(record["token"] for record in records) == other.read_text()
    for line, record in zip(plain.out.splitlines(), records, strict=True):
        token, log_p, p, likelier = line.rsplit(None, 3)
        assert ast.literal_eval(token) == record["token"]
        assert log_p == f"{record['log_probability']:.4f}"
        assert p == f"{math.exp(record['log_probability']):.5f}"
        assert int(likelier) == record["likelier"]
    total = math.fsum(record["log_probability"] for record in records)
    note = f"{len(records):,} tokens, {total:.4f} nats in all, perplexity {math.exp(-total / len(records)):,.2f}\n"
    assert plain.err == exact.err == note
