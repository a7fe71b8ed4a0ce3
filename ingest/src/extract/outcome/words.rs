//! The words by which a rule's commands, demands and limits are read.
//!
//! Owns the tables. Must not hold anything learned from one project.

/// Programs whose plain name is no other English word.
pub(super) const TOOLS: &str = "npm npx pnpm yarn bun bunx pip pip3 uv poetry pipenv conda pytest ruff mypy flake8 \
    pylint eslint jest vitest tsc cargo rustup mvn gradle golangci-lint gofmt goimports \
    kubectl docker-compose psql sqlx grep rg sed awk curl wget mise asdf nvm";
/// Programs that are named with what they shall do.
pub(super) const WITH_TASK: &str = "git go make just docker terraform bundle rails dotnet gh node python python3 helm brew \
    nx turbo deno";
/// Words that follow a program's name and belong to it.
pub(super) const TASKS: &str = "install add ci run test build push commit rebase merge publish exec fmt check clippy \
    lint sync lock compose up down start reset stash checkout worktree clean nextest vet \
    generate format apply init update upgrade remove uninstall dlx bench doc tidy mod tool console dbconsole server migrate";
/// What programs take for their subcommands: `program:short=long`.
pub(super) const SHORT: &str = "rails:c=console rails:db=dbconsole rails:s=server rails:t=test npm:i=install npm:t=test \
    pnpm:i=install cargo:t=test cargo:b=build cargo:c=check cargo:r=run";
/// Words that may follow a command without changing what it is.
pub(super) const AFTER: &str = "and or nor for in to on here directly anymore again always everywhere instead command \
    commands please as via with so because since across from at by ever itself only inside \
    within not rather over but before throughout is than this";
/// Words after which a place or a purpose follows.
pub(super) const LIMITS: &str = "for in on inside within";
/// Places and purposes that are no limit.
pub(super) const NO_LIMIT: &str = "the a an this that our my all any every everything repo repository project codebase code \
    here package packages dependency dependencies now future case cases work these it us me \
    you";
/// Words that ask for what follows.
pub(super) const USE: &str = "use run prefer execute invoke call using running always";
/// Words that name the means to what was asked for before.
pub(super) const MEANS: &str = "with via through";
/// Words that forbid what follows.
pub(super) const NOT: &str = "not never no avoid don't dont stop cannot can't mustn't shouldn't";
/// Words that may stand between "don't use" and a command.
pub(super) const BETWEEN: &str = "the a plain bare raw ever to do just direct";
/// What a rule against a file forbids.
pub(super) const TOUCH: &str =
    "touch edit modify change alter overwrite rewrite editing modifying touching changing";
/// Subcommands that only ask a program about itself.
pub(super) const ASKING: &str = "--version -v -V version help --help -h view info show list ls why search whoami outdated \
    config root bin prefix";

/// Returns the subcommand that a program takes a short word for.
pub(super) fn in_full<'a>(program: &str, word: &'a str) -> &'a str {
    let long = SHORT.split_ascii_whitespace().find_map(|row| {
        let (name, rest) = row.split_once(':')?;
        let (short, long) = rest.split_once('=')?;
        (name == program && short == word).then_some(long)
    });
    long.unwrap_or(word)
}

/// Returns whether a table holds a word.
pub(super) fn has(table: &str, word: &str) -> bool {
    table.split_ascii_whitespace().any(|w| w == word)
}
