"""Files that are never half written: a temporary name, fsync, rename."""
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends well and removed when it raises."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(path: str | os.PathLike, content: str | bytes) -> None:
    """Write ``content`` so that a reader, or a kill at any moment, sees the old file or the new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def held_alone(path: str | os.PathLike) -> Iterator[bool]:
    """Hold the file ``path`` against other processes; False where one holds it.  The system lets go when a holder dies.

    Where the system has no such locks (Windows), always True.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def remove_leftovers(*folders: Path) -> None:
    """Remove what a killed writer left in ``folders``: temporary files of ``atomic_path`` and of safetensors, and folders."""
    for folder in folders:
        for path in (*folder.glob(".*.tmp"), *folder.glob(".tmp*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Remove the temporary folders ``.NAME.PID.tmp`` beside ``path`` that processes left which are no more."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        pid = folder.name.split(".")[-2]
        if pid.isdigit() and not _runs(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    """Is there a process of that number?  Where the system cannot be asked (Windows), yes."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):                 # another user's; more digits than a number of a process has
        return True
    return True


def sync(path: str | os.PathLike) -> None:
    """Force a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
