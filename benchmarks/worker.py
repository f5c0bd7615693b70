"""A library in a process of its own, told over a pipe what to time: libraries take turns and never share a thread pool."""
import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path


class Worker:
    """The parent's end.  ``seconds`` of what returns nothing, ``ask`` for the answer of what returns one.

    ``module`` is the file that has the LIBRARIES, their SIZES, and WARM: a small one.
    """

    def __init__(self, library: str, size: str, cell: str = "lstm", steps: int = 0, module: str = "models"):
        self.process = subprocess.Popen([sys.executable, __file__, library, size, cell, str(steps), module], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, what: str, *arguments):
        """Do it and return its answer."""
        print(json.dumps([what, *arguments]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def seconds(self, what: str, *arguments) -> float:
        """How long ``what`` takes."""
        return self.ask(what, *arguments)

    def peak_megabytes(self) -> float:
        """The most memory that a step took, parameters and gradients included, over what the library takes idle."""
        return self.ask("peak")

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def _serve(library, size, cell, steps, module):
    from dataclasses import replace
    from importlib import import_module

    models = import_module(module)
    warm = models.LIBRARIES[library](models.WARM, cell)                       # loads and compiles what the library needs
    warm.step()
    del warm
    gc.collect()
    idle = _megabytes("VmRSS")
    _forget_peak()
    size = replace(models.SIZES[size], T=steps) if steps else models.SIZES[size]
    subject = models.LIBRARIES[library](size, cell)
    subject.step()
    subject.step()
    peak = _megabytes("VmHWM") - idle
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        if what == "peak":
            answer = peak
        else:
            start = time.perf_counter()
            answer = getattr(subject, what)(*arguments)
            answer = time.perf_counter() - start if answer is None else answer
        print(json.dumps(answer), flush=True)


def _megabytes(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    _serve(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5])
