"""What DATA means where pictures are described: a set of generated scenes with an optional split, or a folder of images.

    shapes, digits    train, valid, unseen (tsuzuri.datasets.made_scenes)
    a folder          with a file of captions, by default its captions.txt: an image's name, a tab, a caption in every line; an image
                      may stand in several lines.  train and valid, the second of every 20 images

Images are cut to a square around their middle and made smaller or larger, in three channels (red, green, blue).  They are read by
Pillow, which matplotlib brings.
"""
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tsuzuri.datasets.made_scenes import SETS, draw_scene, made_scenes
from tsuzuri.datasets.registry import DATASETS
from tsuzuri.datasets.scenes import Scene, sentences
from tsuzuri.datasets.sources import Splits, parse_source
from tsuzuri.errors import DataError, suggest
from tsuzuri.files import atomic_path
from tsuzuri.text.reading import read_lines

EVERY = 20
"""One of so many images of a folder is held out."""
CAPTIONS = "captions.txt"
LARGEST = 4096                                               # pixels of a scene, in each direction
HELD_OUT = 1000                                              # scenes of valid, and of unseen


class Pictured(NamedTuple):
    """A picture, bytes (pixels, pixels, channels), its captions, and the scene that it shows, where that is known."""

    name: str
    picture: np.ndarray
    captions: list[str]
    scene: Scene | None = None


Reader = Callable[[str | None, int], Iterator[Pictured]]
"""split, or None for all; pixels -> the pictures"""


class PictureSource(Splits):
    """Pictures with splits; ``pictures(split, pixels)`` can be called again and again.

    ``made``: the set of generated scenes, or "".
    """

    def __init__(self, name: str, read: Reader, splits: tuple[str, ...], channels: int, split: str | None = None, made: str = ""):
        super().__init__(name, splits, split)
        self._read, self.channels, self.made = read, channels, made

    def pictures(self, split: str | None = None, pixels: int = 32) -> Iterator[Pictured]:
        """The pictures one by one.  DataError: there is no such split; while reading: an image that cannot be read, with its place."""
        return self._read(self.part(split), pixels)


def open_pictures(data: str | os.PathLike, captions: str | os.PathLike = "", scenes: int = HELD_OUT) -> PictureSource:
    """The pictures that DATA names; ``captions`` is the file of them, of a folder; ``scenes`` is how many are made to be trained on.

    DataError: there is no such set, split or folder, or it is not pictures; a line of the captions that is none, or names no image.
    """
    data = os.fspath(data)
    name, split = parse_source(data)
    if name not in DATASETS:
        return _open_folder(Path(name), Path(captions) if captions else Path(name) / CAPTIONS)
    if name not in SETS:
        raise DataError(f"{name} is no set of pictures with captions; name one ({', '.join(SETS)}) or a folder of images")
    if captions:
        raise DataError(f"{name} is a data set, to which no file of captions ({captions}) belongs; leave that out, or write ./{name} for a folder")
    return PictureSource(name, partial(_made, name, scenes), DATASETS[name].parts, SETS[name].channels, split, name)


def made_set(data: str) -> str:
    """The set of generated scenes that DATA names, or ""."""
    name = data.partition(":")[0]
    return name if name in SETS else ""


def _made(name, scenes, split, pixels):
    for part in (split,) if split else DATASETS[name].parts:
        for k, (scene, seed) in enumerate(made_scenes(name, part, scenes if part == "train" else HELD_OUT)):
            yield Pictured(f"{name}:{part} {k}", draw_scene(name, part, scene, seed, pixels), sentences(scene), scene)


def _open_folder(folder, captions):
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name a folder of images, or a set ({', '.join(SETS)})")
    of_image = read_captions(folder, captions)

    def read(split, pixels):
        for k, (name, (line, texts)) in enumerate(of_image.items()):
            if split is None or (split == "valid") == (k % EVERY == 1):          # so that two are enough
                yield Pictured(name, read_picture(folder / name, pixels, where=f"{captions}:{line}: "), texts)
    return PictureSource(str(folder), read, ("train", "valid"), 3)


def read_captions(folder: Path, path: Path) -> dict[str, tuple[int, list[str]]]:
    """image -> the line that it first stands in, its captions.  DataError: a line that is no caption, or whose image is not there."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; write an image's name, a tab and a caption in every line, or name the file of the captions")
    found: dict[str, tuple[int, list[str]]] = {}
    for number, line in enumerate(read_lines(str(path)), 1):
        name, _, caption = (part.strip() for part in line.partition("\t"))
        if not line.strip():
            continue
        if not (name and caption):
            raise DataError(f'{path}:{number}: "{line.strip()[:40]}" is no caption; write an image\'s name, a tab and what is to be seen')
        if not (folder / name).is_file():
            raise DataError(f'{path}:{number}: the image "{name}" is not in {folder}; put it there, or take the line out')
        found.setdefault(name, (number, []))[1].append(caption)
    if not found:
        raise DataError(f"{path}: there are no captions; write an image's name, a tab and a caption in every line")
    return found


def read_picture(path: str | os.PathLike, pixels: int, channels: int = 3, where: str = "") -> np.ndarray:
    """An image as bytes (pixels, pixels, channels), 3 or 1.  DataError: it cannot be read; ``where`` it was named is said before."""
    from PIL import Image, ImageOps, UnidentifiedImageError
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB" if channels == 3 else "L")
            fitted = ImageOps.fit(upright, (pixels, pixels), Image.Resampling.BOX if min(image.size) > pixels else Image.Resampling.BICUBIC)
    except FileNotFoundError:
        raise DataError(f"{where}{path}: there is no such file; name an image") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        raise DataError(f"{where}{path}: cannot be read as an image{why}; give a PNG, JPEG or another that Pillow reads") from None
    return np.asarray(fitted, np.uint8).reshape(pixels, pixels, channels)


def write_picture(picture: np.ndarray, path: str | os.PathLike) -> None:
    """Bytes (H, W, 1 or 3) as an image in the format PNG."""
    from PIL import Image
    if Path(path).suffix.lower() != ".png":
        raise DataError(f'"{path}" is no name for a picture of a scene; let it end in .png')
    with atomic_path(path) as temporary:
        Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(temporary, "PNG")


def held_out_scenes(made: str, split: str = "valid") -> Iterator[Scene]:
    """The scenes of a split that is not trained on, as ``open_pictures`` draws them."""
    return (scene for scene, _ in made_scenes(made, split, HELD_OUT))


def is_set(name: str) -> bool:
    """Is it the name of a set of scenes, with a split or without?"""
    return name.partition(":")[0] in SETS


def one_scene(data: str, number: int, pixels: int) -> Pictured:
    """The scene of that number in a set's split (by default valid).  DataError: there is no such set, or no such size."""
    if not is_set(data):
        raise DataError(f'"{data}" is no set of scenes{suggest(data, SETS)}; there are {", ".join(SETS)}')
    if not 8 <= pixels <= LARGEST:
        raise DataError(f"a scene of {pixels} pixels cannot be drawn; give 8 to {LARGEST:,}")
    name, split = parse_source(data)
    split = split or "valid"
    scene, seed = next(islice(made_scenes(name, split, number + 1), number, None))
    return Pictured(f"{name}:{split} {number}", draw_scene(name, split, scene, seed, pixels), sentences(scene), scene)
