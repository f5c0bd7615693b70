"""The cache: fetched once, checked, whole or not at all; and an error that says what to put where."""
import hashlib
import os

import pytest

from tsuzuri.datasets import DATASETS, Dataset, cache_folder, dataset_lines, fetch, list_datasets
from tsuzuri.datasets.registry import File
from tsuzuri.errors import DataError

CONTENT = b"a tiny text\n"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache and a registry with one small data set."""
    tiny = Dataset("tiny", "a tiny text", "12 B", "public domain", fractions={"train": 0.9, "valid": 0.1},
                   files={"all": File("tiny/tiny.txt", SHA, "https://example.org/tiny.txt")})
    nowhere = Dataset("nowhere", "a text without address", "12 B", "public domain", fractions={"train": 1.0},
                      files={"all": File("nowhere.txt", SHA, None)})
    monkeypatch.setenv("TSUZURI_DATA", str(tmp_path / "cache"))
    known = {"tiny": tiny, "nowhere": nowhere}
    for module in ("cache", "registry", "sources"):
        monkeypatch.setattr(f"tsuzuri.datasets.{module}.DATASETS", known)
    return tmp_path / "cache"


class Server:
    """Stands in for pooch's downloader: writes or raises, and drives the progress bar."""

    def __init__(self, content=CONTENT, error=None):
        self.content, self.error, self.asked = content, error, []

    def __call__(self, progressbar=None, **options):
        assert options.get("verify", True) is True
        self.bar = progressbar
        return self.download

    def download(self, url, path, _):
        self.asked.append(url)
        with open(path, "wb") as handle:
            handle.write(self.content[:5])
            if self.error:
                raise self.error
            handle.write(self.content[5:])
        self.bar.total = len(self.content)
        self.bar.update(5)
        self.bar.reset()
        self.bar.update(len(self.content))
        self.bar.close()


@pytest.fixture
def serve(monkeypatch):
    def start(*args, **options):
        server = Server(*args, **options)
        monkeypatch.setattr("pooch.HTTPDownloader", server)
        return server
    return start


def files(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def test_a_missing_file_is_fetched_once(cache, serve, capsys):
    server = serve()
    path = cache / "tiny/tiny.txt"
    got = fetch("tiny")
    assert got.paths == got.downloaded == [path]
    assert path.read_bytes() == CONTENT
    assert got.licence == "tiny: a tiny text; licence: public domain"
    assert fetch("tiny").downloaded == []
    assert len(server.asked) == 1
    assert "tiny.txt" in capsys.readouterr().err
    assert files(cache) == ["tiny.txt"]


def test_the_lines_of_a_missing_data_set_are_fetched(cache, serve):
    serve()
    assert list(dataset_lines("tiny", "train")) == ["a tiny text"]


def test_without_network_the_error_says_what_to_put_where(cache, serve):
    import requests
    serve(error=requests.ConnectionError("no route"))
    with pytest.raises(DataError) as caught:
        fetch("tiny")
    for part in ("https://example.org/tiny.txt", "no route", f"put it at {cache / 'tiny/tiny.txt'}", SHA):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(cache) == []


def test_a_kill_while_downloading_leaves_no_file(cache, serve):
    serve(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        fetch("tiny")
    assert files(cache) == []


def test_a_download_with_another_checksum_is_not_kept(cache, serve):
    serve(b"a page that says sorry")
    with pytest.raises(DataError, match=hashlib.sha256(b"a page that says sorry").hexdigest()):
        fetch("tiny")
    assert files(cache) == []


def test_a_present_file_with_another_checksum_is_refused_on_use(cache, serve):
    server, path = serve(), cache / "tiny/tiny.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"changed")
    for use in (lambda: fetch("tiny"), lambda: dataset_lines("tiny", "train")):
        with pytest.raises(DataError) as caught:
            use()
        for part in (str(path), SHA, hashlib.sha256(b"changed").hexdigest()):
            assert part in str(caught.value)
    assert server.asked == []


def test_a_file_without_address_says_where_to_put_it(cache):
    with pytest.raises(DataError, match=rf"no address is known .*put it at {cache}/nowhere\.txt"):
        fetch("nowhere")
    cache.mkdir()
    (cache / "nowhere.txt").write_bytes(CONTENT)
    assert fetch("nowhere").downloaded == []


def test_a_file_is_hashed_once_until_it_changes(cache, serve, monkeypatch):
    serve()
    fetch("tiny")
    calls = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: calls.append(1) or real(*args))
    for _ in range(3):
        fetch("tiny")
    assert not calls
    os.utime(cache / "tiny/tiny.txt", (1, 1))
    fetch("tiny")
    assert len(calls) == 1


def test_an_unknown_name_is_suggested(cache):
    with pytest.raises(DataError, match=r'"tny" is not a data set .did you mean "tiny"'):
        fetch("tny")


def test_the_list_says_what_is_present(cache, serve):
    serve()
    fetch("tiny")
    assert [(row.name, row.present, row.splits) for row in list_datasets()] == [
        ("tiny", True, ("train", "valid")), ("nowhere", False, ("train",))]


def test_the_cache_is_the_users_when_nothing_is_named(monkeypatch):
    monkeypatch.delenv("TSUZURI_DATA", raising=False)
    assert cache_folder().name == "tsuzuri"


def test_every_address_is_https_and_every_checksum_is_whole():
    for dataset in DATASETS.values():
        for file in dataset.files.values():
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.url is None or file.url.startswith("https://")


@pytest.mark.parametrize("name", [name for name, dataset in DATASETS.items() if dataset.files])
def test_the_real_files_have_the_checksums_of_the_registry(name, data_dir):
    assert fetch(name).downloaded == []
