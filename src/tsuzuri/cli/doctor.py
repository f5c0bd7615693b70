"""tsuzuri doctor: what this installation runs on."""
from typing import Annotated

from cyclopts import App, Parameter


def register(app: App) -> None:
    """Put the command into the command line."""
    app.command(doctor)


def doctor(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Print versions, threads, BLAS, compiled code and the data folder, with advice where something is slow.

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import note, print_json
    facts, advice = examine()
    if json:
        return print_json(facts | {"advice": advice})
    for name, value in facts.items():
        print(f"{name:<16} {value}")
    for line in advice:
        note(f"advice: {line}")


def examine() -> tuple[dict[str, str], list[str]]:
    """(facts by name, sentences about what could be better)."""
    import platform
    from importlib.metadata import version

    import numba
    import numpy as np
    from threadpoolctl import threadpool_info

    from tsuzuri.array import default_threads
    from tsuzuri.datasets import cache_folder
    from tsuzuri.kernels.compiled import blas
    from tsuzuri.kernels.compiled.product import PANEL_BYTES
    from tsuzuri.kernels.compiled.vector import cache_folder as code_folder
    from tsuzuri.kernels.updates import sum_of_squares
    sum_of_squares(np.ones(16, np.float32))                  # the first parallel loop starts the threading layer
    layer, advice = numba.threading_layer(), []
    if layer == "workqueue":
        advice.append("Numba found neither OpenMP nor TBB, so each parallel loop starts 0.1 ms late; "
                      "install libgomp (Debian: apt-get install libgomp1) or `pip install tbb`.")
    if not blas.available():
        advice.append("NumPy did not come with an OpenBLAS of 64-bit sizes, so NumPy multiplies with threads of its own; "
                      "the wheels on PyPI bring it.")
    facts = {"tsuzuri": version("tsuzuri"), "python": platform.python_version(), "machine": platform.platform(),
             "numpy": np.__version__, "numba": numba.__version__, "cores": str(default_threads()),
             "blas": ", ".join(f"{lib.get('internal_api')} {lib.get('version')} ({lib.get('architecture', 'unknown')})"
                               for lib in threadpool_info() if lib["user_api"] == "blas"),
             "threading layer": layer, "vector bytes": str(PANEL_BYTES // 2), "compiled code": code_folder(),
             "data sets": str(cache_folder())}
    return facts, advice
