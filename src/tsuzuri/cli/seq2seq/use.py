"""tsuzuri seq2seq predict and chat: let a run answer."""
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Text, Whole
from tsuzuri.cli.seq2seq.searching import Searching


def register(seq2seq: App) -> None:
    """Put the commands into their group."""
    seq2seq.command(predict)
    seq2seq.command(chat)


def predict(run: Path, file: Text = "-", /, *, search: Searching | None = None, n_best: Whole = 1, prefix: str = "",
            must: list[str] | None = None, replace_unknown: bool = False, ensemble: list[Path] | None = None,
            json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Translate every line of a file or of standard input.

    Examples:

      echo "september 27, 1994" | tsuzuri seq2seq predict runs/dates
      tsuzuri seq2seq predict runs/en-de english.txt --beam 5 --length-penalty 1 > german.txt
      tsuzuri seq2seq predict runs/en-de --beam 10 --must Hund --n-best 3 --json < english.txt

    Parameters
    ----------
    run
        A run folder.
    file
        The sources, a line each; - for standard input.
    search
        How texts are looked for.
    n_best
        Print so many translations of each line, best first.
    prefix
        What every translation begins with.
    must
        A word or phrase that must be in every translation, as often as you like.
    replace_unknown
        Put the source word that was looked at most in the place of an unknown word.
    ensemble
        Other runs of the same tokens that decide together with this one.
    json
        Print a JSON object a line: source, the translations, their log probability.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.decode import Search
    from tsuzuri.errors import check_least
    from tsuzuri.text.reading import read_lines
    from tsuzuri.writing.translation import CHUNK, Translator
    check_least("--n-best", n_best, 1)
    search = search or Searching()
    search.beam = max(search.beam, n_best) if search.beam > 0 else search.beam       # which is refused
    chosen = search.chosen(n_best) or (Search(beams=1) if json else None)            # greedy, with its log p
    translator = Translator(run, *(ensemble or []))
    typed = file == "-" and sys.stdin.isatty()
    errors = translator.run.settings.pairs.encoding_errors
    if file != "-" and Path(file).is_file():
        for number, line in enumerate(read_lines(file, errors=errors), 1):
            translator.source_ids(line, number)              # refuses a bad line before anything is printed
    lines = (line.rstrip("\n") for line in sys.stdin) if typed else read_lines(file, errors=errors)
    for texts in translator.translate(lines, chosen, prefix=prefix, required=must or [], replace_unknown=replace_unknown,
                                      chunk=1 if typed else CHUNK):
        if json:
            print_json({"source": texts[0].source_text, "translations": [{"text": text.text, "log_p": text.log_p, "score": text.score} for text in texts]})
        else:
            for text in texts:
                print(text.text if n_best == 1 else f"{text.score:.4f}\t{text.text}", flush=typed)


def chat(run: Path, /, *, search: Searching | None = None) -> None:
    """Talk with a run that was trained on questions and replies: a line in, a line out, until an empty one.

    Examples:

      tsuzuri seq2seq chat runs/chat
      tsuzuri seq2seq chat runs/chat --beam 5 --least 4 < questions.txt

    Parameters
    ----------
    run
        A run folder.
    search
        How replies are looked for.
    """
    from tsuzuri.cli.output import note
    from tsuzuri.errors import DataError
    from tsuzuri.writing.translation import Translator
    translator, chosen, typed = Translator(run), (search or Searching()).chosen(), sys.stdin.isatty()
    if typed:
        note("an empty line ends the conversation")
    while line := _asked(typed):
        try:
            (texts,) = translator.translate([line], chosen)
            print(f"< {texts[0].text}", flush=True)
        except DataError as error:                           # of this line: the conversation goes on
            note(str(error).replace("line 1", "this line"))


def _asked(typed):
    """What is said next; nothing at the end."""
    if typed:
        try:
            return input("> ").strip()
        except EOFError:
            return ""
    line = sys.stdin.readline().strip()
    if line:
        print(f"> {line}")
    return line
