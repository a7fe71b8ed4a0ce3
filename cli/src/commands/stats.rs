//! `cemem stats`: what was learned, what was shown, and what became of it.
//!
//! Owns the sums and their denominators. Must not count a showing without a verdict as help: it is
//! unknown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cemem_core::lesson::{LessonStatus, LessonType};
use cemem_core::store::{LessonFilter, SpendTotals};
use cemem_core::{Counters, Lesson, LessonId, Store, Timestamp, Verdict};
use cemem_ingest::outcomes::is_checkable;
use serde::Serialize;
use serde_json::json;

use super::{JSON_VERSION, outcomes};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::one_line;

/// Lessons listed of each kind; `--json` has all.
const LISTED: usize = 3;
/// Months shown; `--json` has all.
const MONTHS: usize = 6;
/// Longest rule shown in a list, in characters.
const RULE: usize = 60;

/// What happened in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Month {
    /// Sessions with a person that began in it.
    sessions: u64,
    /// Corrections of what was known before, and known failures that came back.
    recurred: u64,
}

/// All figures.
struct Stats {
    lessons: Vec<Lesson>,
    counters: BTreeMap<LessonId, Counters>,
    months: BTreeMap<String, Month>,
    /// What models were paid, ever.
    spent: SpendTotals,
}

pub(super) fn run(context: &mut Context) -> Result<u8, CommandError> {
    let store = context.store_to_read()?;
    let stats = Stats::read(&store)?;
    if context.ui.json {
        context.ui.print_json(&stats.json(&context.project.name))?;
    } else {
        context.ui.print(&stats.text())?;
    }
    Ok(exit_code::OK)
}

impl Stats {
    fn read(store: &Store) -> Result<Self, CommandError> {
        let mut months: BTreeMap<String, Month> = BTreeMap::new();
        let month = |date: String| date.chars().take(7).collect::<String>();
        for span in store.spans(true)?.iter().filter(|s| s.prompted) {
            if let Some(started) = span.started {
                months.entry(month(started.date())).or_default().sessions += 1;
            }
        }
        for outcome in store.outcomes()?.iter().filter(|o| o.verdict == Verdict::Recurred) {
            months.entry(month(outcome.ts.date())).or_default().recurred += 1;
        }
        let lessons = store.lessons(&LessonFilter::default())?;
        let spent = store.spent_since(Timestamp(0))?;
        Ok(Self { lessons, counters: store.counters()?, months, spent })
    }

    fn of(&self, lesson: &Lesson) -> Counters {
        self.counters.get(&lesson.id).copied().unwrap_or_default()
    }

    /// Returns the lessons that are delivered.
    fn delivered(&self) -> impl Iterator<Item = &Lesson> {
        self.lessons.iter().filter(|l| l.status.is_recallable())
    }

    fn sum(&self) -> Counters {
        self.counters.values().fold(Counters::default(), |a, b| Counters {
            shown: a.shown + b.shown,
            heeded: a.heeded + b.heeded,
            violated: a.violated + b.violated,
            recurred: a.recurred + b.recurred,
            helped: a.helped + b.helped,
            harmed: a.harmed + b.harmed,
        })
    }

    fn never_shown(&self) -> Vec<&Lesson> {
        self.delivered().filter(|l| self.of(l).shown == 0).collect()
    }

    /// Returns the lessons with the largest value, largest first.
    fn top(&self, value: impl Fn(&Counters) -> u64) -> Vec<&Lesson> {
        let mut top: Vec<&Lesson> =
            self.lessons.iter().filter(|l| value(&self.of(l)) > 0).collect();
        top.sort_by(|a, b| {
            value(&self.of(b)).cmp(&value(&self.of(a))).then_with(|| a.id.cmp(&b.id))
        });
        top
    }

    fn json(&self, project: &str) -> serde_json::Value {
        let sum = self.sum();
        let months: Vec<_> = self
            .months
            .iter()
            .map(|(name, m)| {
                let rate = share(m.recurred, m.sessions);
                json!({ "month": name, "sessions": m.sessions, "recurred": m.recurred,
                        "per_session": rate })
            })
            .collect();
        let each: Vec<_> = self
            .lessons
            .iter()
            .map(|l| {
                json!({ "id": l.id, "type": l.lesson_type, "status": l.status, "title": l.title,
                        "checkable": is_checkable(l), "counters": self.of(l) })
            })
            .collect();
        let never: Vec<_> = self.never_shown().iter().map(|l| l.id.clone()).collect();
        json!({
            "version": JSON_VERSION,
            "project": project,
            "n_lessons": self.lessons.len(),
            "by_status": self.by(LessonStatus::ALL, |l| l.status),
            "by_type": self.by(LessonType::ALL, |l| l.lesson_type),
            "delivered": self.delivered().count(),
            "checkable": self.delivered().filter(|l| is_checkable(l)).count(),
            "counters": sum,
            "judged": sum.heeded + sum.violated,
            "heeded_share": share(sum.heeded, sum.heeded + sum.violated),
            "never_shown": never,
            "months": months,
            "spent": self.spent,
            "lessons": each,
        })
    }

