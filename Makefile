# `make` alone prints what there is. Settings: PYTHON=python3.12, TORCH=cpu or cuda (docs/install.md).

.DEFAULT_GOAL := help
.PHONY: help demo test check page format bench model eval lock wheel clean

ENVIRONMENT := .venv/.ready
SYNTHESIZERS := espeak-ng flite
BROWSERS := chromium firefox-esr WebKitWebDriver=webkit2gtk-driver Xvfb=xvfb

help: ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

demo: $(ENVIRONMENT) ## transcribe a sample through the service, then serve it; ONCE=1 stops after that
	@sh setup.sh page || true
	@.venv/bin/python -m service.demo

test: check page ## run every test
	@sh setup.sh packages $(SYNTHESIZERS) $(BROWSERS)
	@npm --prefix ui test --silent
	@.venv/bin/pytest -n 2

check: $(ENVIRONMENT) ## style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@sh setup.sh libraries
	@npm --prefix ui run --silent check

page: ## build the web page into ui/dist
	@sh setup.sh page

format: $(ENVIRONMENT) ## mend the style
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
	@sh setup.sh libraries
	@npm --prefix ui run --silent format

bench: $(ENVIRONMENT) page ## measure the figures of the README that take minutes
	@.venv/bin/python -m bench.mel
	@.venv/bin/python -m bench.wasm_mel
	@.venv/bin/python -m bench.vad

model: $(ENVIRONMENT) ## train the demo model; goes on where it stopped (hours)
	@.venv/bin/python -m models.train

eval: $(ENVIRONMENT) ## measure words and bytes: the demo model, or MODEL=base.en DATA=folder of recordings
	@.venv/bin/python -m models.evaluate $(if $(MODEL),--model $(MODEL)) $(if $(DATA),--data $(DATA))
	@.venv/bin/python -m bench.payload $(if $(MODEL),--model $(MODEL)) $(if $(DATA),--data $(DATA))

wheel: $(ENVIRONMENT) ## build the package into dist/
	@sh setup.sh page || true
	@.venv/bin/python -m build --wheel

lock: $(ENVIRONMENT) ## renew constraints.txt with the newest versions that fit
	@sh setup.sh lock

clean: ## remove what was built, the virtual environment too
	@rm -rf .venv build dist ui/dist ui/node_modules ui/wasm/build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

$(ENVIRONMENT): pyproject.toml constraints.txt setup.sh
	@sh setup.sh environment
	@touch $@
