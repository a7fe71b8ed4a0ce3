//! Properties of the pass that hold for any candidates.

use std::collections::{BTreeMap, BTreeSet};

use cemem_core::store::{CandidateState, StoredCandidate};
use cemem_core::{Action, Advice, Lesson, LessonStatus, Phrasing, Signal, Timestamp, Trust};
use proptest::prelude::*;

use super::tests::{Model, said};

const RULES: &[&str] = &[
    "Use pnpm for installing packages",
    "Don't use pnpm for installing packages",
    "use pnpm to install the packages",
    "Use npm for installing packages",
    "Run the linter before the tests",
    "Run the linter after the tests",
    "always run the linter before tests",
    "Never commit generated files",
    "don't commit generated files",
    "Commit generated files",
    "Limit lines to 80 columns",
    "Limit lines to 100 columns",
    "Keep parseConfig in config.go",
    "keep parseConfig inside config.go please",
    "Write a failing test first when fixing a bug",
    "When fixing a bug, write a failing test first",
];
const OPPOSITE: &[(usize, usize)] = &[(0, 1), (1, 2), (4, 5), (5, 6), (7, 9), (8, 9), (10, 11)];

fn a_candidate() -> impl Strategy<Value = StoredCandidate> {
    (0..RULES.len(), 0..5u8, 0..1000usize, 0.0..1.0f32, 0..4u8).prop_map(
        |(rule, session, n, p, how)| {
            // The number names the event: two rules never rest on the same words.
            let mut c = said(&format!("s{session}"), n * RULES.len() + rule, RULES[rule], p);
            c.candidate.trust = if how == 1 { Trust::HumanReview } else { Trust::User };
            if how == 2 {
                c.candidate.signal = Signal::Remember;
            }
            c
        },
    )
}

fn some() -> impl Strategy<Value = Vec<StoredCandidate>> {
    prop::collection::vec(a_candidate(), 1..40).prop_map(|all| {
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|c| seen.insert(c.candidate.key.clone())).collect()
    })
}

/// What is learned, without ids, times of change and what only the history knows.
fn content(model: &Model) -> BTreeSet<String> {
    let rule_of = |id: &cemem_core::LessonId| model.lessons[id].rule.clone();
    let show = |l: &Lesson| {
        let links: BTreeSet<String> = l.contradicts.iter().map(rule_of).collect();
        let by = l.superseded_by.as_ref().map(rule_of);
        let evidence: BTreeSet<_> = l.evidence.iter().map(|e| e.event_key.as_str()).collect();
        format!(
            "{}|{}|{}|{}|{:?}|{:?}|{:?}|{:?}",
            l.rule, l.status, l.confidence, l.support, l.trust, links, by, evidence
        )
    };
    let merged = |l: &&Lesson| {
        // A lesson that ended in another one of the same content is history.
        l.status != LessonStatus::Retired
            && !(l.status == LessonStatus::Superseded && l.valid_to.is_none())
    };
    model.lessons.values().filter(merged).map(show).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_second_pass_is_empty(all in some()) {
        let mut model = Model::with(all);
        model.pass();
        let again = model.plan();
        prop_assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(all in some(), cut in 0usize..40, seed in any::<u64>()) {
        let mut at_once = Model::with(all.clone());
        at_once.pass();
        let mut shuffled = all;
        let n = shuffled.len();
        for i in 0..n {
            shuffled.swap(i, (seed as usize).wrapping_mul(31).wrapping_add(i * 7) % n);
        }
        let later = shuffled.split_off(cut.min(n));
        let mut in_steps = Model::with(shuffled);
        in_steps.pass();
        in_steps.candidates.extend(later);
        in_steps.pass();
        prop_assert_eq!(content(&at_once), content(&in_steps));
        prop_assert!(in_steps.plan().is_empty());
    }

    #[test]
    fn nothing_is_lost(all in some()) {
        let mut model = Model::with(all);
        let plan = model.pass();
        for action in &plan.actions {
            if let Action::Create { lesson, .. } | Action::Update { lesson, .. } = action {
                prop_assert!(!lesson.evidence.is_empty());
            }
        }
        for c in &model.candidates {
            match &c.state {
                CandidateState::Absorbed(id) => {
                    let lesson = &model.lessons[id];
                    for row in &c.candidate.evidence {
                        prop_assert!(lesson.evidence.contains(row), "{row:?} is not in {}", lesson.rule);
                    }
                }
                CandidateState::Dropped(reason) => prop_assert!(!reason.is_empty()),
                other => prop_assert!(false, "{other:?} is undecided"),
            }
        }
    }

    #[test]
    fn opposites_are_never_one_lesson(all in some()) {
        let mut model = Model::with(all);
        model.pass();
        let mut rules_of: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for c in &model.candidates {
            if let CandidateState::Absorbed(id) = &c.state {
                rules_of.entry(id.to_string()).or_default().insert(c.candidate.rule.as_str());
            }
        }
        for rules in rules_of.values() {
            for (a, b) in OPPOSITE {
                prop_assert!(!(rules.contains(RULES[*a]) && rules.contains(RULES[*b])), "{rules:?}");
            }
        }
    }

    /// Phrasings change words, never what is learned, wherever in the order they come.
    #[test]
    fn phrasings_keep_the_pass_idempotent(all in some(), which in prop::collection::vec((0..40usize, any::<bool>(), any::<bool>(), 0..5i64), 0..8)) {
        let phrasings: Vec<Phrasing> = which.iter().map(|(n, against, paraphrase, ts)| {
            let candidate = &all[n % all.len()].candidate;
            Phrasing {
                candidates: vec![candidate.key.clone()],
                advice: if *against { Advice::NotALesson } else { Advice::Keep },
                lesson_type: None,
                title: "a title".into(),
                rule: format!("{} {ts}", candidate.rule),
                why: None,
                applies_when: Default::default(),
                paraphrase: *paraphrase,
                by: "agent".into(),
                ts: Timestamp(*ts),
            }
        }).collect();
        let mut plain = Model::with(all.clone());
        plain.pass();
        let evidence = |m: &Model| m.lessons.values().flat_map(|l| l.evidence.clone()).map(|e| e.event_key).collect::<BTreeSet<_>>();
        let mut at_once = Model { candidates: all, phrasings: phrasings.clone(), ..Model::default() };
        at_once.pass();
        prop_assert!(at_once.plan().is_empty());
        prop_assert!(evidence(&at_once).is_subset(&evidence(&plain)));
        let mut later = plain;
        later.phrasings = phrasings;
        later.pass();
        prop_assert!(later.plan().is_empty());
        // A lesson that was replaced before it lost its candidates is history.
        let standing = |m: &Model| -> BTreeSet<String> {
            content(m).into_iter().filter(|row| !row.contains("|superseded|")).collect()
        };
        prop_assert_eq!(standing(&at_once), standing(&later));
    }

    #[test]
    fn any_text_is_survived(texts in prop::collection::vec(".{0,120}", 1..12)) {
        let all = texts.iter().enumerate().map(|(n, t)| said("s", n, t, 0.8)).collect();
        let mut model = Model::with(all);
        model.pass();
        prop_assert!(model.plan().is_empty());
    }
}
