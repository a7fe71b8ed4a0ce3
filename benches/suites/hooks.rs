//! Hooks: the whole process, as an agent calls it, over a store of 10,000 lessons.
//!
//! Every call is of a session of its own, so that there is always something to tell and to record. The
//! model takes part in `prompt/hybrid` where the environment variable `CEMEM_ORT_DYLIB` names an ONNX
//! Runtime library. Runs the `cemem` binary that lies beside the bench (`cargo build --release -p cemem-cli`
//! first). Prints the percentiles; an agent waits for the slow ones, too.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cemem_benches::filled::{self, SEED};
use cemem_benches::measured::Times;
use cemem_retrieve::Mode;
use serde_json::{Value, json};

const CALLS: usize = 200;

/// A project with a full memory.
struct Place {
    cemem: PathBuf,
    home: PathBuf,
    project: PathBuf,
}

impl Place {
    fn new(folder: &Path, cemem: PathBuf) -> Self {
        let (home, project) = (folder.join("home"), folder.join("project"));
        std::fs::create_dir_all(project.join("src")).expect("a folder can be made");
        git2::Repository::init(&project).expect("a repository can be made");
        let mode = if filled::runtime().is_some() { Mode::Hybrid } else { Mode::Lexical };
        filled::memory(&home, &project, mode);
        Self { cemem, home, project }
    }

    #[expect(clippy::disallowed_methods, reason = "the figure is that of the whole process")]
    fn call(&self, event: &str, fields: &Value, model: bool) -> (Duration, String) {
        let mut command = Command::new(&self.cemem);
        command.args(["hook", "claude-code", event]).current_dir(&self.project);
        command.env("CEMEM_HOME", &self.home).env_remove("CLAUDE_PROJECT_DIR");
        if !model {
            command.env("CEMEM_ORT_DYLIB", "").env("ORT_DYLIB_PATH", "");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(fields.to_string().as_bytes()).expect("the hook reads its call");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "a hook ends with 0");
        (began.elapsed(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn measure(&self, name: &str, event: &str, model: bool, of: impl Fn(usize) -> Value) {
        let mut times = Vec::with_capacity(CALLS);
        let mut told = 0;
        for n in 0..CALLS {
            let mut call = json!({ "session_id": format!("{name}-{n}"), "cwd": self.project });
            let fields = call.as_object_mut().expect("it is an object");
            fields.extend(of(n).as_object().expect("it is an object").clone());
            let (time, output) = self.call(event, &call, model);
            told += usize::from(!output.is_empty());
            times.push(time);
        }
        let times = Times::new(times);
        let line = format!(
            "hooks/{name:<16} p50 {:6.1} ms   p95 {:6.1} ms   max {:6.1} ms   told {told} of {CALLS}\n",
            times.ms(0.5),
            times.ms(0.95),
            times.ms(1.0)
        );
        std::io::stdout().write_all(line.as_bytes()).expect("stdout is open");
    }
}

fn main() {
    // `cargo bench -- FILTER` for another suite, or `cargo test --benches`.
    let filter: Option<String> = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let (Some(cemem), true) = (filled::binary(), filter.is_none_or(|f| "hooks".starts_with(&f)))
    else {
        return;
    };
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = Place::new(folder.path(), cemem);
    let queries = cemem_corpus::queries(SEED, CALLS);
    let lessons = cemem_corpus::synthetic::lessons(SEED, CALLS);
    let file = |n: usize| {
        let paths = lessons[n].applies_when.paths.first().cloned();
        place.project.join(paths.unwrap_or_else(|| "src/main.rs".into()))
    };
    let prompt = |n: usize| json!({ "prompt": queries[n] });
    // The first call after a change of the store writes what the later ones read.
    let _first = place.call("SessionStart", &json!({ "cwd": place.project }), false);
    place.measure("start", "SessionStart", false, |_| json!({ "source": "startup" }));
    place.measure("prompt/lexical", "UserPromptSubmit", false, prompt);
    if filled::runtime().is_some() {
        place.measure("prompt/hybrid", "UserPromptSubmit", true, prompt);
    }
    place.measure(
        "before/file",
        "PreToolUse",
        false,
        |n| json!({ "tool_name": "Edit", "tool_input": { "file_path": file(n) } }),
    );
    place.measure("before/command", "PreToolUse", false, |_| {
        json!({ "tool_name": "Bash", "tool_input": { "command": "cargo test -p api 2>&1 | tail" } })
    });
    place.measure("after/failure", "PostToolUseFailure", false, |n| {
        let error = format!("Exit code 1\nsrc/a.rs:{n}:1: undefined: parseConfig\nFAIL");
        json!({ "tool_name": "Bash", "tool_input": { "command": "go test" }, "error": error })
    });
    place.measure("end", "SessionEnd", false, |_| json!({ "reason": "other" }));
}
