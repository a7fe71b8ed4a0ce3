//! `cemem review`: what waits for a decision, with its evidence; accept or reject by id.

mod stale;

use cemem_core::lesson::{Lesson, LessonStatus, Trust};
use cemem_core::store::{Decision, LessonFilter};
use cemem_ingest::Redactor;
use serde_json::json;

use super::{JSON_VERSION, lessons, show};
use crate::args::ReviewArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

pub(super) fn run(context: &mut Context, args: &ReviewArgs) -> Result<u8, CommandError> {
    if args.stale {
        return stale::run(context, args.limit);
    }
    if args.accept.is_empty() && args.reject.is_empty() {
        return show_queue(context, args.limit);
    }
    decide(context, args)
}

/// Accepts and rejects in one step: an id that is wrong leaves everything as it was.
fn decide(context: &Context, args: &ReviewArgs) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let mut accepted = lessons::get_all(&store, &args.accept)?;
    let mut rejected = lessons::get_all(&store, &args.reject)?;
    if let Some(both) = accepted.iter().find(|a| rejected.iter().any(|r| r.id == a.id)) {
        return Err(CommandError::user(format!("`{}` is both accepted and rejected", both.id)));
    }
    for lesson in &mut accepted {
        lesson.status = LessonStatus::Active;
        lesson.take_code_as_it_is();
        lesson.trust = lesson.trust.max(Trust::HumanReview);
        lesson.confidence = lesson.confidence.max(0.9);
    }
    for lesson in &mut rejected {
        lesson.status = LessonStatus::Retired;
    }
    for lesson in accepted.iter_mut().chain(&mut rejected) {
        lesson.reviewed = true;
        lesson.updated = context.clock.now();
    }
    let reason = args.reason.as_deref().map(|r| one_line(&Redactor::new().redact(r)));
    let reason = reason.unwrap_or_default();
    let decisions = [
        Decision { lessons: &accepted, verb: "accept", note: "" },
        Decision { lessons: &rejected, verb: "reject", note: &reason },
    ];
    store.put_decisions(&decisions, "user")?;
    accepted.append(&mut rejected);
    let code = lessons::output(context, &accepted, show::brief)?;
    context.catch_up(&store);
    Ok(code)
}

fn show_queue(context: &Context, limit: usize) -> Result<u8, CommandError> {
    let filter = LessonFilter {
        statuses: vec![LessonStatus::Candidate, LessonStatus::Quarantined],
        types: Vec::new(),
    };
    let mut waiting = context.store_to_read()?.lessons(&filter)?;
    waiting.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then_with(|| a.id.cmp(&b.id)));
    let total = waiting.len();
    waiting.truncate(limit);
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "waiting": total, "lessons": waiting,
        }))?;
        return Ok(exit_code::OK);
    }
    context.ui.print(&waiting.iter().map(entry).collect::<String>())?;
    if total == 0 {
        context.ui.say("nothing waits for review");
    } else {
        context.ui.say(&format!(
            "{} of {total} shown; `cemem review --accept ID…` or `--reject ID… --reason TEXT`",
            waiting.len()
        ));
    }
    Ok(exit_code::OK)
}

fn entry(lesson: &Lesson) -> String {
    let mut out = show::brief(lesson);
    for evidence in lesson.evidence.iter().take(3) {
        out.push_str(&show::quote(evidence));
    }
    if lesson.evidence.len() > 3 {
        out.push_str(&format!("  and {} more\n", lesson.evidence.len() - 3));
    }
    out.push('\n');
    out
}
