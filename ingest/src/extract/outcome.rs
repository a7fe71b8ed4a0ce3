//! What became of the lessons a session was shown: heeded, violated, made again; or nothing is said,
//! because nobody can tell.
//!
//! | module | owns |
//! |---|---|
//! | `check` | what of a rule can be checked |
//! | `runs` | which calls were carried out |
//! | `shell` | the commands a shell line runs |
//! | `words` | the vocabulary of rules |
//!
//! Pure: the same events and lessons give the same verdicts. Only what the agent did and what a person
//! said count. What a tool printed says which lessons were seen, and nothing else: a lesson that is
//! echoed is not heeded. Must not guess: a showing without a verdict stays unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cemem_core::store::{SessionRef, StoredEvent};
use cemem_core::{
    Actor, Candidate, EventKind, LessonId, Outcome, Signal, Timestamp, Trust, Verdict,
    VerdictSource,
};
use regex::Regex;

pub(crate) mod check;
mod runs;
mod shell;
mod words;

use self::check::{Check, Pattern};
use self::runs::Runs;
use super::view::View;
use super::{scope, wording};

/// From this probability on words are a correction, not an instruction.
const CORRECTS: f32 = 0.5;
/// Longest words kept with a verdict, in characters.
const MAX_NOTE: usize = 240;
/// How the managed block begins in a file.
const BLOCK: &str = "<!-- cemem:begin";
/// How it ends.
const BLOCK_END: &str = "<!-- cemem:end";

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bL-[0-9a-f]{6,64}\b").expect("the pattern is a constant"));

/// A person's word, or a failure, that says what a lesson says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    /// The lesson.
    pub(crate) lesson: LessonId,
    /// The event that says it.
    pub(crate) event_key: String,
    /// When.
    pub(crate) ts: Timestamp,
    /// The words.
    pub(crate) words: String,
    /// A person corrected the agent; else a check failed and was fixed.
    pub(crate) by_person: bool,
    /// It was known from another session before.
    pub(crate) again: bool,
}

/// A session and what it is judged by.
pub(crate) struct Case<'a> {
    /// Whose events they are.
    pub(crate) session: &'a SessionRef,
    /// In order of time.
    pub(crate) events: &'a [StoredEvent],
    /// The lessons that are delivered, with what can be checked of each.
    pub(crate) lessons: &'a BTreeMap<LessonId, Option<Check>>,
    /// Showings that are known from elsewhere; `None` for those from before the session began.
    pub(crate) shown: &'a [(LessonId, Option<Timestamp>)],
    /// What was said or failed in this session.
    pub(crate) told: &'a [Told],
}

/// Returns whether a candidate is a person's correction of an agent.
pub(crate) fn corrects(candidate: &Candidate) -> bool {
    let signal = matches!(
        candidate.signal,
        Signal::Correction
            | Signal::Rejection
            | Signal::PlanRejected
            | Signal::InterruptRedirect
            | Signal::Steering
            | Signal::Remember
            | Signal::Finding
    );
    signal && candidate.trust >= Trust::HumanReview && candidate.correction >= CORRECTS
}

/// Returns the verdicts of a session, at most one of a kind for each lesson.
pub(crate) fn judge(case: &Case<'_>) -> Vec<Outcome> {
    let view = View::new(case.session, case.events);
    let shown = first_shown(&view, case);
    let mut verdicts = Verdicts { view: &view, found: BTreeMap::new() };
    // Before the agent did anything there is nothing that could be wrong.
    let begun = (0..case.events.len()).find(|i| is_work(&view, *i));
    let at: BTreeMap<&str, usize> =
        case.events.iter().enumerate().map(|(i, e)| (e.event.key.as_str(), i)).collect();
    for told in case.told {
        let Some(idx) = at.get(told.event_key.as_str()).copied() else { continue };
        if begun.is_none_or(|begun| idx < begun) {
            continue;
        }
        // What was never said elsewhere was learned here: nothing was known that could be violated.
        if !told.again {
            continue;
        }
        verdicts.note(&told.lesson, Verdict::Recurred, idx, &told.words);
        if told.by_person && shown.get(&told.lesson).is_some_and(|from| *from < idx) {
            verdicts.note(&told.lesson, Verdict::Violated, idx, &told.words);
        }
    }
    let runs = Runs::of(case.events);
    for (lesson, from) in &shown {
        if let Some(Some(check)) = case.lessons.get(lesson) {
            act((&view, &runs), lesson, check, *from, &mut verdicts);
        }
    }
    verdicts.done()
}