    /// Counts lessons by a property, without the values nobody has.
    fn by<K: Copy + PartialEq + Serialize + std::fmt::Display>(
        &self,
        all: &[K],
        of: impl Fn(&Lesson) -> K,
    ) -> BTreeMap<String, usize> {
        let count = |k: &K| self.lessons.iter().filter(|l| of(l) == *k).count();
        all.iter().map(|k| (k.to_string(), count(k))).filter(|(_, n)| *n > 0).collect()
    }

    fn text(&self) -> String {
        if self.lessons.is_empty() {
            return "no lessons yet: `cemem ingest` reads this project's sessions\n".into();
        }
        let mut out = String::new();
        let sum = self.sum();
        let mut field = |name: &str, value: String| {
            // Writing to a string cannot fail.
            let _ignored = writeln!(out, "{name:<11}{value}");
        };
        let listed = |counts: BTreeMap<String, usize>| {
            let mut counts: Vec<_> = counts.into_iter().collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            counts.iter().map(|(k, n)| format!("{n} {k}")).collect::<Vec<_>>().join(", ")
        };
        let delivered = self.delivered().count();
        let never = self.never_shown();
        field("lessons", listed(self.by(LessonStatus::ALL, |l| l.status)));
        field("types", listed(self.by(LessonType::ALL, |l| l.lesson_type)));
        field(
            "shown",
            format!("{} times; {} of {delivered} lessons never", sum.shown, never.len()),
        );
        field("heeded", self.heeded(&sum));
        field("recurred", format!("{} times after it was known", sum.recurred));
        field("feedback", format!("{} helped, {} harmed", sum.helped, sum.harmed));
        if self.spent.calls > 0 {
            let SpendTotals { calls, tokens_in, tokens_out, cost_micros } = self.spent;
            let cost = cost_micros as f64 / 1e6;
            field(
                "spent",
                format!("{cost:.4} on {calls} requests of {tokens_in} tokens, {tokens_out} back"),
            );
        }
        self.trend(&mut out);
        self.list(&mut out, "most shown", &self.top(|c| c.shown));
        self.list(&mut out, "came back", &self.top(|c| c.recurred + c.violated));
        self.list(&mut out, "misled", &self.top(|c| c.harmed));
        self.list(&mut out, "never shown", &never);
        out
    }

    fn heeded(&self, sum: &Counters) -> String {
        let checkable = self.delivered().filter(|l| is_checkable(l)).count();
        let judged = sum.heeded + sum.violated;
        let of = match judged {
            0 => "nothing to judge yet".to_owned(),
            n => format!("{} of {n} judged, {} violated", sum.heeded, sum.violated),
        };
        format!("{of}; {checkable} lessons can be checked, the rest is unknown")
    }

    fn trend(&self, out: &mut String) {
        let skip = self.months.len().saturating_sub(MONTHS);
        let shown: Vec<_> = self.months.iter().skip(skip).collect();
        if shown.is_empty() {
            return;
        }
        // Writing to a string cannot fail.
        let _ignored = writeln!(out, "\nmonth     sessions  known, yet again  per session");
        for (name, m) in shown {
            let rate = share(m.recurred, m.sessions).map_or("-".into(), |r| format!("{r:.2}"));
            let _ignored =
                writeln!(out, "{name:<9} {:>8}  {:>16}  {rate:>11}", m.sessions, m.recurred);
        }
    }

    fn list(&self, out: &mut String, name: &str, lessons: &[&Lesson]) {
        for (at, lesson) in lessons.iter().take(LISTED).enumerate() {
            if at == 0 {
                let more = lessons.len().saturating_sub(LISTED);
                let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                let _ignored = writeln!(out, "\n{name}{rest}");
            }
            let rule = cemem_core::exchange::shorten(&one_line(&lesson.rule), RULE);
            let told = outcomes::told(&self.of(lesson));
            let tail = if told.is_empty() { String::new() } else { format!("  ({told})") };
            let _ignored = writeln!(out, "  {}  {rule}{tail}", lesson.id);
        }
    }
}

/// Returns a share; `None` of nothing.
fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}
