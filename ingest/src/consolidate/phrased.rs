//! What distillers said of clusters.
//!
//! Owns which phrasing a cluster takes and what it may change: words and reach of a lesson that is
//! worth keeping anyway, or a step down. Must not raise a status, nor touch what a person reviewed.

use std::collections::{HashMap, HashSet};

use cemem_core::store::StoredCandidate;
use cemem_core::{Advice, CandidateKey, Lesson, LessonStatus, Phrasing, Signal};
use serde_json::{Map, Value};

/// Why a candidate is set aside on a distiller's advice.
pub(crate) const ADVISED: &str = "a distiller found no lesson in it";
/// What a lesson's `extra` says of its words: by whom, and whether they are other words.
const BY: &str = "phrased_by";
const PARAPHRASE: &str = "paraphrase";

/// The phrasings of a store, by candidate.
pub(crate) struct Phrased<'a> {
    by_candidate: HashMap<&'a CandidateKey, Vec<&'a Phrasing>>,
}

impl<'a> Phrased<'a> {
    pub(crate) fn new(phrasings: &'a [Phrasing]) -> Self {
        let mut by_candidate: HashMap<_, Vec<_>> = HashMap::new();
        for phrasing in phrasings {
            if let Some(first) = phrasing.candidates.first() {
                by_candidate.entry(first).or_default().push(phrasing);
            }
        }
        Self { by_candidate }
    }

    /// Returns the newest phrasing whose candidates are all among these.
    fn of(&self, members: &[&StoredCandidate]) -> Option<&'a Phrasing> {
        if self.by_candidate.is_empty() {
            return None;
        }
        let keys: HashSet<&CandidateKey> = members.iter().map(|m| &m.candidate.key).collect();
        members
            .iter()
            .filter_map(|m| self.by_candidate.get(&m.candidate.key))
            .flatten()
            .filter(|p| p.candidates.iter().all(|key| keys.contains(key)))
            .max_by(|a, b| a.ts.cmp(&b.ts).then_with(|| a.key().cmp(&b.key())))
            .copied()
    }

    /// Returns the status after advice: one step down at most, and none where somebody stated a rule,
    /// asked to remember it or said it in several sessions. `None` if it is to be set aside.
    pub(crate) fn advise(
        &self,
        members: &[&StoredCandidate],
        status: LessonStatus,
    ) -> Option<LessonStatus> {
        let stated = |m: &&StoredCandidate| {
            matches!(
                m.candidate.signal,
                Signal::Remember | Signal::Document | Signal::StatedRule | Signal::Decision
            )
        };
        let against = self.of(members).is_some_and(|p| p.advice == Advice::NotALesson);
        let repeated = members.iter().any(|m| m.session != members[0].session);
        match status {
            _ if !against || repeated || members.iter().any(stated) => Some(status),
            LessonStatus::Active => Some(LessonStatus::Candidate),
            LessonStatus::Candidate => None,
            other => Some(other),
        }
    }

    /// Gives a lesson the words of its phrasing. Other words than those of the evidence reach nobody
    /// before a person has accepted them: a lesson that is delivered keeps the words that were said.
    pub(crate) fn word(&self, members: &[&StoredCandidate], lesson: &mut Lesson) {
        forget(lesson);
        let Some(phrasing) = self.of(members).filter(|p| p.advice == Advice::Keep) else { return };
        let takes = match lesson.status {
            LessonStatus::Candidate => true,
            LessonStatus::Active | LessonStatus::Stale => !phrasing.paraphrase,
            _ => false,
        };
        if !takes {
            return;
        }
        lesson.title.clone_from(&phrasing.title);
        lesson.rule.clone_from(&phrasing.rule);
        if phrasing.why.is_some() {
            lesson.why.clone_from(&phrasing.why);
        }
        lesson.lesson_type = phrasing.lesson_type.unwrap_or(lesson.lesson_type);
        lesson.applies_when.absorb(&phrasing.applies_when);
        let mut extra = match std::mem::take(&mut lesson.extra) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        extra.insert(BY.to_owned(), phrasing.by.clone().into());
        if phrasing.paraphrase {
            extra.insert(PARAPHRASE.to_owned(), true.into());
        }
        lesson.extra = Value::Object(extra);
    }
}

/// Takes out what an earlier phrasing left in a lesson.
fn forget(lesson: &mut Lesson) {
    if let Value::Object(extra) = &mut lesson.extra
        && extra.remove(BY).is_some()
    {
        extra.remove(PARAPHRASE);
        if extra.is_empty() {
            lesson.extra = Value::Null;
        }
    }
}

