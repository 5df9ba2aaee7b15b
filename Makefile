# `make help` lists the targets. Every target may be run again: what is done is not done twice.

# The interpreter for .venv; PYTHON=python3.12 make install takes another.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# What trains is heavy and brings opencv's GUI build: an environment of its own, never made by itself.
TRAIN_PYTHON ?= $(VENV)/train/bin/python
# Processes that share the tests. Many of them watch streams in real time, so no more than there are cores for.
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Stamps lie in the environment: without it there is nothing that they could tell.
DONE := $(VENV)/.done

RTSP_PACKAGES := gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good \
  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly python3-gi
# What WeasyPrint draws the weekly report as PDF with, and its Chinese letters.
PDF_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk
TEST_PACKAGES := mosquitto mosquitto-clients victoria-metrics influxdb postgresql chromium ffmpeg opencv-data opencv-doc openssl \
  poppler-utils $(PDF_PACKAGES) $(RTSP_PACKAGES)

.DEFAULT_GOAL := help
.PHONY: help install dev demo test check bench console trackers density accuracy chaos fuzz soak train-smoke wheel lock clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(DONE)/run ## .venv with all that hallwatch needs at run time

demo: $(DONE)/run $(DONE)/pdf-packages ## the whole of it on this machine; prints the address to open (DEMO="--source 0": your camera)
	@$(BIN)/hallwatch demo $(DEMO)

test: $(DONE)/dev $(DONE)/test-packages ## all tests; ARGS="tests/hall -k polygon" runs some; WORKERS=0: one after another
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DONE)/dev ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DONE)/run ## benchmarks; BENCH=--json for a program to read
	$(BIN)/hallwatch bench replay $(BENCH)

trackers: $(DONE)/run $(DONE)/peers ## our tracker beside ByteTrack and OC-SORT; HALLWATCH_DATA: the folder with mot/
	$(BIN)/python -m tests.benchmarks.bench_trackers --peers $(VENV)/peers/bin/python $(BENCH)

console: $(DONE)/dev $(DONE)/test-packages ## what the console costs a phone (interaction to next paint) and the centre (ten consoles open)
	$(BIN)/python -m tests.benchmarks.bench_console $(BENCH)

density: $(DONE)/run $(DONE)/peers ## cameras a box keeps up with, beside the loop that tutorials teach; about a quarter of an hour
	@scripts/apt-packages "make density" mosquitto $(RTSP_PACKAGES)
	$(BIN)/python -m tests.benchmarks.bench_density --peers $(VENV)/peers/bin/python $(BENCH)

accuracy: $(DONE)/run ## the box against rendered scenarios; ARGS="--seeds 1 --only restless" runs some, in build/accuracy
	$(BIN)/hallwatch accuracy $(ARGS)

chaos: $(DONE)/dev $(DONE)/test-packages ## box and centre killed, their servers stopped, full or hanging, a quarter of an hour; ARGS="--only box --seed 5"
	$(BIN)/python -m tests.benchmarks.bench_chaos $(ARGS)

fuzz: $(DONE)/dev ## ten minutes of bad bytes, messages and requests to the centre; ARGS="--minutes 1 --seed 7"
	$(BIN)/python -m tests.benchmarks.bench_fuzz $(ARGS)

soak: $(DONE)/dev $(DONE)/test-packages ## a box for 45 minutes with a fault a minute; ARGS="--minutes 10"
	$(BIN)/python -m tests.benchmarks.bench_soak $(ARGS)

train-smoke: ## train, export and evaluate for real, in a minute; TRAIN_PYTHON: an environment with the extra train
	@$(TRAIN_PYTHON) -c 'import onnx, ultralytics' || { echo "make: TRAIN_PYTHON=$(TRAIN_PYTHON) has no extra train:" \
	  "$(PYTHON) -m venv $(VENV)/train && $(VENV)/train/bin/pip install -e '.[edge,train]' (docs/models.md)" >&2; exit 1; }
	PYTHONPATH=. timeout 600 $(TRAIN_PYTHON) scripts/train_smoke.py

dev: $(DONE)/dev ## .venv with what tests and checks need, too

wheel: $(DONE)/run ## dist/hallwatch-VERSION-py3-none-any.whl
	@rm -rf dist
	$(BIN)/hatchling build --target wheel

lock: $(DONE)/dev ## resolve the requirements*.lock and docker/*.lock again; UPGRADE=1 takes newer versions
	$(BIN)/python scripts/lock.py

clean: ## remove .venv and what tools leave behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis dist build

$(DONE)/venv:
	@if [ -z "$(PYTHON)" ]; then echo "make: no python3 found: apt-get install python3 python3-venv" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"make: {sys.executable} is Python {sys.version.split()[0]}; hallwatch needs 3.11 or newer: make PYTHON=...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || scripts/apt-packages "make install" python3-venv
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/run: requirements.lock requirements-build.lock pyproject.toml | $(DONE)/venv
	$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DONE)/dev: requirements-dev.lock $(DONE)/run
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# They pull the GUI build of opencv, which may not stand beside our headless one: an environment of their own.
$(DONE)/peers: tests/benchmarks/peers.lock | $(DONE)/venv
	$(BIN)/python -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check --no-input --quiet install --require-hashes -r $<
	@touch $@

# Reports are HTML without them, so a machine on which nobody may install has its demo all the same.
$(DONE)/pdf-packages: Makefile scripts/apt-packages | $(DONE)/venv
	@scripts/apt-packages "make demo, for reports as PDF" $(PDF_PACKAGES) || true
	@touch $@

$(DONE)/test-packages: Makefile scripts/apt-packages | $(DONE)/venv
	@scripts/apt-packages "make test" $(TEST_PACKAGES)
	@touch $@
