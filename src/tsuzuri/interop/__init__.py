"""Other people's files: word2vec, GloVe and safetensors vectors, and weights that were published as pickles."""
