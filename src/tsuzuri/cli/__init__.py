"""The command line: ``tsuzuri GROUP COMMAND``.

Results go to stdout, everything else to stderr.  Bad input gives one sentence and exit code 2, never a traceback.
"""
import sys

from cyclopts import App, CycloptsError

from tsuzuri import __version__
from tsuzuri.errors import TsuzuriError

HELP = "Neural language processing from scratch: train, measure and use small sequence models, and see what happens inside."


def make_app() -> App:
    """The commands of all groups."""
    from tsuzuri.cli import (
        caption,
        check,
        data,
        demo,
        doctor,
        imports,
        lm,
        memory,
        recipe,
        seq2seq,
        series,
        tag,
        thesaurus,
        tree,
        vectors,
    )
    app = App(name="tsuzuri", version=__version__, help=HELP, help_format="plaintext")
    for group in (demo, lm, seq2seq, memory, caption, series, tree, vectors, thesaurus, tag, imports, data, recipe, check, doctor):
        group.register(app)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command in ``arguments`` (None: those of the process) and leave with its exit code."""
    try:
        code = make_app()(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, TsuzuriError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped; what was saved is kept.", 130)
    except MemoryError as error:
        fail(f"there is not enough memory ({error}); take a smaller model or batch.")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except UnicodeError as error:
        fail(f"what was typed or piped in is not UTF-8 ({error}); convert it with iconv.")
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}.")
    sys.exit(code or 0)


def fail(message: str, code: int = 2) -> None:
    """Print ``message`` on stderr and leave."""
    print(f"tsuzuri: {message}", file=sys.stderr)
    sys.exit(code)
