# make setup   the environment in .venv, from the lock
# make demo    the main job on this machine's default engine
# make test    the tests
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# A machine with an NVIDIA driver gets the CUDA build of vLLM, any other the CPU build.
DEVICE ?= $(shell if [ -e /dev/nvidia0 ] || command -v nvidia-smi >/dev/null 2>&1; then echo gpu; else echo cpu; fi)
LOCK := pipeline/locks/$(DEVICE).txt
UV_VERSION := 0.13.9
STAMP := .venv/.tutelage-$(DEVICE)
DEMO ?= outputs/demo
# Test files beside one another, those that take longest first, in forks of one process that has imported
# them (tests/beside.py); by pytest-xdist, whose workers import everything each, where that is not Linux.
# One more than there are cores, because many wait for processes. True vLLM runs beside them, in a process
# of its own with one thread (tests/conftest.py).
CORES := $(shell getconf _NPROCESSORS_ONLN)
BESIDE := $(if $(filter Linux,$(shell uname)),--beside,--dist loadfile --no-loadscope-reorder -n)
# On a CPU in float32, in which a run can be repeated.
EXACT := $(if $(filter cpu,$(DEVICE)),--set vllm.dtype=float32)

.PHONY: help setup demo test test-fast test-others test-vllm chaos check replicate docs bench wheel lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## make .venv from the lock (done once)

# pip's find-links are passed on, so that a machine with local wheels uses them; without them the
# CPU build of torch comes from PyTorch's own index, because PyPI has only the CUDA build.
$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tutelage wants Python 3.11 or newer, got $$($(PYTHON) -V): make setup PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) 2>&1 | grep -v '^WARNING' || true
	@links="$$($(BIN)/python -m pip config list 2>/dev/null | sed -nE "s/^[^=]*find-links='?([^']*)'?/\1/p" | head -1)"; \
	 export UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-$$links}}"; \
	 torch=""; if [ $(DEVICE) = cpu ] && [ -z "$$UV_FIND_LINKS" ]; then torch="--torch-backend=cpu"; fi; \
	 echo "installing $$(grep -c '==' $(LOCK)) packages ($(DEVICE))" \
	 && $(BIN)/uv pip sync -q --python $(BIN)/python $$torch $(LOCK) \
	 && $(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## pull the small model and generate true dialogues into outputs/demo
	@$(BIN)/tutelage model pull
	@$(BIN)/tutelage generate starter --limit 96 --set student.temperature=0.3 $(EXACT) --out $(DEMO)
	@$(BIN)/tutelage show $(DEMO) --where "outcome.solved_turn = 2" --limit 2
	@$(BIN)/tutelage inspect $(DEMO)

# Byte code is kept even where the environment says otherwise: tests begin hundreds of processes.
test test-fast test-others test-vllm: export PYTHONDONTWRITEBYTECODE =

test: setup  ## all tests, true vLLM included
	@$(BIN)/tutelage model pull
	@$(MAKE) --no-print-directory -k -j 2 test-vllm test-others

test-others: setup
	@$(BIN)/python -m pytest $(BESIDE) $$(($(CORES) + 1)) -m "not vllm"

# What they print comes at their end, so that it does not mix with the others' progress.
test-vllm: setup
	@printed="$$($(BIN)/python -m pytest -m vllm 2>&1)"; status=$$?; echo "$$printed"; exit $$status

test-fast: setup  ## the tests that take less than 0.2 s each, 0.8 s with all parameters, without true vLLM
	@$(BIN)/python -m pytest $(BESIDE) $(CORES) -m "not slow and not vllm"

chaos: setup  ## the long form of the failure tests: kills, full disks, dead and lying servers
	@TUTELAGE_CHAOS=long $(BIN)/python -m pytest tests/chaos tests/derive

check: setup  ## format, lint, types, imports, prompts, documents
	@$(BIN)/ruff format --check -q pipeline tests
	@$(BIN)/ruff check -q pipeline tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/tutelage prompts lint
	@$(BIN)/python tests/documents.py --check

replicate: setup  ## the paper's claims in a toy world, into outputs/replicate
	@$(BIN)/tutelage replicate toy --out outputs/replicate

docs: setup  ## write schemas/README.md and pipeline/COMMANDS.md from the code
	@$(BIN)/python tests/documents.py

bench: setup  ## measure, side by side with rivals, into outputs/bench/bench.json
	@$(BIN)/python tests/benchmarks

wheel: setup  ## build the wheel and the sdist into dist/
	@$(BIN)/uv build -q --no-build-isolation --python $(BIN)/python -o dist
	@ls dist

lock: setup  ## resolve the locks anew
	@for device in cpu gpu; do \
	  overrides=""; if [ $$device = cpu ]; then overrides="--overrides pipeline/locks/cpu-overrides.txt"; fi; \
	  $(BIN)/uv pip compile -q pyproject.toml --group dev --extra $$device --extra train --extra reasoning \
	    --python-version 3.11 --constraints pipeline/locks/constraints.txt --no-header --no-annotate \
	    $$overrides -o pipeline/locks/$$device.txt || exit 1; done

clean:  ## remove the environment, builds and caches (runs in outputs/ stay)
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
