//! Lines in, lines out.

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn read(line: &str) -> Lesson {
    from_line(line, "f", 3, NOW).unwrap().lesson
}

/// Reads a line, and checks that its export comes back as the same lesson and the same bytes.
fn round(line: &Value) -> Lesson {
    let once = read(&line.to_string());
    let text = to_line(&once);
    let twice = from_line(&text, "elsewhere", 9, Timestamp(0)).unwrap();
    assert_eq!(twice.seed, None, "an exported id is an id");
    assert_eq!(once, twice.lesson);
    assert_eq!(to_line(&twice.lesson), text);
    once
}

#[test]
fn a_minimal_line_becomes_a_lesson_with_evidence() {
    let l = read(r#"{"type":"convention","title":"T","rule":"Use tabs."}"#);
    assert_eq!(l.status, LessonStatus::Active);
    assert_eq!((l.evidence[0].source_path.as_str(), l.evidence[0].event_uuid.as_str()), ("f", "3"));
    assert_eq!((l.created, l.evidence[0].turn_ts), (NOW, None));
    let dated = read(r#"{"rule":"x","created":"2026-01-01"}"#);
    assert_eq!(dated.evidence[0].turn_ts, Some(dated.created));
}

#[test]
fn export_is_lossless_and_keeps_unknown_keys() {
    let once = round(&json!({"rule": "Use tabs.", "severity": "high", "owner": null,
                             "applies_when": {"paths": ["a/*"]}}));
    assert_eq!(once.extra, json!({"severity": "high", "owner": null}));
    for extra in [json!({}), json!([1, null]), json!("note"), json!({"extra": {"extra": 1}})] {
        assert_eq!(round(&json!({"rule": "x", "extra": extra})).extra, extra);
    }
    assert_eq!(round(&json!({"rule": "x", "extra": null})).extra, Value::Null);
}

#[test]
fn unknown_keys_are_kept_at_every_level() {
    let l = round(&json!({
        "rule": "x",
        "applies_when": {"paths": ["a/*"], "teams": ["core"]},
        "anchors": [{"path": "a.rs", "line": 7}, {"path": "b.rs"}],
        "evidence": [{"engine": "e", "quote": "q"}, {"engine": "e", "quote": "r", "url": "u"}],
    }));
    assert_eq!((l.anchors.len(), l.evidence.len()), (2, 2));
    assert_eq!(l.applies_when.paths, ["a/*"]);
    let want = json!({"applies_when": {"teams": ["core"]}, "anchors": [{"line": 7}, null],
                      "evidence": [null, {"url": "u"}]});
    assert_eq!(l.extra, want);
}

#[test]
fn null_is_the_same_as_nothing() {
    let plain = round(&json!({"rule": "x"}));
    let mut line = json!({"rule": "x"});
    let named = serde_json::to_value(&plain).unwrap();
    for key in named.as_object().unwrap().keys().filter(|key| *key != "rule") {
        line[key] = Value::Null;
    }
    line["extra"] = Value::Null;
    assert_eq!(round(&line), plain);
    let nested = json!({"rule": "x", "applies_when": {"paths": null, "tags": ["t"]},
                        "anchors": [{"path": "a", "symbol": null}],
                        "evidence": [{"engine": "e", "quote": "q", "session": null, "actor": null}]});
    assert_eq!(round(&nested).applies_when.tags, ["t"]);
}

#[test]
fn a_key_in_the_line_and_in_extra_loses_neither_value() {
    let l = round(&json!({"rule": "x", "severity": "high", "note": 1, "extra": {
        "severity": "low", "note": 1, "extra": "old", "applies_when": {"a": 1}
    }, "applies_when": {"b": 2}}));
    assert_eq!(l.extra["severity"], "high");
    assert_eq!(l.extra["extra"]["severity"], "low");
    assert_eq!(l.extra["extra"]["extra"], "old");
    assert_eq!((&l.extra["note"], &l.extra["applies_when"]), (&json!(1), &json!({"a": 1, "b": 2})));
    let l = round(&json!({"rule": "x", "severity": "high", "extra": "text"}));
    assert_eq!(l.extra, json!({"severity": "high", "extra": "text"}));
}

#[test]
fn only_ids_of_cemem_are_taken_as_ids() {
    let l =
        round(&json!({"id": "L-7f3a2c", "rule": "x", "supersedes": ["L-00000a", "old\n- rule"],
                          "superseded_by": "\u{1b}[2J", "contradicts": ["my-lesson"]}));
    assert_eq!(l.id.as_str(), "L-7f3a2c");
    assert_eq!(l.supersedes, [LessonId("L-00000a".into())]);
    assert_eq!((l.superseded_by.clone(), l.contradicts.len()), (None, 0));
    let want = json!({"supersedes": ["old\n- rule"], "superseded_by": "\u{1b}[2J",
                      "contradicts": ["my-lesson"]});
    assert_eq!(l.extra, want);

    for id in [json!("my-lesson"), json!("L-7f3a2c\nx"), json!(12), json!("L-7F3A2C")] {
        let l = round(&json!({"id": id, "rule": "x"}));
        assert!(LessonId::parse(l.id.as_str()).is_some(), "{}", l.id);
        assert_eq!(l.extra["id"], id);
    }
    let lone = round(&json!({"rule": "x", "supersedes": "L-00000a", "contradicts": "else"}));
    assert_eq!((lone.supersedes.len(), &lone.extra["contradicts"]), (1, &json!(["else"])));
}

#[test]
fn an_id_is_derived_from_all_of_the_line() {
    let seed = |line: Value| from_line(&line.to_string(), "f", 1, NOW).unwrap().seed.unwrap();
    let plain = seed(json!({"rule": "x", "why": "y"}));
    assert_eq!(plain, seed(json!({"why": "y", "rule": "x", "body": null})));
    for other in [
        json!({"rule": "x"}),
        json!({"rule": "x", "why": "z"}),
        json!({"rule": "x", "why": "y", "body": "b"}),
        json!({"rule": "x", "why": "y", "applies_when": {"paths": ["a"]}}),
        json!({"rule": "x", "why": "y", "owner": "mara"}),
    ] {
        assert_ne!(plain, seed(other.clone()), "{other}");
    }
    let order = from_line(r#"{"a":{"c":1,"b":2},"rule":"x"}"#, "f", 1, NOW).unwrap().seed;
    assert_eq!(order, from_line(r#"{"rule":"x","a":{"b":2,"c":1}}"#, "g", 2, NOW).unwrap().seed);
}

#[test]
fn what_a_tool_printed_is_not_delivered_and_confidence_is_a_probability() {
    for status in ["active", "stale"] {
        let line = json!({"rule": "x", "trust": "tool_output", "status": status});
        assert_eq!(round(&line).status, LessonStatus::Quarantined, "{status}");
    }
    let retired = round(&json!({"rule": "x", "trust": "tool_output", "status": "retired"}));
    assert_eq!(retired.status, LessonStatus::Retired);
    assert_eq!(round(&json!({"rule": "x", "trust": "agent"})).status, LessonStatus::Active);
    let confidence = |value: f64| round(&json!({"rule": "x", "confidence": value})).confidence;
    assert_eq!([confidence(7.0), confidence(-1.0), confidence(1e300)], [1.0, 0.0, 1.0]);
    assert_eq!(confidence(0.25), 0.25);
}

#[test]
fn long_rules_and_titles_are_cut_and_kept_whole_elsewhere() {
    let long = "every word counts ".repeat(60);
    let l = round(&json!({"rule": long, "body": "More.", "title": long}));
    assert!(l.rule.chars().count() <= MAX_RULE_CHARS && l.rule.ends_with('…'), "{}", l.rule);
    assert_eq!(l.body, Some(format!("{long}\n\nMore.")));
    assert!(l.title.chars().count() <= MAX_TITLE_CHARS);
    assert_eq!(l.extra["title"], long.as_str());
    let exact = "ä".repeat(MAX_RULE_CHARS);
    let l = round(&json!({"rule": exact}));
    assert_eq!((l.rule, l.body), (exact, None));
    let (rule, body) = fit_rule(long.clone(), Some(format!("{long} and the rest")));
    assert_eq!(body, Some(format!("{long} and the rest")), "the body has it already");
    assert!(rule.ends_with('…'));
}

#[test]
fn bad_lines_say_what_is_wrong() {
    let read = |line: &str| from_line(line, "f", 1, NOW);
    assert!(read("[]").is_err());
    assert!(matches!(read(r#"{"why":"x"}"#), Err(LineError::NoRule)));
    assert!(matches!(read(r#"{"rule":null,"title":" "}"#), Err(LineError::NoRule)));
    let wrong = read(r#"{"rule":"x","type":"poem"}"#).unwrap_err();
    assert!(wrong.to_string().contains("poem"), "{wrong}");
}

#[test]
fn shortening_ends_at_words() {
    assert_eq!(shorten("one  two\nthree", 40), "one two three");
    assert_eq!(shorten("alpha beta gamma", 12), "alpha beta…");
}
