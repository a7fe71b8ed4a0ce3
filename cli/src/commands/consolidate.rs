//! `cemem consolidate`: candidates to lessons; `--dry-run` shows the plan, `--distiller` has
//! them phrased.

use std::collections::HashMap;

use cemem_core::plan::{Action, Change, Plan};
use cemem_core::{Lesson, LessonId, Store};
use cemem_ingest::consolidate::{FLOOD, plan_for};
use cemem_ingest::learn;
use serde_json::{Value, json};

use super::distilled::{self, Distilled};
use super::{JSON_VERSION, code, sync};
use crate::args::ConsolidateArgs;
use crate::command_error::CommandError;
use crate::config::{Config, Distiller};
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

pub(super) fn run(context: &mut Context, args: &ConsolidateArgs) -> Result<u8, CommandError> {
    let code = pass(context, args)?;
    if !args.dry_run {
        sync::follow(context);
    }
    Ok(code)
}

fn pass(context: &mut Context, args: &ConsolidateArgs) -> Result<u8, CommandError> {
    // Without a model to be asked, what is set for one must not be in the way.
    let mut config = match (&args.phrasings, args.distiller) {
        (Some(_), _) | (_, Some(Distiller::Rules)) => Config::default(),
        _ => Config::load(&context.home)?,
    };
    let named = args.engine.is_some().then_some(Distiller::Engine);
    let who = args.distiller.or(named).unwrap_or(config.distiller);
    config.distill.engine.name = args.engine.clone().or(config.distill.engine.name);
    let mut store = context.store()?;
    if let Some(file) = &args.phrasings {
        return distilled::take(context, &mut store, file, args.dry_run);
    }
    let plan = if args.dry_run { plan_for(&store, None)? } else { learn(&mut store)?.0 };
    let report = Distilled::begin(who);
    match who {
        Distiller::Rules => show(context, &mut store, &plan, args.dry_run, &report),
        Distiller::Agent => {
            if !args.dry_run {
                code::look(context, &mut store)?;
            }
            distilled::request(context, &store, &config.distill, &plan)
        }
        Distiller::Engine | Distiller::Http if args.dry_run => {
            show(context, &mut store, &plan, true, &report)?;
            distilled::preview(context, &store, &config.distill)
        }
        Distiller::Engine | Distiller::Http => {
            distilled::ask(context, &mut store, who, &config.distill, plan)
        }
    }
}

/// Shows what a pass did, or would do, and what a distiller had to do with it.
pub(super) fn show(
    context: &Context,
    store: &mut Store,
    plan: &Plan,
    dry_run: bool,
    distilled: &Distilled,
) -> Result<u8, CommandError> {
    let looked = if dry_run { None } else { Some(code::look(context, store)?) };
    let others = others(store, plan)?;
    if context.ui.json {
        let actions: Vec<Value> =
            plan.actions.iter().map(|action| action_json(action, &others)).collect();
        let mut envelope = json!({
            "version": JSON_VERSION, "applied": !dry_run, "actions": actions,
            "code": looked.as_ref().map(code::as_json),
        });
        if let Some(told) = distilled.json() {
            envelope["distilled"] = told;
        }
        context.ui.print_json(&envelope)?;
        return Ok(exit_code::OK);
    }
    let lines = plan.actions.iter().map(|action| action_line(action, &others));
    context.ui.print(&lines.collect::<String>())?;
    if let Some(flood) = flood_note(plan) {
        context.ui.warn(&flood);
    }
    distilled.say(context);
    context.ui.say(&totals(plan, dry_run));
    if let Some(line) = looked.as_ref().map(code::line).filter(|line| !line.is_empty()) {
        context.ui.say(line.trim_end());
    }
    Ok(exit_code::OK)
}

