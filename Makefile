# Everything starts from a fresh clone with Python 3.11 or newer and make:  make demo,  make test
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: demo test lint bench long clean

demo: $(VENV)/installed
	$(BIN)/tsuzuri demo

# A process a core, each with one thread for its matrix products: two threads of two processes would wait for each other.
test: $(VENV)/developing
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/developing
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/benching
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/sequence_length.py
	$(BIN)/python benchmarks/one_pool.py
	$(BIN)/python benchmarks/dtypes.py
	$(BIN)/python benchmarks/word_vectors.py
	$(BIN)/python benchmarks/awd_step.py
	$(BIN)/python benchmarks/transformer.py
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/seq2seq.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/trees.py
	$(BIN)/python benchmarks/captions.py
	$(BIN)/python benchmarks/series.py
	$(BIN)/python benchmarks/tagging.py

long: $(VENV)/developing
	$(BIN)/python -m pytest -m long

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/developing: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,ja]"
	@touch $@ $(VENV)/installed

$(VENV)/benching: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,ja,bench]"
	@touch $@ $(VENV)/developing $(VENV)/installed

clean:
	rm -rf $(VENV) dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
