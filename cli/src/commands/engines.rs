//! `cemem doctor --engines`: what each engine's row of the table means on this machine.
//!
//! Owns the asking of programs for their version and the counting of this project's sessions. Must
//! not know any engine by name: what is asked and shown comes from `cemem_ingest::engines`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use cemem_core::store::Heard;
use cemem_ingest::discover::{Places, files_in};
use cemem_ingest::engines::{ENGINES, Engine};
use serde_json::{Value, json};
use wait_timeout::ChildExt as _;

use super::JSON_VERSION;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;
use crate::{engine_places, exit_code};

/// How long a program may take to say its version; some start a whole runtime first.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is here of one engine.
struct Here {
    engine: &'static Engine,
    program: Option<PathBuf>,
    version: Option<String>,
    folders: Vec<PathBuf>,
    /// Files with sessions of this project.
    files: u64,
    /// What the memory of this project heard from it.
    heard: Heard,
}

impl Here {
    fn look(engine: &'static Engine, places: &Places, heard: &BTreeMap<String, Heard>) -> Self {
        let program = engine.program.and_then(|name| which::which(name).ok());
        let folders = (engine.bases)(places).into_iter().filter(|p| p.exists()).collect();
        let files = (engine.find)(places).iter().map(|found| files_in(&found.path)).sum();
        let heard = heard.get(engine.name).copied().unwrap_or_default();
        Self { engine, version: None, program, folders, files, heard }
    }

    fn is_found(&self) -> bool {
        self.program.is_some()
            || !self.folders.is_empty()
            || self.files > 0
            || self.heard.events > 0
    }
}

pub(super) fn run(context: &Context) -> Result<u8, CommandError> {
    let places = engine_places::of(context);
    // Without a store that can be read nothing was heard; `doctor` tells why.
    let heard = context.store_to_read().ok().and_then(|store| store.heard().ok());
    let mut heard = heard.unwrap_or_default();
    let mut all: Vec<Here> =
        ENGINES.iter().map(|engine| Here::look(engine, &places, &heard)).collect();
    // Each may take its time: they are asked beside each other.
    std::thread::scope(|scope| {
        for here in &mut all {
            if let Some(program) = here.program.clone() {
                scope.spawn(move || here.version = version_of(&program));
            }
        }
    });
    // What is no engine's: reports of reviewers and programs.
    heard.retain(|name, _| all.iter().all(|here| here.engine.name != name));
    if context.ui.json {
        let engines: Vec<Value> = all.iter().map(row).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "project": context.project.name, "engines": engines,
            "reviews": heard,
        }))?;
    } else {
        context.ui.print(&page(context, &all, &heard))?;
    }
    Ok(exit_code::OK)
}

/// Returns the first line a program prints when asked for its version, if it does in time.
#[expect(clippy::disallowed_methods, reason = "only the program itself knows its version")]
fn version_of(program: &PathBuf) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Read aside: what the program started may keep its output open for ever.
    let mut output = BufReader::new(child.stdout.take()?);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = (&mut output).take(4096).split(b'\n').map_while(Result::ok);
        let said = lines.find(|line| !line.trim_ascii().is_empty());
        // Nobody listens any more if it came too late.
        send.send(said).ok();
        // It must be able to say the rest.
        std::io::copy(&mut output, &mut std::io::sink()).ok();
    });
    let Ok(Some(status)) = child.wait_timeout(PATIENCE) else {
        // It may be gone by now; nothing depends on it.
        let _gone = child.kill().and_then(|()| child.wait());
        return None;
    };
    let line = receive.recv_timeout(PATIENCE).ok()??;
    let line = one_line(&String::from_utf8_lossy(&line));
    (status.success() && line.chars().count() <= 80).then_some(line)
}

fn row(here: &Here) -> Value {
    let Here { engine, program, version, folders, files, heard } = here;
    json!({
        "name": engine.name, "label": engine.label, "standing": engine.standing.as_str(),
        "found": here.is_found(), "program": program, "engine_version": version,
        "folders": folders, "files": files, "heard": heard,
        "signals": engine.signals.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        "hooks": engine.hook_files().first(), "mcp": engine.mcp_files().first(), "headless": engine.command_line(),
        "failure_modes": engine.failure_modes,
    })
}

fn page(context: &Context, all: &[Here], reviews: &BTreeMap<String, Heard>) -> String {
    let mut out = String::new();
    for here in all.iter().filter(|here| here.is_found()) {
        paragraph(&mut out, context, here);
    }
    if !reviews.is_empty() {
        out.push_str("Reviews\n");
    }
    for (name, heard) in reviews {
        let _ = writeln!(out, "  {name}: {} in {}", summary(heard), files(heard.files));
    }
    let label = |here: &Here| here.engine.label;
    let absent: Vec<&str> = all.iter().filter(|here| !here.is_found()).map(label).collect();
    if !absent.is_empty() {
        let _ = writeln!(out, "not found here: {}", absent.join(", "));
    }
    out
}

fn paragraph(out: &mut String, context: &Context, here: &Here) {
    let engine = here.engine;
    let version = match (&here.version, &here.program, engine.program) {
        (Some(version), ..) => version.clone(),
        (None, Some(path), _) => format!("{} does not say its version", path.display()),
        (None, None, Some(name)) => format!("`{name}` is not in PATH"),
        (None, None, None) => String::new(),
    };
    let standing = engine.standing.as_str();
    let heading = [engine.label, standing, &version].map(str::trim);
    let heading: Vec<&str> = heading.into_iter().filter(|part| !part.is_empty()).collect();
    let _ = writeln!(out, "{}", heading.join(" · "));
    let folders: Vec<String> = here.folders.iter().map(|path| in_home(context, path)).collect();
    let of_project = format!("{} of this project", files(here.files));
    let sessions = match folders.as_slice() {
        [] => of_project,
        folders => format!("{of_project}; {}", folders.join(", ")),
    };
    let signals: Vec<&str> = engine.signals.iter().map(|s| s.as_str()).collect();
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "  {name:<9} {text}");
        }
    };
    line("sessions", &sessions);
    line("heard", &summary(&here.heard));
    line("signals", &signals.join(", "));
    line("hooks", &engine.hook_files().join(", "));
    line("MCP", &engine.mcp_files().join(", "));
    line("headless", &engine.command_line().unwrap_or_default());
    for failure in engine.failure_modes {
        line("mind", failure);
    }
}

/// Returns what was heard, leaving out what was not.
fn summary(heard: &Heard) -> String {
    let Heard { sessions, events, prompts, steering, rejections, feedback, .. } = *heard;
    let Heard { interrupts, plans, answers, fixes, findings, .. } = *heard;
    let parts = [
        (sessions, "sessions"),
        (events, "events"),
        (prompts, "prompts"),
        (steering, "sent while busy"),
        (rejections, "rejections"),
        (feedback, "of them with words"),
        (interrupts, "interrupts"),
        (plans, "plans settled"),
        (answers, "answers"),
        (fixes, "failures fixed"),
        (findings, "findings"),
    ];
    let heard = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    heard.collect::<Vec<_>>().join(", ")
}

fn files(n: u64) -> String {
    if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
}

/// Returns a path as people write it.
fn in_home(context: &Context, path: &std::path::Path) -> String {
    match path.strip_prefix(&context.user_home) {
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}
