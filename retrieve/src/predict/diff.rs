//! Reading unified diffs.
//!
//! Owns [`Diff`]: which files change and which lines are new, from git, `diff -u` and what people paste.
//! Broken and cut-off diffs give what can be read of them. Must not judge, and must not read files.

use std::iter::Peekable;

/// Most places kept of one file: each new one is compared with those before it.
const MAX_HEADINGS: usize = 200;

/// A diff, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The files, in the diff's order.
    pub files: Vec<FileDiff>,
}

/// What changes in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// Its path after the change, before it where the file goes away; empty if the diff does not say.
    pub path: String,
    /// Its path before, where that was another one.
    pub was: Option<String>,
    /// New lines, without their marks.
    pub added: Vec<String>,
    /// How many lines go away.
    pub n_removed: usize,
    /// What git names as the place of each hunk: `fn rotate(`.
    pub headings: Vec<String>,
    /// Its content is no text.
    pub is_binary: bool,
}

/// Lines that are left of a hunk.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    old: u64,
    new: u64,
    /// Columns of marks: more than one in the diff of a merge.
    marks: usize,
}

impl Diff {
    /// Reads a diff; `None` if the text holds neither the head of a file nor a hunk. An empty text is an
    /// empty diff.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if !reader.content(line) {
                reader.head(line, &mut lines);
            }
        }
        let diff = Self { files: reader.files };
        (!diff.files.is_empty() || text.trim().is_empty()).then_some(diff)
    }
}

#[derive(Debug, Default)]
struct Reader {
    files: Vec<FileDiff>,
    left: Left,
    /// The last file has lines or a name of its own already: the next head is about another one.
    is_named: bool,
}

impl Reader {
    /// Takes a line of a hunk; returns whether it is one.
    fn content(&mut self, line: &str) -> bool {
        let Left { old, new, marks } = self.left;
        if old == 0 && new == 0 {
            return line.starts_with("\\ ");
        }
        let head = line.as_bytes();
        let head = &head[..marks.min(head.len())];
        if line.starts_with("\\ ") {
            return true;
        }
        // An empty line lost the space in front of it on its way through a mail or an editor.
        if !head.iter().all(|mark| matches!(mark, b'+' | b'-' | b' ')) {
            self.left = Left::default();
            return false;
        }
        let (plus, minus) = (head.contains(&b'+'), head.contains(&b'-'));
        self.left.new = if minus { new } else { new.saturating_sub(1) };
        self.left.old = if plus { old } else { old.saturating_sub(1) };
        if plus && !minus {
            let text = line.get(marks..).unwrap_or_default();
            self.file().added.push(text.to_owned());
        }
        if minus && !plus {
            self.file().n_removed += 1;
        }
        true
    }

