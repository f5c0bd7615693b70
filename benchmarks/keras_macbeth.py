"""The Keras example of characters after Macbeth, beside Keras itself: time a step, time a prediction, loss as it learns.

Both start from the same weights and see the same windows in the same order; only the dropout masks differ.  They take turns
of 100 steps; a pass has 34 of them.  Keras runs in an environment of its own:

    python -m venv /tmp/keras && /tmp/keras/bin/pip install "keras==3.15.*" tensorflow
    python benchmarks/keras_macbeth.py --keras /tmp/keras/bin/python [--turns 6]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import mean, median

import numpy as np

TURN, BATCH, WIDTH, SIZE, THREADS, PREDICTIONS = 100, 30, 50, 300, 2, 20


def main():
    """Train both in turn and print a line a turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras", default=sys.executable, help="the Python that has Keras")
    parser.add_argument("--turns", type=int, default=6)
    options = parser.parse_args()
    ours = Ours()
    with tempfile.TemporaryDirectory() as folder:
        start = os.path.join(folder, "start.npz")
        np.savez(start, *ours.model.arrays().values(), V=ours.V)
        keras = Peer(options.keras, start)
        rows = [turn(ours, keras, k) for k in range(options.turns)]
        predict = {"tsuzuri": ours.predict(ours.window), **keras.ask(what="predict", x=ours.window.tolist())}
        keras.close()
    for name in predict:
        print(f"{name}: {1e3 * median(predict[name]):.1f} ms to predict one character (best {1e3 * min(predict[name]):.1f})")
    for name in ("tsuzuri", "keras"):
        seconds = [row[name]["seconds"] for row in rows[1:] or rows]     # the first turn compiles
        print(f"{name}: {1e3 * median(seconds) / TURN:.0f} ms a step (best turn {1e3 * min(seconds) / TURN:.0f})")
    from report import save
    save("keras_macbeth", [*rows, {"predict_seconds": predict}], THREADS)


def turn(ours, keras, k):
    """Steps 100 k to 100 k + 99 of both."""
    batches = [ours.batches[step] for step in range(k * TURN, (k + 1) * TURN)]
    x, targets = (np.concatenate(parts).tolist() for parts in zip(*batches, strict=True))
    row = {"steps": (k + 1) * TURN, "tsuzuri": ours.train(), "keras": keras.ask(what="train", x=x, targets=targets)}
    print(f"steps to {row['steps']}:  " + "  ".join(
        f"{name} loss {row[name]['loss']:.4f}, {1e3 * row[name]['seconds'] / TURN:.0f} ms a step" for name in ("tsuzuri", "keras")),
        flush=True)
    return row


class Ours:
    """The recipe's model, trained by ``fit``."""

    def __init__(self):
        from tsuzuri import threads
        from tsuzuri.optim import Adam
        from tsuzuri.recipes.sequential import CONFIG, make_model, read_windows
        from tsuzuri.train.loop import fit
        self.batches, tokenizer = read_windows()
        self.V, self.window, self.threads = len(tokenizer), self.batches[0][0][:1], threads
        self.model = make_model(self.V, np.random.default_rng(CONFIG.seed))
        self.events = fit(self.model, self.batches, Adam(self.model), CONFIG)

    def train(self):
        """100 more steps: their mean loss, and how long they took."""
        start = time.perf_counter()
        losses = [next(self.events).loss for _ in range(TURN)]
        return {"loss": mean(losses), "seconds": time.perf_counter() - start}

    def predict(self, window):
        """Seconds to predict what follows a window."""
        with self.threads(THREADS):
            return timed(lambda: self.model.predict(window))


class Peer:
    """The parent's end of Keras in a process of its own."""

    def __init__(self, python, start):
        self.process = subprocess.Popen([python, __file__, "--serve", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, **request):
        """Its answer."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def serve(start):
    """Keras: answer requests, a line each."""
    answers, sys.stdout = sys.stdout, sys.stderr             # what the libraries print is no answer
    import keras
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    keras.utils.set_random_seed(1)
    arrays = np.load(start)
    V = int(arrays["V"])
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((WIDTH, V)),
        layers.LSTM(SIZE, return_sequences=True), layers.Dropout(0.2), layers.LSTM(SIZE), layers.Dropout(0.2),
        layers.Dense(V, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    model.set_weights([arrays[f"arr_{k}"] for k in range(8)])        # its gates stand in the order i, f, g, o too
    one_hot = np.eye(V, dtype=np.float32)
    for line in sys.stdin:
        request = json.loads(line)
        x = one_hot[np.array(request["x"])]
        if request["what"] == "predict":
            answer = {"keras predict": timed(lambda x=x: model.predict(x, verbose=0)),
                      "keras call": timed(lambda x=x: np.asarray(model(x)))}
        else:
            begun = time.perf_counter()
            history = model.fit(x, one_hot[np.array(request["targets"])], batch_size=BATCH, shuffle=False, verbose=0)
            answer = {"loss": history.history["loss"][0], "seconds": time.perf_counter() - begun}
        print(json.dumps(answer), file=answers, flush=True)


def timed(call):
    """How long each of 20 calls took, after one that does not count."""
    call()
    times = []
    for _ in range(PREDICTIONS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(sys.argv[2])
    else:
        main()
