//! Properties of the pass that hold for any candidates.

use std::collections::{BTreeMap, BTreeSet};

use cemem_core::store::{CandidateState, StoredCandidate};
use cemem_core::{
    Action, Advice, AppliesWhen, Counters, Lesson, LessonStatus, Phrasing, Signal, Timestamp, Trust,
};
use proptest::prelude::*;

use super::relate::{Relation, Similarity, relation};
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

pub(super) fn some() -> impl Strategy<Value = Vec<StoredCandidate>> {
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

/// Words of which a rule can be made, none of them a name, a number or a side.
const VERBS: &[&str] = &["use", "run", "keep", "write", "render", "format", "cache", "log"];
const THINGS: &[&str] =
    &["snapshot tests", "the parser", "lockfiles", "migrations", "footer hints"];
const PLACES: &[&str] = &["in the worker", "for every release", "in go packages", "on the server"];
const NAMES: &[&str] =
    &["`jest`", "`vitest`", "config.toml", "settings.json", "parseConfig", "pnpm-lock"];

#[derive(Debug, Clone)]
struct Opposed {
    a: String,
    b: String,
}

/// Two rules of which only one can hold, made by one edit.
fn opposed() -> impl Strategy<Value = Opposed> {
    let word = |list: &'static [&'static str]| (0..list.len()).prop_map(move |i| list[i]);
    (word(VERBS), word(THINGS), word(PLACES), 0..NAMES.len(), 0..NAMES.len(), 1..900u32, 0..9u8)
        .prop_map(|(verb, thing, place, x, y, n, edit)| {
            let (x, y) = (NAMES[x], NAMES[if x == y { (y + 1) % NAMES.len() } else { y }]);
            let (a, b) = match edit {
                0 => (
                    format!("Always {verb} {thing} {place}"),
                    format!("Never {verb} {thing} {place}"),
                ),
                1 => (format!("{verb} {thing} {place}"), format!("Don't {verb} {thing} {place}")),
                2 => (
                    format!("{verb} {thing} with {x} instead of {y}"),
                    format!("{verb} {thing} with {y} instead of {x}"),
                ),
                3 => {
                    (format!("Prefer {x} over {y} {place}"), format!("Prefer {y} over {x} {place}"))
                }
                4 => (
                    format!("{verb} {thing} {place} after {n} seconds"),
                    format!("{verb} {thing} {place} after {} seconds", n + 1),
                ),
                5 => (
                    format!("Pin {thing} to version {n}.2 {place}"),
                    format!("Pin {thing} to version {n}.3 {place}"),
                ),
                6 => (
                    format!("{verb} {thing} before the build {place}"),
                    format!("{verb} {thing} after the build {place}"),
                ),
                7 => (
                    format!("We must {verb} {thing} {place}"),
                    format!("We no longer {verb} {thing} {place}"),
                ),
                _ => (
                    format!("{verb} {thing} with {x} {place}"),
                    format!("{verb} {thing} with {y} {place}"),
                ),
            };
            Opposed { a, b }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn one_edit_that_turns_a_rule_is_never_merged(pair in opposed(), cosine in 0.0..1.0f32) {
        let Opposed { a, b } = pair;
        let agreeing = |_: &str, _: &str| cosine.max(0.97);
        for model in [None, Some(&agreeing as &Similarity<'_>)] {
            for (a, b) in [(&a, &b), (&b, &a)] {
                let found = relation(a, b, model);
                prop_assert!(!matches!(found, Relation::Same(_)), "{a} / {b}: {found:?}");
            }
        }
        // Nor through a third wording between them.
        let both = format!("{a}, {b}");
        let mut model = Model::with(vec![
            said("a", 1, &a, 0.9),
            said("b", 2, &b, 0.9),
            said("c", 3, &both, 0.9),
        ]);
        model.pass();
        let lesson_of = |n: usize| match &model.candidates[n].state {
            CandidateState::Absorbed(id) => Some(id.clone()),
            _ => None,
        };
        prop_assert!(lesson_of(0).is_none() || lesson_of(0) != lesson_of(1), "{a} / {b}");
    }

    #[test]
    fn how_two_rules_relate_has_no_direction(a in ".{0,60}", b in ".{0,60}", edit in opposed()) {
        for (x, y) in [(&a, &b), (&edit.a, &edit.b), (&a, &edit.b)] {
            prop_assert_eq!(relation(x, y, None), relation(y, x, None), "{:?} {:?}", x, y);
        }
    }

    /// Characters that are not seen change nothing about which rules are one.
    #[test]
    fn unseen_characters_neither_split_nor_merge(
        rule in 0..RULES.len(),
        at in prop::collection::vec((0..60usize, 0..6usize), 1..6),
    ) {
        let tricks = ['\u{200b}', '\u{202e}', '\u{2060}', '\u{ad}', '\u{feff}', '\u{7}'];
        let mut tricky: Vec<char> = RULES[rule].chars().collect();
        for (place, trick) in at {
            tricky.insert(place % tricky.len(), tricks[trick]);
        }
        let tricky: String = tricky.into_iter().collect();
        let mut model = Model::with(vec![
            said("a", 1, RULES[rule], 0.9),
            said("b", 2, &tricky, 0.9),
        ]);
        model.pass();
        prop_assert_eq!(model.standing().len(), 1, "{:?}", tricky);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What was experienced with lessons and what distillers said are inputs like any other: with
    /// them, too, a second pass is empty, and no order matters.
    #[test]
    fn counters_and_phrasings_leave_a_pass_repeatable(
        all in some(),
        harmed in prop::collection::vec(0..4u64, 8),
        phrased in 0..40usize,
        seed in any::<u64>(),
    ) {
        let phrasing = |c: &StoredCandidate| Phrasing {
            candidates: vec![c.candidate.key.clone()],
            advice: if phrased % 2 == 0 { Advice::Keep } else { Advice::NotALesson },
            lesson_type: None,
            title: "Told better".into(),
            rule: format!("{}, as told better", c.candidate.rule),
            why: None,
            applies_when: AppliesWhen::default(),
            paraphrase: phrased % 3 == 0,
            by: "agent".into(),
            ts: Timestamp(1),
        };
        let phrasings: Vec<_> = all.iter().skip(phrased).take(2).map(phrasing).collect();
        let run = |all: Vec<StoredCandidate>| {
            let mut model = Model::with(all);
            model.phrasings.clone_from(&phrasings);
            model.pass();
            // By what they say, not by id: the same lessons are harmed whatever they are called.
            let mut rules: Vec<_> =
                model.lessons.values().map(|l| (l.rule.clone(), l.id.clone())).collect();
            rules.sort();
            let counted = rules.into_iter().zip(harmed.iter().cycle());
            model.counters = counted
                .map(|((_, id), n)| (id, Counters { harmed: *n, shown: 9, ..Counters::default() }))
                .collect();
            model.pass();
            model
        };
        let straight = run(all.clone());
        prop_assert!(straight.plan().is_empty(), "{:?}", straight.plan());
        let mut shuffled = all;
        let n = shuffled.len();
        for i in 0..n {
            shuffled.swap(i, (seed as usize).wrapping_mul(31).wrapping_add(i * 7) % n);
        }
        prop_assert_eq!(content(&straight), content(&run(shuffled)));
    }

    /// Every passage of a store is a point one can go back to.
    #[test]
    fn undo_restores_what_was_before(first in some(), second in some()) {
        super::store_tests::undo_restores(&first, &second)?;
    }
}
