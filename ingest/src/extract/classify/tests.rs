//! The classifier as a whole: verdicts on plain cases, soundness on any text. Must not test features one
//! by one; their modules do.

use proptest::prelude::*;

use super::*;

fn judge(kind: &str, text: &str, context: &[&str]) -> TurnVerdict {
    let context: Vec<String> = context.iter().map(|c| (*c).to_owned()).collect();
    Classifier::shipped().judge(&TurnInput { kind, text, context: &context, after: &[] })
}

#[test]
fn plain_corrections_score_above_plain_requests() {
    let done = ["A: I moved the parser into `lexer.rs` and all tests pass."];
    let corrections = [
        judge("user", "no, that's wrong. The parser should not be in the lexer module.", &done),
        judge("user", "I told you we don't use wildcard imports here", &done),
        judge("rejection_reason", "let's not touch the schema", &["TOOL REJECTED BY USER"]),
        judge("user", "stop adding comments everywhere, just the code", &["USER INTERRUPTED"]),
    ];
    let others = [
        judge("user", "yes, go ahead", &done),
        judge("user", "what does the second argument of parse do?", &done),
        judge("user", "address 14", &done),
        judge("user", "run the tests and push", &done),
    ];
    for verdict in &corrections {
        assert!(verdict.correction >= 0.5, "{verdict:?}");
    }
    for verdict in &others {
        assert!(verdict.correction < 0.5 && verdict.durable < 0.5, "{verdict:?}");
    }
}

#[test]
fn a_standing_rule_is_durable_and_becomes_a_sentence() {
    let text = "ok good. From now on we always use the builder instead of raw structs in tests. Then push.";
    let verdict = judge("user", text, &["A: Done, the fixtures are in place."]);
    assert!(verdict.durable >= 0.5, "{verdict:?}");
    assert!(verdict.span.contains("always use the builder"), "{verdict:?}");
    assert!(verdict.rule.ends_with('.') && verdict.rule.contains("builder instead of raw structs"));
}

#[test]
fn a_bare_no_belongs_to_the_rule() {
    let context = ["A: The hold expires on the real clock.", "USER INTERRUPTED"];
    let bare = judge("user", "no sleeps in tests please", &context);
    assert_eq!(bare.rule, "No sleeps in tests.");
    let set_off = judge("user", "no, use the fake clock in every test", &context);
    assert_eq!(set_off.rule, "Use the fake clock in every test.");
}

#[test]
fn what_is_to_be_remembered_is_the_rule() {
    for (text, rule) in [
        (
            "yes, go on with the proofs, and remember that we use atomic commits everywhere",
            "We use atomic commits everywhere.",
        ),
        ("so? keep one table for all tenants!", "Keep one table for all tenants."),
        ("open the PR; please remember to add a changelog line", "Add a changelog line."),
        (
            "I can't remember which flag it was, we always use --locked",
            "I can't remember which flag it was, we always use --locked.",
        ),
    ] {
        assert_eq!(judge("user", text, &[]).rule, rule);
    }
}

#[test]
fn pasted_output_and_injected_text_are_not_corrections() {
    let log = "--- FAIL: TestParse (0.10s)\n    parse_test.go:12: want 3, should not be 4\nFAIL";
    let injected = "The user wants to clarify these questions.\n    This means they may have more.";
    for verdict in [
        judge("user", log, &[]),
        judge("rejection_reason", injected, &["TOOL REJECTED BY USER"]),
        judge("user", "<system-reminder>never do that, use X instead</system-reminder>", &[]),
        judge("user", "", &["USER INTERRUPTED"]),
    ] {
        assert!(verdict.correction < 0.5 && verdict.durable < 0.5, "{verdict:?}");
    }
}

#[test]
fn what_the_agent_did_next_shifts_a_verdict_that_stands_without_it() {
    let context = ["A: I put the retries into the client.".to_owned()];
    let odds = |after: &[&str]| {
        let after: Vec<String> = after.iter().map(|e| (*e).to_owned()).collect();
        let turn = TurnInput {
            kind: "user",
            text: "retries are the job of the gateway",
            context: &context,
            after: &after,
        };
        Classifier::shipped().judge(&turn).correction
    };
    let gives_in = odds(&["A: You're right, I'll remove them.", "A: [Edit: src/client.rs]"]);
    let answers = odds(&["A: Great question. They are.", "A: [Read: src/client.rs]"]);
    let unknown = odds(&[]);
    assert!(gives_in > unknown && unknown > answers, "{gives_in} {unknown} {answers}");
}

