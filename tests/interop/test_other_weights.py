"""Other people's language models: the book's pickle, PyTorch's state dicts there and back, and what is refused."""
import math
import pickle
import re

import numpy as np
import pytest

from tsuzuri.datasets import open_source
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.interop.book_rnnlm import gates_in_order, read_rnnlm
from tsuzuri.interop.pickles import read_pickle
from tsuzuri.interop.recurrent_weights import RecurrentWeights
from tsuzuri.interop.safetensors_store import load_tensors, save_tensors
from tsuzuri.interop.torch_lstm import read_torch, write_torch
from tsuzuri.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from tsuzuri.tensor import no_grad
from tsuzuri.text import BPTTBatches
from tsuzuri.train.importing import (
    export_torch,
    find_tokenizer,
    import_book,
    import_torch,
    make_run,
    make_tokenizer,
    read_vocabulary,
    weights_of,
)
from tsuzuri.train.run import Run

V, E, H = 11, 5, 4
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
WORDS = ["the", "<eos>", "cat", "<unk>", *"abcdefg"]


@pytest.fixture
def words():
    return make_tokenizer("word", dict.fromkeys(WORDS, 1))


def made(arch: str, layers: int = 2, tie: bool = False, dtype=np.float32) -> RecurrentWeights:
    """Weights of a small model, at random."""
    rng = np.random.default_rng(3)

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    size, G = (E, GATES[arch] * E) if tie else (H, GATES[arch] * H)
    stack = [(draw(size if k else E, G), draw(size, G), draw(G), *([draw(size)] if arch == "gru" else [])) for k in range(layers)]
    return RecurrentWeights(arch, draw(V, E), stack, None if tie else draw(size, V), draw(V))


# the book

def test_gates_f_g_i_o_become_i_f_g_o():
    assert gates_in_order(np.array([[1, 2, 3, 4]])).tolist() == [[3, 1, 2, 4]]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return tmp_path_factory.mktemp("book") / "run"


def test_the_books_model_has_the_books_perplexity(data_dir, book):
    """136.07 in the book's own evaluation: 10 rows, windows of 35 tokens, the tail that fills no window left out."""
    run = import_book(data_dir / "book" / "Rnnlm.pkl", book)
    text = "\n".join([*open_source("ptb:test").lines(), ""])
    batches, model = BPTTBatches(run.tokenizer.encode_array(text), 10, 35), run.load_model()
    losses, state = [], None
    with no_grad():
        for k in range(batches.row_length // 35):
            loss, state = model.loss(*batches[k], state)
            losses.append(loss.item())
    assert math.exp(np.mean(losses)) == pytest.approx(136.08, abs=0.05)


def test_the_books_words_are_numbered_as_in_its_other_file(data_dir, book):
    run = Run(book) if book.exists() else import_book(data_dir / "book" / "Rnnlm.pkl", book)
    numbered = read_pickle(data_dir / "book" / "cbow_params.pkl")["word_to_id"]
    assert run.tokenizer.vocabulary.ids == numbered
    assert run.tokenizer.eos_id == 24


def test_another_pickle_is_refused(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([np.ones(3, np.float16)]))
    with pytest.raises(DataError, match="not a list of embedding, Wx, Wh, b, W and b"):
        read_rnnlm(path)


@pytest.mark.parametrize("shapes", [(5, 16, 4, 16, 18), (5, 15, 4, 16, 16), (5, 16, 4, 12, 16)], ids=str)
def test_a_book_lstm_of_other_shapes_is_refused(shapes, tmp_path):
    D, wide, H, recurrent, bias = shapes
    arrays = [np.ones(shape, np.float16) for shape in ((V, D), (D, wide), (H, recurrent), (bias,), (H, V), (V,))]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(arrays))
    with pytest.raises(DataError, match=rf"Wx is \(5, {wide}\), Wh \(4, {recurrent}\) and b \({bias},\), which are no LSTM's"):
        read_rnnlm(tmp_path / "a.pkl")


def test_nothing_in_a_pickle_is_executed(tmp_path):
    path, mark = tmp_path / "a.pkl", tmp_path / "mark"
    path.write_bytes(f"cos\nmkdir\n(S'{mark}'\ntR.".encode())
    with pytest.raises(DataError, match="refused"):
        read_rnnlm(path)
    assert not mark.exists()


# PyTorch

class Theirs:
    """The same model in PyTorch, as its users write it."""

    def __init__(self, arch, layers, tie):
        torch = pytest.importorskip("torch")
        torch.manual_seed(1)
        size = E if tie else H
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[arch]
        self.module = torch.nn.Module()
        self.module.encoder = torch.nn.Embedding(V, E)
        self.module.rnn = kind(E, size, layers, batch_first=True)
        self.module.decoder = torch.nn.Linear(size, V)
        if tie:
            self.module.decoder.weight = self.module.encoder.weight

    def log_probabilities(self, ids):
        import torch
        m = self.module
        with torch.no_grad():
            hs = m.rnn(m.encoder(torch.from_numpy(ids)))[0]
            return torch.log_softmax(m.decoder(hs), dim=-1).numpy()

    def arrays(self, prefix=""):
        return {prefix + name: a.numpy().copy() for name, a in self.module.state_dict().items()}


