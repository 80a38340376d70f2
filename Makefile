# Ganglion. `make run` is all a newcomer needs; `make help` lists the rest.
#
#   make run                 the engine with a RabbitMQ of its own, until Ctrl-C
#   make run BROKER=no       HTTP alone
#   make run AMQP=amqp://…   with a RabbitMQ that is there already
#   make run ARGS='--http 127.0.0.1:9000 --segments 64'

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
BENCH  := .venv-bench
DATA   ?= data
BROKER ?= yes
AMQP   ?=
ARGS   ?=
TESTS  ?= tests
WORKERS ?= 2

export PYTHONPATH := $(CURDIR)
export BROKER

.DEFAULT_GOAL := help
.PHONY: help install servers run broker test test-long bench lint check-pykka clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## .venv from the lock; does nothing when it stands

# Built beside its place and stamped last, so that an interrupted install is begun anew, not believed.
$(VENV)/.installed: requirements.lock requirements-dev.lock house/install
	@PYTHON='$(PYTHON)' house/install $(VENV)

servers: ## rabbitmq-server from Debian when it is missing and we may; says so when we may not
	@house/servers '$(BROKER)' '$(AMQP)'

run: install ## the engine with a private RabbitMQ (BROKER=no, AMQP=url, ARGS=…), until Ctrl-C
	@house/servers '$(BROKER)' '$(AMQP)' || true
	@exec $(PY) run.py serve --data $(DATA) $(if $(AMQP),--amqp '$(AMQP)',$(if $(filter no,$(BROKER)),,--private-broker)) $(ARGS)

broker: install servers ## only the private RabbitMQ below data/broker, until Ctrl-C
	@exec $(PY) run.py broker --data $(DATA) $(ARGS)

test: install ## every suite but the long ones, on private servers (WORKERS=0: in this process, for a debugger)
	@house/servers '$(BROKER)' '' || true
	@$(PY) -m pytest -q -n $(WORKERS) --max-worker-restart 0 -m 'not long' $(TESTS) $(ARGS)

test-long: install ## the long ones: full crash runs, many worlds
	@house/servers '$(BROKER)' '' || true
	@$(PY) -m pytest -q -m long -o faulthandler_timeout=3600 $(TESTS) $(ARGS)

# The peers that we are compared with need packages that nothing else of ours needs.
$(BENCH)/.installed: requirements-bench.lock house/install
	@PYTHON='$(PYTHON)' house/install $(BENCH) requirements-bench.lock

bench: $(BENCH)/.installed ## Ganglion beside its peers and by itself, half an hour; kept in bench/results
	@house/servers '$(BROKER)' '' redis || true
	@$(BENCH)/bin/python -m bench $(ARGS)

lint: install ## ruff and pyright
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/pyright

check-pykka: install ## Pykka's own suite, from its released source, on our runtimes
	@house/check-pykka $(PY)

clean: ## caches and environments; data/ stays
	rm -rf $(VENV) $(BENCH) .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
