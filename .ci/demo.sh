#!/bin/sh
# The whole road on the invented sessions in corpus/: read them, see what was learned, find it again,
# and look at what CLAUDE.md would get. Everything happens in a temporary folder that is removed.
set -eu
cd "$(dirname "$0")/.."

checkout=$(pwd)
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$checkout/$target ;; esac
cemem=$target/release/cemem

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
export CEMEM_HOME="$scratch/home"
library=$(python3 .ci/onnxruntime.py --print 2>/dev/null || true)
[ -z "$library" ] || export CEMEM_ORT_DYLIB="$library"

project=$scratch/tidepool
cp -R corpus/data/project "$project"
cp -R corpus/data/sessions "$scratch/sessions"
if command -v git >/dev/null 2>&1; then
    git -C "$project" init -q
    git -C "$project" add -A
    git -C "$project" -c user.name=Mara -c user.email=mara@tidepool.example \
        -c commit.gpgsign=false commit -q -m "tidepool"
fi
cd "$project"

bold='' normal=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') normal=$(printf '\033[0m')
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$normal"; }
run() { # run ARGUMENT… : shows the command as one would type it, then runs it
    printf '\n$ cemem'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./=-]*) printf ' "%s"' "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$cemem" "$@"
}

say "1. Read eleven sessions (Claude Code, Codex, SpecStory) and three documents of a small project"
run ingest ../sessions docs/solutions

say "2. Ingest has consolidated what it found; a second pass has nothing to do"
run consolidate

say "3. Lessons that are sure enough are active, the rest waits for a decision"
run lessons list
run review --limit 5

say "4. Three questions an agent might ask; the third has no answer here, and cemem says so"
run recall --limit 3 "auth token bug"
run recall --limit 3 "install a chart library with npm"
run recall "kubernetes ingress certificate renewal" 2>&1 | tee "$scratch/third"
if ! grep -q "nothing relevant" "$scratch/third"; then
    echo "the demo expected no answer to the third question" >&2
    exit 1
fi

say "5. What CLAUDE.md would get: one managed block, nothing outside it"
run sync --dry-run

say "That was a copy in $scratch; nothing of yours was read or written. In a project of your own:"
cat <<'EOF'

  make install                      # puts cemem under ~/.local
  cd your-project
  cemem ingest                      # finds this project's Claude Code, Codex and SpecStory sessions
  cemem review                      # what waits for a decision
  cemem recall "what you are about to do"
  cemem sync --dry-run              # then `cemem sync` writes the block into CLAUDE.md
EOF