@pytest.mark.parametrize("tie", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("arch", GATES)
def test_a_pytorch_model_says_the_same_here(arch, layers, tie, words, tmp_path):
    theirs, ids = Theirs(arch, layers, tie), np.random.default_rng(0).integers(V, size=(3, 7))
    save_tensors(tmp_path / "theirs.safetensors", theirs.arrays("model."))
    run = import_torch(tmp_path / "theirs.safetensors", words, tmp_path / "run")
    ours = run.load_model().log_probabilities(ids)[0]
    np.testing.assert_allclose(ours, theirs.log_probabilities(ids), rtol=1e-5, atol=1e-5)
    assert run.settings.model.tie == tie


@pytest.mark.parametrize("arch", GATES)
def test_an_exported_run_says_the_same_in_pytorch(arch, words, tmp_path):
    pytest.importorskip("torch")
    from safetensors.torch import load_file
    run = make_run(made(arch), words, tmp_path / "run")
    export_torch(run, tmp_path / "ours.safetensors")
    theirs, ids = Theirs(arch, 2, False), np.random.default_rng(0).integers(V, size=(3, 7))
    theirs.module.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=True)
    np.testing.assert_allclose(run.load_model().log_probabilities(ids)[0], theirs.log_probabilities(ids), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("tie", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("arch", GATES)
def test_there_and_back_is_exact(arch, tie, dtype, words, tmp_path):
    run = make_run(made(arch, tie=tie, dtype=dtype), words, tmp_path / "run")
    export_torch(run, tmp_path / "a.safetensors")
    back = import_torch(tmp_path / "a.safetensors", find_tokenizer(tmp_path / "run"), tmp_path / "back")
    assert back.settings == run.settings
    assert back.final.read_bytes() == run.final.read_bytes()
    assert back.tokenizer.vocabulary.tokens == WORDS


def test_an_imported_run_is_whole(words, tmp_path):
    run = make_run(made("lstm"), words, tmp_path / "run")
    assert Run(run.folder).logged() == []
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.toml", "metrics.jsonl", "model.safetensors", "tokenizer"]


def test_a_shared_output_weight_may_be_missing(tmp_path):
    write_torch(tmp_path / "a.safetensors", made("lstm", tie=True))
    tensors = dict(load_tensors(tmp_path / "a.safetensors")[0])
    del tensors["decoder.weight"]
    save_tensors(tmp_path / "b.safetensors", tensors)
    both = read_torch(tmp_path / "a.safetensors"), read_torch(tmp_path / "b.safetensors")
    assert both[0].W is both[1].W is None
    np.testing.assert_array_equal(both[0].b, both[1].b)


def test_an_output_without_a_bias_is_told_by_the_names(tmp_path):
    write_torch(tmp_path / "a.safetensors", made("gru"))
    tensors = {name: a for name, a in load_tensors(tmp_path / "a.safetensors")[0].items() if name != "decoder.bias"}
    save_tensors(tmp_path / "b.safetensors", tensors)
    weights = read_torch(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(weights.W.T, tensors["decoder.weight"])
    assert not weights.b.any()


def changed(**tensors):
    """A change of a state dict: tensors by name with _ for a dot; None removes."""
    return {re.sub("^(rnn|decoder|encoder)_", r"\1.", name): a for name, a in tensors.items()}


@pytest.mark.parametrize(("change", "message"), [
    (changed(rnn_bias_hh_l1=None), r"rnn\.bias_hh_l1 is missing; it holds rnn\.bias_hh_l0 16"),
    (changed(rnn_weight_ih_l0_reverse=np.ones((16, 5))), "rnn.weight_ih_l0_reverse is no part of a plain stack"),
    (changed(rnn_weight_hr_l0=np.ones((2, 4))), "rnn.weight_hr_l0 is no part of a plain stack"),
    (changed(rnn_weight_hh_l0=np.ones((8, 4))), r"weight_hh_l0 is \(8, 4\); an LSTM's is"),
    (changed(rnn_bias_ih_l0=np.ones(12)), "the shapes of a layer do not fit together: rnn.bias_hh_l0 16, rnn.bias_ih_l0 12"),
    (changed(rnn_weight_ih_l0=np.ones((16, 6))), r"input weight of layer 1 is \(6, 16\), but \(5, 16\) fits"),
    (changed(encoder_weight=None), "one embedding .* are wanted, but there is decoder.bias 11, decoder.weight 11x4"),
    (changed(norm_weight=np.ones(3)), "norm_weight 3; remove what else is there"),
    (changed(decoder_bias=np.full(11, np.nan)), "the output bias holds something else than finite numbers"),
    (changed(other_weight_ih_l0=np.ones((16, 5))), "2 recurrent stacks"),
])
def test_what_does_not_fit_is_named(change, message, tmp_path):
    write_torch(tmp_path / "a.safetensors", made("lstm"))
    tensors = {**load_tensors(tmp_path / "a.safetensors")[0], **change}
    save_tensors(tmp_path / "b.safetensors", {name: a for name, a in tensors.items() if a is not None})
    with pytest.raises(DataError, match=message):
        read_torch(tmp_path / "b.safetensors")


def test_a_type_that_numpy_lacks_is_named(tmp_path):
    write_torch(tmp_path / "a.safetensors", made("lstm", dtype=np.float16))
    half = (tmp_path / "a.safetensors").read_bytes()
    length = int.from_bytes(half[:8], "little") + 1
    (tmp_path / "a.safetensors").write_bytes(length.to_bytes(8, "little") + half[8:].replace(b'"F16"', b'"BF16"', 1))
    with pytest.raises(DataError, match=r"a\.safetensors: \S+(weight|bias)\S* is of type BF16, which is not read; save it as F32"):
        read_torch(tmp_path / "a.safetensors")


def test_the_type_of_a_model_is_that_of_its_widest_part(words, tmp_path):
    """An output weight that float16 cannot hold."""
    half = made("lstm", dtype=np.float16)
    run = make_run(half._replace(W=np.full((H, V), 1e5, np.float32)), words, tmp_path / "run")
    assert run.settings.model.dtype == "float32"
    assert (run.load_model().out.W.data == 1e5).all()


def test_a_file_without_a_recurrent_layer(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"encoder.weight": np.ones((3, 2))})
    with pytest.raises(DataError, match=r"no recurrent layer \(weight_ih_l0\) in it.*it holds encoder.weight 3x2"):
        read_torch(tmp_path / "a.safetensors")


def test_the_vocabulary_must_fit(tmp_path):
    with pytest.raises(DataError, match="the weights have 11 tokens and the vocabulary 2"):
        make_run(made("lstm"), make_tokenizer("word", {"a": 1, "b": 1}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def small_model(**more):
    return RecurrentLanguageModel(RecurrentConfig(size=4, layers=2, **more), V, rng=np.random.default_rng(0))


@pytest.mark.parametrize("more", [{"connection": "residual"}, {"output": "mixture"}, {"output": "adaptive"}], ids=str)
def test_what_pytorch_lacks_is_not_exported(more):
    with pytest.raises(ConfigError, match="that PyTorch's recurrent stacks lack; export it without --to"):
        weights_of(small_model(**more))


def test_what_acts_only_in_training_does_not_matter():
    model = small_model(weight_drop=0.5, embedding_dropout=0.1, dropout_kind="variational")
    np.testing.assert_array_equal(weights_of(model).layers[1][1], model.recurrent.layers[1].weights()[1].data)


# the vocabulary and the command line

def test_a_vocabulary_is_a_token_a_line(tmp_path):
    (tmp_path / "v.txt").write_text("<unk>\nb\n\\n\na\n", encoding="utf-8")
    tokenizer = read_vocabulary(tmp_path / "v.txt", "char")
    assert tokenizer.encode("ab\nz") == [3, 1, 2, 0]
    tokenizer.save(tmp_path)
    assert read_vocabulary(tmp_path / "vocab.txt", "char").vocabulary.tokens == ["<unk>", "b", "\n", "a"]
    (tmp_path / "v.txt").write_text("a\nb\na\n", encoding="utf-8")
    with pytest.raises(DataError, match='line 3: "a" stands there a second time'):
        read_vocabulary(tmp_path / "v.txt")


def test_from_the_command_line(words, tmp_path, monkeypatch):
    from tsuzuri.cli import make_app

    def tsuzuri(*arguments):
        make_app()([str(a) for a in arguments], exit_on_error=False, print_error=False, result_action="return_value")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    first = make_run(made("gru"), words, tmp_path / "first")
    tsuzuri("export", "first", "--out", "a.safetensors", "--to", "torch")
    tsuzuri("import", "torch", "a.safetensors", "--out", "second", "--vocab", "v.txt")
    assert (tmp_path / "second" / "model.safetensors").read_bytes() == first.final.read_bytes()
    tsuzuri("export", "second", "--out", "b.safetensors")
    arrays, notes = load_tensors(tmp_path / "b.safetensors")
    for name, a in first.load_model().arrays().items():
        np.testing.assert_array_equal(arrays[name], a)
    assert notes["model"]["arch"] == "gru"
    with pytest.raises(ConfigError, match="--unit word is of the tokens of --vocab"):
        tsuzuri("import", "torch", "a.safetensors", "--out", "third", "--tokenizer", "first", "--unit", "word")
    with pytest.raises(ConfigError, match="give --tokenizer or --vocab, one of them"):
        tsuzuri("import", "torch", "a.safetensors", "--out", "third")
    with pytest.raises(ConfigError, match='to "torhc" is unknown'):
        tsuzuri("export", "first", "--out", "c.safetensors", "--to", "torhc")
