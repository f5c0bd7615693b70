"""Trainings that are killed and gone on with, whatever it is that is trained."""
import os
import shutil

import pytest

from small_runs import litter, same
from tsuzuri import files
from tsuzuri.train.events import Finished, Stepped


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the package catches it."""


def stopped(train, run, steps: int) -> bool:
    """Train some steps and go, as a process that is killed; whether it had more to do."""
    events = train(type(run)(run.folder))
    for event in events:
        steps -= isinstance(event, Stepped)
        if steps < 1 or isinstance(event, Finished):
            break
    events.close()
    return not isinstance(event, Finished)


def check_resumes(train, whole, prepare, steps: int = 3, more: int = 4, least: int = 2) -> None:
    """A run that is stopped after some steps, over and over, ends with the bytes of the ``whole`` one.

    With a checkpoint at every step, and with one at the end of each epoch alone, behind which all is done again: there each
    attempt makes some ``more`` steps, or it would never come as far as an epoch.  ``prepare(name, save_every=...)`` gives a run.
    """
    for kind, save_every in (("steps", 0.0), ("epochs", 3600.0)):
        broken, stops, limit = prepare(kind, save_every=save_every), 0, steps
        while stopped(train, broken, limit):
            stops += 1
            limit += more if save_every else 0
        assert stops >= least
        same(whole.folder, broken.folder)


def check_every_write(train, whole, fresh, least: int, monkeypatch, same=same) -> None:
    """Killed before and after each rename that the training of ``fresh`` makes, at least ``least``, one after the other.

    Gone on with it is the ``same`` (folder, folder) as the ``whole`` one.
    """
    replace, count, kill_at = os.replace, 0, None

    def counting(source, target):
        nonlocal count
        count += 1
        if kill_at == (count, "before"):
            raise Killed
        replace(source, target)
        if kill_at == (count, "after"):
            raise Killed

    monkeypatch.setattr(files.os, "replace", counting)
    copy = fresh.folder.with_name("copy")
    for k in range(1, 30):
        for when in ("before", "after"):
            shutil.copytree(fresh.folder, copy)
            count, kill_at = 0, (k, when)
            try:
                list(train(type(fresh)(copy)))
                assert k > least
                return
            except Killed:
                kill_at = None
                list(train(type(fresh)(copy)))
            same(whole.folder, copy)
            assert litter(copy) == []
            shutil.rmtree(copy)
    pytest.fail("a training of some epochs makes fewer than 30 files")
