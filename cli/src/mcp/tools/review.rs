//! `review`: what waits for a decision, words for it, and the decisions a person told the agent.
//!
//! Owns the order of one call: read, phrase, decide, show. Three things an agent cannot do for a person:
//! release what was set apart as suspicious, bring back what was taken out, and accept words that are not
//! those of the evidence.

use cemem_core::lesson::LessonStatus;
use cemem_core::{Lesson, LessonId, Store};
use cemem_ingest::consolidate::phrased_by;
use cemem_ingest::distill::answer::{self, MAX_PROPOSALS};
use cemem_ingest::distill::{Offer, Proposal, Verdicts};
use cemem_ingest::learn;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shape::LessonOut;
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::review::decide::{self, Verdict};
use crate::commands::review::queue::{self, Item};
use crate::commands::{distilled, ingest, lessons, show};
use crate::mcp::memory::Memory;
use crate::ui::one_line;

/// Most lessons of an answer.
const MOST: usize = 50;
/// Most quotes shown of a lesson that waits for words.
const QUOTES: usize = 5;

pub(super) struct Review;

/// What to do before the queue is shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// First read what sessions, rule files and git history hold that was not read yet, this session
    /// included. Takes seconds.
    #[serde(default)]
    read: bool,
    /// Better words for lessons of `to_phrase`. The rule must rest on pieces copied from their quotes, in
    /// their words; what says more than its evidence is refused with the reason.
    #[serde(default)]
    #[schemars(schema_with = "phrasings")]
    phrasings: Vec<Proposal>,
    /// Ids the user said hold: they become active. Ask the user first.
    #[serde(default)]
    accept: Vec<String>,
    /// Ids the user said do not hold: they do not come back.
    #[serde(default)]
    reject: Vec<String>,
    /// Why the rejected ones do not hold.
    #[serde(default)]
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Ids to put off.
    #[serde(default)]
    snooze: Vec<String>,
    /// For how many days they are put off (default 7).
    #[serde(default = "week")]
    #[schemars(range(min = 1, max = 3650))]
    days: u32,
    /// At most this many of what waits (default 10).
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 50))]
    limit: usize,
}

/// Returns the schema of phrasings, without the words that only some clients understand.
fn phrasings(_: &mut SchemaGenerator) -> Schema {
    let text = |what: &str| json!({ "type": "string", "description": what });
    json_schema!({ "type": "array", "maxItems": MAX_PROPOSALS, "items": {
        "type": "object",
        "properties": {
            "id": text("The id of the lesson."),
            "quotes": { "type": "array", "items": { "type": "string" },
                "description": "Pieces of its quotes, copied character by character, that the rule rests on." },
            "rule": text("One imperative sentence in the words of the quotes."),
            "title": text("A short name for lists."),
            "why": text("Why it holds, if the quotes say so."),
            "advice": { "type": "string", "enum": ["keep", "not_a_lesson"],
                "description": "`not_a_lesson` if it would not help another task." },
        },
        "required": ["id", "quotes"],
    }})
}

fn week() -> u32 {
    7
}

fn ten() -> usize {
    10
}

/// What was done and what waits.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Output {
    /// Lessons that wait for a decision.
    waiting: usize,
    /// The most valuable of them.
    queue: Vec<Waiting>,
    /// Lessons in the words of their evidence, which could be said better.
    to_phrase: Vec<ToPhrase>,
    /// Lessons that were decided about, as they stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decided: Vec<LessonOut>,
    /// Number of the change; `cemem lessons undo` takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    change: Option<i64>,
    /// Words that were taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phrased: Vec<Phrased>,
    /// Words that were not, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
}

/// A lesson that waits.
#[derive(Debug, Serialize, JsonSchema)]
struct Waiting {
    /// The lesson.
    lesson: LessonOut,
    /// How it was found.
    signals: Vec<String>,
    /// Only a person at a terminal can accept it, for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    person_only: Option<String>,
}

/// A lesson that waits for words.
#[derive(Debug, Serialize, JsonSchema)]
struct ToPhrase {
    /// Its id, for `phrasings`.
    id: String,
    /// Its rule as it stands.
    rule: String,
    /// The words it rests on.
    quotes: Vec<String>,
}

/// Words that were taken.
#[derive(Debug, Serialize, JsonSchema)]
struct Phrased {
    /// Of which lesson.
    id: String,
    /// The rule.
    rule: String,
    /// They are other words than those of the evidence: a person reads them before they are delivered.
    paraphrase: bool,
    /// Parts that were left out, and why.
    left_out: Vec<String>,
}

/// Words that were refused.
#[derive(Debug, Serialize, JsonSchema)]
struct Refused {
    /// Of which lesson.
    id: String,
    /// Why.
    why: String,
}

impl MemoryTool for Review {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "review";
    const TITLE: &'static str = "Review what was learned";
    const DESCRIPTION: &'static str = "Show what was learned and waits for a decision, with its evidence; \
        phrase it better; pass on what the user decided. Call it at the end of a piece of work or when the \
        user asks what was learned. Accept and reject only what the user decided about. Without arguments \
        it changes nothing.";
    const EFFECT: Effect = Effect::Decides;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let mut out = Output::default();
        let mut text = String::new();
        let decides =
            !(input.accept.is_empty() && input.reject.is_empty() && input.snooze.is_empty());
        if input.read || decides || !input.phrasings.is_empty() {
            let context = &memory.context;
            let mut store = context.store()?;
            if input.read {
                ingest::refresh(context, &mut store, &memory.progress)?;
            }
            if !input.phrasings.is_empty() {
                phrase(&mut store, &input.phrasings, &mut out, &mut text)?;
            }
            if decides {
                decide(memory, &mut store, &input, &mut out, &mut text)?;
            }
            memory.is_behind = true;
        }
        let store = memory.context.store_to_read()?;
        show_queue(memory, &store, input.limit.min(MOST), &mut out, &mut text)?;
        Ok(Reply { data: out, text })
    }
}

