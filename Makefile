# make demo    fuse and decompose the built-in sample case           make test        all tests that run in minutes
# make bench   speed against the reference implementation            make test-slow   the others
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# PyTorch for the CPU is a tenth of the size; say TORCH=torch for the build with CUDA.
TORCH ?= torch

.PHONY: demo test test-slow bench clean

demo: $(VENV)/.installed
	$(BIN)/fusioninn demo --out demo --overwrite

test: $(VENV)/.tests
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: $(VENV)/.tests
	$(BIN)/python -m pytest -m slow $(ARGS)

bench: $(VENV)/.tests
	$(BIN)/python -m training bench $(ARGS)

$(VENV)/.torch:
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 10), 'FusionINN needs Python 3.10 or newer: say make PYTHON=python3.12'"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[test,training]"
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
