"""The cache of real data: files are fetched once, over checked TLS, and known by their sha256."""
import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tsuzuri.datasets.registry import DATASETS, Dataset, File
from tsuzuri.errors import DataError, suggest
from tsuzuri.files import atomic_path


class Fetched(NamedTuple):
    """The files of a data set, those that had to be downloaded now, and its licence note for the user."""
    paths: list[Path]
    downloaded: list[Path]
    licence: str


class Row(NamedTuple):
    """A line of ``tsuzuri data list``; present: it can be used without the network."""
    name: str
    what: str
    size: str
    licence: str
    splits: tuple[str, ...]
    present: bool


def cache_folder() -> Path:
    """``TSUZURI_DATA`` where it is set, else the user's cache folder."""
    if named := os.environ.get("TSUZURI_DATA"):
        return Path(named).expanduser()
    import pooch
    return Path(pooch.os_cache("tsuzuri"))


def fetch(name: str) -> Fetched:
    """Bring the files of a data set into the cache; those that are there are only checked.

    Progress goes to stderr.  DataError: unknown name; a file that has the wrong checksum; a download that
    failed, with the address and the place to put the file by hand.
    """
    dataset = find_dataset(name)
    paths = [cache_folder() / file.path for file in dataset.files.values()]
    missing = [path for path in paths if not path.is_file()]
    for split in dataset.files:
        fetch_file(dataset, split)
    return Fetched(paths, missing, f"{dataset.name}: {dataset.what}; licence: {dataset.licence}")


def fetch_file(dataset: Dataset, split: str) -> Path:
    """The path of one checked file of a data set, downloaded where it is missing.

    DataError: as for ``fetch``; the data set is pairs, which have no file of that name.
    """
    if dataset.kind == "pairs" and split not in dataset.files:
        raise DataError(f"{dataset.name} is pairs of texts, not a text; `tsuzuri seq2seq train {dataset.name}` learns from it")
    file = dataset.files[split]
    path = cache_folder() / file.path
    if not path.is_file():
        _download(dataset.name, file, path)
    stat = path.stat()
    found = _sha256(path, stat.st_mtime_ns, stat.st_size)
    if found != file.sha256:
        raise DataError(f"{path}: sha256 is {found}, but {dataset.name} has {file.sha256}; remove the file "
                        f"and run `tsuzuri data get {dataset.name}`, or put the right one there")
    return path


def find_dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise DataError(f'"{name}" is not a data set{suggest(name, DATASETS)}; '
                        f'there are {", ".join(DATASETS)}')
    return DATASETS[name]


def list_datasets() -> list[Row]:
    """A row for every data set, in the order of the registry."""
    cache = cache_folder()
    return [Row(d.name, d.what, d.size, d.licence, d.splits,
                present=all((cache / file.path).is_file() for file in d.files.values()))
            for d in DATASETS.values()]


@lru_cache
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    """The checksum of a file; with its time and size as arguments it is read again only when it changed."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _download(name: str, file: File, path: Path) -> None:
    place = f"put it at {path} (sha256 {file.sha256})"
    if file.url is None:
        raise DataError(f"{name}: the file is not in the cache and no address is known that holds these very "
                        f"bytes; {place}")
    try:
        with atomic_path(path) as temporary:
            _stream(file.url, temporary, path.name)
            found = _sha256(temporary, temporary.stat().st_mtime_ns, temporary.stat().st_size)
            if found != file.sha256:
                raise DataError(f"{name}: {file.url} gave a file with sha256 {found}; get the published one "
                                f"and {place}")
    except OSError as error:                                    # requests' errors are OSErrors
        raise DataError(f"{name}: {file.url} could not be downloaded ({_reason(error)}); get it on "
                        f"another way and {place}") from error


def _stream(url: str, path: Path, label: str) -> None:
    import pooch
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    columns = TextColumn("{task.description}"), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        pooch.HTTPDownloader(progressbar=_Bar(progress, label))(url, str(path), None)


class _Bar:
    """A rich progress bar in the shape that pooch drives (that of tqdm)."""

    def __init__(self, progress, label: str):
        self._progress, self._task = progress, progress.add_task(label, total=None)
        self.total = 0

    def update(self, size: int) -> None:
        self._progress.update(self._task, advance=size, total=self.total or None)

    def reset(self) -> None:                    # pooch, at the end, resets and reports the whole size at once
        self._progress.reset(self._task, total=self.total or None)

    def close(self) -> None:
        self._progress.stop()


def _reason(error: OSError) -> str:
    """The first line of the innermost cause: requests wraps "name not known" four times."""
    cause: BaseException = error
    while inner := (cause.__cause__ or cause.__context__):
        cause = inner
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).split("\n")[0]
