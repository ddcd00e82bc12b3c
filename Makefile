# make demo    fuse and decompose the built-in sample case           make test        all tests that run in minutes
# make test-panel  the panel, with Slicer's sources beside it (see below)
# make bench   speed against the reference implementation            make test-slow   the others
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SLICER_VENV ?= .venv-slicer
# PyTorch for the CPU is a tenth of the size; say TORCH=torch for the build with CUDA.
TORCH ?= torch

.PHONY: demo test test-library test-slicer test-panel test-slow bench clean

demo: $(VENV)/.installed
	$(BIN)/fusioninn demo --out demo --overwrite

test: test-library test-slicer

test-library: $(VENV)/.tests
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

# Slicer's own MRML core, a wheel, in an environment of its own. Pictures need libx11-6 libegl1 libgl1-mesa-dri, or what your system calls them.
test-slicer: $(SLICER_VENV)/.installed
	$(SLICER_VENV)/bin/python -m pytest -m "not slow" $(ARGS) Testing/mrml

# The real panel on stand-ins for Qt's PythonQt side. SLICER_SOURCE_DIR names a checkout of github.com/Slicer/Slicer, branch 5.12.
test-panel: $(SLICER_VENV)/.panel
	$(SLICER_VENV)/bin/python -m pytest $(ARGS) Testing/panel

test-slow: $(VENV)/.tests
	$(BIN)/python -m pytest -m slow $(ARGS)

bench: $(VENV)/.tests
	$(BIN)/python -m training bench $(ARGS)

$(VENV)/.torch:
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 10), 'FusionINN needs Python 3.10 or newer: say make PYTHON=python3.12'"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq $(TORCH)
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install -qq --editable .
	touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(BIN)/python -m pip install -qq --editable ".[test,training]"
	touch $@

$(SLICER_VENV)/.installed: Testing/mrml/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(SLICER_VENV)
	$(SLICER_VENV)/bin/python -m pip install -qq --upgrade pip
	$(SLICER_VENV)/bin/python -m pip install -qq $(TORCH)
	$(SLICER_VENV)/bin/python -m pip install -qq --editable . -r Testing/mrml/requirements.txt
	touch $@

$(SLICER_VENV)/.panel: $(SLICER_VENV)/.installed Testing/panel/requirements.txt
	$(SLICER_VENV)/bin/python -m pip install -qq -r Testing/panel/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) $(SLICER_VENV) demo build *.egg-info
