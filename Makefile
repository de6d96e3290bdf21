# `make` alone prints what there is. Settings: PYTHON=python3.12, TORCH=cpu or cuda (docs/install.md).

# jsii, under the CDK, says in ten lines that Node 20 grows old.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20
.DEFAULT_GOAL := help
.PHONY: help demo test unit check page format bench model eval synth doctor app sandbox lift destroy lock wheel clean

# Parts of others.
.PHONY: python-check page-check page-tests page-ready

ENVIRONMENT := .venv/.ready
# The demo is content with less, unless it has sign-in.
DEMO := $(if $(or $(AUTH),$(wildcard $(ENVIRONMENT))),$(ENVIRONMENT),.venv/.ready-demo)
CDK := node_modules/.bin/cdk
SYNTHESIZERS := espeak-ng flite
UNITS := systemd-analyze=systemd
CACHES := redis-server
BROWSERS := chromium chromium-headless-shell firefox-esr WebKitWebDriver=webkit2gtk-driver Xvfb=xvfb

help: ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

demo: ## transcribe a sample, then serve the page; MODEL=tiny.en, ONCE=1 stops, AUTH=1 has sign-in
	@sh setup.sh page & $(MAKE) --no-print-directory $(DEMO); made=$$?; wait; exit $$made
	@.venv/bin/python -m $(if $(AUTH),local.demo_sign_in,local.demo)

unit: $(ENVIRONMENT) ## run the tests that take seconds: no browser, cloud, model or process
	@.venv/bin/pytest --unit

# What does not depend on each other is done at the same time.
AT_ONCE := $(MAKE) --no-print-directory --jobs=2

test: ## run every test; T=tests/hush or T=ui runs a part
	@$(AT_ONCE) $(ENVIRONMENT) page-ready
	@sh setup.sh webgpu
	@sh setup.sh packages $(SYNTHESIZERS) $(BROWSERS) $(UNITS) $(CACHES)
ifeq ($(T),)
	@$(AT_ONCE) --output-sync=target python-check page-check page-tests
else ifeq ($(T),ui)
	@npm --prefix ui test --silent
endif
ifneq ($(T),ui)
	@.venv/bin/pytest -n 2 --dist loadgroup $(T)
endif

check: ## style and types
	@$(AT_ONCE) --output-sync=target python-check page-check

python-check: $(ENVIRONMENT)
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

page-check:
	@sh setup.sh libraries all
	@npm --prefix ui run --silent check

page-tests: page-ready
	@npm --prefix ui test --silent

page-ready: $(CDK)
	@sh setup.sh libraries all
	@sh setup.sh page

page: ## build the web page into ui/dist
	@sh setup.sh page

format: $(ENVIRONMENT) ## mend the style
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
	@sh setup.sh libraries all
	@npm --prefix ui run --silent format

bench: $(ENVIRONMENT) page ## measure the figures of the README that take minutes
	@.venv/bin/python -m bench.mel
	@.venv/bin/python -m bench.wasm_mel
	@.venv/bin/python -m bench.vad

model: $(ENVIRONMENT) ## train the demo model; goes on where it stopped (hours)
	@.venv/bin/python -m models.train

eval: $(ENVIRONMENT) ## measure words: the demo model, or MODEL=base.en DATA=folder of recordings
	@.venv/bin/python -m models.evaluate $(if $(MODEL),--model $(MODEL)) $(if $(DATA),--data $(DATA))

synth: $(ENVIRONMENT) $(CDK) ## make the cloud's templates in cdk.out/
	@$(CDK) synth --quiet

doctor: $(ENVIRONMENT) ## say whether this AWS account and cloud.toml are ready (docs/deploy.md)
	@.venv/bin/python -m deploy doctor

app: $(ENVIRONMENT) $(CDK) ## deploy the pipeline, which deploys everything else
	@.venv/bin/python -m deploy app

sandbox: $(ENVIRONMENT) $(CDK) ## deploy the application straight from here, without a pipeline
	@.venv/bin/python -m deploy sandbox

lift: $(ENVIRONMENT) ## let the fleet cost as much again this month (docs/operations.md)
	@.venv/bin/python -m deploy lift

destroy: $(ENVIRONMENT) ## take everything down again, images too
	@.venv/bin/python -m deploy destroy

wheel: $(ENVIRONMENT) ## build the package into dist/
	@sh setup.sh page || true
	@.venv/bin/python -m build --wheel

lock: $(ENVIRONMENT) ## renew constraints.txt and all locks with the newest versions that fit
	@sh setup.sh lock

clean: ## remove what was built, the virtual environment too
	@rm -rf .venv build dist node_modules cdk.out ui/dist ui/node_modules ui/wasm/build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

$(CDK): package.json package-lock.json
	@sh setup.sh cdk
	@touch $@

$(ENVIRONMENT): pyproject.toml constraints.txt setup.sh
	@sh setup.sh environment all
	@touch $@

.venv/.ready-demo: pyproject.toml constraints.txt setup.sh
	@sh setup.sh environment demo
	@touch $@
