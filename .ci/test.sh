#!/bin/sh
# Every test of the workspace: with nextest where it is installed, else with plain cargo.
set -eu
cd "$(dirname "$0")/.."

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast --config-file .ci/nextest.toml
    # nextest does not run documentation tests.
    cargo test --workspace --doc
else
    cargo test --workspace --no-fail-fast
fi
