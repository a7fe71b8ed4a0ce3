//! `docs/solutions`: read as lessons, written back without losing a byte that nobody changed.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cemem_tests::{TestEnv, files_below};
use serde_json::Value;

/// Heads as people write them.
const HEADS: [&str; 4] = [
    "---\n# why this is here\ntitle: \"{}\"\ndate: {}\nmodule: core # of the app\nproblem_type: runtime_error\nsymptoms:\n  - \"`x` fails: often\"\n  - b\nodd: {b: 1, a: [x, {y: 'z'}]}\n---\n\n",
    "---\nseverity: high\ntitle: '{}'\ntags: [one, 'two']  # two\ncreated: {}\nnote: |\n  more\n\n  than one line\nrelated:\n- a.md\n- b.md\n---\n",
    "---\r\ncategory: x\r\ntitle: \"{}\"\r\ndate: {}\r\nlast: >-\r\n  folded\r\n  text\r\n---\r\n\r\n",
    "",
];

fn switch_on(env: &TestEnv) {
    env.cemem(["lessons", "list"]).success();
    fs::write(env.cemem_home().join("config.toml"), "[sync]\nsolutions = true\n").unwrap();
}

/// Returns the files below a folder of the project by their paths there.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let named = |path: std::path::PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files_below(folder).into_iter().map(named).collect()
}

/// Puts every document of the committed project and of `../shared/eval` into the project.
fn install(env: &TestEnv) -> usize {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/data/project/docs/solutions");
    for (name, text) in files(&own) {
        env.write(&format!("docs/solutions/{name}"), text);
    }
    let sets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eval/retrieval");
    if !sets.is_dir() {
        eprintln!("skipped: no documents at ../shared/eval/retrieval, only the committed ones");
        return 0;
    }
    let mut n = 0;
    for entry in fs::read_dir(&sets).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(set) = name.strip_prefix("lessons-") else { continue };
        for line in fs::read_to_string(entry.path().join("corpus.jsonl")).unwrap().lines() {
            let doc: Value = serde_json::from_str(line).unwrap();
            let field = |key: &str| doc[key].as_str().unwrap_or_default().to_owned();
            let title = field("title").replace(['"', '\'', '\\'], "");
            let head = HEADS[n % HEADS.len()];
            let head = head.replacen("{}", &title, 1).replacen("{}", "2026-01-02", 1);
            let text = field("text");
            let text = if head.contains('\r') { text.replace('\n', "\r\n") } else { text };
            let path = field("id").replace("docs/solutions/", &format!("docs/solutions/{set}/"));
            env.write(&path, format!("{head}{text}\n"));
            n += 1;
        }
    }
    n
}

fn lines_of_head(text: &str) -> Vec<&str> {
    let mut lines = text.lines();
    if lines.next() != Some("---") {
        return Vec::new();
    }
    lines.take_while(|line| *line != "---").filter(|line| !line.starts_with("title:")).collect()
}

#[test]
fn documents_come_back_as_they_were() {
    // Hundreds of documents would be embedded again and again for nothing that is looked at here.
    let env = TestEnv::without_runtime();
    let n = install(&env);
    let before = files(&env.project().join("docs/solutions"));
    env.cemem(["ingest"]).success();
    switch_on(&env);
    env.cemem(["sync"]).success();
    assert_eq!(files(&env.project().join("docs/solutions")), before, "unchanged: the same bytes");
    env.cemem(["export", "--format", "solutions", "--output", "copy"]).success();
    let copy = files(&env.project().join("copy"));
    for (name, text) in &copy {
        assert_eq!(before.get(name), Some(text), "{name}");
    }
    // A document that only repeats what another says makes no lesson of its own.
    assert!(copy.len() >= (n + 3) * 9 / 10, "{} of {}", copy.len(), before.len());

    // Every lesson gets other words.
    env.cemem(["export", "--output", "all.jsonl"]).success();
    let lines = env.read("all.jsonl");
    let mut edited = String::new();
    let mut words: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (number, line) in lines.lines().enumerate() {
        let mut lesson: Value = serde_json::from_str(line).unwrap();
        let (title, rule) =
            (format!("Title {number}: new"), format!("Do number {number} like this, please."));
        for row in lesson["evidence"].as_array().unwrap() {
            let path = row["source_path"].as_str().unwrap();
            let name = path.split_once("docs/solutions/").unwrap().1.to_owned();
            words.insert(name, (title.clone(), rule.clone()));
        }
        (lesson["title"], lesson["rule"]) = (title.into(), rule.into());
        edited.push_str(&format!("{lesson}\n"));
    }
    env.write("edited.jsonl", edited);
    env.cemem(["import", "edited.jsonl"]).success();
    env.cemem(["sync"]).success();
    let after = files(&env.project().join("docs/solutions"));
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "no new file");
    let (mut n_titles, mut n_rules) = (0, 0);
    for (name, old) in &before {
        let new = &after[name];
        assert_eq!(lines_of_head(new), lines_of_head(old), "{name}: a key was lost or moved");
        assert_eq!(new.contains("\r\n"), old.contains("\r\n"), "{name}: line endings");
        let Some((title, rule)) = words.get(name) else { continue };
        n_titles += usize::from(new.contains(title.as_str()));
        if new.contains(rule.as_str()) {
            n_rules += 1;
            let gone = old.lines().filter(|l| !new.lines().any(|n| n == *l)).count();
            assert!(gone <= 12, "{name}: {gone} lines changed");
        }
    }
    // What waits in quarantine is written nowhere.
    assert!(n_rules * 10 >= words.len() * 9, "{n_rules} of {} rules", words.len());
    assert!(n_titles * 10 >= words.len() * 9, "{n_titles} of {} titles", words.len());
    let again = env.cemem(["sync"]).success();
    assert!(again.stdout.is_empty(), "{}", again.stdout);
    // What was written back is no new lesson.
    let count = |env: &TestEnv| env.cemem(["export"]).success().stdout.lines().count();
    let lessons = count(&env);
    env.cemem(["ingest"]).success();
    assert_eq!(count(&env), lessons);
}

