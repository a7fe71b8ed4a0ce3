//! Sessions in few words, and what is to be said of the lessons they were shown.

use cemem_core::Timestamp;
use cemem_core::exchange::from_line;

use super::*;
use crate::extract::testing::{Bare, agent, call, events, rejected, result, session, user};

fn lessons(rules: &[&str]) -> BTreeMap<LessonId, Option<Check>> {
    let made = rules.iter().enumerate().map(|(n, rule)| {
        let line = serde_json::json!({ "id": format!("L-00000{n}"), "rule": rule }).to_string();
        let lesson = from_line(&line, "f", 1, Timestamp(0)).unwrap().lesson;
        let check = Check::of(&lesson);
        (lesson.id, check)
    });
    made.collect()
}

fn id(n: usize) -> LessonId {
    LessonId(format!("L-00000{n}"))
}

/// Judges a session that was shown every lesson from its start.
fn standing(rules: &[&str], bare: Vec<Bare>, told: &[Told]) -> Vec<(usize, Verdict)> {
    let shown: Vec<_> = (0..rules.len()).map(|n| (id(n), None)).collect();
    judged(rules, bare, &shown, told)
}

fn judged(
    rules: &[&str],
    bare: Vec<Bare>,
    shown: &[(LessonId, Option<Timestamp>)],
    told: &[Told],
) -> Vec<(usize, Verdict)> {
    let (session, events, lessons) = (session(), events(bare), lessons(rules));
    let case = Case { session: &session, events: &events, lessons: &lessons, shown, told };
    let found = judge(&case);
    assert_eq!(judge(&case), found, "the same twice");
    for outcome in &found {
        assert!(events.iter().any(|e| e.event.key == outcome.event_key));
        assert!(!outcome.note.is_empty() && outcome.session.as_ref() == Some(&session));
    }
    found.into_iter().map(|o| (o.lesson.0[7..].parse().unwrap(), o.verdict)).collect()
}

fn bash(id: &str, line: &str) -> Bare {
    call(id, "Bash", &[], Some(line))
}

fn told(event: usize, by_person: bool, again: bool) -> Told {
    Told {
        lesson: id(0),
        event_key: format!("k{event}"),
        ts: Timestamp(0),
        words: "no, pnpm".into(),
        by_person,
        again,
    }
}

const PNPM: &[&str] = &["Use pnpm, not npm"];

#[test]
fn the_forbidden_command_violates_and_the_wanted_one_heeds() {
    use Verdict::{Heeded, Violated};
    let run = |lines: &[&str]| {
        let calls = lines.iter().enumerate().map(|(i, line)| bash(&i.to_string(), line));
        let all = [user("add zod"), agent("ok")].into_iter().chain(calls);
        standing(PNPM, all.collect(), &[])
    };
    assert_eq!(run(&["cd web && npm install zod"]), [(0, Violated)]);
    assert_eq!(run(&["pnpm add zod"]), [(0, Heeded)]);
    assert_eq!(run(&["pnpm add zod", "npm install"]), [(0, Violated)]);
    assert_eq!(run(&["ls", "npm --version", "git commit -m 'drop npm install'"]), []);
    assert_eq!(run(&[]), []);
}

#[test]
fn a_command_named_in_plain_words_violates_in_its_short_form_and_behind_a_runner() {
    use Verdict::{Heeded, Violated};
    let run = |rule: &'static str, line: &str| {
        standing(&[rule], vec![user("count the orders"), agent("ok"), bash("1", line)], &[])
    };
    let rule = "Use `bin/prod-console --readonly` and never plain rails console.";
    for line in [
        "rails console",
        "RAILS_ENV=production bin/rails console -e 'puts 1'",
        "bundle exec rails console",
        "bin/rails c",
    ] {
        assert_eq!(run(rule, line), [(0, Violated)], "{line}");
    }
    assert_eq!(run(rule, "bin/prod-console --readonly -e 'puts 1'"), [(0, Heeded)]);
    for line in
        ["bin/rails test", "rails db:migrate", "bundle exec rspec", "grep -rn 'rails console' ."]
    {
        assert_eq!(run(rule, line), [], "{line}");
    }
    // The runner is what is asked for, or may be.
    assert_eq!(run("Never run bare pytest", "uv run pytest"), []);
    assert_eq!(run("Use `uv run pytest`, never bare pytest", "uv run pytest -q"), [(0, Heeded)]);
    assert_eq!(run("Use `make test`, never bare pytest", "uv run pytest -q"), [(0, Violated)]);
}

#[test]
fn what_a_person_asked_for_is_no_violation() {
    let bare = vec![user("run npm install please"), bash("1", "npm install")];
    assert_eq!(standing(PNPM, bare, &[]), []);
}

#[test]
fn only_what_comes_after_the_showing_counts() {
    let shows = "cemem recall \"add a dependency\"";
    let answer = "0.81  L-000000  convention Use pnpm, not npm";
    let bare = |before: &str, shows: &str, answer: &str, after: &str| {
        vec![
            user("add zod"),
            bash("1", before),
            bash("2", shows),
            result("2", Some(true), Some(0), answer),
            bash("3", after),
            result("3", Some(true), Some(0), "ok"),
        ]
    };
    let run = |bare| judged(PNPM, bare, &[], &[]);
    assert_eq!(run(bare("npm i", shows, answer, "pnpm i")), [(0, Verdict::Heeded)]);
    assert_eq!(run(bare("pnpm i", shows, answer, "npm i")), [(0, Verdict::Violated)]);
    // Shown by nobody: the words came out of something else.
    assert_eq!(run(bare("ls", "cat notes.md", answer, "npm i")), []);
    assert_eq!(run(bare("ls", "echo cemem recall", answer, "npm i")), []);
    let block =
        format!("# Rules\n<!-- cemem:begin 1 -->\n- x [L-000000]\n{BLOCK_END} -->\nL-000001");
    let rules = &["Use pnpm, not npm", "Use uv, not pip"];
    let seen = bare("ls", "cat CLAUDE.md", &block, "npm i; pip install x");
    assert_eq!(judged(rules, seen, &[], &[]), [(0, Verdict::Violated)]);
    let at = Timestamp(1_700_000_000_000 + 2000);
    let known = [(id(0), Some(at))];
    let bare = vec![user("x"), bash("1", "npm i"), bash("2", "ls"), bash("3", "pnpm i")];
    assert_eq!(judged(PNPM, bare, &known, &[]), [(0, Verdict::Heeded)]);
}

