"""The plan of the house as a test: who may import whom, what importing costs, and that every inner loop is a pair."""
import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tsuzuri
from tsuzuri.kernels import inner

ROOT = Path(tsuzuri.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ROOMS = [                                                    # from the ground up; one line is one floor
    ["errors"],
    ["files", "memory", "settings"],
    ["array"], ["shapes"], ["kernels"], ["sparse"], ["tensor"], ["ops"], ["nn"],
    ["optim", "schedules"],
    ["text"], ["datasets"], ["interop"], ["vectors"], ["models"], ["decode"],
    ["graph", "inside", "plots"],                            # pictures of a run are part of the run, so below train
    ["train"], ["writing"], ["measuring"], ["check", "gradcheck"], ["recipes"], ["api"], ["cli"], ["studio", "__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
UPWARD = {                                                   # inside a function, and why
    ("array", "kernels"),                                    # threads() tells the compiled loops how many there are
}
HEAVY = {"matplotlib", "numba", "llvmlite", "cupy", "torch", "rich", "tokenizers", "scipy", "sklearn", "umap",
         "usearch", "wn"}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """(module under tsuzuri, is it at the top of the file?) for each import in a file."""
    tree = ast.parse(path.read_text())
    package = ["tsuzuri", *path.relative_to(ROOT).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[:len(package) - node.level + 1] if node.level else []) or ""
            base = ".".join(filter(None, [base, node.module]))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((name.removeprefix("tsuzuri."), node in tree.body) for name in names if name.startswith("tsuzuri."))


def room(module):
    return module.split(".")[0]


def test_every_file_has_its_room():
    assert {room(module_name(path)) for path in FILES} - {""} <= LEVEL.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_from_below(path):
    own = room(module_name(path))
    if not own:                                              # tsuzuri/__init__.py is the face of everything
        return
    for name, top in imports(path):
        other = room(name)
        if other == own or other not in LEVEL:               # a name that __init__ itself defines, as __version__
            continue
        below = LEVEL[other] < LEVEL[own]
        assert below or (not top and (own, other) in UPWARD), f"{own} imports {name}"


def test_kernels_know_no_tensor_and_no_array_module_of_their_own():
    """A plain kernel asks ``module_of``; it may name NumPy only for scalars, dtypes and work that stays on the host."""
    for path in (ROOT / "kernels").glob("*.py"):
        assert not [name for name, _ in imports(path) if room(name) in ("tensor", "ops", "sparse")]


def fresh(code):
    """What a new process prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", ["tsuzuri", "tsuzuri.ops", "tsuzuri.nn"])
def test_importing_loads_nothing_heavy(module):
    loaded = fresh(f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))")
    assert not HEAVY & {name.split(".")[0] for name in loaded}


def test_importing_is_quick():
    """Best of five, on a machine that may be busy."""
    took = [fresh("import time; start = time.perf_counter(); import tsuzuri, json; "
                  "print(json.dumps(time.perf_counter() - start))") for _ in range(5)]
    assert min(took) < 0.25


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_unpickled_or_evaluated(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {*(alias.name.split(".")[0] for alias in node.names), getattr(node, "module", None)}
            assert not names & {"pickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "__import__")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def plain_loops():
    """name -> parameter names, for every function under @inner."""
    found = {}
    for path in (ROOT / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(getattr(d, "id", "") == "inner" for d in node.decorator_list):
                found[node.name] = module_name(path), [a.arg for a in node.args.args]
    return found


def test_the_table_lists_every_inner_loop():
    assert plain_loops().keys() == inner.TABLE.keys()


@pytest.mark.parametrize("name", inner.TABLE)
def test_an_inner_loop_is_a_pair(name):
    """A plain function marked @inner, and a compiled one that takes the same arguments under the same names."""
    where, parameters = plain_loops()[name]
    plain = getattr(importlib.import_module(f"tsuzuri.{where}"), name)
    twin = getattr(importlib.import_module(f"tsuzuri.kernels.compiled.{inner.TABLE[name]}"), name)
    assert list(inspect.signature(getattr(twin, "py_func", twin)).parameters) == parameters
    assert list(inspect.signature(plain.plain).parameters) == parameters