/// Returns whether an event tells which lessons the agent saw, by its stored form: a cheap look that
/// spares reading sessions that never met cemem.
pub(crate) fn may_show(kind: &str, body: &str) -> bool {
    match kind {
        "tool_call" => body.contains("cemem"),
        "tool_result" => body.contains("cemem:begin"),
        _ => false,
    }
}

struct Verdicts<'a> {
    view: &'a View<'a>,
    found: BTreeMap<(LessonId, Verdict), Outcome>,
}

impl Verdicts<'_> {
    /// Keeps the first verdict of its kind on a lesson.
    fn note(&mut self, lesson: &LessonId, verdict: Verdict, idx: usize, words: &str) {
        let Some(ts) = when(self.view, idx) else { return };
        let key = (lesson.clone(), verdict);
        if self.found.get(&key).is_some_and(|known| known.ts <= ts) {
            return;
        }
        let outcome = Outcome {
            lesson: lesson.clone(),
            ts,
            verdict,
            source: VerdictSource::Transcript,
            session: Some(self.view.session.clone()),
            event_key: self.view.events[idx].event.key.clone(),
            note: wording::clip(&wording::clean_line(words), MAX_NOTE),
        };
        self.found.insert(key, outcome);
    }

    /// Who was corrected did not heed, whatever else was right.
    fn done(mut self) -> Vec<Outcome> {
        let violated: BTreeSet<LessonId> = self
            .found
            .keys()
            .filter(|(_, v)| matches!(v, Verdict::Violated | Verdict::Recurred))
            .map(|(lesson, _)| lesson.clone())
            .collect();
        self.found.retain(|(lesson, v), _| *v != Verdict::Heeded || !violated.contains(lesson));
        self.found.into_values().collect()
    }
}

/// Returns when an event happened: an undated one when the one before it did.
fn when(view: &View<'_>, idx: usize) -> Option<Timestamp> {
    (0..=idx).rev().find_map(|i| view.ts(i))
}

fn is_work(view: &View<'_>, idx: usize) -> bool {
    let event = &view.events[idx].event;
    matches!(event.actor, Actor::Agent | Actor::Subagent)
        && matches!(event.kind, EventKind::AgentText { .. } | EventKind::ToolCall { .. })
}

/// Returns from which event on the session knew each lesson.
fn first_shown(view: &View<'_>, case: &Case<'_>) -> BTreeMap<LessonId, usize> {
    let mut first: BTreeMap<LessonId, usize> = BTreeMap::new();
    let mut note = |lesson: &LessonId, idx: usize| {
        if case.lessons.contains_key(lesson) {
            let known = first.entry(lesson.clone()).or_insert(idx);
            *known = idx.min(*known);
        }
    };
    for (lesson, ts) in case.shown {
        let after = |ts: Timestamp| (0..view.events.len()).find(|i| view.ts(*i) > Some(ts));
        match ts {
            None => note(lesson, 0),
            Some(ts) => {
                if let Some(idx) = after(*ts) {
                    note(lesson, idx);
                }
            }
        }
    }
    for idx in 0..view.events.len() {
        let EventKind::ToolResult { call_id, text, .. } = view.kind(idx) else { continue };
        let Some(call) = view.call_idx(call_id).filter(|i| is_own(view, *i)) else { continue };
        for id in ID.find_iter(seen_text(view, call, text)) {
            note(&LessonId(id.as_str().to_owned()), idx);
        }
    }
    first
}

/// What the agent itself did; a sub-agent saw other things.
fn is_own(view: &View<'_>, idx: usize) -> bool {
    view.events[idx].event.actor == Actor::Agent
}

/// Returns the part of an output in which lessons were shown: all of what cemem printed, of a file the
/// managed block.
fn seen_text<'t>(view: &View<'_>, call: usize, text: &'t str) -> &'t str {
    let Some(call) = view.call_at(call) else { return "" };
    let tool = call.name.to_ascii_lowercase();
    let ran = call.command.is_some_and(|line| {
        line.contains("cemem")
            && shell::commands(line).iter().any(|words| {
                let asks = words.get(1).is_some_and(|w| {
                    matches!(w.as_str(), "recall" | "lessons" | "review" | "hook" | "predict")
                });
                shell::base(&words[0]) == "cemem" && asks
            })
    });
    if ran || tool.contains("cemem") {
        return text;
    }
    let Some(from) = text.find(BLOCK) else { return "" };
    let block = &text[from..];
    &block[..block.find(BLOCK_END).unwrap_or(block.len())]
}

