"""Text in, token ids out: reading, tokenizers, corpora on disk and batches."""
from tsuzuri.text.batches import BPTTBatches
from tsuzuri.text.corpus import Corpus, encode_corpus, open_corpus
from tsuzuri.text.reading import read_lines, read_text
from tsuzuri.text.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer, load_tokenizer, train_tokenizer

__all__ = ["BPETokenizer", "BPTTBatches", "CharTokenizer", "Corpus", "WordTokenizer", "encode_corpus",
           "load_tokenizer", "open_corpus", "read_lines", "read_text", "train_tokenizer"]
