//! Sessions of Antigravity.

use serde_json::{Value, json};

use super::Antigravity;
use crate::discover::Places;
use crate::sources::testing::{Found, read, read_known, read_path, samples};

fn step(place: u64, source: &str, kind: &str, content: &str) -> Value {
    json!({"step_index": place, "source": source, "type": kind, "status": "DONE",
        "created_at": "2026-01-02T03:04:05Z", "content": content})
}

fn calling(place: u64, name: &str, args: &Value) -> Value {
    let mut step = step(place, "MODEL", "PLANNER_RESPONSE", "");
    step["tool_calls"] = json!([{"name": name, "args": args}]);
    step
}

fn lines(steps: &[Value]) -> Found {
    let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
    read(&Antigravity, "s", &text)
}

#[test]
fn words_calls_and_their_ends() {
    let asked = "<USER_REQUEST>\nuse tabs\n</USER_REQUEST>\n<ADDITIONAL_METADATA>\nnow\n</ADDITIONAL_METADATA>";
    let failed = "Created At: x\nThe command failed with exit code: 2\nOutput:\nThe command completed successfully.";
    let quoted =
        json!({"TargetFile": "\"/w/app/a.rs\"", "CodeContent": "\"x\\n\"", "toolSummary": "\"y\""});
    let mut open = step(9, "MODEL", "RUN_COMMAND", "half");
    open["status"] = json!("RUNNING");
    let found = lines(&[
        step(0, "USER_EXPLICIT", "USER_INPUT", asked),
        step(1, "SYSTEM", "EPHEMERAL_MESSAGE", "never use spaces"),
        step(2, "MODEL", "PLANNER_RESPONSE", "on it"),
        calling(3, "run_command", &json!({"CommandLine": "make", "Cwd": "/w/app"})),
        step(4, "MODEL", "RUN_COMMAND", failed),
        calling(5, "write_to_file", &quoted),
        step(6, "MODEL", "CODE_ACTION", "Created file"),
        step(7, "SYSTEM", "CHECKPOINT", "so far"),
        step(
            8,
            "USER_EXPLICIT",
            "USER_INPUT",
            "no\n<USER_SETTINGS_CHANGE>x</USER_SETTINGS_CHANGE>",
        ),
        open,
    ]);
    assert_eq!(
        found.told(),
        [
            "0 prompt: use tabs".to_owned(),
            "2 agent: on it".into(),
            "3 call run_command [] make ".into(),
            format!("4 result Some(false) Some(2) {failed}"),
            "5 call write_to_file [\"/w/app/a.rs\"] - x\n".into(),
            "6 result None None Created file".into(),
            "7 compaction".into(),
            "8 prompt: no".into(),
        ]
    );
    assert_eq!(found.events()[3].cwd.as_deref(), Some("/w/app"));
}

#[test]
fn any_cut_gives_a_prefix_and_odd_shapes_nothing() {
    let steps = [step(0, "USER_EXPLICIT", "USER_INPUT", "ä"), calling(1, "view_file", &json!([1]))];
    let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
    let whole = read(&Antigravity, "s", &text).told();
    assert_eq!(whole.len(), 2);
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let told = read(&Antigravity, "s", &text[..cut]).told();
        assert_eq!(told, whole[..told.len()], "{cut}");
    }
    for odd in [json!(7), json!({"step_index": {}, "type": []}), step(0, "ROBOT", "X", "y")] {
        assert!(lines(&[odd]).events().is_empty());
    }
}

#[test]
fn a_session_belongs_where_its_first_call_works() {
    let dir = tempfile::tempdir().unwrap();
    let put = |app: &str, id: &str, name: &str, file: &str| {
        let logs = dir.path().join(format!(".gemini/{app}/brain/{id}/.system_generated/logs"));
        std::fs::create_dir_all(&logs).unwrap();
        let steps = [
            step(0, "USER_EXPLICIT", "USER_INPUT", "/w/app is fine"),
            calling(1, "view_file", &json!({"AbsolutePath": file})),
        ];
        let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
        std::fs::write(logs.join(name), text).unwrap();
        logs.join(name)
    };
    let ours = put("antigravity-cli", "a", "transcript_full.jsonl", "/w/app/src/a.rs");
    put("antigravity-cli", "a", "transcript.jsonl", "\"/w/app/src/a.rs\"");
    let short = put("antigravity", "b", "transcript.jsonl", "\"/w/app/a.rs\"");
    put("antigravity-cli", "c", "transcript_full.jsonl", "/w/other/a.rs");
    let roots = vec!["/w/app".into()];
    let places = Places { home: dir.path().to_owned(), roots, ..Places::default() };
    let found: Vec<_> = super::places::find(&places).into_iter().map(|f| f.path).collect();
    assert_eq!(found, [ours.clone(), short]);
    assert_eq!(read_path(&ours).sessions[0].0.id, "a");
    let (known, _) = read_known(&ours, &places.roots, None);
    assert_eq!(known.events()[1].cwd.as_deref(), Some("/w/app"));
}

#[test]
fn the_samples_are_read() {
    let Some(dir) = samples("fixtures") else { return };
    let files = walkdir::WalkDir::new(dir.path()).into_iter().filter_map(Result::ok);
    let mut read = 0;
    for file in files.filter(|e| e.path().to_string_lossy().contains("antigravity/")) {
        if file.path().extension().is_none_or(|x| x != "jsonl") {
            continue;
        }
        let found = read_path(file.path());
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        assert_eq!(found.sessions[0].0.engine, super::ENGINE);
        assert!(found.told().iter().any(|t| t.contains(" prompt: ")), "{:?}", found.told());
        read += 1;
    }
    assert_eq!(read, 4);
}
