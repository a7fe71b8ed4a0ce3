//! What the lines the program prints mean.
//!
//! Owns their wording. Must not see typed words.

/// One printed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// The program's version.
    Version(&'a str),
    /// Somebody pressed ^C.
    Stopped,
    /// The model has answered in full.
    Answered,
    /// A file was changed as the model proposed.
    Edited(&'a str),
    /// A shell command of the model's runs.
    Running(&'a str),
    /// A check runs whose complaints follow.
    Checking(&'a str),
    /// The model's edit could not be applied; the reasons follow.
    Misfit(&'a str),
    /// A commit was taken back; its hash.
    Undone(&'a str),
    /// A command's output goes to the model.
    Passed,
    /// A question was answered.
    Asked {
        /// The question, without its choices.
        question: &'a str,
        /// Whether the answer was no.
        no: bool,
    },
    /// Anything else.
    Other,
}

/// Returns what a printed line means.
pub(super) fn meaning(line: &str) -> Shown<'_> {
    let after = |start: &str| line.strip_prefix(start).map(str::trim).filter(|r| !r.is_empty());
    if let Some(version) = after("Aider v") {
        return Shown::Version(version);
    }
    if line.starts_with("^C ") {
        return Shown::Stopped;
    }
    if line.starts_with("Tokens: ") {
        return Shown::Answered;
    }
    if let Some(file) = after("Applied edit to ") {
        return Shown::Edited(file);
    }
    if let Some(command) = after("## Running: ") {
        return Shown::Checking(command);
    }
    if let Some(command) = after("Running ") {
        return Shown::Running(command);
    }
    if (line.starts_with("# ") && line.contains(" SEARCH/REPLACE block") && line.contains("failed"))
        || line.starts_with("The LLM did not conform to the edit format")
    {
        return Shown::Misfit(line);
    }
    if let Some(commit) = after("Removed: ") {
        return Shown::Undone(commit.split_whitespace().next().unwrap_or(commit));
    }
    if let Some(rest) = after("The above commit ")
        && let Some(commit) = rest.strip_suffix(" was reset and removed from git.")
    {
        return Shown::Undone(commit.trim());
    }
    if line.starts_with("Added ") && line.ends_with(" of output to the chat.") {
        return Shown::Passed;
    }
    asked(line).unwrap_or(Shown::Other)
}

/// `Add them? y`, `Run shell command? (Y)es/(N)o/(D)on't ask again [Yes]: n`.
fn asked(line: &str) -> Option<Shown<'_>> {
    let at = line.rfind('?')?;
    let (question, rest) = (line[..at].trim(), line[at + 1..].trim());
    let answer = rest.rsplit_once(':').map_or(rest, |(_, answer)| answer).trim();
    let no = match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" | "a" | "all" => false,
        "n" | "no" | "s" | "skip" | "d" | "don't" => true,
        _ => return None,
    };
    (!question.is_empty()).then_some(Shown::Asked { question, no })
}

/// What the model wants to do where the program asks about it; `None` where the program asks for
/// itself.
pub(super) fn proposal(question: &str) -> Option<&'static str> {
    const WANTS: &[(&str, &str)] = &[
        ("Run shell command", "shell"),
        ("Edit the files", "edit"),
        ("Allow edits to file", "edit"),
        ("Allow creation of new file", "create"),
        ("Create new file", "create"),
        ("Attempt to fix lint errors", "fix"),
        ("Attempt to fix test errors", "fix"),
        ("Add file to the chat", "add"),
        ("Add these files to the chat", "add"),
    ];
    let found = WANTS.iter().find(|(start, _)| question.starts_with(start));
    found.map(|(_, name)| *name)
}

/// Returns the file a question names: `Allow creation of new file src/a.rs`.
pub(super) fn file_in(question: &str) -> Option<&str> {
    let starts = ["Allow creation of new file ", "Create new file "];
    starts.iter().find_map(|start| question.strip_prefix(start)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_age_are_understood() {
        let asked = |question, no| Shown::Asked { question, no };
        for (line, meant) in [
            ("Aider v0.48.2-dev", Shown::Version("0.48.2-dev")),
            ("^C KeyboardInterrupt", Shown::Stopped),
            ("^C again to exit", Shown::Stopped),
            ("Tokens: 5.1k sent, 201 received.", Shown::Answered),
            ("Applied edit to a/b.py", Shown::Edited("a/b.py")),
            ("## Running: flake8 a.py", Shown::Checking("flake8 a.py")),
            ("Running cargo test", Shown::Running("cargo test")),
            (
                "# 2 SEARCH/REPLACE blocks failed to match!",
                Shown::Misfit("# 2 SEARCH/REPLACE blocks failed to match!"),
            ),
            ("Removed: 0a25f61 style: x", Shown::Undone("0a25f61")),
            ("Added 12 lines of output to the chat.", Shown::Passed),
            ("Add them? y", asked("Add them", false)),
            ("Add the output to the chat? [y/n] (y): n", asked("Add the output to the chat", true)),
            ("Run shell command? (Y)es/(N)o/(D)on't ask again [Yes]: d", {
                asked("Run shell command", true)
            }),
            ("Commit before the chat proceeds [y/n/commit message]? Added a note.", Shown::Other),
            ("what?", Shown::Other),
            ("Commit 0a25f61 style: y", Shown::Other),
        ] {
            assert_eq!(meaning(line), meant, "{line}");
        }
    }
}
