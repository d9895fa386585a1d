# SPDX-License-Identifier: MIT
# The two commands are `make run` and `make test`; each does all of its own set-up.
# tools/ sets a clone up, with the standard library only; all else is in the package espbench.

PYTHON ?= python3
ARGS ?=

# The installed make, not this one's flags, must decide how the firmware is built.
unexport MAKEFLAGS MFLAGS MAKELEVEL

bootstrap = @command -v $(PYTHON) >/dev/null || \
	{ echo "espbench: there is no $(PYTHON): apt-get install --no-install-recommends python3 python3-venv" >&2; exit 1; }; \
	$(PYTHON) tools/bootstrap

.PHONY: run test lint docs format setup lock clean distclean help

run: ## build the firmware, boot it, run the scenarios, show figures and a report
	$(bootstrap) run -- espbench run $(ARGS)

test: ## all tests: harness, host tests of C parts, scenarios on every board that is here
	$(bootstrap) test -- espbench run --all-boards --own-tests -- $(ARGS)

lint: ## ruff, mypy --strict, import-linter, clang-format
	$(bootstrap) lint -- python tools/lint.py

docs: ## the documentation's site, in build/docs/site; ARGS=--serve serves it
	$(bootstrap) lint -- python tools/build_docs.py $(ARGS)

format: ## put Python and C into shape
	$(bootstrap) lint -- python tools/lint.py --fix

setup: ## only the set-up: packages and virtual environment
	$(bootstrap) test

lock: ## update the requirements' locks
	$(bootstrap) run -- python tools/lock.py

clean: ## remove what was built (the virtual environment stays)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean ## remove the virtual environment, too
	rm -rf .venv harness/espbench.egg-info

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16
