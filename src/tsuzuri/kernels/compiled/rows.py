"""Adding rows into a table, compiled."""
from tsuzuri.kernels.compiled.vector import loop


def add_rows(table, ids, rows):
    if rows.size:
        _add_rows(table.reshape(len(table), -1), ids, rows.reshape(len(rows), -1))


@loop
def _add_rows(table, ids, rows):
    for r in range(ids.size):
        row, into = rows[r], table[ids[r]]
        for j in range(row.size):
            into[j] += row[j]