#[test]
fn a_solution_gets_a_document_in_a_folder_that_is_there() {
    let env = TestEnv::new();
    let theirs = "---\ntitle: Slow CI\nproblem_type: developer_experience\n---\n\n# Slow CI\n\n## Guidance\n\nCache the target folder between runs of the pipeline.\n";
    env.write("docs/solutions/tooling/slow-ci.md", theirs);
    env.cemem(["remember", "--type", "solution", "Freeze the clock in booking tests."]).success();
    env.cemem(["remember", "Use tabs."]).success();
    env.cemem(["sync"]).fails_with(1);
    assert_eq!(files(&env.project().join("docs")).len(), 1, "nothing unasked");
    switch_on(&env);
    env.cemem(["sync", "--check"]).fails_with(1);
    env.cemem(["sync"]).success();
    let name = "docs/solutions/tooling/freeze-the-clock-in-booking-tests.md";
    let text = env.read(name);
    for key in ["title", "date", "module", "problem_type", "component", "severity"] {
        assert!(text.contains(&format!("\n{key}: ")), "{key}: {text}");
    }
    assert!(text.contains("## Guidance\n\nFreeze the clock in booking tests.\n"), "{text}");
    env.cemem(["sync", "--check"]).success();

    // Read back, it is no second lesson; an edit of the lesson follows into the file that keeps its name.
    env.cemem(["ingest"]).success();
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let lessons = list["lessons"].as_array().unwrap();
    let own: Vec<&Value> =
        lessons.iter().filter(|l| l["rule"].as_str().unwrap().contains("clock")).collect();
    assert_eq!((lessons.len(), own.len(), &own[0]["support"]), (3, 1, &1.into()));
    let id = own[0]["id"].as_str().unwrap();
    env.write(name, text.replace("severity: medium", "severity: low # here\nowner: mara"));
    env.cemem(["lessons", "edit", id, "--rule", "Freeze every clock."]).success();
    env.cemem(["sync"]).success();
    let after = env.read(name);
    assert!(after.contains("severity: low # here\nowner: mara\n"), "{after}");
    assert!(after.contains("## Guidance\n\nFreeze every clock.\n"), "{after}");
    env.cemem(["sync", "--check"]).success();
    // Somebody else's lesson in such a file is one to learn from.
    let other = after.replace(&format!("cemem: {id}"), "cemem: L-0123456789");
    let rule = "Start every container before the first test.";
    let other =
        other.replace("## Guidance\n\nFreeze every clock.", &format!("## Guidance\n\n{rule}"));
    let other = other.replace("Freeze every clock.", "Containers are slow");
    env.write("docs/solutions/tooling/other.md", &other);
    env.cemem(["ingest"]).success();
    let list = env.cemem(["lessons", "list", "--status", "all", "--json"]).success().json();
    let rules: Vec<&str> =
        list["lessons"].as_array().unwrap().iter().map(|l| l["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&rule), "{rules:?}\n{other}");
    assert_eq!(rules.len(), 4, "{rules:?}");
    env.cemem(["sync"]).success();
    assert_eq!(env.read("docs/solutions/tooling/other.md"), other);
    env.cemem(["lessons", "retire", id]).success();
    env.cemem(["sync"]).success();
    assert!(!env.project().join(name).exists());
    assert_eq!(env.read("docs/solutions/tooling/slow-ci.md"), theirs);
}

#[test]
fn an_export_writes_every_lesson_and_nothing_twice() {
    let env = TestEnv::new();
    let line = r##"{"type": "pattern", "title": "Elsewhere", "rule": "Do it there.", "body": "# Elsewhere\n\nDo it there.",
        "extra": {"severity": "low", "odd": {"a": [1]}},
        "evidence": [{"engine": "docs-solutions", "source_path": "/elsewhere/docs/solutions/a b/x.md", "quote": "Do it there."}]}"##;
    env.write("in.jsonl", line.replace("\n", " "));
    env.cemem(["import", "in.jsonl"]).success();
    env.cemem(["remember", "--type", "decision", "Use tabs."]).success();
    env.cemem(["export", "--format", "solutions"]).fails_with(1);
    for _ in 0..2 {
        env.cemem(["export", "--format", "solutions", "-o", "out"]).success();
        let written = files(&env.project().join("out"));
        assert_eq!(
            written.keys().collect::<Vec<_>>(),
            ["a b/x.md", "tooling-decisions/use-tabs.md"]
        );
        let text = &written["a b/x.md"];
        assert!(
            text.contains("\nodd: {\"a\":[1]}\n")
                && text.ends_with("---\n\n# Elsewhere\n\nDo it there.\n"),
            "{text}"
        );
    }
}

/// Returns a document that says what to do.
fn document(rule: &str) -> String {
    format!("---\ntitle: About {}\n---\n\n## Solution\n\n{rule}\n", &rule[..12])
}

#[test]
fn an_export_replaces_nothing_that_somebody_else_wrote() {
    let env = TestEnv::without_runtime();
    let rule = "Freeze the clock in every booking test of the suite.";
    env.write("docs/solutions/x/a.md", document(rule));
    env.cemem(["ingest"]).success();
    let export = |to: &str| env.cemem(["export", "--format", "solutions", "--output", to]);
    export("out").success();
    assert_eq!(env.read("out/x/a.md"), document(rule));

    // A copy that nobody touched follows the lesson.
    let list = env.cemem(["lessons", "list", "--json"]).success().json();
    let id = list["lessons"][0]["id"].as_str().unwrap().to_owned();
    let new = "Freeze every clock of the suite.";
    env.cemem(["lessons", "edit", &id, "--rule", new]).success();
    export("out").success();
    assert_eq!(env.read("out/x/a.md"), document(rule).replace(rule, new));

    // And the document, before and after somebody has read that.
    let more = format!("{}\nIt is slow without.\n", document(rule));
    env.write("docs/solutions/x/a.md", &more);
    for _ in 0..2 {
        export("out").success();
        assert_eq!(env.read("out/x/a.md"), more.replace(rule, new));
        env.cemem(["ingest"]).success();
    }

    let edited = format!("{}\nA line of mine.\n", env.read("out/x/a.md"));
    env.write("out/x/a.md", &edited);
    let told = export("out").fails_with(1);
    assert!(told.stderr.contains("x/a.md` was edited by hand, or is another"), "{}", told.stderr);
    assert!(told.stderr.contains("0 were up to date, 1 left alone"), "{}", told.stderr);
    assert_eq!(env.read("out/x/a.md"), edited);
    // Another document that only lies where the copy would.
    env.write("docs/x/a.md", "# Theirs\n");
    export("docs").fails_with(1);
    assert_eq!(env.read("docs/x/a.md"), "# Theirs\n");
}

#[test]
fn documents_of_one_name_are_all_exported() {
    let env = TestEnv::without_runtime();
    let rules = [
        ("web", "Give every icon of the toolbar an explicit width."),
        ("api", "Close the idle connections before the deploy starts."),
    ];
    for (folder, rule) in rules {
        env.write(&format!("{folder}/docs/solutions/a.md"), document(rule));
        env.cemem(["ingest", &format!("{folder}/docs/solutions")]).success();
    }
    // And two from elsewhere.
    let line = |folder: &str, rule: &str| {
        let path = format!("/{folder}/docs/solutions/b.md");
        let row =
            serde_json::json!({"engine": "docs-solutions", "source_path": path, "quote": rule});
        serde_json::json!({"rule": rule, "body": rule, "evidence": [row]}).to_string()
    };
    let (one, two) = ("Rotate the keys every night.", "Number the migrations by date.");
    env.write("in.jsonl", format!("{}\n{}\n", line("one", one), line("two", two)));
    env.cemem(["import", "in.jsonl"]).success();
    for _ in 0..2 {
        env.cemem(["export", "--format", "solutions", "-o", "out"]).success();
        let out = files(&env.project().join("out"));
        for (folder, rule) in rules {
            assert_eq!(out[&format!("{folder}/docs/solutions/a.md")], document(rule));
        }
        assert_eq!(out.len(), 4, "{out:?}");
        for rule in [one, two] {
            assert_eq!(out.values().filter(|text| text.contains(rule)).count(), 1, "{out:?}");
        }
    }
}