    /// Takes a line between hunks.
    fn head<'a>(&mut self, line: &str, rest: &mut Peekable<impl Iterator<Item = &'a str>>) {
        if let Some(names) = line.strip_prefix("diff --git ") {
            self.start(same_name(names));
        } else if let Some(name) =
            line.strip_prefix("diff --cc ").or_else(|| line.strip_prefix("diff --combined "))
        {
            self.start(unquoted(name));
        } else if let Some(old) = line.strip_prefix("--- ") {
            if let Some(new) = rest.next_if(|next| next.starts_with("+++ ")) {
                self.named(old, &new[4..]);
            }
        } else if let Some(name) = line.strip_prefix("rename from ") {
            self.file().was = Some(unquoted(name));
        } else if let Some(name) =
            line.strip_prefix("rename to ").or_else(|| line.strip_prefix("copy to "))
        {
            self.file().path = unquoted(name);
        } else if line == "GIT binary patch" {
            self.file().is_binary = true;
        } else if let Some(names) =
            line.strip_prefix("Binary files ").and_then(|names| names.strip_suffix(" differ"))
        {
            self.binary(names);
        } else if line.starts_with("@@") {
            self.hunk(line);
        }
    }

    /// Returns the file that lines belong to.
    fn file(&mut self) -> &mut FileDiff {
        if self.files.is_empty() {
            self.files.push(FileDiff::default());
        }
        let last = self.files.len() - 1;
        &mut self.files[last]
    }

    fn start(&mut self, path: String) {
        self.files.push(FileDiff { path, ..FileDiff::default() });
        self.is_named = false;
    }

    /// Takes the two names of a file.
    fn named(&mut self, old: &str, new: &str) {
        if self.is_named || self.files.is_empty() {
            self.start(String::new());
        }
        self.is_named = true;
        let (old, new) = (stripped(old), stripped(new));
        let file = self.file();
        let (path, was) = match (old, new) {
            (old, None) => (old, None),
            (Some(old), Some(new)) if old != new => (Some(new), Some(old)),
            (_, new) => (new, None),
        };
        file.path = path.unwrap_or_default();
        file.was = was.or(file.was.take());
    }

    fn binary(&mut self, names: &str) {
        let name = names.rsplit_once(" and ").map_or(names, |(old, new)| match new {
            "/dev/null" => old,
            new => new,
        });
        if self.files.last().is_none_or(|file| self.is_named || file.is_binary) {
            self.start(String::new());
        }
        let file = self.file();
        file.is_binary = true;
        if file.path.is_empty() {
            file.path = stripped(name).unwrap_or_default();
        }
        self.is_named = true;
    }

    /// `@@ -12,3 +14,5 @@ fn rotate(`; a column of marks for each parent of a merge.
    fn hunk(&mut self, line: &str) {
        let at = line.bytes().take_while(|b| *b == b'@').count();
        let fence = &line[..at];
        let Some((ranges, heading)) = line[at..].split_once(fence) else { return };
        let count = |range: &str| -> Option<u64> {
            let range = range.trim_start_matches(['-', '+']);
            range.split_once(',').map_or(Some(1), |(_, n)| n.parse().ok())
        };
        let ranges: Vec<&str> = ranges.split_whitespace().collect();
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return };
        let (Some(old), Some(new)) = (count(first), count(last)) else { return };
        let is_range = first.starts_with('-') && last.starts_with('+');
        if !is_range {
            return;
        }
        // How many lines of the other parents there are is not worth knowing: the new side ends it.
        let marks = at - 1;
        self.left = Left { old: if marks > 1 { 0 } else { old }, new, marks };
        let heading = heading.trim();
        let file = self.file();
        let has_room = !heading.is_empty() && file.headings.len() < MAX_HEADINGS;
        if has_room && !file.headings.iter().any(|known| known == heading) {
            file.headings.push(heading.to_owned());
        }
        self.is_named = true;
    }
}

/// Returns the name in `a/NAME b/NAME`, which may hold spaces; empty where they differ, because then
/// other lines say it.
fn same_name(names: &str) -> String {
    if names.starts_with('"') {
        return names.rsplit_once(" \"").map_or_else(String::new, |(_, new)| {
            stripped(&format!("\"{new}")).unwrap_or_default()
        });
    }
    let half = names.len() / 2;
    match (names.get(..half), names.get(half + 1..)) {
        (Some(old), Some(new)) if names.as_bytes()[half] == b' ' => {
            let (old, new) = (stripped(old), stripped(new));
            if old == new { new.unwrap_or_default() } else { String::new() }
        }
        _ => String::new(),
    }
}

/// Returns a name without the side's letter, a time stamp and quotes; `None` for no file.
fn stripped(name: &str) -> Option<String> {
    let name = unquoted(name);
    if name == "/dev/null" {
        return None;
    }
    let bare = match name.as_bytes() {
        [b'a' | b'b' | b'c' | b'i' | b'o' | b'w', b'/', _, ..] => &name[2..],
        _ => name.trim_start_matches("./"),
    };
    Some(bare.to_owned())
}