/// Returns who phrased a lesson, and whether in other words than its evidence.
#[must_use]
pub fn phrased_by(lesson: &Lesson) -> Option<(&str, bool)> {
    let by = lesson.extra.get(BY)?.as_str()?;
    Some((by, lesson.extra.get(PARAPHRASE) == Some(&Value::Bool(true))))
}

#[cfg(test)]
mod tests {
    use cemem_core::{AppliesWhen, LessonType, Timestamp};

    use super::super::tests::{Model, said};
    use super::*;

    const SAID: &str = "the footer shows only possible actions";

    fn phrasing(of: &[&StoredCandidate], rule: &str, ts: i64) -> Phrasing {
        let mut candidates: Vec<_> = of.iter().map(|m| m.candidate.key.clone()).collect();
        candidates.sort();
        Phrasing {
            candidates,
            advice: Advice::Keep,
            lesson_type: Some(LessonType::Constraint),
            title: "Footer".into(),
            rule: rule.into(),
            why: None,
            applies_when: AppliesWhen { paths: vec!["footer.rs".into()], ..AppliesWhen::default() },
            paraphrase: false,
            by: "agent".into(),
            ts: Timestamp(ts),
        }
    }

    fn only(model: &Model) -> &Lesson {
        let all = model.standing();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]
    }

    #[test]
    fn a_lesson_takes_the_newest_phrasing_and_gives_it_back() {
        let mut model =
            Model::with(vec![said("a", 1, SAID, 0.9), said("b", 9, "rename this", 0.01)]);
        model.pass();
        let (before, one) = (only(&model).clone(), model.candidates[0].clone());
        model.phrasings = vec![
            phrasing(&[&one], "Show only possible actions in the footer.", 2),
            phrasing(&[&one], "Older.", 1),
            phrasing(&[&one, &model.candidates[1]], "Of another cluster.", 3),
        ];
        model.pass();
        let after = only(&model);
        assert_eq!(after.rule, "Show only possible actions in the footer.");
        assert_eq!(
            (after.lesson_type, &after.evidence),
            (LessonType::Constraint, &before.evidence)
        );
        assert_eq!((after.status, after.confidence), (before.status, before.confidence));
        assert_eq!((phrased_by(after), &after.id), (Some(("agent", false)), &before.id));
        assert!(model.plan().is_empty(), "a second pass is empty");
        model.phrasings.clear();
        model.pass();
        let back = only(&model);
        assert_eq!(
            (&back.rule, &back.extra, &back.applies_when),
            (&before.rule, &before.extra, &before.applies_when)
        );
    }

    #[test]
    fn other_words_are_shown_as_such_and_never_delivered_unread() {
        for (durable, status, taken) in
            [(0.95, LessonStatus::Active, false), (0.5, LessonStatus::Candidate, true)]
        {
            let mut model = Model::with(vec![said("a", 1, SAID, durable)]);
            let one = model.candidates[0].clone();
            let other = phrasing(&[&one], "Display no impossible actions.", 2);
            model.phrasings = vec![Phrasing { paraphrase: true, ..other }];
            model.pass();
            let lesson = only(&model);
            assert_eq!((lesson.status, lesson.rule != one.candidate.rule), (status, taken));
            assert_eq!(phrased_by(lesson), taken.then_some(("agent", true)));
            assert!(model.plan().is_empty());
        }
    }

    #[test]
    fn advice_lowers_by_one_step_and_never_what_was_stated() {
        let after = |durable: f32, change: &dyn Fn(&mut StoredCandidate)| {
            let mut one = said("a", 1, SAID, durable);
            change(&mut one);
            let mut model = Model::with(vec![one.clone()]);
            let against = phrasing(&[&one], "", 2);
            model.phrasings = vec![Phrasing { advice: Advice::NotALesson, ..against }];
            model.pass();
            assert!(model.plan().is_empty());
            model.standing().first().map(|l| (l.status, l.rule == one.candidate.rule))
        };
        let (active, waits) = (LessonStatus::Active, LessonStatus::Candidate);
        assert_eq!(after(0.95, &|_| {}), Some((waits, true)));
        assert_eq!(after(0.5, &|_| {}), None);
        assert_eq!(after(0.95, &|c| c.candidate.signal = Signal::Remember), Some((active, true)));
        assert_eq!(after(0.95, &|c| c.candidate.signal = Signal::StatedRule), Some((active, true)));
        let planted = |c: &mut StoredCandidate| c.candidate.trust = cemem_core::Trust::ToolOutput;
        assert_eq!(after(0.95, &planted), Some((LessonStatus::Quarantined, true)));
    }
}
