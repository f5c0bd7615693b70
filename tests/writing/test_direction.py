"""Which lines look like targets: none where both sides are of one language, and never names."""
from types import SimpleNamespace

import numpy as np
import pytest

from small_runs import made_up, sentences, trained_pairs
from tsuzuri.datasets.pairs import open_pairs
from tsuzuri.text.pairs import encode_pairs
from tsuzuri.text.tokenizers import BPETokenizer
from tsuzuri.train.seq2seq_run import Seq2SeqRun
from tsuzuri.writing.direction import Sides


@pytest.fixture
def sides(tmp_path):
    """sides(pairs) -> those of a run that learnt from these pairs."""
    def made(pairs, size=2000):
        source, target = (BPETokenizer.train([pair[k] for pair in pairs], size=size) for k in (0, 1))
        corpus = encode_pairs(pairs, source, target, tmp_path, 100)
        return Sides(SimpleNamespace(source=source, target=target, corpus=lambda: corpus))
    return made


def test_evidence_is_the_log_of_how_often_tokens_stood_on_either_side(sides):
    """a stands 3 times among 4 source tokens and once among 3 of the targets (an end is one); each kind counts one more."""
    made = sides([("aaab", "ab")], size=256)
    source, target = len(made.run.source), len(made.run.target)
    assert made.evidence("aaaa") == pytest.approx(np.log(2 / (3 + target)) - np.log(4 / (4 + source)), rel=1e-12)
    assert np.isnan(made.evidence("aaa"))                    # of three tokens nothing is said


def test_sources_pass_and_targets_do_not():
    made = Sides(Seq2SeqRun(trained_pairs("bpe")))
    new = sentences(60, seed=11)
    assert not any(made.is_target(source) for source, _ in new)
    assert np.mean([made.is_target(target) for _, target in new]) > 0.9


def test_short_lines_among_the_pairs_hide_nothing(sides):
    pairs = sentences(300, seed=4)
    made = sides([*pairs, *[("a b", "ja")] * 60])
    new = sentences(60, seed=11)
    assert not any(made.is_target(source) for source, _ in new)
    assert np.mean([made.is_target(target) for _, target in new]) > 0.9


def test_of_one_language_nothing_is_refused(sides):
    """Long texts and their first words: how much evidence there is differs much more among the short ones."""
    lines = [line for line in made_up(400, seed=3).splitlines() if line]
    pairs = [(" ".join(lines[k:k + 3]), " ".join(lines[k].split()[:2])) for k in range(0, len(lines) - 3, 3)]
    made = sides(pairs)
    assert not any(made.is_target(line) for pair in pairs for line in (*pair, " ".join(pair)))


def test_german_is_refused_as_english_and_names_are_not(sides, data_dir):
    pairs = open_pairs("multi30k", "")
    learnt, held = list(pairs.pairs("train"))[:5000], list(pairs.pairs("valid"))
    made = sides(learnt, size=4000)
    assert not any(made.is_target(source) for source, _ in held)
    assert np.mean([made.is_target(target) for _, target in held]) > 0.95
    for line in ("Angela Merkel, Wolfgang Schmidt, Hamburg", "Bayern München vs. Borussia Dortmund", "12345 67890", "https://example.org/a?b=c", "CD-ROM DVD-ROM"):
        assert not made.is_target(line)
