# Two commands do everything on a fresh Debian or Ubuntu: `make run` and `make test`.
# Each line with `##` is the help of its target.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON_IN := .venv/bin/python
# the uv of the system, else the one that the set-up put into .venv
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
CHECKED := scripts installers

.PHONY: help setup setup-test run doctor demo test test-servers bench faults soak shots lint fmt types imports cov lock \
	lock-check sbom wheel stage briefcase-check deb deb-test docs clean icons translations

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make this machine ready: system packages, .venv, locked packages
	@scripts/bootstrap.sh run

setup-test:
	@scripts/bootstrap.sh test

run: setup ## Start Loom in the tray; without a display, headless (ARGS=... is passed on)
	@exec .venv/bin/loom $(ARGS)

doctor: setup ## Say what works on this machine, what does not, and what to do
	@.venv/bin/loom doctor

demo: setup-test ## Play the main journeys on a virtual screen; see build/demo
	@$(PYTHON_IN) -m tests.journeys.demo build/demo

test: setup-test ## Run every test, the journeys on a real screen too (ARGS=... is passed on)
	@LOOM_TEST_STRICT=$$($(PYTHON_IN) scripts/system_deps.py strict) $(PYTHON_IN) -m pytest $(ARGS)

test-servers: setup-test ## Ask litellm and llama.cpp, and a real model (LOOM_REAL_MODEL=...)
	@test -x build/servers/venv/bin/python || $(UV) venv -q --python $(PYTHON_IN) build/servers/venv
	@$(UV) pip install -q --python build/servers/venv/bin/python -r tests/servers/requirements.txt
	@$(PYTHON_IN) -m pytest -p no:cacheprovider tests/servers/real.py $(ARGS)

bench: setup-test ## Measure start, memory, bus and journal beside bare floors; see build
	@$(PYTHON_IN) -m tests.measures.bench build $(ARGS)

faults: setup-test ## Try every fault at length: kills, power cuts, full disks; see build
	@$(PYTHON_IN) -m tests.faults build/faults.json $(ARGS)

soak: setup-test ## Let twenty agents work for an hour (SOAK_MINUTES=N); see build/soak.json
	@$(PYTHON_IN) -m tests.faults.soak build/soak.json

shots: setup-test ## Take pictures of every window into build/shots
	@$(PYTHON_IN) -m tests.journeys.shots build/shots

lint: setup-test ## Check the style of the code
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

fmt: setup-test ## Format the code and repair what can be repaired safely
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

types: setup-test ## Check the types, strictly
	@.venv/bin/mypy && .venv/bin/mypy --explicit-package-bases $(CHECKED)

imports: setup-test ## Check who may import whom
	@.venv/bin/lint-imports

cov: setup-test ## Measure which lines the tests reach; report in build/coverage
	@mkdir -p build
	@COVERAGE_FILE=build/.coverage $(PYTHON_IN) -m coverage run --source=loom_desktop,app -m pytest -q
	@COVERAGE_FILE=build/.coverage $(PYTHON_IN) -m coverage html -q -d build/coverage
	@COVERAGE_FILE=build/.coverage $(PYTHON_IN) -m coverage report --skip-covered --sort=cover

lock: setup-test ## Lock the packages again and write the exports in requirements/
	@$(UV) lock && $(PYTHON_IN) scripts/exports.py write

lock-check: setup-test ## Check that uv.lock is current and requirements/ says the same
	@$(UV) lock --check && $(PYTHON_IN) scripts/exports.py check

sbom: wheel ## Write the parts list (CycloneDX) and SHA256SUMS beside the wheel
	@$(UV) export -q --frozen --no-dev --extra mcp --format cyclonedx1.5 -o dist/loom-desktop.cdx.json
	@cd dist && sha256sum -- *.whl *.json > SHA256SUMS && cat SHA256SUMS

wheel: setup-test ## Build the wheel into dist
	@$(UV) build -q --wheel -o dist && ls -l dist/*.whl

stage: setup-test ## Join pyproject.toml and briefcase.toml into build/briefcase
	@$(PYTHON_IN) installers/stage.py . build/briefcase

briefcase-check: stage ## Ask Briefcase whether it understands what was staged
	@$(UV) run -q --no-project --isolated --with 'briefcase>=0.4.7,<0.5' python installers/check_staged.py build/briefcase

deb: setup-test ## Build the Debian package into dist (PyInstaller, about two minutes)
	@$(UV) run --no-sync --with 'pyinstaller>=6.22,<7' python installers/linux/build_deb.py dist

deb-test: ## Try the Debian package in a fresh system (root, debootstrap)
	@installers/linux/smoke_chroot.sh dist/*.deb

docs: setup-test ## Write the pages of docs/ that the code knows best, and check the rest
	@$(PYTHON_IN) scripts/make_docs.py && $(PYTHON_IN) -m pytest -q tests/test_layout.py -k docs

icons: setup-test ## Draw the icons again
	@$(PYTHON_IN) scripts/make_icons.py

translations: setup-test ## Gather the words of the windows and compile their translations
	@.venv/bin/pyside6-lupdate -silent -locations none -no-obsolete -source-language en \
		app/*.py -ts resources/translations/loom_de.ts
	@.venv/bin/pyside6-lupdate -silent -locations none -no-obsolete -source-language en -pluralonly \
		app/*.py -ts resources/translations/loom_en.ts
	@for one in resources/translations/*.ts; do \
		.venv/bin/pyside6-lrelease -silent -fail-on-unfinished $$one || exit 1; done

clean: ## Remove what was built; .venv stays
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	@find loom_desktop app tests scripts installers -name __pycache__ -type d -exec rm -rf {} +
