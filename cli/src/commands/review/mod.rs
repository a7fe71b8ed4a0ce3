//! `cemem review`: what waits for a decision, with its evidence, and the decisions.
//!
//! | module | owns |
//! |---|---|
//! | `queue` | what waits, the most valuable first |
//! | `decide` | what a decision does |
//! | `near` | which lessons say nearly the same |
//! | `form`, `editor` | a lesson in the person's own editor |
//! | `app`, `screen`, `text` | the terminal queue: state, picture, one lesson as lines |
//! | `session` | the loop at the terminal |
//! | `stale` | lessons whose code has changed |
//!
//! At a terminal it is a queue of single keys; with flags, `--json` or a pipe it prints and ends.

mod app;
pub(crate) mod decide;
mod editor;
mod form;
mod near;
pub(crate) mod queue;
mod screen;
mod session;
mod stale;
mod text;

use cemem_core::store::Store;
use cemem_core::{Lesson, LessonId};
use serde_json::json;

pub(crate) use decide::{Words, reword};

use self::decide::Verdict;
use self::queue::{Item, Queue, Wanted};
use super::{JSON_VERSION, lessons, show};
use crate::args::ReviewArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::{FullScreen, one_line};

/// How many a list shows where nobody says.
const SHOWN: usize = 20;

pub(super) fn run(context: &mut Context, args: &ReviewArgs) -> Result<u8, CommandError> {
    if args.stale {
        return stale::run(context, args.limit.unwrap_or(SHOWN));
    }
    if args.decides() {
        return decide_by_flags(context, args);
    }
    let wanted = Wanted {
        types: args.types.iter().copied().collect(),
        signals: args.signals.iter().copied().collect(),
        weak: args.all,
    };
    let lists = args.list || args.limit.is_some() || context.ui.json;
    // Where nothing can be written, the list can still be read.
    let decides = || context.store_to_read().is_ok_and(|s| s.check_writable().is_ok());
    if !lists && FullScreen::is_possible() && decides() {
        return session::run(context, wanted);
    }
    show_queue(context, &wanted, args.limit.unwrap_or(SHOWN))
}

/// Carries out what the flags say in one step: an id that is wrong leaves everything as it was.
fn decide_by_flags(context: &Context, args: &ReviewArgs) -> Result<u8, CommandError> {
    let mut store = context.store()?;
    let verdicts = verdicts(&store, args)?;
    let done = decide::carry_out(&mut store, &verdicts, context.clock.now(), "user")?;
    // What was asked for first, then what it did to others.
    let (mut named, others): (Vec<_>, Vec<_>) =
        done.lessons.into_iter().partition(|l| verdicts.iter().any(|(id, _)| *id == l.id));
    named.sort_by_key(|l| verdicts.iter().position(|(id, _)| *id == l.id));
    for (id, verdict) in &verdicts {
        if *verdict == Verdict::Accept {
            warn_of_opposites(context, &store, id)?;
        }
    }
    named.extend(others);
    let code = lessons::output(context, &named, show::brief)?;
    super::catch_up(context, &store);
    Ok(code)
}

/// Returns what the flags say about which lesson.
fn verdicts(store: &Store, args: &ReviewArgs) -> Result<Vec<(LessonId, Verdict)>, CommandError> {
    let words = Words {
        lesson_type: None,
        title: args.title.clone(),
        rule: args.rule.clone(),
        why: args.why.clone(),
        ..Words::default()
    };
    let mut verdicts: Vec<(LessonId, Verdict)> = Vec::new();
    let mut add = |ids: &[String], verdict: &Verdict| -> Result<(), CommandError> {
        for lesson in lessons::get_all(store, ids)? {
            if verdicts.iter().any(|(id, _)| *id == lesson.id) {
                let message = format!("`{}` is decided about in two ways", lesson.id);
                return Err(CommandError::user(message));
            }
            if releases(&lesson, verdict) && decide::is_set_apart(store, &lesson)? {
                return Err(set_apart(&lesson));
            }
            verdicts.push((lesson.id, verdict.clone()));
        }
        Ok(())
    };
    add(&args.accept, &Verdict::Accept)?;
    add(&args.reject, &Verdict::Reject(args.reason.clone().unwrap_or_default()))?;
    add(args.edit.as_slice(), &Verdict::Edit(words))?;
    add(&args.snooze, &Verdict::Snooze(args.days))?;
    if let Some(into) = &args.into {
        add(&args.merge, &Verdict::Merge(store.resolve_id(into)?))?;
    }
    Ok(verdicts)
}

