"""One step of an LSTM decoder with attention after it, nothing kept for a way back: a token in, the logits of the next out.

    h, c = lstm(x, h, c)        context = attend(h)        logits = tanh([context; h] Wj + bj) Wo + bo

For a single sentence every weight is read once for one multiplication, so that reading them is all the time there is; the
compiled version of that case goes from one product to the next without coming back to Python.
"""
from tsuzuri.array import module_of
from tsuzuri.kernels.inner import inner
from tsuzuri.kernels.lstm import lstm_step
from tsuzuri.kernels.product import matmul
from tsuzuri.kernels.source_attention import source_attention_forward


@inner
def attention_step(x, h, c, cell, memory, join, out):
    """x (N, D), h and c (N, H) -> (logits (N, V), weights (N, S), h, c).

    cell: Wx, Wh, b; memory: keys and values (N, S, H), lengths (N,), the scale of the scores; join and out: W, b.
    """
    xp = module_of(x)
    h, c = lstm_step(x, h, c, *cell)
    keys, values, lengths, scale = memory
    (context, weights), _ = source_attention_forward(h[:, None], keys, values, lengths, 1, scale)
    (Wj, bj), (Wo, bo) = join, out
    logits = matmul(xp.tanh(matmul(xp.concatenate([context[:, 0], h], axis=1), Wj) + bj), Wo)
    logits += bo
    return logits, weights[:, 0, 0], h, c
