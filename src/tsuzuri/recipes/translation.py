"""Translation, conversation and headlines: a figure of BLEU in an hour on two cores, a chatbot, and headings of what stands below."""
from functools import partial

from tsuzuri.datasets.pairs import open_pairs
from tsuzuri.decode import Search
from tsuzuri.measuring.translating import corpus_scores, evaluate_pairs
from tsuzuri.recipes.recipe import Measured, Recipe
from tsuzuri.recipes.trained import trained_pairs
from tsuzuri.writing.translation import Translator

SEARCH = Search(beams=5, length_penalty=1.0, best=1)
QUESTIONS = ("hi, how are you doing?", "what school do you go to?", "do you like it there?", "what are you doing tomorrow?",
             "did you hear the news?", "how is the weather today?", "i'm hungry.", "let's go to the movies.", "what did you buy?", "goodbye.")


def _bleu(recipe, out, watch, data, minutes=60, plain=None):
    """BLEU on the test split with a beam of 5, greedily beside; the training's time; and how far above a ``plain`` recipe."""
    run = trained_pairs(recipe, out, watch)
    translator = Translator(run)
    greedy, found = evaluate_pairs(translator, data), evaluate_pairs(translator, data, search=SEARCH)
    took = run.seconds() / 60
    details = [f"greedy {greedy['bleu']:.2f}; beam 5: chrF {found['chrf']:.2f}, perplexity {found['perplexity']:.2f}; {found['bleu_signature']}",
               f"{took:.1f} minutes of training (must be <= {minutes})"]
    rest = took <= minutes
    if plain:
        below = _bleu(plain, out.with_name(f"{out.name}-plain"), watch, data, minutes).figure
        details.append(f"the plain encoder-decoder: {below:.2f} (must be 5 below)")
        rest = rest and found["bleu"] >= below + 5
    return Measured(found["bleu"], tuple(details), rest)


def _chat(recipe, out, watch):
    """Distinct-2 of the replies to the held-out questions, in percent, and a transcript of ten exchanges."""
    run = trained_pairs(recipe, out, watch)
    translator = Translator(run)
    lines = [line for q, a in zip(QUESTIONS, translator.translate(QUESTIONS), strict=True) for line in (f"> {q}", f"< {a[0].text}")]
    replies = evaluate_pairs(translator, "dialogue:test")["translations"]
    return Measured(100 * distinct(replies, 2), (*lines, f"distinct-1 {100 * distinct(replies, 1):.1f} %"))


def distinct(texts, n: int) -> float:
    """The share of different n-grams among all n-grams of words.  Source: Li et al. 2016."""
    grams = [tuple(words[k:k + n]) for words in map(str.split, texts) for k in range(len(words) - n + 1)]
    return len({*grams}) / max(len(grams), 1)


def _headlines(recipe, out, watch, shown=10, minutes=15):
    """chrF of the headings of the test split with a beam of 5; with words of the sources for ``<unk>``; how many words were at hand."""
    run, data = trained_pairs(recipe, out, watch), f"{recipe.settings['data']}:test"
    translator, (sources, right) = Translator(run), zip(*open_pairs(data).pairs(), strict=True)
    found = evaluate_pairs(translator, data, search=SEARCH)
    copying = [texts[0].text for texts in translator.translate(sources, SEARCH, replace_unknown=True)]
    took, every = run.seconds() / 60, len(sources) // shown
    details = [f"{' '.join(source.split()[:12])} ... -> {ours} -> {theirs}"
               for source, ours, theirs in [*zip(sources, copying, right, strict=True)][::every][:shown]]
    details += [f"exactly right {100 * found['exact_match']:.1f} %; {found['chrf_signature']}",
                f"with --replace-unknown, as above: chrF {corpus_scores(copying, right)['chrf']:.2f}",
                f"words that stand in the source: {100 * at_hand(sources, copying):.1f} % of those written, {100 * at_hand(sources, right):.1f} % of the true ones",
                f"{took:.1f} minutes of training (must be <= {minutes})"]
    return Measured(found["chrf"], tuple(details), took <= minutes)


def at_hand(sources, targets) -> float:
    """The share of the words of the targets that stand in their sources."""
    there = [word in {*source.split()} for source, target in zip(sources, targets, strict=True) for word in target.split()]
    return sum(there) / max(len(there), 1)


_MULTI30K = {"data": "multi30k", "unit": "bpe", "joint": True, "vocabulary": 6000, "tie": True, "batch_size": 64, "patience": 0}
_ATTENTION = {"arch": "attention", "size": 512, "bidirectional": True, "score": "general", "dropout": 0.4, "smoothing": 0.1, "clip": 1.0,
              "lr": 0.001, "schedule": "hold"}
_TRANSFORMER = {"arch": "transformer", "size": 256, "layers": 3, "heads": 4, "dropout": 0.2, "smoothing": 0.1, "lr": 0.001, "schedule": "cosine"}
_TANAKA = {"data": "tanaka", "unit": "word", "min_count": 2, "batch_size": 64, "patience": 0}
_PLAIN = {"arch": "encoder-decoder", "size": 512, "reverse": True, "dropout": 0.3, "smoothing": 0.1, "clip": 1.0, "lr": 0.001, "schedule": "hold", "epochs": 5}


def _translates(name, what, limit, settings, data, published="none", plain=None):
    return Recipe(name, what, "BLEU", limit, published, partial(_bleu, data=data, plain=plain), higher_is_better=True, settings=settings)


def _tanaka(direction):
    first, second = direction.split("-")
    plain = _translates(f"tanaka-{direction}-plain", f"LSTM 512 encoder-decoder, {first} to {second}", None, _TANAKA | _PLAIN | {"direction": direction}, "tanaka:test")
    attention = _translates(f"tanaka-{direction}-attention", f"LSTM 512 with attention, {first} to {second}; the plain one beside it", None,
                            _TANAKA | _ATTENTION | {"direction": direction, "epochs": 5, "tie": True}, "tanaka:test", plain=plain)
    return attention


RECIPES = (
    _translates("multi30k-attention", "LSTM 512 with attention, bpe, en to de", 33.0, _MULTI30K | _ATTENTION | {"epochs": 12}, "multi30k:test"),
    _translates("multi30k-transformer", "Transformer 256, 3 layers, bpe, en to de", 34.0, _MULTI30K | _TRANSFORMER | {"epochs": 12}, "multi30k:test"),
    _tanaka("ja-en"), _tanaka("en-ja"),
    _translates("tanaka-transformer", "Transformer 256, 3 layers, ja to en", None,
                _TANAKA | _TRANSFORMER | {"direction": "ja-en", "epochs": 6}, "tanaka:test"),
    Recipe("dialogue-chat", "LSTM 256 with attention on questions and replies", "percent distinct-2", None, "none", _chat, higher_is_better=True,
           settings={"data": "dialogue", "unit": "word", "punctuation": "split", "arch": "attention", "size": 256, "dropout": 0.3,
                     "batch_size": 32, "epochs": 20, "patience": 0, "schedule": "cosine", "average": 1}),    # the last: the best by its loss says "i don't know"
    Recipe("headlines", "LSTM 256 with attention that copies: headings of WikiText-2", "chrF", None, "none", _headlines, higher_is_better=True,
           settings={"data": "wikitext2-headings", "unit": "word", "joint": True, "min_count": 3, "longest": 70, "arch": "attention", "copy": True,
                     "bidirectional": True, "size": 256, "embedding": 128, "dropout": 0.3, "clip": 1.0, "lr": 0.001, "schedule": "cosine",
                     "batch_size": 32, "epochs": 12, "patience": 0}),
)
