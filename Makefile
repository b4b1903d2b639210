# The verbs of this repository. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR := $(CURDIR)/.demo
READY := $(VENV)/.ready
MLFLOW_DIR = $(abspath $(MONITORING_DAGSTER_HOME))/mlflow

export MONITORING_DAGSTER_HOME ?= $(HOME_DIR)
export MONITORING_DAGSTER_MONITORS ?= $(CURDIR)/monitors
export DAGSTER_HOME ?= $(MONITORING_DAGSTER_HOME)/dagster
export PYTHONWARNINGS ?= ignore
export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true

.DEFAULT_GOAL := help
.PHONY: help setup demo ui mlflow-ui test bench check format lock schema clean

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY) ## Install everything into .venv.

demo: $(READY) ## Watch a year of real flights: train, predict, monitor every day.
	@$(BIN)/python -m examples.flights --home $(MONITORING_DAGSTER_HOME)

ui: $(READY) ## Open Dagster on the demo's home.
	@mkdir -p $(DAGSTER_HOME)
	@test -f $(DAGSTER_HOME)/dagster.yaml || printf 'telemetry:\n  enabled: false\nnux:\n  enabled: false\n' > $(DAGSTER_HOME)/dagster.yaml
	@echo "Dagster: http://127.0.0.1:3000 (Ctrl-C stops it)"
	@$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

mlflow-ui: $(READY) ## Open MLflow on the demo's home: training runs, models, reports.
	@mkdir -p $(MLFLOW_DIR)/artifacts
	@echo "MLflow: http://127.0.0.1:5000 (Ctrl-C stops it)"
	@cd $(MLFLOW_DIR) && MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(CURDIR)/$(BIN)/mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
	  --backend-store-uri sqlite:///$(MLFLOW_DIR)/mlflow.db --artifacts-destination $(MLFLOW_DIR)/artifacts

test: $(READY) ## Run the tests.
	@$(BIN)/python -m pytest -n auto

bench: $(READY) ## Measure speed, memory and decisions beside the peers (about an hour).
	@$(BIN)/python -W ignore -m benchmarks

check: $(READY) ## Check format, lint, types and import directions.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright --level error
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(READY) ## Rewrite the code in the house style.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: $(READY) ## Write the JSON Schema of the monitors anew.
	@$(BIN)/python -c 'from pathlib import Path; from monitoring_dagster.monitors.schema import write_schema; write_schema(Path("monitors"))'

lock: $(READY) ## Resolve the dependencies anew into requirements.lock.
	@$(BIN)/uv pip compile pyproject.toml --upgrade --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements.lock

clean: ## Remove what the demo and the tools wrote.
	@rm -rf $(HOME_DIR) .bench .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
