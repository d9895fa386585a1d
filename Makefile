# SPDX-License-Identifier: MIT
# The main targets are `make run` and `make test`; each sets up what it needs. tools/ sets up a clone
# with the standard library only; everything else is in the package espbench.

PYTHON ?= python3
ARGS ?=
# A board other than lx60 needs Espressif's tools, which are installed after a question, or with YES=1.
BOARD ?=
YES ?=

# This make's flags must not affect the make that builds the firmware.
unexport MAKEFLAGS MFLAGS MAKELEVEL

bootstrap = @command -v $(PYTHON) >/dev/null || \
	{ echo "espbench: $(PYTHON) was not found: apt-get install --no-install-recommends python3 python3-venv" >&2; exit 1; }; \
	$(PYTHON) tools/bootstrap

.PHONY: run test lint docs format setup lock clean distclean help

run: ## build the firmware, boot it, run the scenarios, show figures and a report; BOARD=esp32, YES=1
ifneq ($(filter-out lx60,$(BOARD)),)
	$(bootstrap) run -- espbench setup --board $(BOARD) $(if $(YES),--yes)
endif
	$(bootstrap) run -- espbench run $(if $(BOARD),--board $(BOARD)) $(ARGS)

test: ## all tests: harness, host tests of C code, scenarios on every available board
	$(bootstrap) test -- espbench run --all-boards --own-tests -- $(ARGS)

lint: ## ruff, mypy --strict, import-linter, clang-format
	$(bootstrap) lint -- python tools/lint.py

docs: ## build the documentation in build/docs/site; ARGS=--serve serves it
	$(bootstrap) lint -- python tools/build_docs.py $(ARGS)

format: ## format Python and C
	$(bootstrap) lint -- python tools/lint.py --fix

setup: ## only set up packages and the virtual environment
	$(bootstrap) test

lock: ## update the requirements' lock files
	$(bootstrap) run -- python tools/lock.py

clean: ## remove build output (keeps the virtual environment)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean ## also remove the virtual environment
	rm -rf .venv harness/espbench.egg-info

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16
