"""BPE dropout: without a chance of leaving a merge out it is the tokenizer, and with one it is as often as the rule says."""
import itertools
from collections import Counter

import numpy as np
import pytest

from tsuzuri.text.bpe_dropout import DroppedPairBatches, MergeDropout
from tsuzuri.text.pairs import PairBatches, encode_pairs, line_end
from tsuzuri.text.tokenizers import BPETokenizer

RNG = np.random.default_rng(0)
WORDS = ["lower", "lowest", "newer", "newest", "wider", "low", "new", "naïve", "綴り", "it's"]
LINES = [" ".join(RNG.choice(WORDS, RNG.integers(1, 9))) for _ in range(200)]
PAIRS = [(line, " ".join(reversed(line.split()))) for line in LINES]


@pytest.fixture(scope="module")
def tokenizer():
    return BPETokenizer.train(LINES, size=300)


@pytest.fixture(scope="module")
def corpus(tokenizer, tmp_path_factory):
    return encode_pairs(PAIRS, tokenizer, tokenizer, tmp_path_factory.mktemp("pairs"), longest=40)


def test_where_no_merge_is_left_out_it_is_the_tokenizer(tokenizer):
    """Of every line, and of odd ones: spaces in front, in rows and behind, marks, other scripts."""
    for line in [*LINES, "  two  spaces ", "x", " low", "low,lower!", "ねこnewest\tlow", "don't LOW 42"]:
        ids = tokenizer.encode(line)
        assert MergeDropout(tokenizer, 0.0).encode(ids, np.random.default_rng(0)) == ids


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_however_it_is_cut_it_is_the_same_text(tokenizer, p):
    dropout, rng = MergeDropout(tokenizer, p), np.random.default_rng(1)
    more = 0
    for line in LINES:
        ids = tokenizer.encode(line)
        cut = dropout.encode(ids, rng)
        assert tokenizer.decode(cut) == line
        assert len(cut) >= len(ids)
        more += len(cut) > len(ids)
    assert more > 20


def test_almost_every_merge_left_out_leaves_bytes(tokenizer):
    cut = MergeDropout(tokenizer, 1 - 1e-12).encode(tokenizer.encode("newest 綴り"), np.random.default_rng(0))
    assert len(cut) == len("newest 綴り".encode())


def exact(pieces, rules, p):
    """Every way in which the pieces may end, with its probability, by the rule of Provilkov et al. 2020: of the merges that fit
    each is left out with probability p, the first by rank of those that are left is done, and where none is left it ends."""
    places = [(rules[pair], k) for k, pair in enumerate(itertools.pairwise(pieces)) if pair in rules]
    found = Counter()
    for left in itertools.product([False, True], repeat=len(places)):
        chance = np.prod([1 - p if kept else p for kept in left]) if left else 1.0
        fitting = [place for place, kept in zip(places, left, strict=True) if kept]
        if not fitting:
            found[tuple(pieces)] += chance
            continue
        k = min(fitting)[1]
        for way, inner in exact([*pieces[:k], pieces[k] + pieces[k + 1], *pieces[k + 2:]], rules, p).items():
            found[way] += chance * inner
    return found


@pytest.mark.parametrize("p", [0.2, 0.6])
def test_each_way_to_cut_a_word_is_as_frequent_as_its_probability(tokenizer, p):
    dropout = MergeDropout(tokenizer, p)
    ids, draws = tokenizer.encode(" lowest"), 3000
    names = {k: name for name, k in tokenizer.library.get_vocab().items()}
    wanted = exact(list("Ġlowest"), dropout._rules, p)
    assert sum(wanted.values()) == pytest.approx(1)
    assert len(wanted) > 10
    rng = np.random.default_rng(0)
    found = Counter(tuple(names[k] for k in dropout.encode(ids, rng)) for _ in range(draws))
    assert found.keys() <= wanted.keys()
    for way, chance in wanted.items():
        assert abs(found[way] - draws * chance) <= 5 * (draws * chance * (1 - chance)) ** 0.5 + 1, way


