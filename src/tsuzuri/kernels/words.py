"""Words of a text as numbers: the text is cut at white space, and each word not met before gets the next number.

The words met so far lie in four arrays.  ``letters`` holds their bytes one after another, ``ends[w]`` is where word w ends
in it, ``counts[w]`` says how often it was met.  ``slots`` is a hash table for the compiled twin: a power of two of places,
0 where free, else a word's number plus 1 and the upper half of its hash; its last element, past the places, says how many
words were entered.
"""
import re

from tsuzuri.kernels.inner import inner

LINE_END = -1
_WORD = re.compile(r"[^\s\x00-\x20]+")


@inner
def number_words(text, letters, ends, counts, slots, used, ids):
    """Number the words of ``text``, UTF-8 as uint8 (B,), into ``ids``; a newline becomes LINE_END.

    White space is what ``str.split`` takes for it, and all control characters.  ``text`` may be changed: what of it is
    beyond ASCII becomes spaces.
    New words go into the arrays, which must have room: B more letters, B/2 + 1 more words, places for twice all of them.
    Returns (words met so far, ids written).
    """
    met = {letters[ends[w - 1] if w else 0:ends[w]].tobytes(): w for w in range(used)}
    written = 0
    for line in text.tobytes().decode("utf-8").split("\n"):
        for word in (word.encode() for word in _WORD.findall(line)):
            if word not in met:
                w = met[word] = len(met)
                start = ends[w - 1] if w else 0
                ends[w], counts[w] = start + len(word), 0
                letters[start:ends[w]] = bytearray(word)
            counts[met[word]] += 1
            ids[written] = met[word]
            written += 1
        ids[written] = LINE_END
        written += 1
    return len(met), written - 1                             # what follows the last newline is no line
