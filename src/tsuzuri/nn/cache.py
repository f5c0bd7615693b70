"""What a Transformer keeps of the tokens it has read: their ids, and every layer's keys and values."""
from tsuzuri.array import Array, module_of


class Cache:
    """Room for ids (N, room) and every layer's keys and values (layers, N, K, room, D).

    States that follow each other share one cache.  ``written`` is the length of the longest: a state that is shorter may
    not write behind its own end, where another's tokens are, and goes on in a copy.
    """

    def __init__(self, ids: Array, keys: Array, values: Array, written: int = 0):
        self.ids, self.keys, self.values, self.written = ids, keys, values, written

    @classmethod
    def empty(cls, like: Array, layers: int, rows: int, heads: int, room: int, size: int) -> "Cache":
        """One for ``rows`` rows of heads of ``size`` numbers, with arrays like ``like``."""
        xp, shape = module_of(like), (layers, rows, heads, room, size)
        return cls(xp.empty((rows, room), int), xp.empty(shape, like.dtype), xp.empty(shape, like.dtype))

    @property
    def room(self) -> int:
        """How many tokens fit in."""
        return self.ids.shape[1]

    def another(self, rows: int, room: int | None = None) -> "Cache":
        """An empty one for that many rows, and tokens if they are to be more."""
        layers, _, heads, own, size = self.keys.shape
        return Cache.empty(self.keys, layers, rows, heads, own if room is None else room, size)

    def copy(self, rows: Array, length: int, room: int | None = None) -> "Cache":
        """A new one with some rows' first ``length`` positions."""
        new = self.another(len(rows), room)
        new.ids[:, :length] = self.ids[rows, :length]
        for layer in range(len(self.keys)):
            new.keys[layer, :, :, :length] = self.keys[layer][rows, :, :length]
            new.values[layer, :, :, :length] = self.values[layer][rows, :, :length]
        new.written = length
        return new
