//! Paths and patterns of paths, as lessons name them.
//!
//! Owns what a pattern covers, and a path without dots. Must not look at the disk.

use std::path::{Component, Path, PathBuf};

/// Returns a path without `.` and `..`: what goes up and out again lies elsewhere.
#[must_use]
pub fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
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
                let Some(after) = after.strip_prefix(b"/") else {
                    ends[first..].fill(true);
                    rest = after;
                    continue;
                };
                // Whole folders, or none.
                (first..=path.len()).for_each(|at| ends[at] |= at == 0 || path[at - 1] == b'/');
                after
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
    fn a_way_up_and_out_leads_elsewhere() {
        for (path, plain) in
            [("/p/a/./b", "/p/a/b"), ("/p/../q/x", "/q/x"), ("/../x", "/x"), ("a/../../x", "x")]
        {
            assert_eq!(without_dots(Path::new(path)), Path::new(plain), "{path}");
        }
    }

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
            ("src/**/gen.rs", "src/gen.rs"),
            ("src/**/gen.rs", "src/a/b/gen.rs"),
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
            ("**/schema.rs", "src/db_schema.rs"),
            ("src/**/gen.rs", "src/regen.rs"),
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
