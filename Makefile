# Everything sets itself up: `make demo` and `make test` need Python 3.11 or later and nothing else.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
OUT := out
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: all setup demo docs lint format test test-peers test-long clean

all: lint

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/tnc check examples/vgg16.tn
	$(BIN)/tnc report examples/vgg16.tn --network conv512_attn1
	mkdir -p $(OUT)
	$(BIN)/tnc compile examples/vgg16.tn --network conv512_attn1 -b torch -o $(OUT)/conv512_torch.py
	$(BIN)/tnc compile examples/vgg16.tn --network conv512_attn1 -b jax -o $(OUT)/conv512_jax.py
	@echo; echo "--- the forward pass of $(OUT)/conv512_torch.py begins ---"
	@grep -n -A 30 'def forward' $(OUT)/conv512_torch.py
	@echo; echo "--- 64x16 weight of a digits classifier: dense, generated, frozen ---"
	$(BIN)/python examples/digits.py

# The site, in out/site; a warning is an error.
docs: setup
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs $(OUT)/site

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tests.markdown
	$(BIN)/python -m tests.phrases

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Three tiers, and every test is in one of them. Without a marker: minutes.
test: lint
	$(PYTEST) -m "not slow and not peers"

# Against heavy third parties: other libraries, several processes, compilers.
test-peers: setup
	$(PYTEST) -m "peers and not slow"

# Long profiles of both.
test-long: setup
	$(PYTEST) -m "slow"

clean:
	rm -rf $(OUT) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
