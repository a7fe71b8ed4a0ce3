//! Lessons in the files that another memory wrote.
//!
//! Owns whose a lesson is, and taking those of others in: under their ids, for a person to review, since
//! nobody here has said them. Must not touch a file.

use std::path::PathBuf;

use cemem_core::exchange::{Line, from_line};
use cemem_core::lesson::{LessonStatus, LessonType, Trust};
use cemem_core::store::LogRow;
use cemem_core::{LessonId, Store};
use cemem_ingest::Redactor;
use serde_json::{Value, json};

use super::target::short;
use crate::command_error::CommandError;
use crate::commands::import::hold_back;
use crate::context::Context;
use crate::sync::{line, page};
use crate::ui::one_line;

/// How sure a lesson is that nobody here vouches for.
const CONFIDENCE: f32 = 0.5;
/// Lessons told one by one.
const SHOWN: usize = 10;
/// In the log of lessons: where those that were taken in came from.
const TAKEN_IN: &str = "files of another memory";

/// A lesson of another memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Other {
    pub(crate) path: PathBuf,
    pub(crate) id: LessonId,
    /// What it says, as far as that can be told.
    pub(crate) rule: Option<String>,
    pub(crate) form: Form,
}

/// How it stands there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// As a file of its own.
    Page(String),
    /// As a line of a block, under a heading.
    Line { text: String, under: Option<LessonType> },
}

impl Other {
    /// Returns whether only a piece of it may stand there.
    fn is_cut(&self) -> bool {
        matches!(&self.form, Form::Line { text, .. } if line::may_be_cut(text))
    }

    /// Returns the lesson as a line of an import.
    fn as_line(&self, redactor: &Redactor) -> Option<Value> {
        match &self.form {
            Form::Page(text) => page::as_line(&redactor.redact(text)),
            Form::Line { text, under } => {
                let (rule, paths) = line::bare(&redactor.redact(text));
                Some(json!({ "id": self.id, "type": under, "rule": line::unescaped(&rule),
                             "applies_when": { "paths": paths } }))
            }
        }
    }
}

/// Whose a lesson in a file is, as far as this memory knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// It is or was delivered here, or a person decided about it that made it here.
    Own,
    /// It is there, but neither was it delivered nor did anybody decide about it: mostly it waits. Or it was
    /// taken in from another memory, and nobody here stands behind it.
    Undecided,
    /// Nothing.
    Unknown,
}

/// Returns whose a lesson is. Only what is its own may this memory change or take out of a file.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn whose(store: &Store, id: &LessonId) -> Result<Whose, CommandError> {
    let Some(lesson) = store.lesson(id)? else { return Ok(Whose::Unknown) };
    if lesson.status.is_recallable() {
        return Ok(Whose::Own);
    }
    let rows = store.history(id)?;
    // Who takes it out again, or does not want it, says nothing about the memory that it came from.
    let is_taken_in = rows.first().is_some_and(|row| row.verb == "import" && row.note == TAKEN_IN);
    let counts = |row: &&LogRow| !is_taken_in || row.undone_by.is_none();
    let was_delivered = rows.iter().filter(counts).any(|row| row.after.status.is_recallable());
    let is_own = was_delivered || lesson.reviewed && !is_taken_in;
    Ok(if is_own { Whose::Own } else { Whose::Undecided })
}

/// Returns each lesson once, as a whole file where there is one.
pub(super) fn each_once(mut others: Vec<Other>) -> Vec<Other> {
    others.sort_by(|a, b| {
        let key = |o: &Other| (o.id.clone(), matches!(o.form, Form::Line { .. }), o.path.clone());
        key(a).cmp(&key(b))
    });
    others.dedup_by(|later, first| later.id == first.id);
    others.sort_by(|a, b| (&a.path, &a.id).cmp(&(&b.path, &b.id)));
    others
}

/// Says what these lessons are.
pub(super) fn tell(context: &Context, others: &[Other]) {
    if others.is_empty() {
        return;
    }
    let noun =
        if others.len() == 1 { "lesson in the files is" } else { "lessons in the files are" };
    let n = others.len();
    context.ui.say(&format!("{n} {noun} of another memory; `--take-edits` takes in, for review:"));
    for other in others.iter().take(SHOWN) {
        context.ui.say(&format!("  {}", told(context, other)));
    }
    if n > SHOWN {
        context.ui.say(&format!("  and {} more", n - SHOWN));
    }
}

fn told(context: &Context, other: &Other) -> String {
    let rule = match &other.rule {
        Some(_) if other.is_cut() => {
            "only a piece of it may stand there; ask for the mirror or an export".to_owned()
        }
        Some(rule) => one_line(rule),
        None => "it does not say what the rule is".to_owned(),
    };
    format!("{} in {}: {rule}", other.id, short(context, &other.path))
}

/// Takes lessons in, as one undoable change. They wait for a person, and what reads like an order to an
/// agent is set apart: a file that came with a repository is nobody's word here.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn adopt(context: &Context, others: &[Other]) -> Result<(), CommandError> {
    if others.is_empty() {
        return Ok(());
    }
    let redactor = Redactor::new();
    let mut store = context.store()?;
    let (mut lines, mut taken) = (Vec::new(), Vec::new());
    for other in others {
        let name = short(context, &other.path);
        let line = other.as_line(&redactor).filter(|_| !other.is_cut());
        match line.map(|line| from_line(&line.to_string(), &name, 1, context.clock.now())) {
            Some(Ok(line)) => {
                lines.push(waiting(line, &store)?);
                taken.push(told(context, other));
            }
            Some(Err(error)) => context.ui.warn(&format!("{name}: {error}")),
            None => context.ui.warn(&format!("not taken in: {}", told(context, other))),
        }
    }
    if taken.is_empty() {
        return Ok(());
    }
    store.import(lines, TAKEN_IN)?;
    context.ui.say(&format!(
        "{} taken in: `cemem review` decides about them, `cemem lessons undo` takes them out",
        taken.len()
    ));
    taken.iter().for_each(|told| context.ui.say(&format!("  {told}")));
    Ok(())
}

fn waiting(mut line: Line, store: &Store) -> Result<Line, CommandError> {
    let lesson = &mut line.lesson;
    (lesson.trust, lesson.reviewed, lesson.confidence) = (Trust::Agent, false, CONFIDENCE);
    lesson.evidence.iter_mut().for_each(|row| row.actor = "agent".to_owned());
    if !hold_back(lesson, store)? {
        lesson.status = LessonStatus::Candidate;
    }
    Ok(line)
}
