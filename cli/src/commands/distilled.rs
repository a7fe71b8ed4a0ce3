//! The part of `cemem consolidate` that has lessons phrased.
//!
//! Owns what is asked for, what is told of an answer, and the road of an answer: reader, gate, store,
//! pass. Must not decide what passes: the gate does.

use std::collections::BTreeSet;
use std::path::Path;

use cemem_core::plan::Plan;
use cemem_core::store::{CandidateFilter, LessonFilter};
use cemem_core::{CandidateKey, Phrasing, Store};
use cemem_ingest::distill::{self as pure, Answer, Gate, Limits, Offer, Request, Verdicts, answer};
use cemem_ingest::{Redactor, learn};
use serde_json::{Value, json};

use super::consolidate::{show, totals};
use super::{JSON_VERSION, text_of};
use crate::command_error::CommandError;
use crate::config::{Distill, Distiller};
use crate::context::Context;
use crate::distill;
use crate::exit_code;
use crate::ui::one_line;

/// What a distiller had to do with a pass.
#[derive(Default)]
pub(super) struct Distilled {
    /// Somebody was to be asked.
    wanted: bool,
    /// Who answered.
    by: String,
    asked: usize,
    waiting: usize,
    /// Lessons that were asked about earlier, in vain.
    before: usize,
    answer: Answer,
    verdicts: Verdicts,
}

impl Distilled {
    pub(super) fn begin(who: Distiller) -> Self {
        Self { wanted: who != Distiller::Rules, ..Self::default() }
    }

    /// Returns what is told of it in JSON; nothing where nobody was to be asked.
    pub(super) fn json(&self) -> Option<Value> {
        let accepted = self.verdicts.accepted.iter().map(|a| {
            json!({
                "lesson": a.lesson, "advice": if a.not_a_lesson { "not_a_lesson" } else { "keep" },
                "rule": a.rule, "title": a.title, "why": a.why, "paraphrase": a.paraphrase,
                "candidates": a.candidates, "left_out": a.left_out,
            })
        });
        let refused =
            self.verdicts.refused.iter().map(|r| json!({ "id": r.id, "why": r.why.to_string() }));
        self.wanted.then(|| {
            json!({
                "by": self.by, "asked": self.asked, "waiting": self.waiting,
                "accepted": accepted.collect::<Vec<_>>(), "refused": refused.collect::<Vec<_>>(),
                "malformed": self.answer.malformed, "truncated": self.answer.truncated,
                "beyond": self.answer.beyond,
            })
        })
    }

    /// Tells a person what became of the answer.
    pub(super) fn say(&self, context: &Context) {
        if self.by.is_empty() {
            if self.wanted {
                context.ui.say(&nobody_asked(self.before));
            }
            return;
        }
        for accepted in &self.verdicts.accepted {
            for part in &accepted.left_out {
                context.ui.say(&format!("left out of {}: {}", accepted.lesson, one_line(part)));
            }
        }
        for refused in &self.verdicts.refused {
            let (id, why) = (one_line(&refused.id), one_line(&refused.why.to_string()));
            context.ui.say(&format!("refused for {id}: {why}"));
        }
        let other = self.verdicts.accepted.iter().filter(|a| a.paraphrase).count();
        let against = self.verdicts.accepted.iter().filter(|a| a.not_a_lesson).count();
        let flawed = self.answer.malformed + self.answer.beyond;
        let mut told = format!(
            "{}: {} phrasings accepted ({other} in other words, {against} against a lesson), {} refused",
            one_line(&self.by),
            self.verdicts.accepted.len(),
            self.verdicts.refused.len(),
        );
        if flawed > 0 {
            told.push_str(&format!(", {flawed} entries unreadable"));
        }
        if self.answer.truncated {
            told.push_str("; the answer was cut off");
        }
        if self.waiting > 0 {
            told.push_str(&format!("; {} more lessons wait for words", self.waiting));
        }
        context.ui.say(&told);
    }
}

fn nobody_asked(before: usize) -> String {
    match before {
        0 => "no lesson waits for words".to_owned(),
        n => format!(
            "nothing to ask: of {n} lessons no usable words came back, and nothing was said of them since"
        ),
    }
}

/// Returns the lessons whose words may be phrased.
pub(crate) fn offers(store: &Store) -> Result<Vec<Offer>, CommandError> {
    let lessons = store.lessons(&LessonFilter::default())?;
    let candidates = store.candidates(CandidateFilter::Live)?;
    let phrasings = store.phrasings()?;
    let phrased: Vec<&[CandidateKey]> = phrasings.iter().map(|p| &p.candidates[..]).collect();
    Ok(pure::offers(&lessons, &candidates, &phrased))
}

fn request_of(offers: &[Offer], config: &Distill) -> Option<Request> {
    let limits = Limits { lessons: config.lessons, ..Limits::default() };
    Request::new(offers, limits)
}

/// The note that names what a model was asked about. Its answer was refused if there is no phrasing; to
/// ask the same again would cost the same again, and keep the rest from being asked about.
const ASKED: &str = "distiller.asked";

/// Returns what a model was not asked about yet, and how much it was.
fn unasked(store: &Store) -> Result<(Vec<Offer>, usize), CommandError> {
    let asked = asked(store)?;
    let (before, new): (Vec<_>, Vec<_>) =
        offers(store)?.into_iter().partition(|o| !o.phrased && asked.contains(&o.key()));
    Ok((new, before.len()))
}

