"""Pairs as ids on disk, and batches that hold every pair once, beside others of like length."""
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsuzuri.errors import ConfigError, DataError
from tsuzuri.text import BPETokenizer, CharTokenizer, WordTokenizer
from tsuzuri.text import pairs as module
from tsuzuri.text.pairs import PairBatches, PairCorpus, batch_of, encode_pairs, open_pair_corpus

PAIRS = [("you say hello .", "吾輩は 猫 である"), ("a", "名前は まだ 無い"), ("goodbye goodbye", "x"),
         ("no , 👩‍👩‍👧 no", "猫")] * 30
SOURCES, TARGETS = ([pair[side] for pair in PAIRS] for side in (0, 1))
KINDS = {"char": CharTokenizer, "word": WordTokenizer, "bpe": BPETokenizer}
OPTIONS = {"bpe": {"size": 270}}
TOKENIZERS = {unit: tuple(kind.train(texts[:3], **OPTIONS.get(unit, {})) for texts in (SOURCES, TARGETS))
              for unit, kind in KINDS.items()}


def line_end(tokenizer):
    (end,) = tokenizer.encode("\n")
    return end


@pytest.mark.parametrize("unit", TOKENIZERS)
@pytest.mark.parametrize("block", [1, 7, 1 << 18])
def test_the_ids_are_those_of_the_pairs(unit, block, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    source, target = TOKENIZERS[unit]
    made = encode_pairs(iter(PAIRS), source, target, tmp_path, 100)
    sources, targets = [source.encode(a) for a in SOURCES], [target.encode_line(b) for b in TARGETS]
    for c in (made, open_pair_corpus(tmp_path)):
        assert len(c) == c.pairs == len(PAIRS)
        assert [c.source(k).tolist() for k in range(len(c))] == sources
        assert [c.target(k).tolist() for k in range(len(c))] == targets
        assert c.source(-1).tolist() == sources[-1]
        assert c.source_lengths.tolist() == [*map(len, sources)]
        assert c.target_lengths.tolist() == [*map(len, targets)]
        assert (c.source_tokens, c.target_tokens) == (sum(map(len, sources)), sum(map(len, targets)))
        assert (c.source_characters, c.target_characters) == (sum(map(len, SOURCES)), sum(len(b) + 1 for b in TARGETS))
        for unknown, ids, tokenizer in ((c.source_unknown, sources, source), (c.target_unknown, targets, target)):
            assert unknown == (sum(row.count(tokenizer.unk_id) for row in ids) if tokenizer.unk_id is not None else 0)
        assert (c.source_vocabulary, c.target_vocabulary, c.left_out, c.empty) == (len(source), len(target), 0, 0)
        with pytest.raises(IndexError, match=f"pair {len(c)} of {len(c)}"):
            c.target(len(c))


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1])
@pytest.mark.parametrize("side", [0, 1])
def test_one_large_vocabulary_takes_four_bytes_for_both(size, side, tmp_path):
    words = [f"w{k}" for k in range(size - 2)]
    tokenizers = [WordTokenizer.train(["a b"]), WordTokenizer.train(["a b"])]
    tokenizers[side] = WordTokenizer.train(words)
    assert len(tokenizers[side]) == size
    pair = ["a", "b"]
    pair[side] = words[-1]
    c = encode_pairs([tuple(pair)], *tokenizers, tmp_path, 5)
    assert c.ids.dtype == (np.uint16 if size == 1 << 16 else np.uint32)
    assert isinstance(c.ids, np.memmap)
    assert isinstance(c.bounds, np.memmap)
    wanted = [t.encode(word) for t, word in zip(tokenizers, pair, strict=True)]
    assert [c.source(0).tolist(), c.target(0).tolist()[:-1]] == wanted
    with pytest.raises(ValueError, match="read-only"):
        c.ids[0] = 1


def test_pairs_that_are_too_long_or_have_nothing_are_left_out_and_counted(tmp_path):
    """The line end does not count: a side may have exactly ``longest``."""
    words = WordTokenizer.train(["a b c"], punctuation="drop")
    pairs = [("a", "b"), ("a b c", "a b c"), ("a b c a", "b"), ("a", "b a b a"), ("...", "a"), ("a", "!"), ("c", "c")]
    c = encode_pairs(pairs, words, words, tmp_path, 3)
    assert (c.pairs, c.left_out, c.empty, c.longest) == (3, 2, 2, 3)
    assert c.source_lengths.tolist() == [1, 3, 1]
    assert c.target_lengths.tolist() == [2, 4, 2]
    assert c.source_characters == len("a") + len("a b c") + len("c")


@pytest.mark.parametrize(("pairs", "message"), [
    ([("a a", "b")], "no pair is left; 1 have a side of more than 1 tokens, so raise longest"), ([("a", "")], "a side of each of 1 has no tokens"),
    ([], "there are no pairs")])