def dropped(corpus, tokenizer, p=0.3, **more):
    return DroppedPairBatches(corpus, 8, line_end(tokenizer), 1, MergeDropout(tokenizer, p), MergeDropout(tokenizer, p), **more)


def same(a, b):
    return all((x.shape == y.shape) and (x == y).all() for x, y in zip(a, b, strict=True))


def test_batches_are_those_pairs_cut_anew(corpus, tokenizer):
    """The same pairs in the same places, the inputs a place behind the targets, each with one line end."""
    ours, plain, end = dropped(corpus, tokenizer), PairBatches(corpus, 8, line_end(tokenizer), 1), line_end(tokenizer)
    assert len(ours) == len(plain)
    changed = 0
    for k in range(len(ours)):
        np.testing.assert_array_equal(ours.rows(k), plain.rows(k))
        source, lengths, inputs, targets = ours[k]
        for n, row in enumerate(ours.rows(k)):
            text = targets[n][targets[n] >= 0].tolist()
            assert tokenizer.decode(source[n, :lengths[n]]) == tokenizer.decode(corpus.source(row))
            assert tokenizer.decode(text) == tokenizer.decode(corpus.target(row))
            assert text.count(end) == 1 == (text[-1] == end)
            np.testing.assert_array_equal(inputs[n, :len(text)], [end, *text[:-1]])
            assert not source[n, lengths[n]:].any()
            changed += text != corpus.target(row).tolist()
        assert lengths.max() == source.shape[1]
    assert changed > len(corpus) / 2


def test_how_it_is_cut_follows_from_seed_pass_and_batch_alone(corpus, tokenizer):
    """So that a training that is resumed in the middle goes on to the same bytes; every pass is cut otherwise."""
    one, other = dropped(corpus, tokenizer), dropped(corpus, tokenizer)
    for _ in range(3):
        other[0]
    assert all(same(one[k], other[k]) for k in range(len(one)))
    assert all(same(one.epoch(3)[k], dropped(corpus, tokenizer, number=3)[k]) for k in range(3))
    assert same(one.epoch(2).epoch(1)[4], one[4])

    def cuts(batches):
        return {int(row): batches[k][3][n].tolist() for k in range(len(batches)) for n, row in enumerate(batches.rows(k))}
    first, second = cuts(one), cuts(one.epoch(2))
    assert sum([k for k in first[row] if k >= 0] != [k for k in second[row] if k >= 0] for row in first) > len(first) / 2


def test_every_pass_is_cut_otherwise(tokenizer, tmp_path):
    """Also one pair, which is always the first of the first batch."""
    alone = encode_pairs([("lower lowest newer newest wider", "low")], tokenizer, tokenizer, tmp_path, longest=60)
    batches = dropped(alone, tokenizer)
    assert len({tuple(batches.epoch(number)[0][0][0]) for number in range(1, 7)}) > 3


def test_no_side_has_more_tokens_than_a_side_may_have(tokenizer, tmp_path):
    """Tables of places are that long; where a cut would have more, the text is as the tokenizer cuts it."""
    longest = 12
    corpus = encode_pairs(PAIRS, tokenizer, tokenizer, tmp_path, longest=longest)
    batches = dropped(corpus, tokenizer, p=0.9)
    lengths = np.concatenate([batches[k][1] for k in range(len(batches))])
    ends = np.concatenate([(batches[k][3] >= 0).sum(1) for k in range(len(batches))])
    assert lengths.max() <= longest
    assert ends.max() <= longest + 1
    assert (lengths > corpus.source_lengths[np.concatenate([batches.rows(k) for k in range(len(batches))])]).any()


def test_the_normal_form_is_not_undone():
    """A tokenizer of NFKC: its ids stand for the normal form already."""
    tokenizer = BPETokenizer.train(["ｌｏｗ ① ㌔ low lower"] * 20, size=280, nfkc=True)
    ids = tokenizer.encode("ｌｏｗer ①")
    assert MergeDropout(tokenizer, 0.0).encode(ids, np.random.default_rng(0)) == ids
