"""Other people's files: word2vec, GloVe and safetensors vectors, and the weights of PyTorch and of published pickles."""
