PYTHON ?= python3
PORT ?= 8000
SIZE ?= 200K
TESTS ?= tests
TEST_GROUPS ?= record
WORKERS ?= logical

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
OLD := lead-events needs Python 3.11 or newer; name one with: make PYTHON=python3.13 …

.PHONY: run test check lint types imports drift fmt openapi migration bench lock clean
.DELETE_ON_ERROR:

run: .venv/run.stamp  ## serve on 127.0.0.1:$(PORT)
	@exec ./lead-events serve --upgrade --host 127.0.0.1 --port $(PORT)

# Tests start processes: what one of them compiled, the next need not.
test: export PYTHONDONTWRITEBYTECODE =
test: .venv/dev.stamp  ## every test, on SQLite and on a real PostgreSQL, on every core; WORKERS=0 for one process
	@exec $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses=8 --dist=worksteal --groups=$(TEST_GROUPS) $(TESTS)

check: types imports drift lint  ## lint, types, imports, drift; side by side with -j2

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev.stamp
	$(BIN)/mypy --strict src tests bench

imports: .venv/dev.stamp
	$(BIN)/lint-imports

drift: .venv/dev.stamp
	./lead-events openapi --check
	./lead-events docs --check

fmt: .venv/dev.stamp
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

openapi: .venv/run.stamp
	./lead-events openapi

migration: .venv/dev.stamp  ## make migration MESSAGE="add deliveries"
	$(BIN)/alembic revision -m "$(MESSAGE)"

bench: .venv/bench.stamp  ## every speed claim as a ratio, within ten minutes; SIZE=1M and SIZE=10M for long runs
	@exec $(BIN)/python -m bench --size $(SIZE) $(if $(MINUTES),--minutes $(MINUTES))

lock:  ## needs uv; keeps every pin that still fits
	uv pip compile pyproject.toml $(COMPILE) -o requirements.lock
	uv pip compile pyproject.toml $(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile $(COMPILE) --group bench -c requirements-dev.lock -o requirements-bench.lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

COMPILE := --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.venv/run.stamp: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("$(OLD)" if sys.version_info < (3, 11) else 0)'
	@echo "Making .venv from $< (once; a minute or two)"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) -r $<
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "lead_events.pth").write_text("$(CURDIR)/src\n")'
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Adding what tests and checks need from $<"
	@$(INSTALL) -r $<
	@touch $@

.venv/bench.stamp: requirements-bench.lock .venv/dev.stamp
	@echo "Adding what the benchmark compares with from $<"
	@$(INSTALL) -r $<
	@touch $@
