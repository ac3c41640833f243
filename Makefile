# make demo      install what users install and run the demo
# make test      lint, types, schemas, every test, the coverage floor
# make ci        what CI runs: test + test-services
# make review-server  a Label Studio on this machine, to try `perceptdata review` with
# make reproduce the papers' headlines in miniature, ten and a half minutes; others by EXPERIMENT=rl ARGS='--seeds 0'
# make gpu-check what only a GPU can show: kernels, every method, time and memory; without one it says so
# Every target sets up what it needs; `make venv` alone prepares a checkout for development.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
MANIFESTS := pyproject.toml setup.py constraints.txt
TYPED := perceptdata builders annotators schemas tests/plugins/flashcards
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv demo lint types format schemas browser test test-services review-server ci bench reproduce gpu-check clean

help:
	@sed -n 's/^# \(make \)/\1/p' Makefile

# The stamps say which installation a virtual environment has had since the manifests last changed.
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
SERVICES := $(VENV)/.services
BENCH := $(VENV)/.bench

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "perceptdata needs Python 3.11 or newer, and '$(PYTHON)' is not; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(MANIFESTS) | $(BIN)/pip
	@echo "installing perceptdata into $(VENV)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

# --group came with pip 25.1, newer than the pip inside Python 3.11.
$(DEVELOPMENT): $(MANIFESTS) | $(BIN)/pip
	@echo "installing perceptdata with its test and lint tools into $(VENV)"
	@$(PIP) install -c constraints.txt 'pip>=25.1'
	@$(PIP) install -c constraints.txt -e '.[train,spacy,review]' --group test --group lint
	@touch $(RUNTIME) $@

# Small beside what tests need anyway, so not an environment of its own; Label Studio's server has one (tests/services).
$(SERVICES): $(DEVELOPMENT)
	@echo "installing the servers that tests/services talks to into $(VENV)"
	@$(PIP) install -c constraints.txt --group services
	@touch $@

$(BENCH): $(DEVELOPMENT)
	@echo "installing what benchmarks compare with into $(VENV)"
	@$(PIP) install -c constraints.txt --group bench
	@touch $@

# The server has an environment of its own, a gigabyte; LABEL_STUDIO_ENVIRONMENT moves it to where it can be kept.
LABEL_STUDIO_ENVIRONMENT ?= $(CURDIR)/.venv-label-studio
export LABEL_STUDIO_ENVIRONMENT
LABEL_STUDIO_PINS := tests/services/label_studio/requirements.txt
LABEL_STUDIO := $(LABEL_STUDIO_ENVIRONMENT)/.installed

$(LABEL_STUDIO): $(LABEL_STUDIO_PINS)
	@echo "installing Label Studio into $(LABEL_STUDIO_ENVIRONMENT)"
	@$(PYTHON) -m venv $(LABEL_STUDIO_ENVIRONMENT)
	@$(LABEL_STUDIO_ENVIRONMENT)/bin/python -m pip --disable-pip-version-check -qq install -r $(LABEL_STUDIO_PINS)
	@touch $@

venv: $(DEVELOPMENT)

demo: $(RUNTIME)
	$(BIN)/perceptdata demo

lint: types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m perceptdata.schemas --check

types: $(DEVELOPMENT)
	$(BIN)/mypy $(TYPED)

format: $(DEVELOPMENT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(DEVELOPMENT)
	$(BIN)/python -m perceptdata.schemas

# Pages are opened in a real Chromium. Without one, and without the right to install it, those tests skip and say so.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing chromium and chromium-driver"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends chromium chromium-driver >/dev/null; } </dev/null \
			|| echo "chromium could not be installed: the browser tests will skip"; \
	else echo "no chromium here: the browser tests will skip"; fi

# A process a core; a file's tests stay together, for they share what is dear to make.
test: lint browser
	rm -f .coverage .coverage.*
	$(BIN)/pytest -m "not services" -n auto --dist loadfile --cov --cov-report=term

test-services: $(SERVICES) $(LABEL_STUDIO) browser
	$(BIN)/pytest -m services tests/services

review-server: $(LABEL_STUDIO) $(DEVELOPMENT)
	@$(BIN)/python -m perceptdata.review.label_studio

ci: test test-services

bench: $(BENCH)
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python "$$file" || exit 1; done

EXPERIMENT ?= cpu
reproduce: $(DEVELOPMENT)
	@$(BIN)/python -m benchmarks.reproduce $(EXPERIMENT) --out reproduction $(ARGS)

gpu-check: $(BENCH)
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then \
		$(BIN)/pytest tests/kernels tests/trainer/test_gpu.py \
			&& $(BIN)/python benchmarks/kernels.py && $(BIN)/python benchmarks/train.py --gpu; \
	else echo "gpu-check: skipped, torch sees no CUDA GPU on this machine"; fi

clean:
	rm -rf build dist *.egg-info .coverage .coverage.* htmlcov .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
