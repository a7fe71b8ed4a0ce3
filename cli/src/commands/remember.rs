//! `cemem remember`: a person's own words become an active lesson, durably, at once.
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
use serde_json::json;

use super::{JSON_VERSION, show, text_of};
use crate::args::RememberArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

pub(super) fn run(context: &mut Context, args: &RememberArgs) -> Result<u8, CommandError> {
    let redactor = Redactor::new();
    let text = redactor.redact(&text_of(&args.text)?).into_owned();
    let text = text.trim();
    if one_line(text).is_empty() {
        return Err(CommandError::user("there is nothing to remember")
            .hint("cemem remember \"Run the migrations before the tests.\""));
    }
    let paths = args.paths.iter().map(|p| redactor.redact(p).into_owned()).collect();
    let why = args.why.as_deref().map(|w| one_line(&redactor.redact(w))).filter(|w| !w.is_empty());
    let lesson = lesson(text, args, why, paths, context.clock.now());
    // What it says is about the code as it is now.
    let lesson = placed(lesson, &LookOptions::new(&redactor, &context.project.worktrees));
    let lesson = context.store()?.remember(lesson, args.lesson_type.is_some())?;
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

/// Returns the lesson of a text: the first paragraph is the rule, all of it the body if it is long.
fn lesson(
    text: &str,
    args: &RememberArgs,
    why: Option<String>,
    paths: Vec<String>,
    now: Timestamp,
) -> Lesson {
    let first = one_line(text.split("\n\n").next().unwrap_or(text));
    let rule = shorten(&first, MAX_RULE_CHARS);
    let is_whole = rule == one_line(text);
    Lesson {
        // The store gives the final id.
        id: LessonId::derive(&rule, 0),
        lesson_type: args.lesson_type.unwrap_or(LessonType::Convention),
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
            actor: "user".into(),
            quote: text.to_owned(),
        }],
        trust: Trust::User,
        status: LessonStatus::Active,
        reviewed: true,
        snoozed_until: None,
        confidence: 0.95,
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
