//! What experience with a lesson does to its confidence and status.
//!
//! Owns the weights of showings and verdicts. Must not judge a showing (extraction does), and must
//! not know time: a lesson never loses anything by growing old, only by harm and by being shown
//! again and again to no effect.
//!
//! The confidence of a lesson is that of its evidence, `p`, counted as `PRIOR` observations, and
//! what was seen since:
//!
//! ```text
//! confidence = (p · PRIOR + good) / (PRIOR + good + bad)
//! good = 2 · helped + 1 · heeded + 0.5 · recurred
//! bad  = 4 · harmed + 0.25 · violated + 0.02 · (unanswered − 20), the last at most 2
//! ```
//!
//! Harm weighs twice what help weighs. That an agent did otherwise says more about the agent than
//! about the rule; that the mistake came back says that the rule is needed. A showing without a
//! verdict is unknown and counts for nothing; only many of them say that nobody has a use for it.

use std::collections::{BTreeMap, HashMap};

use cemem_core::outcome::Counters;
use cemem_core::{Lesson, LessonId, LessonStatus};

use super::Kept;

/// How many observations the evidence itself is worth.
const PRIOR: f32 = 4.0;
const HELPED: f32 = 2.0;
const HEEDED: f32 = 1.0;
const RECURRED: f32 = 0.5;
const HARMED: f32 = 4.0;
const VIOLATED: f32 = 0.25;
/// What each showing to no effect weighs …
const UNANSWERED: f32 = 0.02;
/// … beyond this many …
const PATIENCE: u64 = 20;
/// … and at most.
const MAX_UNANSWERED: f32 = 2.0;
/// From this many reports of harm a lesson is a matter for a person …
const REPEATED: u64 = 2;

/// Returns the confidence of a lesson whose evidence alone gives `p`, both 0..=1.
#[must_use]
pub fn confidence(p: f32, seen: &Counters) -> f32 {
    if *seen == Counters::default() {
        return p;
    }
    let n = |count: u64| u32::try_from(count).map_or(u32::MAX as f32, |c| c as f32);
    let good = HELPED * n(seen.helped) + HEEDED * n(seen.heeded) + RECURRED * n(seen.recurred);
    let answered = [seen.heeded, seen.violated, seen.recurred, seen.helped, seen.harmed]
        .into_iter()
        .fold(0, u64::saturating_add);
    let unanswered = n(seen.shown.saturating_sub(answered).saturating_sub(PATIENCE));
    let idle = (UNANSWERED * unanswered).min(MAX_UNANSWERED);
    let bad = HARMED * n(seen.harmed) + VIOLATED * n(seen.violated) + idle;
    let share = (p.clamp(0.0, 1.0) * PRIOR + good) / (PRIOR + good + bad);
    (share.clamp(0.0, 0.99) * 1000.0).round() / 1000.0
}

/// Returns whether a lesson misled often enough, set against what it was good for, that a person
/// must decide about it.
#[must_use]
pub fn is_harmful(seen: &Counters) -> bool {
    let good = seen.helped.saturating_mul(2).saturating_add(seen.heeded);
    seen.harmed >= REPEATED && seen.harmed.saturating_mul(4) > good
}

/// Returns the counters of both together.
#[must_use]
pub fn sum(a: Counters, b: Counters) -> Counters {
    Counters {
        shown: a.shown.saturating_add(b.shown),
        heeded: a.heeded.saturating_add(b.heeded),
        violated: a.violated.saturating_add(b.violated),
        recurred: a.recurred.saturating_add(b.recurred),
        helped: a.helped.saturating_add(b.helped),
        harmed: a.harmed.saturating_add(b.harmed),
    }
}

/// Lets the experience with the lessons of a pass, and with those that ended in them, count. What a
/// person decided stands: it is ranked by its counters, but neither its status nor its confidence
/// changes here.
pub(crate) fn weigh(
    kept: &mut [Kept<'_>],
    lessons: &[Lesson],
    counters: &BTreeMap<LessonId, Counters>,
) {
    if counters.is_empty() {
        return;
    }
    let mut ended_in: HashMap<&LessonId, Vec<&LessonId>> = HashMap::new();
    for lesson in lessons.iter().filter(|l| l.valid_to.is_none()) {
        if let Some(into) = &lesson.superseded_by {
            ended_in.entry(into).or_default().push(&lesson.id);
        }
    }
    for Kept { lesson, merged, .. } in kept.iter_mut().filter(|k| !k.fixed) {
        let mut seen = Counters::default();
        let mut known = Vec::new();
        let mut todo: Vec<&LessonId> = merged.iter().chain([&lesson.id]).collect();
        while let Some(id) = todo.pop() {
            if known.contains(&id) {
                continue;
            }
            known.push(id);
            seen = sum(seen, counters.get(id).copied().unwrap_or_default());
            todo.extend(ended_in.get(id).into_iter().flatten());
        }
        lesson.confidence = confidence(lesson.confidence, &seen);
        let delivered = matches!(lesson.status, LessonStatus::Active | LessonStatus::Stale);
        if delivered && is_harmful(&seen) {
            lesson.status = LessonStatus::Candidate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(change: impl Fn(&mut Counters)) -> Counters {
        let mut counters = Counters::default();
        change(&mut counters);
        counters
    }

    #[test]
    fn harm_weighs_more_than_help_and_silence_weighs_nothing() {
        let p = 0.8;
        let (helped, harmed) = (seen(|c| c.helped = 1), seen(|c| c.harmed = 1));
        let (up, down) = (confidence(p, &helped) - p, p - confidence(p, &harmed));
        assert!(up > 0.0 && down > 2.0 * up, "{up} {down}");
        let both = seen(|c| (c.helped, c.harmed) = (1, 1));
        assert!(confidence(p, &both) < p);
        assert_eq!(confidence(p, &seen(|c| c.shown = 20)), p);
        let idle = confidence(p, &seen(|c| c.shown = 60));
        assert!(idle < p && idle > 0.5, "{idle}");
        // However often it was shown in vain, evidence keeps most of its weight.
        assert!(confidence(p, &seen(|c| c.shown = u64::MAX)) > 0.5);
        assert!(confidence(p, &seen(|c| c.violated = 1)) > confidence(p, &harmed));
        assert!(confidence(p, &seen(|c| c.recurred = 1)) > p);
    }

    #[test]
    fn one_complaint_is_no_verdict_and_much_help_outweighs_two() {
        assert!(!is_harmful(&seen(|c| c.harmed = 1)));
        assert!(is_harmful(&seen(|c| c.harmed = 2)));
        assert!(is_harmful(&seen(|c| (c.harmed, c.helped) = (2, 3))));
        assert!(!is_harmful(&seen(|c| (c.harmed, c.helped) = (2, 4))));
        assert!(!is_harmful(&seen(|c| (c.harmed, c.heeded) = (2, 9))));
    }
}
