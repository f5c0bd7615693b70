"""tsuzuri demo: a language model in about a minute."""
from pathlib import Path

from cyclopts import App

from tsuzuri.cli.arguments import Whole

EPOCHS = 6
SETTINGS = {"data": "python-reference", "unit": "char", "size": 256, "batch_size": 32, "bptt": 64, "lr": 0.004,
            "seed": 1}
PROMPT = "The "


def register(app: App) -> None:
    """Put the command into the command line."""
    app.command(demo)


def demo(*, out: Path | None = None, epochs: Whole = EPOCHS) -> None:
    """Train a character LSTM on the language reference that comes with Python, and let it write.

    Parameters
    ----------
    out
        The run folder to write. [default: runs/demo, or runs/demo-2 ... where that exists]
    epochs
        Passes over the text.
    """
    import time

    from tsuzuri.cli.output import note
    from tsuzuri.cli.training import watch
    from tsuzuri.decode import Sampler
    from tsuzuri.measuring.evaluation import evaluate_model
    from tsuzuri.train.language_model import prepare_run
    from tsuzuri.train.run import choose
    from tsuzuri.writing.text import write_text
    started = time.monotonic()
    run = prepare_run(choose([("demo", SETTINGS | {"epochs": epochs})])[0], out or _free_folder(), note)
    before = evaluate_model(run, run.new_model(), "python-reference:test")
    note("compiling the inner loops (once on a machine), then training")
    watch(run)
    after = evaluate_model(run, run.load_model(), "python-reference:test")
    print(f"\nbits per character on text it has not seen: {before['bits_per_character']:.2f} before, "
          f"{after['bits_per_character']:.2f} after {time.monotonic() - started:.0f} seconds "
          f"(perplexity {before['perplexity']:.1f} and {after['perplexity']:.2f})")
    print(f"learning curves: {run.folder / 'curves.png'}\n\nwhat it writes:\n")
    print(PROMPT + "".join(write_text(run, PROMPT, 400, Sampler(temperature=0.7))))
    print(f"""
try next:
  tsuzuri lm generate {run.folder} --prompt "The import statement" --tokens 600 --temperature 0.5
  tsuzuri lm evaluate {run.folder} README.md
  tsuzuri lm train YOUR.txt --out runs/mine --unit char --size 256 --epochs 10""")


def _free_folder() -> Path:
    folder, count = Path("runs/demo"), 1
    while folder.exists():
        count += 1
        folder = Path(f"runs/demo-{count}")
    return folder
