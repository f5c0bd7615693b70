"""A file is the old one or the new one, never a part of either."""
import os
import stat

import pytest

from tsuzuri.files import atomic_path, atomic_write, remove_leftovers


def test_the_new_content_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    atomic_write(path, "綴り")
    atomic_write(path, b"\x00new")
    assert path.read_bytes() == b"\x00new"
    assert os.listdir(path.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            assert path.read_text() == "old"
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_content_reaches_the_disk_before_the_name_does(tmp_path, monkeypatch):
    """fsync of the file, then rename, then fsync of the folder."""
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b)))
    atomic_write(tmp_path / "file.txt", "text")
    assert calls == ["file", "rename", "folder"]


def test_two_files_of_one_name_in_two_folders_do_not_meet(tmp_path):
    with atomic_path(tmp_path / "a" / "x") as first, atomic_path(tmp_path / "b" / "x") as second:
        first.write_text("1")
        second.write_text("2")
    assert (tmp_path / "a" / "x").read_text() + (tmp_path / "b" / "x").read_text() == "12"


def test_only_leftovers_are_removed(tmp_path):
    for name in (".x.12.tmp", ".tmpAbC", "x.tmp", "tmp", ".hidden"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path, tmp_path / "missing")
    assert sorted(os.listdir(tmp_path)) == [".hidden", "tmp", "x.tmp"]


def test_arrays_are_saved_right_readable_and_always_as_the_same_bytes(tmp_path):
    """The library alone makes private files, wrong numbers of what is not contiguous, and notes in any order."""
    import numpy as np

    from tsuzuri.train.checkpoint import load_arrays, save_arrays
    (tmp_path / "usual").touch()
    save_arrays(tmp_path / "a.safetensors", {"x": np.ones(3)})
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "usual").stat().st_mode
    part = np.arange(12.0).reshape(3, 4).T[::2]              # not contiguous: the library alone would write other numbers
    seen = set()
    for _ in range(8):                                       # notes of several entries, always in one order
        save_arrays(tmp_path / "b.safetensors", {"x": part}, {"epoch": 3, "step": 9, "loss": 0.1})
        seen.add((tmp_path / "b.safetensors").read_bytes())
    assert len(seen) == 1
    arrays, notes = load_arrays(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(arrays["x"], part)
    assert notes == {"epoch": 3, "step": 9, "loss": 0.1}