#[test]
fn the_seam_gives_the_same_verdict() {
    let text = "no, never force-push to a shared branch";
    let direct = judge("user", text, &[]);
    let turn = Turn { kind: "user", text, context: &[], after: &[] };
    let seam = Judge::judge(Classifier::shipped(), &turn);
    assert_eq!(
        (seam.correction, seam.durable, seam.span),
        (direct.correction, direct.durable, direct.span)
    );
}

/// A row of the set in other languages.
#[derive(serde::Deserialize)]
struct Told {
    lang: String,
    half: String,
    kind: String,
    text: String,
    context: Vec<String>,
    correction: bool,
    durable: bool,
    span: String,
}

/// Returns F1 at the cut.
fn f1(pairs: impl Iterator<Item = (f32, bool)> + Clone) -> f64 {
    let count = |holds: fn(bool, bool) -> bool| {
        pairs.clone().filter(|(score, is)| holds(*score >= 0.5, *is)).count() as f64
    };
    2.0 * count(|says, is| says && is) / (count(|says, _| says) + count(|_, is| is)).max(1.0)
}

/// The set is made up by one writer, and the table of glosses was fitted to its first half: floors
/// against what would break the other languages, no measure of how good they are.
#[test]
fn other_languages_are_heard() {
    let set = include_str!("../../../training/turns_other_languages.jsonl");
    let turns: Vec<Told> = set.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    for lang in ["en", "de", "fr", "es", "pt", "it", "ru", "zh", "ja", "ko"] {
        let told: Vec<_> = (turns.iter().filter(|turn| turn.lang == lang))
            .map(|turn| {
                let Told { kind, text, context, .. } = turn;
                let input = TurnInput { kind, text, context, after: &[] };
                (turn, Classifier::shipped().judge(&input))
            })
            .collect();
        assert_eq!(told.len(), 32, "{lang}");
        for half_name in ["tune", "held_out", "later"] {
            let half = told.iter().filter(|(turn, _)| turn.half == half_name);
            let correction = f1(half.clone().map(|(turn, v)| (v.correction, turn.correction)));
            let durable = f1(half.map(|(turn, v)| (v.durable, turn.durable)));
            let floor = if half_name == "later" { 0.4 } else { 0.55 };
            assert!(correction >= floor, "{lang}, {half_name}: {correction}");
            assert!(durable >= floor, "{lang}, {half_name}: {durable}");
        }
        let letters = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let durable = told.iter().filter(|(turn, _)| turn.durable);
        let rules = durable.map(|(turn, v)| (turn, letters(&v.rule), letters(&turn.span)));
        let kept = rules.clone().filter(|(_, rule, span)| rule.contains(span.as_str())).count();
        assert!(lang == "en" || kept >= 13, "{lang}: {kept} of {}", rules.clone().count());
        for (turn, rule, _) in rules.filter(|_| lang != "en") {
            assert!(letters(&turn.text).contains(&rule), "{rule} is not what was said");
        }
    }
}

proptest! {
    #[test]
    fn any_text_gets_a_sound_verdict(
        text in "(\\PC|[.?!`\"'\n …é🤔。！？、不要使用ないで하지마нет]){0,200}",
        kind in "user|rejection_reason|\\PC{0,8}",
        context in prop::collection::vec("(A: |U: |A: \\[|USER INTERRUPTED|)\\PC{0,40}", 0..6),
    ) {
        let verdict = Classifier::shipped().judge(&TurnInput { kind: &kind, text: &text, context: &context, after: &[] });
        prop_assert!((0.0..=1.0).contains(&verdict.correction));
        prop_assert!((0.0..=1.0).contains(&verdict.durable));
        prop_assert!(text.contains(&verdict.span));
        prop_assert!(verdict.rule.chars().count() <= 241);
        prop_assert!(verdict.rule.is_empty() || !verdict.span.is_empty());
    }

    #[test]
    fn the_same_turn_gets_the_same_verdict(text in "[a-z ,.?!'\n]{0,120}") {
        prop_assert_eq!(judge("user", &text, &[]), judge("user", &text, &[]));
    }
}
