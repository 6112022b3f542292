# A thin front for CMake: `make help` lists what there is. Everything is built in build/<preset>.
#
#   PREFIX=/usr/local  DESTDIR=   where `make install` puts things
#   JOBS=N                        parallel compilations and tests (all processors)
#   CMAKE_ARGS=                   more options: -DWSB_ALL_ENGINES=OFF builds Wasmtime only

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
RELEASE = build/release
# rustup's folder is on the path of login shells only.
export PATH := $(PATH):$(HOME)/.cargo/bin

CTEST = ctest --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help all build deps engines engines-all test demo bench check format fuzz-replay fuzz asan tsan \
    coverage consumer install clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that are missing
	@scripts/install-dependencies.sh

engines: deps ## Build the archives of Wasmtime and native/module (kept outside the clone)
	@scripts/build-rust.sh native/module >/dev/null
	@scripts/build-rust.sh engines/wasmtime >/dev/null

engines-all: engines ## The same for all engines: Wasmtime, Wasmer and Wasmi
	@scripts/build-rust.sh engines/wasmi >/dev/null
	@scripts/build-rust.sh engines/wasmer >/dev/null

all: build ## The same as build

build: deps ## Build all engines, library and command (optimised)
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) -DWSB_BUILD_TESTS=ON -DWSB_ALL_ENGINES=ON \
	    $(CMAKE_ARGS) --log-level=WARNING
	@cmake --build --preset release --parallel $(JOBS)

test: build ## Build and run all tests, on all engines
	@$(CTEST) --preset release

demo: deps ## Install what is missing, build, and show the sandbox on real input
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) --log-level=WARNING
	@cmake --build --preset release --parallel $(JOBS) --target wasm-sandbox wasm_sandbox wsb_engine_wasmtime
	@examples/demo/run.sh $(RELEASE)

bench: deps ## Benchmarks against the raw engine (builds it once more, with its WASI)
	@cmake --preset bench --log-level=WARNING
	@cmake --build --preset bench --parallel $(JOBS)
	@bench/run.sh build/bench

check: build ## Format, clang-tidy, layers, headers, sizes, words, exported symbols, docs
	@scripts/check.sh

format: ## Rewrite all C files with clang-format-19
	@scripts/check-format.sh --fix

fuzz-replay: build ## Run the fuzz targets over their committed seeds
	@$(CTEST) --preset release --label-regex fuzz-replay

fuzz: deps ## Fuzz each target for SECONDS (60) with libFuzzer
	@scripts/fuzz.sh $(or $(SECONDS),60)

asan: deps ## All tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/test-preset.sh asan-ubsan $(JOBS)

tsan: deps ## Tests on the fake engine under ThreadSanitizer
	@scripts/test-preset.sh tsan $(JOBS)

coverage: deps ## All tests, then lines reached, per file
	@scripts/test-preset.sh coverage $(JOBS)
	@scripts/coverage.sh build/coverage

consumer: build ## Install into a folder and build programs against it
	@scripts/check-install.sh $(RELEASE)

install: build ## Install under $(DESTDIR)$(PREFIX)
	@DESTDIR="$(DESTDIR)" cmake --install $(RELEASE)

clean: ## Remove all builds (not the cached engines)
	@rm -rf build
