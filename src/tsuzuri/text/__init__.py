"""Text in, token ids out: reading, tokenizers, corpora on disk and batches."""
from tsuzuri.text.batches import BPTTBatches
from tsuzuri.text.corpus import Corpus, encode_corpus, open_corpus
from tsuzuri.text.reading import read_lines, read_text
from tsuzuri.text.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    SudachiTokenizer,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)
from tsuzuri.text.windows import SlidingWindows

__all__ = ["BPETokenizer", "BPTTBatches", "CharTokenizer", "Corpus", "SlidingWindows", "SudachiTokenizer", "WordTokenizer",
           "encode_corpus", "load_tokenizer", "open_corpus", "read_lines", "read_text", "train_tokenizer"]
