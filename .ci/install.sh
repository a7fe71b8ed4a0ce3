#!/bin/sh
# Copies the release binary and the ONNX Runtime library below $PREFIX; --remove takes both away.
#   $PREFIX/bin/cemem
#   $PREFIX/lib/cemem/libonnxruntime.{so,dylib} and its licence texts
# Each file is copied aside and renamed, so a running cemem keeps the file it has open.
set -eu
cd "$(dirname "$0")/.."

prefix=${PREFIX:-$HOME/.local}
runtime=$(dirname "$(python3 .ci/onnxruntime.py --print 2>/dev/null || echo .cache/none/none)")
target=${CARGO_TARGET_DIR:-target}

put() { # put FILE FOLDER MODE
    mkdir -p "$2"
    name=$(basename "$1")
    cp "$1" "$2/.$name.new"
    chmod "$3" "$2/.$name.new"
    mv -f "$2/.$name.new" "$2/$name"
}

if [ "${1:-}" = "--remove" ]; then
    rm -f "$prefix/bin/cemem"
    rm -rf "$prefix/lib/cemem"
    echo "removed $prefix/bin/cemem and $prefix/lib/cemem"
    exit 0
fi

put "$target/release/cemem" "$prefix/bin" 755
echo "installed $prefix/bin/cemem"
if [ -f "$runtime/libonnxruntime.so" ] || [ -f "$runtime/libonnxruntime.dylib" ]; then
    for file in "$runtime"/*; do
        put "$file" "$prefix/lib/cemem" 644
    done
    echo "installed $prefix/lib/cemem (ONNX Runtime, for semantic recall)"
else
    echo "no ONNX Runtime was fetched: recall will be lexical; \`cemem doctor\` tells how to add it" >&2
fi
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "add it to your PATH:  export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
echo "next, in a project of yours:  cemem ingest"
