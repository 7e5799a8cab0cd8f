# make report: the main job; make test: every test; make docs: the pages of the claims. Each creates .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: report test lint bench docs
report: $(STAMP)
	$(BIN)/loopstab report --out report

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope --nbmake theory tests notebooks

lint: $(STAMP) $(VENV)/.lint
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

bench: $(STAMP)
	$(BIN)/python benchmarks/startup.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/loops.py --compile

docs: $(STAMP) $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs build/docs
	@echo "the pages: build/docs/index.html"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "loopstab needs Python 3.11 or newer; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test]'
	@touch $@

$(VENV)/.lint: $(STAMP)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[lint]'
	@touch $@

$(VENV)/.docs: $(STAMP)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@
