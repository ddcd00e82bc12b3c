# make demo    fuse and decompose the built-in sample case           make test        all tests that run in minutes
# make view    the page in a browser; ARGS="FIRST SECOND" for volumes of your own
# make test-panel  the panel, with Slicer's sources beside it (see below)
# make bench   speed against the reference implementation            make test-slow   the others
# make docs    the documentation as a site        make check   style, types, who imports whom
#         make test-one T=Testing/volumes/test_volume.py    make test-room ROOM=volumes
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SLICER_VENV ?= .venv-slicer
VIEWER_VENV ?= .venv-viewer
DOCS_VENV ?= .venv-docs
# PyTorch for the CPU is a tenth of the size; say TORCH=torch for the build with CUDA.
TORCH ?= torch
# So many tests at a time, each on one thread: threads that want a core which somebody else has wait very long. Tests of one file stay together.
JOBS ?= 2
PARALLEL := -n $(JOBS) --dist loadfile

.PHONY: demo view docs check test-one test-room test test-library test-slicer test-viewer test-panel test-slow bench campaign clean

demo: $(VENV)/.installed
	$(BIN)/fusioninn demo --out demo --overwrite
	@echo "See and do the same in a browser: make view"

# trame-slicer wants another slicer-core than the tests below: an environment of its own.
view: $(VIEWER_VENV)/.installed
	$(VIEWER_VENV)/bin/fusioninn view $(ARGS)

test: test-library test-slicer test-viewer

test-library test-slicer test-viewer test-panel: export OMP_NUM_THREADS = 1
test-library test-slicer test-viewer test-panel: export ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS = 1

test-library: $(VENV)/.tests
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

# Slicer's own MRML core, a wheel, in an environment of its own. Pictures need libx11-6 libegl1 libgl1-mesa-dri, or what your system calls them.
test-slicer: $(SLICER_VENV)/.installed
	$(SLICER_VENV)/bin/python -m pytest $(PARALLEL) -m "not slow" $(ARGS) Testing/mrml

# The page: server and views, and all of it in a browser where chromium is installed.
test-viewer: $(VIEWER_VENV)/.tests
	$(VIEWER_VENV)/bin/python -m pytest $(ARGS) Testing/viewer

# The real panel on stand-ins for Qt's PythonQt side. SLICER_SOURCE_DIR names a checkout of github.com/Slicer/Slicer, branch 5.12.
test-panel: $(SLICER_VENV)/.panel
	$(SLICER_VENV)/bin/python -m pytest $(PARALLEL) $(ARGS) Testing/panel

# One test or file in the library's environment, and all tests of one room.
test-one: $(VENV)/.tests
	$(BIN)/python -m pytest -q $(T)

test-room: $(VENV)/.tests
	$(BIN)/python -m pytest -q -m "not slow" Testing/$(ROOM)

check: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_files.py
	$(BIN)/python .ci/check_types.py

# The documentation as a site in site/; DOCS_VENV needs no torch. No -q: it hides warnings from --strict too, which then counts none.
docs: $(DOCS_VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict

test-slow: $(VENV)/.tests
	$(BIN)/python -m pytest -m slow $(ARGS)

bench: $(VENV)/.tests
	$(BIN)/python -m training bench $(ARGS)

# A thousand kills and ten thousand damaged inputs, counted; an hour or so. ARGS="--kills 100 --mutations 1000" for less.
campaign: $(VENV)/.tests
	$(BIN)/python Testing/campaign/run.py --out docs/reliability.md $(ARGS)

$(VENV)/.torch:
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 10), 'FusionINN needs Python 3.10 or newer: say make PYTHON=python3.12'"
	@echo "PyTorch comes now, once: some 0.7 GB on disk for the CPU, 5 GB and more with CUDA; a few minutes without a word."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --no-compile --upgrade pip
	$(BIN)/python -m pip install -qq --no-compile $(TORCH)
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	@echo "The other packages come now: some 0.8 GB on disk, a minute or two."
	$(BIN)/python -m pip install -qq --no-compile --editable .
	touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(BIN)/python -m pip install -qq --no-compile --editable ".[test,training]"
	touch $@

$(VENV)/.check: $(VENV)/.tests
	$(BIN)/python -m pip install -qq --no-compile --editable ".[check]"
	touch $@

# What is heavy first, by itself: of several environments this can be done at once, FusionINN itself cannot, which writes one egg-info.
$(SLICER_VENV)/.torch: Testing/mrml/requirements.txt
	$(PYTHON) -m venv $(SLICER_VENV)
	$(SLICER_VENV)/bin/python -m pip install -qq --no-compile --upgrade pip
	$(SLICER_VENV)/bin/python -m pip install -qq --no-compile $(TORCH)
	$(SLICER_VENV)/bin/python -m pip install -qq --no-compile -r Testing/mrml/requirements.txt
	touch $@

$(SLICER_VENV)/.installed: $(SLICER_VENV)/.torch pyproject.toml
	$(SLICER_VENV)/bin/python -m pip install -qq --no-compile --editable . -r Testing/mrml/requirements.txt
	touch $@

$(VIEWER_VENV)/.torch:
	$(PYTHON) -m venv $(VIEWER_VENV)
	$(VIEWER_VENV)/bin/python -m pip install -qq --no-compile --upgrade pip
	$(VIEWER_VENV)/bin/python -m pip install -qq --no-compile $(TORCH)
	touch $@

$(VIEWER_VENV)/.installed: $(VIEWER_VENV)/.torch pyproject.toml
	$(VIEWER_VENV)/bin/python -m pip install -qq --no-compile --editable ".[viewer]"
	touch $@

$(VIEWER_VENV)/.tests: $(VIEWER_VENV)/.installed Testing/viewer/requirements.txt
	$(VIEWER_VENV)/bin/python -m pip install -qq --no-compile -r Testing/viewer/requirements.txt
	touch $@

$(DOCS_VENV)/.installed: docs/requirements.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install -qq --no-compile --upgrade pip
	$(DOCS_VENV)/bin/python -m pip install -qq --no-compile -r docs/requirements.txt
	touch $@

$(SLICER_VENV)/.panel: $(SLICER_VENV)/.installed Testing/panel/requirements.txt
	$(SLICER_VENV)/bin/python -m pip install -qq --no-compile -r Testing/panel/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) $(SLICER_VENV) $(VIEWER_VENV) $(DOCS_VENV) demo site build *.egg-info
