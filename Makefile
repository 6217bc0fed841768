# Two commands: `make run` tunes on the built-in sample, `make test` runs every check. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

IMAGE ?= fashiontune-job
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' job/__init__.py)
REVISION := $(shell git rev-parse HEAD 2>/dev/null)

.PHONY: setup run test browser torture image image-test smoke lint manifests lock settings bench

setup: $(VENV)/.installed

# the lock holds the hash of every file, so what is installed is what was tested
$(VENV)/.installed: requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The sample catalogue on a machine without a GPU, in a few minutes; any FASHIONTUNE_ variable that is set wins.
run: setup
	FASHIONTUNE_N_TRIALS=$${FASHIONTUNE_N_TRIALS:-8} \
	FASHIONTUNE_N_INITIAL_TRIALS=$${FASHIONTUNE_N_INITIAL_TRIALS:-5} \
	FASHIONTUNE_EPOCHS=$${FASHIONTUNE_EPOCHS:-5} \
	FASHIONTUNE_BATCH_SIZE=$${FASHIONTUNE_BATCH_SIZE:-32} \
	FASHIONTUNE_IMAGE_HEIGHT=$${FASHIONTUNE_IMAGE_HEIGHT:-40} \
	FASHIONTUNE_IMAGE_WIDTH=$${FASHIONTUNE_IMAGE_WIDTH:-30} \
	FASHIONTUNE_LOG_FORMAT=$${FASHIONTUNE_LOG_FORMAT:-console} \
	$(BIN)/job

# One process per core, each with one thread: threads of several processes on the same cores wait for each other. Tests
# that train with two threads wait as jobs do, without spinning.
test: setup lint browser
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1000 $(BIN)/pytest -n auto --dist worksteal --durations=20

# The report is looked at in a real one.
browser:
	@command -v chromium google-chrome google-chrome-stable >/dev/null \
	  || { apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver; } \
	  || { echo "make test needs Chromium or Chrome: install it" >&2; exit 1; }

# Every named write killed at, a hundred random instants, failing storage, two jobs on one run, and whatever Ray can lose;
# three hours on two cores.
torture: setup
	$(BIN)/python -m tests.torture
	rm -rf build/raylets && mkdir -p build/raylets && $(BIN)/python -m tests.raylets all build/raylets

# BASE_IMAGE takes another place than nvidia/cuda, EXTRAS=ray adds Ray, BUILD_FLAGS are options of `docker build`.
image:
	docker build $(BUILD_FLAGS) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
	  $(if $(EXTRAS),--build-arg EXTRAS=$(EXTRAS)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag $(IMAGE) .

# The image as it is run: read-only, without rights, on S3, stopped, killed, as a Pod. Needs docker, or podman behind it.
image-test: setup
	$(BIN)/pytest tests/image --timeout 3600 --durations=10

# The shortest of these: with nothing set but a tiny size, and on S3.
smoke: setup
	$(BIN)/pytest tests/image/test_runs.py -k tunes --timeout 3600

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What Kubernetes, Docker and GitHub will read, held against their schemas and against what is known to go wrong. Needs
# no cluster. 1.32 and 1.36 are the ends of the versions that are meant. KubeRay's schema is not part of the project.
manifests: setup
	mkdir -p build/manifests
	set -e; for folder in k8s k8s/base k8s/overlays/*; do \
		$(BIN)/kubectl kustomize $$folder > build/manifests/$$(echo $$folder | tr / -).yaml; \
	done
	$(BIN)/python -m tests.rayjob > build/manifests/rayjob.yaml
	set -e; for version in 1.32 1.36; do \
		$(BIN)/kubernetes-validate --quiet --strict -k $$version k8s/job.yaml build/manifests/*.yaml; \
	done
	@if [ -f $(RAYJOB_SCHEMA) ]; then \
		$(BIN)/python -m tests.rayjob RayJob > build/rayjob.yaml \
		&& $(BIN)/check-jsonschema --schemafile $(RAYJOB_SCHEMA) build/rayjob.yaml; \
	else echo "$(RAYJOB_SCHEMA) is not here: k8s/rayjob.yaml was not held against the schema of KubeRay"; fi
	$(BIN)/hadolint Dockerfile
	$(BIN)/yamllint --strict k8s .github .yamllint.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --persona pedantic --collect all --strict-collection .github
RAYJOB_SCHEMA = ../shared/k8s/rayjob-v1.schema.json

# Pins every dependency for Linux on x86-64 and aarch64 and Python 3.11 to 3.13, with hashes and without an index.
lock:
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml -o requirements.lock $(LOCK_FLAGS)
	build/lock/bin/uv pip compile pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock $(LOCK_FLAGS)
	build/lock/bin/uv pip compile pyproject.toml --extra ray -c requirements-dev.lock -o requirements-ray.lock $(LOCK_FLAGS)
	echo awscli | build/lock/bin/uv pip compile - -o benchmarks/aws.lock $(LOCK_FLAGS)
LOCK_FLAGS = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# Everything that is measured, into benchmarks/RESULTS.md; needs the small Fashion Product Images as a zip, an hour, and
# a machine with nothing else to do. BENCH names some of them.
bench: setup
	$(BIN)/python -m benchmarks.run $(CATALOGUE) $(BENCH)
CATALOGUE ?= ../shared/data/fashion-product-images-small.zip

# The table in docs/settings.md, made from the settings' definition.
settings: setup
	$(BIN)/python -m job.settings_help