#[test]
fn an_mcp_answer_shows_and_its_text_is_no_use() {
    let bare = vec![
        user("x"),
        call("1", "mcp__cemem__recall", &[], None),
        result("1", Some(true), None, "L-000000 Use pnpm, not npm: run `pnpm install`"),
        agent("As L-000000 says, I use pnpm."),
    ];
    assert_eq!(judged(PNPM, bare.clone(), &[], &[]), []);
    let acted = bare
        .into_iter()
        .chain([bash("2", "pnpm install"), result("2", Some(true), None, "ok")])
        .collect();
    assert_eq!(judged(PNPM, acted, &[], &[]), [(0, Verdict::Heeded)]);
}

#[test]
fn a_correction_after_the_showing_violates_and_one_known_before_recurs() {
    use Verdict::{Recurred, Violated};
    let bare = || vec![user("add zod"), bash("1", "pnpm i"), user("no, not like that")];
    assert_eq!(standing(PNPM, bare(), &[told(2, true, true)]), [(0, Violated), (0, Recurred)]);
    assert_eq!(judged(PNPM, bare(), &[], &[told(2, true, true)]), [(0, Recurred)]);
    assert_eq!(standing(PNPM, bare(), &[told(2, true, false)]), [(0, Verdict::Heeded)]);
    // A failure that came back was not said by anybody.
    assert_eq!(judged(PNPM, bare(), &[(id(0), None)], &[told(1, false, true)]), [(0, Recurred)]);
    // Nothing was done yet: an instruction, not a correction.
    assert_eq!(standing(PNPM, vec![user("use pnpm"), agent("ok")], &[told(0, true, true)]), []);
}

#[test]
fn a_refused_attempt_is_an_attempt_and_a_sub_agent_saw_other_things() {
    let bare = vec![user("x"), bash("1", "npm install"), rejected("1", None)];
    assert_eq!(standing(PNPM, bare, &[]), [(0, Verdict::Violated)]);
    let wanted = vec![user("x"), bash("1", "pnpm install"), rejected("1", None)];
    assert_eq!(standing(PNPM, wanted, &[]), []);
    let (_, kind) = bash("1", "npm install");
    assert_eq!(standing(PNPM, vec![user("x"), (Actor::Subagent, kind)], &[]), []);
}

#[test]
fn what_did_not_run_heeds_nothing() {
    let after = |back: Vec<Bare>| [vec![user("x"), bash("1", "pnpm install")], back].concat();
    let heeded = |back| standing(PNPM, after(back), &[]);
    assert_eq!(heeded(vec![result("1", Some(true), Some(0), "done")]), [(0, Verdict::Heeded)]);
    assert_eq!(heeded(vec![result("1", Some(false), Some(127), "not found")]), []);
    let unread = "<tool_use_error>InputValidationError: command is missing</tool_use_error>";
    assert_eq!(heeded(vec![result("1", Some(false), None, unread)]), []);
    // The call beside it failed, and the harness dropped this one.
    let beside = [call("2", "Edit", &["a"], None), result("2", Some(false), None, "no such text")];
    assert_eq!(heeded(beside.to_vec()), []);
    let beside = [call("2", "Edit", &["a"], None), result("2", Some(false), None, unread)];
    assert_eq!(heeded(beside.to_vec()), []);
}

#[test]
fn gates_and_files() {
    use Verdict::{Heeded, Violated};
    let lint: &[&str] = &["Run `mise run lint` before every commit"];
    let edit = || call("e", "Edit", &["/home/u/project/a.go"], None);
    let (check, commit) = (|| bash("l", "mise run lint"), || bash("c", "git commit -m x"));
    assert_eq!(standing(lint, vec![user("x"), edit(), check(), commit()], &[]), [(0, Heeded)]);
    assert_eq!(standing(lint, vec![user("x"), check(), edit(), commit()], &[]), []);
    assert_eq!(standing(lint, vec![user("x"), check()], &[]), []);
    let one = vec![user("x"), bash("1", "mise run lint && git commit -m x")];
    assert_eq!(standing(lint, one, &[]), [(0, Heeded)]);
    let gen_rule: &[&str] = &["Never edit the files in `src/gen/`"];
    let touch = |file: &str| vec![user("x"), call("1", "Write", &[file], None)];
    assert_eq!(standing(gen_rule, touch("/home/u/project/src/gen/a.rs"), &[]), [(0, Violated)]);
    assert_eq!(standing(gen_rule, touch("/home/u/project/src/general.rs"), &[]), []);
    let asked = vec![user("fix a.rs"), call("1", "Write", &["src/gen/a.rs"], None)];
    assert_eq!(standing(gen_rule, asked, &[]), []);
}

#[test]
fn a_limited_rule_reaches_only_its_place() {
    let rules: &[&str] = &["Use pnpm for web dependencies, not npm"];
    let run = |line: &str| standing(rules, vec![user("x"), bash("1", line)], &[]);
    assert_eq!(run("cd web && npm install"), [(0, Verdict::Violated)]);
    assert_eq!(run("npm install"), []);
}
