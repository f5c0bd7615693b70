"""Characters after Macbeth, the well-known Keras example: two LSTMs read 50 characters and guess the next one.

    python examples/macbeth_sequential.py [EPOCHS]

A pass over the play takes some minutes on two cores; then the model goes on writing from the play's first 50 characters.
"""
import sys

import numpy as np

from tsuzuri import nn, threads
from tsuzuri.datasets import open_source
from tsuzuri.optim import Adam
from tsuzuri.text import CharTokenizer, SlidingWindows
from tsuzuri.train.config import TrainingConfig
from tsuzuri.train.loop import fit

rng = np.random.default_rng(1)
lines = list(open_source("macbeth").lines())
tokenizer = CharTokenizer.train(lines, unk=False)
ids = tokenizer.encode_array("\n".join(lines))
V = len(tokenizer)

model = nn.Sequential(
    nn.OneHot(V),
    nn.LSTM(V, 300, rng=rng),
    nn.Dropout(0.2),
    nn.LSTM(300, 300, rng=rng),
    nn.Last(),
    nn.Dropout(0.2),
    nn.Linear(300, V, rng=rng))
config = TrainingConfig(lr=0.001, schedule="constant", clip=0, epochs=int((sys.argv[1:] or [1])[0]), threads=2)
for event in fit(model, SlidingWindows(ids, width=50, batch_size=30), Adam(model), config):
    if event.step % 100 == 0:
        print(event)

text = list(ids[:50])
with threads(2):
    for _ in range(300):
        p = model.predict(np.array([text[-50:]]))[0].astype(float)
        text.append(rng.choice(V, p=p / p.sum()))
print(tokenizer.decode(text))
