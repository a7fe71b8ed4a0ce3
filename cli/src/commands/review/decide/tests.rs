//! Tests of what decisions do, on a store in memory.

use cemem_core::Clock;

use super::super::queue::tests::waiting;
use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn store(rules: &[(&str, &str)]) -> Store {
    let mut store = Store::open_in_memory(Clock::Fixed(NOW)).unwrap();
    let lessons: Vec<Lesson> = rules
        .iter()
        .enumerate()
        .map(|(n, (id, rule))| {
            let mut lesson = waiting(id, rule, 0.5).lesson;
            lesson.evidence[0].session = format!("session {n}");
            lesson.evidence[0].event_key = format!("key {n}");
            lesson
        })
        .collect();
    store.put_lessons(&lessons, "pass", "create", "").unwrap();
    store
}

fn id(text: &str) -> LessonId {
    LessonId(text.into())
}

fn get(store: &Store, text: &str) -> Lesson {
    store.lesson(&id(text)).unwrap().unwrap()
}

fn decide(store: &mut Store, text: &str, verdict: Verdict) -> Decided {
    carry_out(store, &[(id(text), verdict)], NOW, "user").unwrap()
}

#[test]
fn every_decision_is_written_at_once_and_can_be_taken_back() {
    let mut store = store(&[("L-aaaaaa", "Use tabs."), ("L-bbbbbb", "Use tabs, not spaces.")]);
    let before = (get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb"));
    let words = Words { rule: Some("Tabs only.".into()), ..Words::default() };
    for (verdict, verb, status) in [
        (Verdict::Accept, "accept", LessonStatus::Active),
        (Verdict::Reject("a one-off".into()), "reject", LessonStatus::Retired),
        (Verdict::Edit(words), "edit", LessonStatus::Active),
        (Verdict::Merge(id("L-bbbbbb")), "merge", LessonStatus::Superseded),
        (Verdict::Snooze(7), "snooze", LessonStatus::Candidate),
        (Verdict::Replace(vec![id("L-bbbbbb")]), "accept", LessonStatus::Active),
    ] {
        let decided = decide(&mut store, "L-aaaaaa", verdict);
        let after = get(&store, "L-aaaaaa");
        assert_eq!(after.status, status, "{verb}");
        assert_ne!(after, before.0, "{verb}");
        let logged = store.history(&id("L-aaaaaa")).unwrap();
        assert_eq!(logged.last().unwrap().verb, verb);
        assert_eq!(logged.last().unwrap().op, decided.change);
        assert!(decided.lessons.contains(&after));
        store.undo(Some(decided.change), "user").unwrap();
        assert_eq!((get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb")), before, "{verb}");
    }
}

#[test]
fn a_merge_adds_up_and_loses_nothing() {
    let mut store = store(&[
        ("L-aaaaaa", "Use tabs."),
        ("L-bbbbbb", "Use tabs, not spaces."),
        ("L-cccccc", "Tabs!"),
    ]);
    let merge = |from| (id(from), Verdict::Merge(id("L-cccccc")));
    carry_out(&mut store, &[merge("L-aaaaaa"), merge("L-bbbbbb")], NOW, "user").unwrap();
    let into = get(&store, "L-cccccc");
    assert_eq!((into.evidence.len(), into.support, into.reviewed), (3, 3, true));
    assert_eq!((into.rule.as_str(), into.status), ("Tabs!", LessonStatus::Candidate));
    for from in ["L-aaaaaa", "L-bbbbbb"] {
        assert!(get(&store, from).is_merged_into(&into), "{from}");
    }
    let mut again = |from: &str, to: &str| {
        let verdict = Verdict::Merge(id(to));
        carry_out(&mut store, &[(id(from), verdict)], NOW, "user").unwrap_err().to_string()
    };
    assert!(again("L-cccccc", "L-cccccc").contains("into itself"));
    assert!(again("L-cccccc", "L-aaaaaa").contains("is superseded"));
}

#[test]
fn who_wins_a_contradiction_replaces_the_other_side() {
    let mut store = store(&[("L-aaaaaa", "Use tabs."), ("L-bbbbbb", "Use spaces.")]);
    let mut both = [get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb")];
    both[0].contradicts = vec![both[1].id.clone()];
    both[1].contradicts = vec![both[0].id.clone()];
    store.put_lessons(&both, "pass", "contradict", "").unwrap();
    decide(&mut store, "L-bbbbbb", Verdict::Replace(vec![id("L-aaaaaa")]));
    let (lost, won) = (get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb"));
    assert_eq!((lost.status, won.status), (LessonStatus::Superseded, LessonStatus::Active));
    assert_eq!((lost.superseded_by, lost.valid_to), (Some(won.id), Some(NOW)));
    assert_eq!((lost.contradicts.len(), won.contradicts.len()), (0, 0));
    assert_eq!(won.supersedes, [lost.id]);
}

#[test]
fn words_are_cleaned_and_a_cut_title_follows_the_rule() {
    let mut lesson = waiting("L-aaaaaa", "Use tabs.", 0.5).lesson;
    let redactor = Redactor::new();
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let words = Words {
        lesson_type: Some(LessonType::Fact),
        title: Some(lesson.title.clone()),
        rule: Some(format!("Use\n  spaces, says {token}.")),
        why: Some(String::new()),
        paths: Some(vec!["src/**".into(), " ".into()]),
        body: Some(format!("  One,\n\n{token}.\u{1b} ")),
    };
    reword(&mut lesson, &words, &redactor).unwrap();
    assert!(lesson.rule.starts_with("Use spaces, says [redacted:"), "{}", lesson.rule);
    assert_eq!((lesson.title.clone(), lesson.why.clone()), (lesson.rule.clone(), None));
    assert_eq!(lesson.applies_when.paths, ["src/**"]);
    let body = lesson.body.clone().unwrap_or_default();
    assert!(body.starts_with("One,\n\n[redacted:") && !body.contains('\u{1b}'), "{body}");
    let nothing = Words { rule: Some(" \u{202e} ".into()), ..Words::default() };
    assert!(reword(&mut lesson, &nothing, &redactor).is_err());
}

#[test]
fn what_is_accepted_again_is_replaced_by_nothing() {
    let mut store = store(&[("L-aaaaaa", "Use tabs."), ("L-bbbbbb", "Use tabs, not spaces.")]);
    decide(&mut store, "L-aaaaaa", Verdict::Merge(id("L-bbbbbb")));
    assert_eq!(get(&store, "L-bbbbbb").supersedes, [id("L-aaaaaa")]);
    let merged = (get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb"));
    let decided = decide(&mut store, "L-aaaaaa", Verdict::Accept);
    let back = get(&store, "L-aaaaaa");
    assert_eq!(
        (back.status, back.superseded_by, back.valid_to),
        (LessonStatus::Active, None, None)
    );
    assert!(get(&store, "L-bbbbbb").supersedes.is_empty());
    store.undo(Some(decided.change), "user").unwrap();
    assert_eq!((get(&store, "L-aaaaaa"), get(&store, "L-bbbbbb")), merged);

    decide(&mut store, "L-aaaaaa", Verdict::Replace(vec![id("L-bbbbbb")]));
    decide(&mut store, "L-bbbbbb", Verdict::Accept);
    let replaced = get(&store, "L-bbbbbb");
    assert_eq!((replaced.superseded_by, replaced.valid_to), (None, None));
    assert!(get(&store, "L-aaaaaa").supersedes.is_empty());
}
