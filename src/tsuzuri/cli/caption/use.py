"""tsuzuri caption predict, show and scene: what a run says of pictures, where it looks, and pictures to try it on."""
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tsuzuri.cli.arguments import Seed, Text, Whole
from tsuzuri.cli.caption.searching import Searching


def register(caption: App) -> None:
    """Put the commands into their group."""
    caption.command(predict)
    caption.command(show)
    caption.command(scene)


def predict(run: Path, /, *images: Path, search: Searching | None = None, n_best: Whole = 1,
            json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Say what is to be seen on images, a line each.

    Examples:

      tsuzuri caption predict runs/shapes scene.png
      tsuzuri caption predict runs/photos *.jpg --beam 3 --n-best 2 --json

    Parameters
    ----------
    run
        A run folder.
    images
        Files that Pillow reads: PNG, JPEG ...
    search
        How captions are looked for.
    n_best
        Print so many captions of each image, best first.
    json
        Print a JSON object a line: image, the captions, their log probability.
    """
    from tsuzuri.cli.output import print_json
    from tsuzuri.decode import Search
    from tsuzuri.errors import ConfigError, check_least
    from tsuzuri.writing.captions import Captioner
    check_least("--n-best", n_best, 1)
    if not images:
        raise ConfigError("no image was given; name at least one file.")
    search = search or Searching()
    search.beam = max(search.beam, n_best) if search.beam > 0 else search.beam       # which is refused
    chosen = search.chosen(n_best) or (Search(beams=1) if json else None)            # greedy, with its log p
    captioner = Captioner(run)
    pictures = [captioner.read(image) for image in images]
    for image, texts in zip(images, captioner.captions(pictures, chosen)):
        if json:
            print_json({"image": str(image), "captions": [{"text": text.text, "log_p": text.log_p, "score": text.score} for text in texts]})
        else:
            for text in texts:
                print(text.text if len(images) == 1 else f"{image}\t{text.text}")


def show(run: Path, image: Text, caption: Text = "", /, *, out: Path, seed: Seed | None = None, title: str = "") -> None:
    """Draw where a run looks on a picture while it writes each word.

    Examples:

      tsuzuri caption show runs/shapes scene.png --out where.png
      tsuzuri caption show runs/shapes shapes:unseen --seed 3 --out where.svg
      tsuzuri caption show runs/shapes scene.png "a red circle" --out circle.png

    Parameters
    ----------
    run
        A run folder.
    image
        An image, or a set of scenes (shapes, digits, also with a split) of which one is drawn.
    caption
        A caption. [default: what the run itself says]
    out
        The picture to write; .png, .svg or .pdf.
    seed
        Which scene of a set. [default: 0]
    title
        A title of your own.
    """
    from tsuzuri.cli.drawing import drawn
    from tsuzuri.datasets.pictures import is_set, one_scene
    from tsuzuri.errors import ConfigError
    from tsuzuri.plots import caption_map
    from tsuzuri.writing.captions import Captioner
    if seed is not None and not is_set(image):
        raise ConfigError(f"--seed {seed} chooses a scene, and {image} is an image; leave it out, or name a set of scenes.")
    captioner = Captioner(run)
    picture = one_scene(image, seed or 0, captioner.pixels).picture if is_set(image) else captioner.read(image)
    seen = captioner.look(picture, caption)
    with drawn(out):
        caption_map(picture, seen.tokens, seen.weights, out, title=title, chosen=seen.hard)
    print(" ".join(seen.tokens[:-1]))


def scene(name: Text, /, *, out: Path, seed: Seed = 0, pixels: Whole = 32) -> None:
    """Write a generated scene as an image, and print what is true of it.

    Examples:

      tsuzuri caption scene shapes --seed 3 --out scene.png
      tsuzuri caption scene shapes:unseen --out new.png --pixels 256

    Parameters
    ----------
    name
        A set of scenes: shapes or digits; also with a split, train, valid or unseen. [default split: valid]
    out
        The image to write, .png.
    seed
        Which scene of the set.
    pixels
        Height and width of the image.
    """
    from tsuzuri.cli.output import note
    from tsuzuri.datasets.pictures import one_scene, write_picture
    made = one_scene(name, seed, pixels)
    write_picture(made.picture, out)
    note(f"written: {out}")
    for sentence in made.captions:
        print(sentence)
