#!/bin/sh
# Prints the rustup toolchain to build with, or nothing when rustup's own choice is right.
#
# rust-toolchain.toml pins one version. Where that version is not installed but a new enough one is,
# building with that one beats a download that a closed network refuses; everywhere else the pin rules.
set -eu
cd "$(dirname "$0")/.."

command -v rustup >/dev/null 2>&1 || exit 0   # no rustup: whatever cargo is on the PATH
[ -z "${RUSTUP_TOOLCHAIN:-}" ] || exit 0      # the caller has chosen

pin=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
installed=$(rustup toolchain list | sed 's/ .*//')

# newer_or_same A B: true when version A is at least version B.
newer_or_same() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        split(a, x, "."); split(b, y, ".")
        for (i = 1; i <= 3; i++) { if (x[i]+0 > y[i]+0) exit 0; if (x[i]+0 < y[i]+0) exit 1 }
        exit 0
    }'
}

for toolchain in $installed; do
    case $toolchain in "$pin"|"$pin"-*) exit 0 ;; esac
done
for toolchain in $installed; do
    case $toolchain in nightly*|beta*) continue ;; esac
    version=$(RUSTUP_TOOLCHAIN=$toolchain rustc --version 2>/dev/null | awk '{print $2}')
    if [ -n "$version" ] && newer_or_same "$version" "$pin"; then
        echo "rust $pin is pinned but not installed; building with $toolchain ($version)" >&2
        echo "$toolchain"
        exit 0
    fi
done
exit 0
