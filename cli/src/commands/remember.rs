//! `cemem remember`: a person's own words become an active lesson, durably, at once; an agent's too, with
//! less trust.
//!
//! Opens the store only: the index catches up on the next recall.

use cemem_core::exchange::shorten;
use cemem_core::lesson::{
    AppliesWhen, Evidence, Lesson, LessonStatus, LessonType, MAX_RULE_CHARS, MAX_TITLE_CHARS,
    Scope, Trust,
};
use cemem_core::{LessonId, Timestamp};
use cemem_ingest::Redactor;
use cemem_ingest::anchors::{LookOptions, placed};
use cemem_ingest::extract::injection::is_suspicious;
use serde_json::json;

use super::{JSON_VERSION, show, text_of};
use crate::args::RememberArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

/// What somebody states.
pub(crate) struct Statement<'a> {
    /// The words.
    pub(crate) text: &'a str,
    /// What kind of lesson it is, if that was named.
    pub(crate) lesson_type: Option<LessonType>,
    /// Why it holds.
    pub(crate) why: Option<&'a str>,
    /// Where it applies.
    pub(crate) paths: &'a [String],
    /// Who states it: a person, or an agent.
    pub(crate) by: Trust,
}

pub(super) fn run(context: &mut Context, args: &RememberArgs) -> Result<u8, CommandError> {
    let statement = Statement {
        text: &text_of(&args.text)?,
        lesson_type: args.lesson_type,
        why: args.why.as_deref(),
        paths: &typed(context, &args.paths),
        by: Trust::User,
    };
    let lesson = remember(context, &statement)?;
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "id": lesson.id, "status": lesson.status, "title": lesson.title,
            "rule": lesson.rule,
        }))?;
    } else {
        context.ui.print(&show::brief(&lesson))?;
    }
    Ok(exit_code::OK)
}

/// Returns paths that a person typed as lessons name them.
pub(super) fn typed(context: &Context, paths: &[String]) -> Vec<String> {
    let named = |path: &String| match path.as_str() {
        // It takes the paths of a lesson away.
        "" => String::new(),
        path => as_told(path, context.path_in_project(path)),
    };
    paths.iter().map(named).collect()
}

/// Returns the name of a path with the slash that says that it is a folder, if it was told with one.
fn as_told(told: &str, named: String) -> String {
    if told.ends_with('/') && !named.ends_with('/') { named + "/" } else { named }
}

/// Stores a statement, durably, free of secrets; returns the lesson as it stands. Its paths are whole, or seen
/// from the project's root.
///
/// # Errors
/// When there is nothing in it, or the store cannot be written.
pub(crate) fn remember(
    context: &Context,
    statement: &Statement<'_>,
) -> Result<Lesson, CommandError> {
    let redactor = Redactor::new();
    let text = redactor.redact(statement.text).into_owned();
    let text = text.trim();
    if one_line(text).is_empty() {
        return Err(CommandError::user("there is nothing to remember")
            .hint("cemem remember \"Run the migrations before the tests.\""));
    }
    let project = &context.project;
    let inside = |path: &String| match project.inside(&project.root.join(path)) {
        Some(inside) => as_told(path, inside),
        None => path.clone(),
    };
    let paths = statement.paths.iter().map(inside);
    let paths = paths.map(|path| redactor.redact(&path).into_owned()).collect();
    let why = statement.why.map(|w| one_line(&redactor.redact(w))).filter(|w| !w.is_empty());
    let lesson = lesson(text, statement, why, paths, context.clock.now());
    // What it says is about the code as it is now.
    let lesson = placed(lesson, &LookOptions::new(&redactor, &project.worktrees));
    Ok(context.store()?.remember(lesson, statement.lesson_type.is_some())?)
}

/// Returns the lesson of a text: the first paragraph is the rule, all of it the body if it is long. A
/// person's word stands; an agent's is delivered with less trust, or set apart for a person to see if it
/// reads like an order to agents: what an agent was told by a web page may be its own words by now.
fn lesson(
    text: &str,
    statement: &Statement<'_>,
    why: Option<String>,
    paths: Vec<String>,
    now: Timestamp,
) -> Lesson {
    let by_person = statement.by == Trust::User;
    let mut parts =
        [text].into_iter().chain(why.as_deref()).chain(paths.iter().map(String::as_str));
    let suspicious = !by_person && parts.any(is_suspicious);
    drop(parts);
    let first = one_line(text.split("\n\n").next().unwrap_or(text));
    let rule = shorten(&first, MAX_RULE_CHARS);
    let is_whole = rule == one_line(text);
    Lesson {
        // The store gives the final id.
        id: LessonId::derive(&rule, 0),
        lesson_type: statement.lesson_type.unwrap_or(LessonType::Convention),
        title: shorten(&rule, MAX_TITLE_CHARS),
        why,
        body: (!is_whole).then(|| text.to_owned()),
        rule,
        applies_when: AppliesWhen { paths, ..AppliesWhen::default() },
        anchors: Vec::new(),
        evidence: vec![Evidence {
            engine: "remember".into(),
            session: String::new(),
            source_path: String::new(),
            event_uuid: String::new(),
            event_key: String::new(),
            turn_ts: Some(now),
            actor: if by_person { "user" } else { "agent" }.into(),
            quote: text.to_owned(),
        }],
        trust: statement.by,
        status: if suspicious { LessonStatus::Quarantined } else { LessonStatus::Active },
        reviewed: by_person,
        snoozed_until: None,
        confidence: if by_person { 0.95 } else { 0.6 },
        support: 1,
        scope: Scope::Project,
        valid_from: Some(now),
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: now,
        updated: now,
        extra: serde_json::Value::Null,
    }
}