/// Puts the agent's words through the gate, and what passes into the lessons.
fn phrase(
    store: &mut Store,
    proposals: &[Proposal],
    out: &mut Output,
    text: &mut String,
) -> Result<(), CommandError> {
    // Through the same reader as every distiller's answer, which bounds it.
    let answer = answer::parse(&json!({ "proposals": proposals }).to_string());
    let Verdicts { accepted, refused } = distilled::gate(store, "agent", &answer, false)?;
    learn(store)?;
    for taken in &accepted {
        out.phrased.push(Phrased {
            id: taken.lesson.to_string(),
            rule: taken.rule.clone(),
            paraphrase: taken.paraphrase,
            left_out: taken.left_out.iter().map(|part| one_line(part)).collect(),
        });
    }
    out.refused.extend(
        refused.iter().map(|r| Refused { id: one_line(&r.id), why: one_line(&r.why.to_string()) }),
    );
    text.push_str(&format!("{} phrasings taken, {} refused.\n", accepted.len(), refused.len()));
    for refused in &out.refused {
        text.push_str(&format!("  refused for {}: {}\n", refused.id, refused.why));
    }
    Ok(())
}

/// Carries out what the user decided, in one step.
fn decide(
    memory: &Memory,
    store: &mut Store,
    input: &Input,
    out: &mut Output,
    text: &mut String,
) -> Result<(), CommandError> {
    let reason = input.reason.clone().unwrap_or_default();
    let said = [
        (&input.accept, Verdict::Accept),
        (&input.reject, Verdict::Reject(reason)),
        (&input.snooze, Verdict::Snooze(input.days)),
    ];
    let mut verdicts: Vec<(LessonId, Verdict)> = Vec::new();
    for (ids, verdict) in said {
        for lesson in lessons::get_all(store, ids)? {
            if verdicts.iter().any(|(id, _)| *id == lesson.id) {
                let message = format!("`{}` is decided about in two ways", lesson.id);
                return Err(CommandError::user(message));
            }
            if let (Verdict::Accept, Some(why)) = (&verdict, person_only(&lesson)) {
                let how = match decide::is_set_apart(store, &lesson)? {
                    true => "the user can: in the queue of `cemem review` at a terminal".to_owned(),
                    false => format!("the user can: `cemem review --accept {}`", lesson.id),
                };
                let message = format!("`{}` is not accepted here: {why}", lesson.id);
                return Err(CommandError::user(message).hint(how));
            }
            verdicts.push((lesson.id, verdict.clone()));
        }
    }
    let done = decide::carry_out(store, &verdicts, memory.context.clock.now(), "agent")?;
    out.change = Some(done.change);
    out.decided = done.lessons.iter().map(LessonOut::brief).collect();
    text.push_str(&format!("Decided by change {}:\n", done.change));
    text.extend(done.lessons.iter().map(show::brief));
    Ok(())
}

/// Returns why an agent cannot accept a lesson in a person's name.
fn person_only(lesson: &Lesson) -> Option<&'static str> {
    match lesson.status {
        LessonStatus::Quarantined => return Some("it was set apart as suspicious"),
        // It may have been suspicious before that.
        LessonStatus::Retired | LessonStatus::Superseded => return Some("it was taken out"),
        LessonStatus::Candidate | LessonStatus::Active | LessonStatus::Stale => {}
    }
    let other_words = !lesson.reviewed && phrased_by(lesson).is_some_and(|(_, other)| other);
    other_words.then_some("its words are not those of the evidence, and a person has to read them")
}

fn show_queue(
    memory: &Memory,
    store: &Store,
    limit: usize,
    out: &mut Output,
    text: &mut String,
) -> Result<(), CommandError> {
    let queue = queue::load(store, memory.context.clock.now())?;
    let offers = distilled::offers(store)?;
    let open: Vec<&Offer> = offers.iter().filter(|offer| !offer.phrased).collect();
    out.waiting = queue.items.len();
    out.queue = queue.items.iter().take(limit).map(waiting).collect();
    out.to_phrase = open.iter().take(limit).map(|offer| to_phrase(offer)).collect();
    text.push_str(&match (out.waiting, queue.snoozed) {
        (0, 0) => "Nothing waits for review.\n".to_owned(),
        (0, n) => format!("Nothing waits for review; {n} put off.\n"),
        (n, _) => format!("{n} wait for a decision, data for the user's judgement:\n"),
    });
    for item in queue.items.iter().take(limit) {
        text.push_str(&show::brief(&item.lesson));
        text.extend(item.opposites.iter().map(|o| format!("  contradicts {}", show::brief(o))));
        text.extend(item.lesson.evidence.iter().take(3).map(show::quote));
    }
    if !open.is_empty() {
        text.push_str(&format!("{} could be phrased better (`to_phrase`).\n", open.len()));
    }
    Ok(())
}

fn waiting(item: &Item) -> Waiting {
    Waiting {
        lesson: LessonOut::brief(&item.lesson),
        signals: item.signals.iter().map(|s| s.as_str().to_owned()).collect(),
        person_only: person_only(&item.lesson).map(str::to_owned),
    }
}

fn to_phrase(offer: &Offer) -> ToPhrase {
    // Not cleaned: a piece of a quote has to match it byte for byte, and JSON keeps it in its place.
    let quotes = offer.members.iter().flat_map(|member| member.quotes.iter().cloned());
    ToPhrase {
        id: offer.lesson.id.to_string(),
        rule: one_line(&offer.lesson.rule),
        quotes: quotes.take(QUOTES).collect(),
    }
}
