"""How good the captions of a run are: true of their pictures, where a program can tell; BLEU and chrF where there are only others' captions."""
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from tsuzuri.datasets.made_scenes import SETS
from tsuzuri.datasets.pictures import Pictured, PictureSource, open_pictures
from tsuzuri.datasets.scenes import combinations, is_true
from tsuzuri.decode.search import Search
from tsuzuri.errors import DataError
from tsuzuri.writing.captions import CHUNK, Captioner


def evaluate_captions(captioner: Captioner, data: str, captions: str = "", search: Search | None = None, *,
                      report: Callable[[int, int], None] = lambda done, of: None) -> dict[str, Any]:
    """Of a set of scenes (without a split: valid and unseen) or a folder with captions: ``pictures``, ``written`` and

    scenes    ``true``, the share of captions that are true; of the split unseen also ``true_unseen``, and how many captions state a
              combination that training never had (``stating_unseen``) and which share of these is true (``true_stating_unseen``)
    folder    ``bleu`` and ``chrf`` with sacreBLEU's signatures, against all captions of each picture

    ``report`` is told how many are done of how many.  DataError: pictures that do not fit the run.
    """
    source = open_pictures(data, captions)
    if source.channels != captioner.channels:
        raise DataError(f"{data} has pictures of {source.channels} channels, and {captioner.run.folder} was trained on {captioner.channels}; "
                        f"evaluate it on pictures like {captioner.run.settings.pictures.data}.")
    result: dict[str, Any] = {"pictures": 0, "written": []}
    parts = [source.split] if source.split else ["valid", "unseen"] if source.made else [None]
    for part in parts:
        found, written = _described(captioner, source, part, search, report)
        result["pictures"] += len(found)
        result["written"] += written
        result |= _truths(source.made, part, found, written) if source.made else reference_scores(written, [pictured.captions for pictured in found])
    return result


def _described(captioner, source: PictureSource, part, search, report) -> tuple[list[Pictured], list[str]]:
    """The pictures of a part without their bytes, and what is said of each."""
    found: list[Pictured] = []

    def passing():
        for pictured in source.pictures(part, captioner.pixels):
            found.append(pictured._replace(picture=np.zeros((0, 0, 0), np.uint8)))
            yield pictured.picture

    written = []
    for texts in captioner.captions(passing(), search):
        written.append(texts[0].text)
        if len(written) % CHUNK == 0:
            report(len(written), len(found))
    return found, written


def _truths(made, part, found, written):
    """Shares of what was written that is true of its scene."""
    nouns, never = SETS[made].nouns, SETS[made].held_out()
    true = np.array([is_true(text, pictured.scene, nouns) for text, pictured in zip(written, found, strict=True)])
    if part != "unseen":
        return {"true": float(true.mean())}
    stating = np.array([bool(combinations(text, nouns) & never) for text in written])
    return {"true_unseen": float(true.mean()), "stating_unseen": int(stating.sum()),
            "true_stating_unseen": float(true[stating].mean()) if stating.any() else float("nan")}


def reference_scores(written: list[str], captions: list[list[str]]) -> dict[str, Any]:
    """BLEU and chrF of texts against several captions of each picture, with sacreBLEU's signatures.  Source: Post 2018."""
    from sacrebleu.metrics import BLEU, CHRF
    references = [list(column) for column in zip_longest(*captions)]         # None where a picture has fewer
    bleu, chrf = BLEU(force=True), CHRF()                    # both sides are as the data is, cut or not
    return {"bleu": bleu.corpus_score(written, references).score, "bleu_signature": str(bleu.get_signature()),
            "chrf": chrf.corpus_score(written, references).score, "chrf_signature": str(chrf.get_signature())}
