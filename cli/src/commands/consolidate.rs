//! `cemem consolidate`: candidates to lessons; `--dry-run` shows the plan.

use cemem_core::plan::{Action, Change, Plan};
use cemem_ingest::consolidate::{consolidate, plan_for};
use cemem_ingest::outcomes;
use serde_json::{Value, json};

use super::{JSON_VERSION, code};
use crate::args::ConsolidateArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

pub(super) fn run(context: &mut Context, args: &ConsolidateArgs) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let plan = if args.dry_run {
        plan_for(&store, None)?
    } else {
        let (plan, _) = consolidate(&mut store, None)?;
        outcomes::judge(&mut store)?;
        plan
    };
    let looked = if args.dry_run { None } else { Some(code::look(context, &mut store)?) };
    if context.ui.json {
        let actions: Vec<Value> = plan.actions.iter().map(action_json).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "applied": !args.dry_run, "actions": actions,
            "code": looked.as_ref().map(code::as_json),
        }))?;
        return Ok(exit_code::OK);
    }
    context.ui.print(&plan.actions.iter().map(action_line).collect::<String>())?;
    context.ui.say(&totals(&plan, args.dry_run));
    if let Some(line) = looked.as_ref().map(code::line).filter(|line| !line.is_empty()) {
        context.ui.say(line.trim_end());
    }
    Ok(exit_code::OK)
}

fn totals(plan: &Plan, dry_run: bool) -> String {
    if plan.is_empty() {
        return "nothing to consolidate".into();
    }
    let (mut created, mut changed, mut dropped) = (0, 0, 0);
    for action in &plan.actions {
        match action {
            Action::Create { .. } => created += 1,
            Action::Update { .. } => changed += 1,
            Action::Drop { .. } => dropped += 1,
        }
    }
    let tail =
        if dry_run { "; nothing was written" } else { "; `cemem lessons undo` takes it back" };
    format!("{created} new lessons, {changed} changed, {dropped} candidates set aside{tail}")
}

/// Returns what a change refers to: another lesson or a reason.
fn about(change: &Change) -> String {
    match change {
        Change::Reinforce => String::new(),
        Change::Merge(id) | Change::Supersede(id) | Change::Contradict(id) => id.to_string(),
        Change::Revise(why) | Change::Anchor(why) | Change::Drift(why) => why.clone(),
    }
}

fn action_line(action: &Action) -> String {
    match action {
        Action::Create { lesson, .. } => format!(
            "create     {}  {:<10} {} ({})\n",
            lesson.id,
            lesson.lesson_type.as_str(),
            one_line(&lesson.rule),
            lesson.status
        ),
        Action::Update { lesson, change, .. } => format!(
            "{:<10} {}  {:<10} {} {}\n",
            change.verb(),
            lesson.id,
            lesson.lesson_type.as_str(),
            one_line(&lesson.rule),
            one_line(&about(change))
        ),
        Action::Drop { candidate, reason } => {
            format!(
                "drop       {}  {}\n",
                &candidate.0[..candidate.0.len().min(8)],
                one_line(reason)
            )
        }
    }
}

fn action_json(action: &Action) -> Value {
    match action {
        Action::Create { lesson, candidates } => {
            json!({ "action": "create", "lesson": lesson, "candidates": candidates })
        }
        Action::Update { lesson, candidates, change } => json!({
            "action": change.verb(), "about": about(change), "lesson": lesson,
            "candidates": candidates,
        }),
        Action::Drop { candidate, reason } => {
            json!({ "action": "drop", "candidate": candidate, "reason": reason })
        }
    }
}
