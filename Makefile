# `make demo` and `make test` are each enough on their own on a fresh checkout; `make help` lists all.
# Needs a Rust toolchain, Python 3 with pip, and the package registries.

PREFIX ?= $(HOME)/.local
PYTHON ?= python3

TOOLCHAIN := $(shell sh .ci/toolchain.sh)
ifneq ($(TOOLCHAIN),)
export RUSTUP_TOOLCHAIN := $(TOOLCHAIN)
endif

.PHONY: help demo test install uninstall build runtime bench fmt lint doc clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: build runtime ## build, then walk the whole road on the sessions in corpus/
	@sh .ci/demo.sh

test: runtime ## run every test of the workspace
	@sh .ci/test.sh

install: build runtime ## put the binary and what it needs under PREFIX (~/.local)
	@PREFIX="$(PREFIX)" sh .ci/install.sh

uninstall: ## remove what install put there; your memories stay
	@PREFIX="$(PREFIX)" sh .ci/install.sh --remove

build: ## build target/release/cemem
	@cargo build --release --locked -p cemem-cli

runtime: ## fetch the ONNX Runtime library (semantic recall); without it recall is lexical
	@$(PYTHON) .ci/onnxruntime.py >/dev/null || echo "going on without it" >&2

bench: runtime ## run the criterion benches
	cargo bench -p cemem-benches

fmt: ## format the code
	cargo fmt --all

lint: ## formatting, clippy and rustdoc, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

doc: ## build the API documentation into target/doc
	cargo doc --workspace --no-deps

clean: ## remove build output; the fetched runtime stays
	cargo clean
