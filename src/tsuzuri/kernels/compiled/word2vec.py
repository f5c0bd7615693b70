"""The trainings of word2vec, compiled: threads that share the matrices, or rounds whose result no thread changes.

Examples are drawn for a batch of words (``word2vec_examples``) and then worked off one after another (``word2vec_steps``).
"""
from typing import NamedTuple

import numba
import numpy as np

from tsuzuri.kernels.compiled.lanes import BYTES, load, store
from tsuzuri.kernels.compiled.vector import loop, parallel_loop
from tsuzuri.kernels.compiled.word2vec_examples import BATCH, Room, draw_examples, keep_words, make_rooms
from tsuzuri.kernels.compiled.word2vec_steps import add_to, take_steps


@parallel_loop
def train_freely(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads):
    kept, states, inputs, begins, ends, outputs, labels, scores, wanted, weights, middle = make_rooms(
        vectors, text, noise, tree, grams, step, chunk, threads)
    for t in numba.prange(threads):
        room = Room(kept[t], states[t], inputs[t], begins[t], ends[t], outputs[t], labels[t], scores[t], wanted[t], weights[t],
                    middle[t])
        for c in range(t, rates.size, threads):
            losses[c], pairs[c] = 0, 0
            begin, end, count = keep_words(text, c * chunk, min((c + 1) * chunk, text.ids.size), room)
            for at in range(begin, end, BATCH):
                examples, _ = draw_examples(room, at, end, count, text.window, noise, tree, grams, step)
                loss, predicted = take_steps(vectors.reshape(-1), contexts.reshape(-1), room, examples, step, rates[c])
                losses[c] += loss
                pairs[c] += predicted


class Copies(NamedTuple):
    """The rows that each slot of a round trains on, in place of those of the matrix."""

    values: np.ndarray                                       # (slots, R, D)
    rows: np.ndarray                                         # (slots, R): which row of the matrix each is a copy of
    counts: np.ndarray                                       # (slots,)
    places: np.ndarray                                       # (threads, rows of the matrix): where the copy is, or -1


@parallel_loop
def train_in_rounds(vectors, contexts, text, noise, tree, grams, step, rates, chunk, losses, pairs, threads, slots):
    kept, states, inputs, begins, ends, outputs, labels, scores, wanted, weights, middle = make_rooms(
        vectors, text, noise, tree, grams, step, chunk, threads)
    x_values, x_rows, x_counts, x_places = _make_copies(vectors, slots, chunk * (inputs.shape[1] // BATCH), threads)
    y_values, y_rows, y_counts, y_places = _make_copies(contexts, slots, chunk * (outputs[0].size // BATCH), threads)
    for start in range(0, rates.size, slots):
        number = min(slots, rates.size - start)
        for t in numba.prange(threads):
            own = Room(kept[t], states[t], inputs[t], begins[t], ends[t], outputs[t], labels[t], scores[t], wanted[t],
                       weights[t], middle[t])
            for s in range(t, number, threads):
                c = start + s
                losses[c], pairs[c] = _train_copies(
                    vectors, contexts, text, noise, tree, grams, step, rates[c], c * chunk, min((c + 1) * chunk, text.ids.size),
                    own, Copies(x_values, x_rows, x_counts, x_places), Copies(y_values, y_rows, y_counts, y_places), s, t)
        for t in numba.prange(threads):
            _add_changes(vectors.reshape(-1), x_values, x_rows, x_counts, number, t, threads, vectors.shape[1])
            _add_changes(contexts.reshape(-1), y_values, y_rows, y_counts, number, t, threads, contexts.shape[1])


@loop
def _make_copies(matrix, slots, most, threads):
    most = min(most, len(matrix))
    return (np.empty((slots, most, matrix.shape[1]), matrix.dtype), np.empty((slots, most), np.int32),
            np.zeros(slots, np.int64), np.full((threads, len(matrix)), -1, np.int32))


@loop
def _train_copies(vectors, contexts, text, noise, tree, grams, step, rate, first, last, room, own_vectors, own_contexts, s, t):
    """Train on the ids from first to last with copies of the rows, then leave in the copies what has changed."""
    loss, pairs, D = 0.0, 0, vectors.shape[1]
    own_vectors.counts[s], own_contexts.counts[s] = 0, 0
    begin, end, count = keep_words(text, first, last, room)
    for at in range(begin, end, BATCH):
        examples, used = draw_examples(room, at, end, count, text.window, noise, tree, grams, step)
        _copy_rows(vectors.reshape(-1), room.inputs[:used], own_vectors, s, t, D)
        _copy_rows(contexts.reshape(-1), room.outputs[:examples].reshape(-1), own_contexts, s, t, D)
        more = take_steps(own_vectors.values[s].reshape(-1), own_contexts.values[s].reshape(-1), room, examples, step, rate)
        loss += more[0]
        pairs += more[1]
    _leave_changes(vectors.reshape(-1), own_vectors, s, t, D)
    _leave_changes(contexts.reshape(-1), own_contexts, s, t, D)
    return loss, pairs


@loop
def _copy_rows(matrix, ids, copies, s, t, D):
    """Turn ids of rows into places of their copies, which are made where there is none yet."""
    places, values, rows, n = copies.places[t], copies.values[s].reshape(-1), copies.rows[s], copies.counts[s]
    for k in range(ids.size):
        row = np.int64(ids[k])
        if places[row] < 0:
            places[row], rows[n] = n, row
            for d in range(0, D, BYTES // matrix.itemsize):
                store(values, n * D + d, load(matrix, row * D + d))
            n += 1
        ids[k] = places[row]
    copies.counts[s] = n


@loop
def _leave_changes(matrix, copies, s, t, D):
    values, rows, places = copies.values[s].reshape(-1), copies.rows[s], copies.places[t]
    for k in range(copies.counts[s]):
        row = np.int64(rows[k])
        places[row] = -1
        for d in range(0, D, BYTES // matrix.itemsize):
            store(values, k * D + d, load(values, k * D + d) - load(matrix, row * D + d))


@loop
def _add_changes(matrix, values, rows, counts, slots, t, threads, D):
    """Add what the slots changed, in their order, to the rows that are thread t's."""
    for s in range(slots):
        changes, own = values[s].reshape(-1), rows[s]
        for k in range(counts[s]):
            row = np.int64(own[k])
            if row % threads == t:
                for d in range(0, D, BYTES // matrix.itemsize):
                    add_to(matrix, row * D + d, load(changes, k * D + d))