def test_no_pair_at_all_is_refused(pairs, message, tmp_path):
    words = WordTokenizer.train(["a b"])
    with pytest.raises(DataError, match=message):
        encode_pairs(pairs, words, words, tmp_path, 1)
    assert [*tmp_path.iterdir()] == []


def test_a_tokenizer_without_a_line_end_is_refused(tmp_path):
    words = WordTokenizer.train(["a b"], eos=False)
    with pytest.raises(ConfigError, match="has no tokens for a line end, which must be one"):
        encode_pairs([("a", "b")], words, words, tmp_path, 5)
    assert len(encode_pairs([("a", "b")], words, WordTokenizer.train(["a b"]), tmp_path, 5)) == 1


def test_the_hash_follows_the_ids_and_where_they_are_cut(tmp_path):
    char = CharTokenizer.train(["ab"])

    def sha(name, *pairs):
        return encode_pairs(pairs, char, char, tmp_path / name, 9).sha256
    assert sha("1", ("a", "b")) == sha("2", ("a", "b"))
    assert len({sha("3", ("a", "b")), sha("4", ("b", "a")), sha("5", ("aa", "b")), sha("6", ("a", "ab"))}) == 4


def test_writing_that_fails_leaves_no_corpus(tmp_path):
    tokenizers = TOKENIZERS["char"]
    encode_pairs(PAIRS[:3], *tokenizers, tmp_path, 100)

    def broken():
        yield PAIRS[0]
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        encode_pairs(broken(), *tokenizers, tmp_path, 100)
    with pytest.raises(DataError, match=r"no pairs here \(pairs\.toml is missing\)"):
        open_pair_corpus(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"ids.bin", "bounds.bin"}


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    for name in ("ids.bin", "bounds.bin"):
        encode_pairs(PAIRS[:3], *TOKENIZERS["char"], tmp_path, 100)
        with open(tmp_path / name, "ab") as handle:
            handle.write(b"x")
        with pytest.raises(DataError, match=rf"{name}: \d+ bytes, but pairs\.toml says \d+"):
            open_pair_corpus(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(DataError, match=f"{name} is missing"):
            open_pair_corpus(tmp_path)
    encode_pairs(PAIRS[:3], *TOKENIZERS["char"], tmp_path, 100)
    (tmp_path / "pairs.toml").write_text("pairs = 1\n")
    with pytest.raises(DataError, match=r"pairs\.toml: not the description of pairs"):
        open_pair_corpus(tmp_path)


def test_encoding_holds_a_block_not_the_corpus(tmp_path):
    char = CharTokenizer.train(["you say hello"])
    pairs = (("you say hello " * 3, "hello " * 5) for _ in range(30_000))   # 2.2 million ids: 20 MB as a list
    tracemalloc.start()
    c = encode_pairs(pairs, char, char, tmp_path, 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert c.source_tokens == 30_000 * 42
    assert peak < 8 << 20


# Batches

END = 7


def corpus_of(sources, targets):
    """A corpus of the given ids that lies in memory."""
    flat = [np.asarray(row) for pair in zip(sources, [[*t, END] for t in targets], strict=True) for row in pair]
    lengths = [len(row) for row in flat]
    return PairCorpus("<u2", 50, 50, 99, len(sources), source_tokens=sum(lengths[::2]), target_tokens=sum(lengths[1::2]),
                      ids=np.concatenate(flat).astype("<u2"), bounds=np.cumsum([0, *lengths]))


def drawn(count, seed=0, most=30):
    """A corpus of pairs whose lengths are drawn."""
    rng = np.random.default_rng(seed)
    return corpus_of(*([rng.integers(1, 50, n).tolist() for n in rng.integers(1, most, count)] for _ in range(2)))


ROWS = st.lists(st.lists(st.integers(0, 49), min_size=1, max_size=6), min_size=1, max_size=25)


@given(ROWS, st.integers(1, 8), st.integers(0, 3), st.integers(1, 3), st.booleans())
def test_a_batch_is_its_pairs_one_by_one_and_a_pass_has_every_pair_once(sources, batch_size, seed, number, shuffled):
    targets = sources[::-1]
    batches = PairBatches(corpus_of(sources, targets), batch_size, END, seed, number, shuffled)
    met = []
    for k in range(len(batches)):
        source, lengths, inputs, wanted = batch = batches[k]
        rows = batches.rows(k)
        met += rows.tolist()
        assert all(a.dtype == np.int64 and a.flags.c_contiguous and len(a) == len(rows) for a in batch)
        assert (source.shape[1], inputs.shape[1]) == (lengths.max(), max(len(targets[r]) for r in rows) + 1)
        assert inputs.shape == wanted.shape
        for n, row in enumerate(rows):
            y, t = targets[row], len(targets[row]) + 1
            assert source[n, :lengths[n]].tolist() == sources[row]
            assert inputs[n, :t].tolist() == [END, *y]
            assert wanted[n, :t].tolist() == [*y, END]
            assert not source[n, lengths[n]:].any()
            assert not inputs[n, t:].any()
            assert (wanted[n, t:] == -1).all()
    assert sorted(met) == list(range(len(sources)))
    assert len(batches) == -(-len(sources) // batch_size)
    assert batches.tokens == sum(int((batches[k][3] >= 0).sum()) for k in range(len(batches)))


def everything(batches):
    return [batches.rows(k).tolist() for k in range(len(batches))]


def test_a_pass_follows_from_the_seed_and_its_number_alone():
    corpus = drawn(900)
    first = PairBatches(corpus, 16, END, 5)
    wanted = everything(first.epoch(3))
    assert everything(first.epoch(2).epoch(7).epoch(3)) == everything(PairBatches(corpus, 16, END, 5, 3)) == wanted
    passes = {str(everything(PairBatches(corpus, 16, END, seed).epoch(number))) for seed in (5, 6) for number in (1, 2, 3)}
    assert len(passes) == 6


def test_pairs_meet_others_in_each_pass_and_come_at_other_times():
    """Neither the batches nor their order is that of another pass, and they do not come by length."""
    one, two = (PairBatches(drawn(3_000), 10, END, 0).epoch(number) for number in (1, 2))
    assert len({*map(frozenset, everything(one))} & {*map(frozenset, everything(two))}) < 3
    widths = np.array([one[k][3].shape[1] for k in range(len(one))])
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 5 / np.sqrt(len(widths))


def padding(lengths, batches):
    """The share of places that hold nothing where ``lengths`` are the rows of batches."""
    places = sum(len(rows) * lengths[rows].max() for rows in batches)
    return 1 - sum(lengths[rows].sum() for rows in batches) / places


def test_the_pairs_of_a_batch_are_of_like_length():
    """A target is up to four tokens longer than its source, as translations are: beside batches drawn from all pairs hardly
    any of a target is padding, and of a source what the four tokens leave."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 20_000)
    corpus = corpus_of([[1] * n for n in lengths], [[1] * n for n in lengths + rng.integers(0, 5, len(lengths))])
    apart = np.split(rng.permutation(len(corpus)), len(corpus) // 20)
    for shuffled in (True, False):
        batches = [np.array(rows) for rows in everything(PairBatches(corpus, 20, END, 0, shuffled=shuffled))]
        assert padding(corpus.target_lengths, batches) < 0.03 * padding(corpus.target_lengths, apart)
        assert padding(corpus.source_lengths, batches) < 0.25 * padding(corpus.source_lengths, apart)


def test_in_order_of_length_for_evaluation():
    corpus = drawn(2_500)
    batches = PairBatches(corpus, 16, END, 0, shuffled=False)
    order = np.concatenate([batches.rows(k) for k in range(len(batches))])
    lengths = list(zip(corpus.target_lengths[order].tolist(), corpus.source_lengths[order].tolist(), order.tolist(), strict=True))
    assert lengths == sorted(lengths)
    assert everything(batches.epoch(4)) == everything(batches) == everything(PairBatches(corpus, 16, END, 9, 2, shuffled=False))


def test_what_the_training_loop_asks():
    batches = PairBatches(drawn(10), 4, END, 0)
    assert batches.goes_on is False
    assert [batches.rate(k) for k in range(len(batches))] == [1.0] * 3
    assert len(list(batches)) == 3
    for a, b in zip(batches[-1], batches[2], strict=True):
        np.testing.assert_array_equal(a, b)
    for k in (3, -4):
        with pytest.raises(IndexError, match=f"batch {k} of 3"):
            batches[k]
    with pytest.raises(ConfigError, match="batch size 0 does not fit"):
        PairBatches(drawn(3), 0, END, 0)


def test_the_order_alone_is_in_memory(tmp_path):
    char = CharTokenizer.train(["ab"])
    corpus = encode_pairs((("ab" * 30, "ba" * 30) for _ in range(10_000)), char, char, tmp_path, 100)
    tracemalloc.start()
    batches = PairBatches(corpus, 10, line_end(char), 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000 * 8 * 2 + (1 << 18)                 # the ids as int64 would be 9.7 MB
    source, _, _, targets = batches[3]
    assert not np.shares_memory(source, corpus.ids)
    assert (type(source), type(targets)) == (np.ndarray, np.ndarray)
    assert char.decode(source[0]) == "ab" * 30


@given(ROWS)
def test_sources_to_decode_are_padded(sources):
    source, lengths = batch_of(sources)
    assert source.dtype == lengths.dtype == np.int64
    assert lengths.tolist() == [*map(len, sources)]
    assert source.shape[1] == max(lengths)
    for row, ids in zip(source.tolist(), sources, strict=True):
        assert row == ids + [0] * (source.shape[1] - len(ids))


@pytest.mark.parametrize(("sources", "message"), [([[1], [], [2]], "source 2 of 3 has no tokens"), ([], "there are no sources")])
def test_a_source_without_tokens_is_refused(sources, message):
    with pytest.raises(DataError, match=message):
        batch_of(sources)