/// Returns whether a verdict lets a lesson's own words be delivered.
fn releases(lesson: &Lesson, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Accept | Verdict::Replace(_) => true,
        Verdict::Edit(words) => words.rule.as_ref().is_none_or(|rule| *rule == lesson.rule),
        Verdict::Reject(_) | Verdict::Merge(_) | Verdict::Snooze(_) => false,
    }
}

fn set_apart(lesson: &Lesson) -> CommandError {
    let from = lesson.evidence.first().map_or_else(String::new, |row| {
        format!(", from {} in {} session {}", row.actor, row.engine, row.session)
    });
    let message = format!(
        "`{}` is set apart as suspicious and not accepted by a flag: \"{}\"{}",
        lesson.id,
        one_line(&lesson.rule),
        one_line(&from)
    );
    CommandError::user(message).hint(
        "a person can accept it in the queue of `cemem review` at a terminal, where its evidence is on screen",
    )
}

fn warn_of_opposites(context: &Context, store: &Store, id: &LessonId) -> Result<(), CommandError> {
    let lesson = lessons::get(store, id.as_str())?;
    for other in queue::item(store, lesson, None)?.opposites {
        context.ui.say(&format!(
            "{id} contradicts {}, which is {}; `cemem review --reject {}` takes that out",
            other.id, other.status, other.id
        ));
    }
    Ok(())
}

fn show_queue(context: &Context, wanted: &Wanted, limit: usize) -> Result<u8, CommandError> {
    let Queue { items, snoozed } = queue::load(&context.store_to_read()?, context.clock.now())?;
    let fits: Vec<Item> = items.into_iter().filter(|i| wanted.fits(i)).collect();
    // Who counts gets what was asked for: the weak ones come last anyway.
    let (total, weak) = (fits.len(), fits.iter().filter(|i| !wanted.shows(i)).count());
    let shown = &fits[..fits.len().min(limit)];
    if context.ui.json {
        let lessons: Vec<_> = shown.iter().map(|i| &i.lesson).collect();
        let about: Vec<_> = shown
            .iter()
            .map(|i| {
                let opposites: Vec<_> = i.opposites.iter().map(|l| &l.id).collect();
                json!({ "id": i.lesson.id, "signals": i.signals, "weak": i.is_weak,
                        "contradicts": opposites })
            })
            .collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "waiting": total, "weak": weak, "snoozed": snoozed,
            "lessons": lessons, "about": about,
        }))?;
        return Ok(exit_code::OK);
    }
    context.ui.print(&shown.iter().map(entry).collect::<String>())?;
    if total == 0 {
        context.ui.say(&nothing_waits(snoozed));
    } else {
        let behind = if weak > 0 { format!(", {weak} of them weak") } else { String::new() };
        context.ui.say(&format!(
            "{} of {total} shown{behind}; `cemem review --accept ID…` or `--reject ID… --reason TEXT`",
            shown.len()
        ));
    }
    Ok(exit_code::OK)
}

/// Returns what is said where the queue is empty.
fn nothing_waits(snoozed: usize) -> String {
    match snoozed {
        0 => "nothing waits for review".to_owned(),
        n => format!("nothing waits for review; {n} put off"),
    }
}

fn entry(item: &Item) -> String {
    let lesson = &item.lesson;
    let mut out = show::brief(lesson);
    for other in &item.opposites {
        out.push_str(&format!("  contradicts {}", show::brief(other)));
    }
    for evidence in lesson.evidence.iter().take(3) {
        out.push_str(&show::quote(evidence));
    }
    if lesson.evidence.len() > 3 {
        out.push_str(&format!("  and {} more\n", lesson.evidence.len() - 3));
    }
    out.push('\n');
    out
}