/// Judges by what the agent did from `from` on.
fn act(
    (view, runs): (&View<'_>, &Runs<'_>),
    lesson: &LessonId,
    check: &Check,
    from: usize,
    verdicts: &mut Verdicts<'_>,
) {
    let mut gate = Gate::default();
    for idx in from..view.events.len() {
        let Some(call) = view.call_at(idx).filter(|_| is_own(view, idx)) else { continue };
        if super::is_edit(call.name) {
            let hit = call.files.iter().find(|f| check.forbids_file(f, view.cwd(idx)));
            if let Some(file) = hit.filter(|f| !asked_for(view, idx, scope::file_name(f))) {
                verdicts.note(lesson, Verdict::Violated, idx, &format!("{} {file}", call.name));
            }
            gate.edited();
        }
        let Some(line) = call.command else { continue };
        for words in shell::heads(line) {
            let done = |p: &Pattern| p.matches(&words);
            // Where a rule names what to use instead, a runner in front makes no difference; alone, "never
            // bare pytest" may well ask for the runner.
            let inner = shell::inner(&words).filter(|_| !check.wanted.is_empty());
            let ran = |p: &Pattern| done(p) || inner.is_some_and(|words| p.matches(words));
            let in_reach = check.reaches(line, view.cwd(idx));
            if check.gate.is_some() {
                let wanted = check.wanted.iter().any(done) && runs.has(view.kind(idx));
                gate.ran(wanted, check.closes(&words), idx);
            } else if check.wanted.iter().any(done) {
                if in_reach && runs.has(view.kind(idx)) {
                    verdicts.note(lesson, Verdict::Heeded, idx, line);
                }
            } else if let Some(pattern) = check.unwanted.iter().find(|p| ran(p))
                && in_reach
                && !pattern.program().is_some_and(|name| asked_for(view, idx, name))
            {
                verdicts.note(lesson, Verdict::Violated, idx, line);
            }
        }
    }
    if let Some(idx) = gate.heeded() {
        let line = view.call_at(idx).and_then(|c| c.command).unwrap_or_default();
        verdicts.note(lesson, Verdict::Heeded, idx, line);
    }
}

/// Returns whether a person named it in this session before: then the agent did what it was told.
fn asked_for(view: &View<'_>, before: usize, name: &str) -> bool {
    view.events[..before].iter().any(|stored| match &stored.event.kind {
        EventKind::UserPrompt { text, .. } => {
            let part = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
            text.split(part).any(|word| word.trim_matches('.') == name)
        }
        _ => false,
    })
}

/// Whether a command ran before every commit.
#[derive(Default)]
struct Gate {
    /// It ran since the last edit.
    fresh: bool,
    first: Option<usize>,
    missed: bool,
}

impl Gate {
    fn edited(&mut self) {
        self.fresh = false;
    }

    fn ran(&mut self, wanted: bool, closes: bool, idx: usize) {
        if wanted {
            self.fresh = true;
        } else if closes && self.fresh {
            self.first.get_or_insert(idx);
        } else if closes {
            // Nobody saw whether a hook or an earlier run did it: not heeded, not violated.
            self.missed = true;
        }
    }

    fn heeded(&self) -> Option<usize> {
        self.first.filter(|_| !self.missed)
    }
}

impl Check {
    /// Returns whether a command is the step the gate stands before.
    fn closes(&self, words: &[String]) -> bool {
        let sub = words.iter().skip(1).find(|w| !w.starts_with('-'));
        words.first().is_some_and(|p| p == "git") && sub == self.gate.as_ref()
    }

    /// Returns whether a limited rule reaches a command in this folder.
    fn reaches(&self, line: &str, cwd: Option<&str>) -> bool {
        if self.limits.is_empty() {
            return true;
        }
        let line = line.to_lowercase();
        let tail: String =
            cwd.unwrap_or("").rsplit('/').take(2).collect::<Vec<_>>().join("/").to_lowercase();
        self.limits.iter().any(|limit| line.contains(limit) || tail.contains(limit))
    }

    /// Returns whether the rule forbids to change a file.
    fn forbids_file(&self, file: &str, cwd: Option<&str>) -> bool {
        if self.untouched.is_empty() {
            return false;
        }
        let file = scope::within(file, cwd).unwrap_or_else(|| file.to_owned());
        self.untouched.iter().any(|path| covers(path, &file))
    }
}

/// Returns whether a path, folder or glob of a rule covers a file.
fn covers(path: &str, file: &str) -> bool {
    if path.contains('*') {
        return cemem_core::paths::covers(path, file);
    }
    let folder = path.trim_end_matches('/');
    let is_folder = folder.len() < path.len() || !scope::file_name(path).contains('.');
    if is_folder && format!("/{file}").contains(&format!("/{folder}/")) {
        return true;
    }
    file == path || file.ends_with(&format!("/{path}"))
}

#[cfg(test)]
mod tests;
