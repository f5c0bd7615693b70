"""Text in, token ids out: reading, tokenizers, corpora on disk and batches."""
from .batches import BPTTBatches
from .corpus import Corpus, encode_corpus, open_corpus
from .reading import read_lines, read_text
from .tokenizers import BPETokenizer, CharTokenizer, WordTokenizer, load_tokenizer, train_tokenizer

__all__ = ["BPETokenizer", "BPTTBatches", "CharTokenizer", "Corpus", "WordTokenizer", "encode_corpus",
           "load_tokenizer", "open_corpus", "read_lines", "read_text", "train_tokenizer"]
