//! Lessons at the moment a tool is used.
//!
//! Owns which lessons concern the files and the command at hand, and which tell the end of the failure
//! that was just seen. Must not show a lesson that needs a search to be found: what is told unasked
//! must be about exactly this.

use std::cmp::Reverse;

use cemem_core::paths::covers;
use cemem_core::store::SessionRef;
use cemem_core::{Lesson, LessonType, Store};
use cemem_ingest::extract::signs;

use super::Call;
use super::answer::Telling;
use super::reach::{Reach, Row};
use crate::command_error::CommandError;

/// Most lessons before a tool runs, and after it failed.
const LESSONS: usize = 3;
/// Most tokens.
const BUDGET: usize = 450;
/// Longest account of how a failure ended, in characters.
const MAX_ACCOUNT: usize = 1200;
/// Most rows that are looked up in the store.
const LOOKED_UP: usize = 24;

/// How much a lesson is about what is at hand; more is better.
type Nearness = u32;
const SAME_FILE: Nearness = 4;
const COMMAND: Nearness = 3;
const PATTERN: Nearness = 2;
const FOLDER: Nearness = 1;

pub(super) fn before(call: &Call<'_>, store: Store) -> Result<Option<String>, CommandError> {
    let Some(session) = call.session() else { return Ok(None) };
    let paths: Vec<String> = call.input.paths.iter().filter_map(|p| call.in_project(p)).collect();
    let families = signs::families(&call.input.command);
    if paths.is_empty() && families.is_empty() {
        return Ok(None);
    }
    let near = |row: &Row| {
        // Told when that failure is seen, see `after`.
        if row.signatures().next().is_some() {
            return None;
        }
        let by_path = row.paths().flat_map(|p| paths.iter().filter_map(|q| nearness(p, q)));
        let of = |command: &str| families.iter().any(|f| signs::is_of_family(f, command));
        let by_command = row.commands().any(of).then_some(COMMAND);
        by_path.chain(by_command).max()
    };
    let place = if paths.is_empty() { call.input.command.clone() } else { paths.join(" ") };
    tell(call, store, &session, near, place, |lesson| lesson)
}

pub(super) fn after(call: &Call<'_>, store: Store) -> Result<Option<String>, CommandError> {
    let Some(session) = call.session() else { return Ok(None) };
    let input = &call.input;
    let named = call.event.name.to_ascii_lowercase().ends_with("failure");
    // A pipe hides the exit status of what is in front of it: the output decides.
    let hidden = || signs::is_check(&input.command) && signs::shows_failure(&input.output);
    if !(input.failed || named || hidden()) {
        return Ok(None);
    }
    let shown = signs::of_output(&input.output);
    if shown.is_empty() {
        return Ok(None);
    }
    let near = |row: &Row| row.signatures().any(|s| shown.contains(s)).then_some(SAME_FILE);
    let place = format!("failure of {}", input.command);
    tell(call, store, &session, near, place, with_account)
}

/// Returns how much a lesson's path or pattern is about this file.
fn nearness(pattern: &str, path: &str) -> Option<Nearness> {
    let bare = pattern.trim_start_matches("./").trim_matches('/');
    // Of thousands, nearly none: a pattern without signs covers only what it is a piece of, or the
    // other way round.
    let may = bare.contains(['*', '?', '\\']) || path.contains(bare) || bare.contains(path);
    if !may || !covers(pattern, path) {
        return None;
    }
    let pattern = bare;
    Some(match () {
        () if pattern == path || path.ends_with(&format!("/{pattern}")) => SAME_FILE,
        // Everything under everything says nothing about this file.
        () if matches!(pattern, "**" | "*" | "**/*" | ".") => return None,
        () if pattern.contains(['*', '?']) => PATTERN,
        // The lesson is about a file in the folder that is touched, not about the folder.
        () if pattern.starts_with(path) => return None,
        () => FOLDER,
    })
}

fn tell(
    call: &Call<'_>,
    store: Store,
    session: &SessionRef,
    near: impl Fn(&Row) -> Option<Nearness>,
    place: String,
    told: impl Fn(Lesson) -> Lesson,
) -> Result<Option<String>, CommandError> {
    let reach = Reach::current(&call.home.index_dir(&call.project), &store)?;
    let mut rows: Vec<(Nearness, &Row)> =
        reach.rows().filter_map(|row| Some((near(row)?, row))).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let seen = store.seen_by(session)?;
    rows.retain(|(_, row)| !seen.contains(&row.id()));
    rows.sort_by(|(a, x), (b, y)| {
        b.cmp(a).then(y.value.total_cmp(&x.value)).then_with(|| x.id().cmp(&y.id()))
    });
    let mut lessons: Vec<(Nearness, Lesson)> = Vec::new();
    for (nearness, row) in rows.into_iter().take(LOOKED_UP) {
        let lesson = store.lesson(&row.id())?.filter(|lesson| lesson.status.is_recallable());
        lessons.extend(lesson.map(|lesson| (nearness, lesson)));
    }
    // Of what is equally near, what warns comes first.
    lessons.sort_by_key(|(nearness, lesson)| (Reverse(*nearness), Reverse(warns(lesson))));
    let lessons = lessons.into_iter().take(LESSONS).map(|(_, lesson)| told(lesson)).collect();
    Telling { lessons, budget: BUDGET, place, tail: "" }.answer(call, store)
}

fn warns(lesson: &Lesson) -> bool {
    use LessonType::{Constraint, Correction, Mistake};
    matches!(lesson.lesson_type, Constraint | Correction | Mistake)
}

/// Returns the lesson with how the failure ended where the reason stands: that is what is wanted now.
/// An account holds lines that tools printed, and those reach an agent only after a person has read them.
fn with_account(mut lesson: Lesson) -> Lesson {
    let why = lesson.why.take().unwrap_or_default();
    let body = lesson.body.as_deref().filter(|_| lesson.reviewed).unwrap_or_default();
    let account = format!("{why} {body}");
    lesson.why = Some(cemem_core::exchange::shorten(account.trim(), MAX_ACCOUNT))
        .filter(|text| !text.is_empty());
    lesson
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_the_file_itself_and_everything_is_nothing() {
        let path = "src/auth/token.rs";
        for (pattern, near) in [
            ("src/auth/token.rs", Some(SAME_FILE)),
            ("token.rs", Some(SAME_FILE)),
            ("src/**/*.rs", Some(PATTERN)),
            ("src/auth/", Some(FOLDER)),
            ("**", None),
            ("web/**", None),
            ("src/auth/token.rs/deeper", None),
        ] {
            assert_eq!(nearness(pattern, path), near, "{pattern}");
        }
    }
}
