# Everything a person does with this project, by name. `make` alone lists it.
# Settings such as PORT are read from the environment and `.env` by the studio itself: make only
# hands them on, and never reads `.env`.

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
# More arguments for pytest, as in: make test ARGS="-k ledger -x"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test test-services lint format bench lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

install: python ## Prepare this folder: virtual environment, locked packages, var/, .env
	@"$(PYTHON)" seedream_site/install.py

install-dev: python
	@"$(PYTHON)" seedream_site/install.py --dev

.PHONY: python
python:
	@command -v "$(PYTHON)" > /dev/null || { echo "Can't install: $(PYTHON) is missing." \
	    "Install Python 3.11 or newer (Debian and Ubuntu: apt-get install python3 python3-venv)." >&2; exit 1; }

run: install ## Run the studio here (PORT=9000 for another port); Ctrl-C stops it
	@$(VENV_PYTHON) -m seedream_site.launch

test: install-dev ## Run the tests, those in a browser included
	@chromium=$$($(VENV_PYTHON) .ci/chromium.py) && \
	    CHROMIUM="$$chromium" $(VENV_PYTHON) -m pytest -n auto $(ARGS)

test-services: install-dev ## Run the tests on PostgreSQL and Redis
	$(VENV_PYTHON) .ci/services.py $(VENV_PYTHON) -m pytest -n auto -m "not browser" $(ARGS)

lint: install-dev ## Check style, types, templates, floors and migrations
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy accounts generations seedream_site
	find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --check --target-version 5.2
	$(VENV_PYTHON) .venv/bin/lint-imports
	$(VENV_PYTHON) manage.py makemigrations --check --dry-run

format: install-dev ## Put code and templates in shape
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .
	find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --target-version 5.2

bench: install-dev ## Measure the studio on this machine
	$(VENV_PYTHON) -m tests.bench

UV_COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml

lock: ## Choose the newest packages that pyproject.toml allows (needs uv)
	$(UV_COMPILE) -o requirements.txt
	$(UV_COMPILE) --group dev -o requirements-dev.txt

clean: ## Remove what can be made again; var/ and .env stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