/// Returns a name without what follows a tab, and without git's quotes and escapes.
fn unquoted(name: &str) -> String {
    let name = name.split('\t').next().unwrap_or_default().trim_end();
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                while let Some(next) = bytes.next_if(|b| matches!(b, b'0'..=b'7')) {
                    value = value * 8 + u32::from(next - b'0');
                    if value > 0o37 {
                        break;
                    }
                }
                out.push(u8::try_from(value).unwrap_or(b'?'));
            }
            Some(b't' | b'n' | b'r') => out.push(b' '),
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<FileDiff> {
        Diff::read(text).expect("a diff").files
    }

    fn paths(text: &str) -> Vec<String> {
        read(text).into_iter().map(|f| f.path).collect()
    }

    const GIT: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n\
        @@ -1,3 +1,4 @@ fn rotate(\n one\n-two\n+zwei\n+--- a/no\n \n@@ -9 +10 @@ fn rotate(\n-x\n+y\n\\ No newline at end of file\n\
        diff --git a/docs/b c.md b/docs/b c.md\nnew file mode 100644\n--- /dev/null\n+++ b/docs/b c.md\n@@ -0,0 +1 @@\n+hello\n";

    #[test]
    fn files_lines_and_places_of_gits_diffs() {
        let files = read(GIT);
        assert_eq!(paths(GIT), ["src/a.rs", "docs/b c.md"]);
        assert_eq!(files[0].added, ["zwei", "--- a/no", "y"]);
        assert_eq!(files[0].headings, ["fn rotate("]);
        assert_eq!(files[1].added, ["hello"]);
    }

    #[test]
    fn names_that_only_the_head_says() {
        let moved = "diff --git a/x.rs b/y z.rs\nsimilarity index 100%\nrename from x.rs\nrename to y z.rs\n\
            diff --git a/old mode.sh b/old mode.sh\nold mode 100644\nnew mode 100755\n\
            diff --git \"a/\\303\\244.txt\" \"b/\\303\\244.txt\"\n--- \"a/\\303\\244.txt\"\n+++ \"b/\\303\\244.txt\"\n@@ -1 +1 @@\n-a\n+b\n\
            diff --git a/gone.rs b/gone.rs\ndeleted file mode 100644\n--- a/gone.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
        assert_eq!(paths(moved), ["y z.rs", "old mode.sh", "ä.txt", "gone.rs"]);
        assert_eq!(read(moved)[0].was.as_deref(), Some("x.rs"));
        let binary = "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n\
            diff --git a/j.png b/j.png\nGIT binary patch\nliteral 3\nKcmZ\n";
        let files = read(binary);
        assert_eq!(paths(binary), ["i.png", "j.png"]);
        assert!(files.iter().all(|f| f.is_binary && f.added.is_empty()));
    }

    #[test]
    fn diffs_of_other_programs_and_of_merges() {
        let plain = "--- src/a.c\t2026-01-01 10:00:00\n+++ src/a.c\t2026-01-02 10:00:00\n@@ -1 +1,2 @@\r\n a\r\n+b\r\n\
            --- src/b.c\t2026\n+++ src/b.c\t2026\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(paths(plain), ["src/a.c", "src/b.c"]);
        assert_eq!(read(plain)[0].added, ["b"]);
        let merge = "diff --cc m.rs\nindex 1,2..3\n--- a/m.rs\n+++ b/m.rs\n@@@ -1,2 -1,2 +1,3 @@@ mod m\n  same\n- ours\n -theirs\n++both\n +new\n";
        let files = read(merge);
        assert_eq!((files.len(), &files[0].added[..]), (1, &["both".to_owned(), "new".into()][..]));
        let hunk_only = "@@ -1,2 +1,2 @@\n a\n-b\n+c\n";
        assert_eq!(read(hunk_only)[0].added, ["c"]);
    }

    #[test]
    fn what_is_no_diff_and_what_is_cut_off() {
        assert_eq!(Diff::read(" \n"), Some(Diff::default()));
        for text in ["fix the bug", "---\ntitle: plan\n---\n- do it\n", "@@ what @@", "+++ a\n"] {
            assert_eq!(Diff::read(text), None, "{text}");
        }
        let cut = &GIT[..GIT.find("zwei").unwrap() + 4];
        assert_eq!(read(cut)[0].added, ["zwei"]);
        let two = "--- a/x\n+++ b/x\n@@ -1,50 +1,50 @@\n+a\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n+b\n";
        // A removed line may look like a head: only the counts tell, and these say it is a line.
        assert_eq!(paths(two), ["x"]);
        let huge = "@@ -1,99999999999999999999 +1,1 @@\n+a\n";
        assert_eq!(Diff::read(huge), None);
    }

    #[test]
    fn a_diff_of_hunks_only_takes_no_time() {
        let hunk = |n: usize| format!("@@ -{n} +{n} @@ fn f{n}(\n-a\n+b\n");
        let hunks: String = (1..100_000).map(hunk).collect();
        let files = read(&format!("--- a/x\n+++ b/x\n{hunks}"));
        assert_eq!((files[0].headings.len(), files[0].added.len()), (MAX_HEADINGS, 99_999));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s)(diff --git |--- |\\+\\+\\+ |@@ -1,2 \\+1,3 @@|@@@ -1 -1 \\+1 @@@|a/|\"|\\\\|\\+|-| |\n|ä|\t|\\PC){0,60}") {
            let _read = Diff::read(&text);
        }

        #[test]
        fn every_new_line_is_found(lines in proptest::collection::vec("[ -~]{0,20}", 1..20)) {
            let body: String = lines.iter().map(|l| format!("+{l}\n")).collect();
            let text = format!("--- a/f\n+++ b/f\n@@ -0,0 +1,{} @@\n{body}", lines.len());
            prop_assert_eq!(&read(&text)[0].added, &lines);
        }
    }
}
