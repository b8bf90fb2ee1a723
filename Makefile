# The two commands a newcomer needs: `make demo` and `make test`. Each sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help audit setup setup-dev demo test test-all test-browser screenshots test-airflow fuzz check fix lock clean bench bench-run bench-gateway bench-demo bench-serving bench-request bench-judge bench-gate bench-rollout bench-train-images bench-ingest bench-queue manifests cluster-up cluster-test cluster-down images image-sizes bench-stream bench-console bench-drift bench-backup bench-alerts bench-watching chaos soak
export PYTHON
BIN := .venv/bin
# One more than cores: a third of the fast tests' time is spent waiting for a server or a deadline.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:           ## make .venv with everything that a laptop runs
	@scripts/setup.sh laptop

setup-dev:
	@scripts/setup.sh dev

demo: setup      ## watch a data set become a live model, and a bad version be rolled back
	@$(BIN)/kanarya demo

# Where the shell forbids bytecode, every worker and process would compile 800 files anew.
test test-all test-browser: export PYTHONDONTWRITEBYTECODE =

test: setup-dev  ## the fast tests (a minute on two cores)
	@$(BIN)/pytest -q -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not (thorough or kfp or e2e or browser or airflow or docker or cluster or slow)"

test-all: setup-dev  ## everything that this machine can run
	@$(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile -m "not (browser or docker or cluster or slow)"

test-browser: setup-dev  ## the console in a real browser (Chromium is installed where apt-get may)
	@scripts/chromium.sh
	@$(BIN)/pytest -q -m browser tests/browser

screenshots: setup-dev  ## docs/console/*.png anew, by the tests of every page
	@scripts/chromium.sh
	@KANARYA_SCREENSHOTS=1 $(BIN)/pytest -q --basetemp=/tmp/kanarya -m browser tests/browser/test_every_page.py

test-airflow: setup-dev  ## the DAG of manifests/airflow in a real Airflow, which gets an environment of its own
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-airflow
	@$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python -r requirements/airflow.txt
	@$(BIN)/pytest -q -m airflow tests/airflow

check: setup-dev ## formatting, lint, types, stale compiled pipelines, manifests, workflows
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/kanarya compile --check
	@$(BIN)/python -m scripts.manifests --check
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

audit: setup-dev  ## an SBOM of every lock, and the known holes of its packages (pip-audit)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-audit
	@$(BIN)/uv pip install --quiet --python .venv-audit/bin/python --require-hashes -r requirements/audit.txt
	@.venv-audit/bin/python -m scripts.supply_chain

fix: setup-dev   ## format, mend what the linter can, compile the pipelines
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	@$(BIN)/kanarya compile

manifests: setup-dev  ## render manifests/ anew (it needs kubectl 1.27 or kustomize 5)
	@$(BIN)/python -m scripts.manifests

lock: setup-dev  ## resolve requirements/*.txt anew
	@scripts/lock.sh

IMAGE_FLAGS ?=
images:          ## build the images for a cluster, tagged with the git commit (docker)
	@python3 -m scripts.images build $(IMAGE_FLAGS)

image-sizes:     ## what those images weigh
	@python3 -m scripts.images sizes

bench: bench-run bench-gateway bench-rollout bench-demo bench-serving bench-judge bench-gate bench-ingest bench-queue bench-stream bench-drift bench-backup bench-alerts bench-console bench-watching  ## every figure of docs/benchmarks.md

bench-run: setup
	@$(BIN)/python -m scripts.bench.run

bench-gateway: setup
	@$(BIN)/python -m scripts.bench.gateway

bench-demo: setup
	@$(BIN)/python -m scripts.bench.demo

bench-rollout: setup
	@$(BIN)/python -m scripts.bench.rollout

bench-ingest: setup
	@$(BIN)/python -m scripts.bench.ingest

bench-queue: setup
	@$(BIN)/python -m scripts.bench.queue

bench-stream: setup
	@$(BIN)/python -m scripts.bench.stream

bench-drift: setup
	@$(BIN)/python -m scripts.bench.drift

bench-watching: setup  ## what counting traffic, and keeping answers for labels, costs a request
	@$(BIN)/python -m scripts.bench.watching

bench-alerts: setup  ## a thousand alerts while whoever is told is down for a minute
	@$(BIN)/python -m scripts.bench.alerts

bench-backup: setup  ## a backup of 2 GB under load beside tar + zstd
	@$(BIN)/python -m scripts.bench.backup

bench-console: setup-dev
	@$(BIN)/python -m scripts.bench.console

bench-judge: setup
	@$(BIN)/python -m scripts.bench.judge

bench-gate: setup
	@$(BIN)/python -m scripts.bench.gate

bench-train-images: setup-dev  ## accuracy and minutes of the specs for CIFAR-10
	@$(BIN)/python -m scripts.bench.train_images

bench-serving: setup
	@$(BIN)/python -m scripts.bench.serving $(BENCH_ARGS)

bench-request: setup  ## where each microsecond of a prediction goes (MODEL=<model directory>)
	@$(BIN)/python -m scripts.bench.request "$(MODEL)"

cluster-up: setup-dev  ## a cluster of kind or minikube with KServe, Kubeflow Pipelines, MLflow
	@scripts/cluster.sh up

cluster-test: setup-dev  ## iris through to a promoted canary on that cluster
	@scripts/cluster.sh test

cluster-down:    ## take that cluster away
	@scripts/cluster.sh down

FUZZ_MINUTES ?= 10
fuzz: setup-dev  ## try bytes of all kinds on the decoders (FUZZ_MINUTES=10)
	@tests/fuzz/run.sh $(FUZZ_MINUTES)

chaos: setup-dev ## break everything that docs/chaos.md names, and look what is served, lost and told (root mounts small disks)
	@$(BIN)/pytest -q $$($(BIN)/python -m tests.e2e.chaos_table tests)

SOAK_MINUTES ?= 30
soak: setup-dev  ## runs and rollouts under traffic for SOAK_MINUTES=30: memory and open files stay flat
	@KANARYA_SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/pytest -q -s --timeout 0 tests/e2e/test_soak.py

clean:           ## remove the environment and caches (your .kanarya stays)
	@rm -rf .venv .venv-airflow .venv-audit .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -not -path "./.kanarya/*" -prune -exec rm -rf {} +
