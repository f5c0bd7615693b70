"""A library in a process of its own, told over a pipe what to time: libraries take turns and never share a thread pool."""
import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path


class Worker:
    """The parent's end.  ``seconds(what, *arguments)`` runs it once and returns how long it took."""

    def __init__(self, library: str, size: str, cell: str = "lstm", steps: int = 0):
        self.process = subprocess.Popen([sys.executable, __file__, library, size, cell, str(steps)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def _ask(self, *request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def seconds(self, what: str, *arguments) -> float:
        """How long ``what`` takes."""
        return self._ask(what, *arguments)

    def peak_megabytes(self) -> float:
        """The most memory that a step took, parameters and gradients included, over what the library takes idle."""
        return self._ask("peak")

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def _serve(library, size, cell, steps):
    from dataclasses import replace

    from models import LIBRARIES, SIZES, Size
    warm = LIBRARIES[library](Size("warm", 10, 8, 1, 4, 8), cell)             # loads and compiles what the library needs
    warm.step()
    del warm
    gc.collect()
    idle = _megabytes("VmRSS")
    _forget_peak()
    size = replace(SIZES[size], T=steps) if steps else SIZES[size]
    subject = LIBRARIES[library](size, cell)
    subject.step()
    subject.step()
    peak = _megabytes("VmHWM") - idle
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        if what == "peak":
            answer = peak
        else:
            start = time.perf_counter()
            getattr(subject, what)(*arguments)
            answer = time.perf_counter() - start
        print(json.dumps(answer), flush=True)


def _megabytes(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    _serve(*sys.argv[1:4], int(sys.argv[4]))
