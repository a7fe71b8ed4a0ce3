//! Paths in reports, made relative to the repository.
//!
//! Owns [`Roots`]: a report may name files absolutely, as `file:///` URIs, with back slashes or
//! percent signs. Must not open files.

use crate::source::FileInfo;

/// Folders that hold sources: a common prefix of paths is not cut past one.
const SOURCES: &[&str] = &[
    "src", "lib", "libs", "packages", "crates", "apps", "tests", "test", "cmd", "internal", "pkg",
    "docs", "scripts", "examples", "benches", "spec",
];

/// Folders that paths of a report are relative to.
#[derive(Debug, Clone, Default)]
pub(super) struct Roots(Vec<String>);

impl Roots {
    /// Returns the roots of a report: the repository it lies in, then what it declares.
    pub(super) fn of<'a>(file: &FileInfo, declared: impl IntoIterator<Item = &'a str>) -> Self {
        let mut roots = Self::default();
        if let Some(folder) = file.repository() {
            roots.add(&folder.to_string_lossy());
        }
        for folder in declared {
            roots.add(folder);
        }
        roots
    }

    /// Adds a root, unless it is no absolute folder.
    pub(super) fn add(&mut self, folder: &str) {
        let folder = plain(folder);
        let folder = folder.trim_end_matches('/');
        if is_absolute(folder) && folder.len() > 1 {
            self.0.push(format!("{folder}/"));
        }
    }

    /// Where no root holds a path, takes the folder that all absolute paths have in common for one
    /// (up to a folder of sources). One folder alone says nothing.
    pub(super) fn with_common<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut folders = paths
            .into_iter()
            .map(plain)
            .filter(|p| is_absolute(p) && !self.0.iter().any(|r| p.starts_with(r.as_str())))
            .map(|p| p.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()));
        let Some(first) = folders.next() else { return self };
        let mut common: Vec<&str> = first.split('/').collect();
        let mut several = false;
        for folder in folders {
            several |= folder != first;
            let same = common.iter().zip(folder.split('/')).take_while(|(a, b)| **a == *b).count();
            common.truncate(same);
        }
        if let Some(at) = common.iter().rposition(|c| SOURCES.contains(c)) {
            common.truncate(at);
            several = true;
        }
        if several && common.len() > 2 {
            let root = common.join("/");
            self.add(&root);
        }
        self
    }

    /// Returns a path as it is stored: relative to the repository where that is known, with `/`.
    pub(super) fn relative(&self, path: &str) -> String {
        let path = plain(path);
        for root in &self.0 {
            if let Some(rest) = path.strip_prefix(root.as_str()) {
                return rest.to_owned();
            }
        }
        let path = path.as_str();
        path.strip_prefix("./").unwrap_or(path).to_owned()
    }
}

/// Returns a path or URI with `/`, without the scheme of files and percent signs.
fn plain(path: &str) -> String {
    let Some(uri) = path.strip_prefix("file:") else {
        return decode(path).replace('\\', "/");
    };
    let uri = uri.strip_prefix("//").unwrap_or(uri);
    let uri = uri.strip_prefix("localhost").unwrap_or(uri);
    let uri = decode(uri);
    // `/C:/x` is `C:/x`.
    match uri.strip_prefix('/') {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => rest.to_owned(),
        _ => uri,
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.as_bytes().get(1..3) == Some(b":/")
}

/// Undoes percent encoding; what is no encoding stays.
fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[i], hex(i + 1), hex(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).expect("two hex digits are a byte"));
                i += 3;
            }
            (b, ..) => {
                out.push(b);
                i += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_absolute_paths_become_relative() {
        let roots = Roots::of(&FileInfo::default(), ["file:///home/u/my%20app/", "C:\\w\\app"]);
        assert_eq!(roots.relative("file:///home/u/my%20app/src/a.py"), "src/a.py");
        assert_eq!(roots.relative("/home/u/my app/src/a.py"), "src/a.py");
        assert_eq!(roots.relative("file:///C:/w/app/src/a.cs"), "src/a.cs");
        assert_eq!(roots.relative("C:\\w\\app\\src\\a.cs"), "src/a.cs");
        assert_eq!(roots.relative("./src/a.py"), "src/a.py");
        assert_eq!(roots.relative("src/100%.md"), "src/100%.md");
        assert_eq!(roots.relative("/elsewhere/a.py"), "/elsewhere/a.py");
    }

    #[test]
    fn the_common_folder_ends_before_the_sources() {
        let common = |paths: &[&str]| {
            let roots = Roots::default().with_common(paths.iter().copied());
            roots.relative(paths[0])
        };
        assert_eq!(
            common(&["/m/n/app/packages/a/x.ts", "/m/n/app/packages/b.ts"]),
            "packages/a/x.ts"
        );
        assert_eq!(common(&["/m/n/app/one/x.ts", "/m/n/app/two/x.ts"]), "one/x.ts");
        assert_eq!(common(&["/m/n/app/x.ts"]), "/m/n/app/x.ts", "one folder says nothing");
        assert_eq!(common(&["/a/x.ts", "/b/x.ts"]), "/a/x.ts");
        assert_eq!(common(&["a/x.ts", "b/x.ts"]), "a/x.ts");
    }

    #[test]
    fn the_repository_of_the_report_counts_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        let info = FileInfo {
            path: root.join("out/r.json").to_string_lossy().into_owned(),
            ..FileInfo::default()
        };
        let file = root.join("src/a.rs");
        assert_eq!(Roots::of(&info, []).relative(&file.to_string_lossy()), "src/a.rs");
    }
}