/// Returns what a plan changes, in one line.
pub(super) fn totals(plan: &Plan, dry_run: bool) -> String {
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

/// Returns what there is to say of a session that went round in circles.
pub(super) fn flood_note(plan: &Plan) -> Option<String> {
    let flooded =
        plan.actions.iter().filter(|a| matches!(a, Action::Drop { reason, .. } if reason == FLOOD));
    match flooded.count() {
        0 => None,
        n => Some(format!("{n} candidates set aside: {FLOOD}")),
    }
}

/// Returns every lesson that a change of the plan refers to, as it will stand.
fn others(store: &Store, plan: &Plan) -> Result<HashMap<LessonId, Lesson>, CommandError> {
    let planned: HashMap<&LessonId, &Lesson> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Create { lesson, .. } | Action::Update { lesson, .. } => {
                Some((&lesson.id, &**lesson))
            }
            Action::Drop { .. } => None,
        })
        .collect();
    let mut found = HashMap::new();
    for action in &plan.actions {
        let (lesson, about) = match action {
            Action::Create { lesson, .. } => (lesson, None),
            Action::Update { lesson, change, .. } => match change {
                Change::Merge(id) | Change::Supersede(id) | Change::Contradict(id) => {
                    (lesson, Some(id))
                }
                Change::Reinforce | Change::Revise(_) | Change::Anchor(_) | Change::Drift(_) => {
                    (lesson, None)
                }
            },
            Action::Drop { .. } => continue,
        };
        for id in about.into_iter().chain(&lesson.contradicts).chain(&lesson.superseded_by) {
            let other = match planned.get(id) {
                Some(lesson) => Some((*lesson).clone()),
                None => store.lesson(id)?,
            };
            found.extend(other.map(|other| (id.clone(), other)));
        }
    }
    Ok(found)
}

/// Returns the other sides of an action, one a line.
fn sides(action: &Action, others: &HashMap<LessonId, Lesson>) -> String {
    let (lesson, merged) = match action {
        Action::Create { lesson, .. } => (lesson, None),
        Action::Update { lesson, change: Change::Merge(id), .. } => (lesson, Some(id)),
        Action::Update { lesson, .. } => (lesson, None),
        Action::Drop { .. } => return String::new(),
    };
    let line = |what: &str, id: &LessonId| {
        others.get(id).map_or_else(String::new, |other| {
            format!("           {what} {id}  {} ({})\n", one_line(&other.rule), other.status)
        })
    };
    let mut out = String::new();
    out.extend(merged.map(|id| line("takes in", id)));
    out.extend(lesson.contradicts.iter().map(|id| line("against", id)));
    out.extend(lesson.superseded_by.iter().map(|id| line("replaced by", id)));
    out
}

/// Returns what a change refers to: another lesson or a reason.
fn about(change: &Change) -> String {
    match change {
        Change::Reinforce => String::new(),
        Change::Merge(id) | Change::Supersede(id) | Change::Contradict(id) => id.to_string(),
        Change::Revise(why) | Change::Anchor(why) | Change::Drift(why) => why.clone(),
    }
}

fn action_line(action: &Action, others: &HashMap<LessonId, Lesson>) -> String {
    let first = match action {
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
    };
    first + &sides(action, others)
}

fn other_json(change: &Change, others: &HashMap<LessonId, Lesson>) -> Value {
    let (Change::Merge(id) | Change::Supersede(id) | Change::Contradict(id)) = change else {
        return Value::Null;
    };
    others.get(id).map_or(Value::Null, |other| {
        json!({ "id": other.id, "rule": other.rule, "status": other.status, "trust": other.trust })
    })
}

fn action_json(action: &Action, others: &HashMap<LessonId, Lesson>) -> Value {
    match action {
        Action::Create { lesson, candidates } => {
            json!({ "action": "create", "lesson": lesson, "candidates": candidates })
        }
        Action::Update { lesson, candidates, change } => json!({
            "action": change.verb(), "about": about(change), "lesson": lesson,
            "candidates": candidates, "other": other_json(change, others),
        }),
        Action::Drop { candidate, reason } => {
            json!({ "action": "drop", "candidate": candidate, "reason": reason })
        }
    }
}
