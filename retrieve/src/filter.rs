//! Which lessons a filter lets through.
//!
//! Owns the meaning of [`Filter`](crate::query::Filter) over the columns of the index, and path patterns. Must not read the
//! store.

use std::collections::HashSet;

use cemem_core::LessonStatus;

use crate::lexical::snapshot::{LessonMeta, Snapshot};
use crate::lexical::writer::{LexicalError, stage_bits};
use crate::query::Filter;
use crate::vectors::key_of;

/// Returns the ordinals a filter lets through, ascending.
///
/// # Errors
/// When the index is damaged.
pub(crate) fn accepted(snapshot: &Snapshot, filter: &Filter) -> Result<Vec<u32>, LexicalError> {
    let exclude: HashSet<u64> = filter.exclude.iter().map(key_of).collect();
    let stages = stage_bits(&filter.stages);
    let columns = |lesson: &LessonMeta| {
        let meta = lesson.meta;
        let status = if meta.stale { LessonStatus::Stale } else { LessonStatus::Active };
        (filter.types.is_empty() || filter.types.iter().any(|&t| t as u8 == meta.kind))
            && (filter.statuses.is_empty() || filter.statuses.contains(&status))
            && (stages == 0 || meta.stages == 0 || meta.stages & stages != 0)
            && filter.since.is_none_or(|t| lesson.created >= t.0)
            && filter.until.is_none_or(|t| lesson.created <= t.0)
            && !exclude.contains(&lesson.key)
            && filter.among.as_ref().is_none_or(|ids| ids.has(lesson.key))
    };
    let mut out = Vec::with_capacity(snapshot.lessons.len());
    for (ordinal, meta) in (0_u32..).zip(&snapshot.lessons) {
        if columns(meta) && (filter.paths.is_empty() || applies(snapshot, ordinal, filter)?) {
            out.push(ordinal);
        }
    }
    Ok(out)
}

fn applies(snapshot: &Snapshot, ordinal: u32, filter: &Filter) -> Result<bool, LexicalError> {
    let paths = snapshot.paths(ordinal)?;
    Ok(paths.is_empty()
        || paths.iter().any(|pattern| filter.paths.iter().any(|path| covers(pattern, path))))
}

/// Returns whether a lesson's path or glob speaks about `path`: the same file, a folder above it, a
/// file below it, or a matching pattern (`*` within a name, `**` across folders).
#[must_use]
pub fn covers(pattern: &str, path: &str) -> bool {
    let trim = |s: &str| s.replace('\\', "/").trim_start_matches("./").trim_matches('/').to_owned();
    let (pattern, path) = (trim(pattern), trim(path));
    if pattern.is_empty() || path.is_empty() {
        return false;
    }
    if pattern.contains(['*', '?']) {
        return glob(pattern.as_bytes(), path.as_bytes());
    }
    let below = |folder: &str, file: &str| {
        file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let ends =
        |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('/'));
    below(&pattern, &path)
        || below(&path, &pattern)
        || ends(&path, &pattern)
        || ends(&pattern, &path)
}

/// Longest pattern that is looked at, in bytes; no path the system knows needs more.
const MAX_PATTERN: usize = 1024;

/// Matches in time of pattern × path, whatever the pattern: keeps the set of places in `path` that
/// the pattern so far can end at.
fn glob(pattern: &[u8], path: &[u8]) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    let mut ends = vec![false; path.len() + 1];
    ends[0] = true;
    let mut rest = pattern;
    while !rest.is_empty() && ends.contains(&true) {
        rest = match rest {
            [b'*', b'*', after @ ..] => {
                let first = ends.iter().position(|&end| end).unwrap_or(path.len());
                ends[first..].fill(true);
                after.strip_prefix(b"/").unwrap_or(after)
            }
            [b'*', after @ ..] => {
                for at in 0..path.len() {
                    ends[at + 1] |= ends[at] && path[at] != b'/';
                }
                after
            }
            [one, after @ ..] => {
                let fits = |b: u8| if *one == b'?' { b != b'/' } else { b == *one };
                for at in (0..path.len()).rev() {
                    ends[at + 1] = ends[at] && fits(path[at]);
                }
                ends[0] = false;
                after
            }
            [] => rest,
        };
    }
    ends[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_globs() {
        for (pattern, path) in [
            ("src/auth", "src/auth/token.rs"),
            ("src/auth/token.rs", "./src/auth"),
            ("token.rs", "src/auth/token.rs"),
            ("src/**/*.rs", "src/a/b/c.rs"),
            ("**/*.md", "README.md"),
            ("*.toml", "Cargo.toml"),
            ("src/**", "src/a/b"),
            ("**", "a"),
            ("s?c/*", "src/a"),
            ("a*b*c", "aXbYbc"),
        ] {
            assert!(covers(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("src/auth", "src/authority.rs"),
            ("*.toml", "a/Cargo.toml"),
            ("src", "lib"),
            ("", "a"),
            ("s?c/*", "s/c/a"),
            ("src/*", "src/a/b"),
            ("a*b*c", "aXbYb"),
        ] {
            assert!(!covers(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let path = "a/".repeat(100) + &"a".repeat(300);
        for pattern in ["**a".repeat(300) + "b", "*a".repeat(400) + "b", "*".repeat(900_000) + "b"]
        {
            let began = std::time::Instant::now();
            assert!(!covers(&pattern, &path));
            assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        }
    }
}