fn asked(store: &Store) -> Result<BTreeSet<String>, CommandError> {
    let note = store.note(ASKED)?.unwrap_or_default();
    Ok(note.lines().map(str::to_owned).collect())
}

/// Notes what was asked about, and forgets what is no more.
fn note_asked(store: &mut Store, offers: &[Offer], request: &Request) -> Result<(), CommandError> {
    let mut asked = asked(store)?;
    asked.extend(offers.iter().filter(|o| request.asked.contains(&o.lesson.id)).map(Offer::key));
    let open: BTreeSet<String> = self::offers(store)?.iter().map(Offer::key).collect();
    let kept: Vec<&str> = asked.intersection(&open).map(String::as_str).collect();
    Ok(store.set_note(ASKED, &kept.join("\n"))?)
}

/// Prints what the agent at work shall answer.
pub(super) fn request(
    context: &Context,
    store: &Store,
    config: &Distill,
    plan: &Plan,
) -> Result<u8, CommandError> {
    let request = request_of(&offers(store)?, config);
    if context.ui.json {
        let told = request.as_ref().map(|r| {
            json!({ "text": r.text, "schema": Request::schema(), "asked": r.asked,
                    "waiting": r.waiting })
        });
        context.ui.print_json(&json!({ "version": JSON_VERSION, "request": told }))?;
        return Ok(exit_code::OK);
    }
    context.ui.say(&totals(plan, false));
    match request {
        None => context.ui.say("no lesson waits for words"),
        Some(request) => {
            context.ui.print(&request.text)?;
            context.ui.say("answer through `cemem consolidate --phrasings FILE` (`-` reads stdin)");
        }
    }
    Ok(exit_code::OK)
}

/// Tells what would be asked.
pub(super) fn preview(
    context: &Context,
    store: &Store,
    config: &Distill,
) -> Result<u8, CommandError> {
    let (offers, before) = unasked(store)?;
    match request_of(&offers, config) {
        None => context.ui.say(&nobody_asked(before)),
        Some(request) => context.ui.say(&format!(
            "{} lessons would be asked about, in {} bytes; `--distiller agent` shows them",
            request.asked.len(),
            request.text.len()
        )),
    }
    Ok(exit_code::OK)
}

/// Asks, and applies what passes.
pub(super) fn ask(
    context: &Context,
    store: &mut Store,
    who: Distiller,
    config: &Distill,
    mut plan: Plan,
) -> Result<u8, CommandError> {
    let mut told = Distilled::begin(who);
    let (offers, before) = unasked(store)?;
    told.before = before;
    if let Some(request) = request_of(&offers, config) {
        context.ui.say(&format!("asking about {} lessons", request.asked.len()));
        let said = distill::ask(context, store, who, config, &request.text)?;
        note_asked(store, &offers, &request)?;
        let answered = through_gate(store, &said.by, said.answer, false)?;
        let (asked, waiting) = (request.asked.len(), request.waiting);
        told = Distilled { asked, waiting, before, ..answered };
        plan.actions.extend(learn(store)?.0.actions);
    }
    show(context, store, &plan, false, &told)
}

/// Takes an answer from a file.
pub(super) fn take(
    context: &Context,
    store: &mut Store,
    file: &Path,
    dry_run: bool,
) -> Result<u8, CommandError> {
    let text = if file == Path::new("-") {
        text_of(&["-".to_owned()])?
    } else {
        let bytes = read_bounded(file)?;
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let answer = answer::parse(&text);
    if answer.is_empty() {
        return Err(CommandError::user("the answer holds no proposals")
            .hint("`cemem consolidate --distiller agent` shows what is asked for"));
    }
    let told = through_gate(store, "agent", answer, dry_run)?;
    let plan = if dry_run { Plan::default() } else { learn(store)?.0 };
    show(context, store, &plan, dry_run, &told)
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let most = u64::try_from(answer::MAX_ANSWER).unwrap_or(u64::MAX);
    std::fs::File::open(file)
        .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
        .map_err(|error| CommandError::User {
            message: format!("cannot read `{}`", file.display()),
            source: Some(Box::new(error)),
            hint: None,
        })?;
    Ok(bytes)
}

/// Judges an answer, and stores what of it passes the gate.
///
/// # Errors
/// When the store cannot be read or written.
pub(crate) fn gate(
    store: &mut Store,
    by: &str,
    answer: &Answer,
    dry_run: bool,
) -> Result<Verdicts, CommandError> {
    let offers = offers(store)?;
    let redactor = Redactor::new();
    let verdicts = Gate::new(&offers, &redactor).judge(answer);
    if !dry_run {
        let ts = store.clock().now();
        let by = redactor.redact(by);
        let phrasings: Vec<Phrasing> =
            verdicts.accepted.iter().map(|a| a.phrasing(&by, ts)).collect();
        store.put_phrasings(&phrasings)?;
    }
    Ok(verdicts)
}

fn through_gate(
    store: &mut Store,
    by: &str,
    answer: Answer,
    dry_run: bool,
) -> Result<Distilled, CommandError> {
    let verdicts = gate(store, by, &answer, dry_run)?;
    Ok(Distilled {
        wanted: true,
        by: by.to_owned(),
        asked: answer.proposals.len(),
        waiting: 0,
        before: 0,
        answer,
        verdicts,
    })
}
