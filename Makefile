# The commands of this project; `make` alone lists them.
# The studio reads settings such as PORT from the environment and `.env`; make only passes on the
# environment, and never reads `.env`.

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
# More arguments for pytest, for example: make test ARGS="-k ledger -x"
ARGS ?=

# Python keeps what it has compiled, or each process of the tests would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test test-services test-readers lint format messages bench lock sbom audit clean

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

test: install-dev ## Run all tests; ARGS="-k ledger" for some of them
	@$(VENV_PYTHON) .ci/driver.py
	@chromium=$$($(VENV_PYTHON) .ci/chromium.py) && \
	    CHROMIUM="$$chromium" $(VENV_PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

test-services: install-dev ## Run the tests on PostgreSQL and Redis, except those in a browser
	$(VENV_PYTHON) .ci/services.py $(VENV_PYTHON) -m pytest -n auto --dist worksteal -m "not browser" $(ARGS)

test-readers: install-dev ## Let C2PA readers of others judge our images (needs Node.js, exiftool, a network)
	@command -v npm > /dev/null && command -v exiftool > /dev/null || { echo "Can't run: install Node.js and exiftool." >&2; exit 1; }
	@mkdir -p build/readers && cp tests/readers/package*.json tests/readers/read.mjs build/readers/
	npm install --ignore-scripts --no-audit --no-fund --prefix build/readers
	$(VENV_PYTHON) -m pytest tests/readers/check.py $(ARGS)

lint: install-dev ## Check style, types, templates, layers and migrations
	@$(MAKE) --no-print-directory -j 2 types others

.PHONY: types others
types:
	$(VENV_PYTHON) -m mypy accounts generations seedream_site tests/bench tests/faults

others:
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --check --target-version 5.2
	$(VENV_PYTHON) .venv/bin/lint-imports
	$(VENV_PYTHON) manage.py makemigrations --check --dry-run

format: install-dev ## Format code and templates
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .
	find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --target-version 5.2

messages: install-dev ## Bring the translations up to date with the sources, and list what they lack
	@$(VENV_PYTHON) -m tests.languages

bench: install-dev ## Measure the studio on this machine; CONTRIBUTING.md names larger measurements
	$(VENV_PYTHON) -m tests.bench

# The packages of which `make lock` takes newer versions, separated by commas, or `all`. It always
# changes what pyproject.toml requires.
UPGRADE ?=
comma := ,
UPGRADES := $(if $(filter all,$(UPGRADE)),--upgrade,$(addprefix --upgrade-package ,$(subst $(comma), ,$(UPGRADE))))
UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADES) pyproject.toml

lock: ## Rewrite the lock files (needs uv); UPGRADE=django or UPGRADE=all takes newer versions
	@command -v uv > /dev/null || { echo "Can't lock: uv is missing. Install it (pip install uv)." >&2; exit 1; }
	$(UV_COMPILE) --output-file requirements.txt
	$(UV_COMPILE) --group dev --output-file requirements-dev.txt

sbom: install-dev ## List the packages that the studio runs on, as CycloneDX, in build/sbom.json
	@mkdir -p build
	.venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
	    --output-reproducible --output-format JSON --validate --output-file build/sbom.json requirements.txt

audit: install-dev ## Look for known vulnerabilities in the packages (asks a public database)
	.venv/bin/pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict
	.venv/bin/pip-audit --requirement requirements-dev.txt --require-hashes --disable-pip --strict

clean: ## Remove what make can restore; var/ and .env stay
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
