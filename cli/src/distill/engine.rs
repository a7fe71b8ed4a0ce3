//! An engine run without a person.
//!
//! Owns the choice of the engine and its surroundings: an empty folder, no input, a mark by which
//! whatever runs in it knows not to learn. Must not know any engine by name: program, arguments and
//! shape of the output are the row's in `cemem_ingest::engines`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cemem_core::durable::IoResultExt as _;
use cemem_core::scratch;
use cemem_ingest::distill::Answer;
use cemem_ingest::engines::{ENGINES, Engine, Headless, engine};

use super::breaker::Breaker;
use super::{Failed, MAX_OUTPUT, RUNNING, Said, process, read, with_retries};
use crate::command_error::CommandError;
use crate::config::Distill;
use crate::context::Context;
use crate::ui::one_line;

/// An engine that can be run here.
struct Runnable {
    engine: &'static Engine,
    headless: Headless,
    program: PathBuf,
}

pub(super) fn ask(
    context: &Context,
    config: &Distill,
    request: &str,
) -> Result<Said, CommandError> {
    let runnable = choose(config.engine.name.as_deref())?;
    let by = format!("engine:{}", runnable.engine.name);
    let breaker = Breaker::new(context, &by);
    breaker.check()?;
    let answered = with_retries(config, || run(&runnable, config, request));
    breaker.note(answered.is_ok());
    match answered {
        Ok(answer) => Ok(Said { answer, by }),
        Err(failed) => Err(CommandError::user(format!(
            "{} gave no words: {}",
            runnable.engine.label, failed.message
        ))
        .hint("no lesson was changed; `cemem doctor --engines` tells what is known of it")),
    }
}

/// Returns the engine of this name, or the first of the table that is installed.
fn choose(name: Option<&str>) -> Result<Runnable, CommandError> {
    let runnable = |engine: &'static Engine| {
        let (headless, program) = (engine.headless?, which::which(engine.program?).ok()?);
        Some(Runnable { engine, headless, program })
    };
    let able = || {
        let able = ENGINES.iter().filter(|e| e.headless.is_some() && e.program.is_some());
        able.map(|e| e.name).collect::<Vec<_>>().join(", ")
    };
    match name {
        None => ENGINES.iter().copied().find_map(runnable).ok_or_else(|| {
            CommandError::user("no engine that runs without a person is installed")
                .hint(format!("known are {}", able()))
        }),
        Some(name) => match engine(name) {
            Some(engine) if engine.headless.is_some() => runnable(engine).ok_or_else(|| {
                let program = engine.program.unwrap_or(engine.name);
                CommandError::user(format!("`{program}` is not in PATH"))
            }),
            _ => {
                Err(CommandError::user(format!("`{name}` is no engine that runs without a person"))
                    .hint(format!("known are {}", able())))
            }
        },
    }
}

fn run(runnable: &Runnable, config: &Distill, request: &str) -> Result<Answer, Failed> {
    let folder = scratch::folder()
        .context("create a folder in", &std::env::temp_dir())
        .map_err(|error| Failed::for_good(error.to_string()))?;
    let patience = Duration::from_secs(config.engine.timeout_seconds.max(1));
    let mut command = prepared(runnable, folder.path(), request);
    let finished = process::run(&mut command, patience, MAX_OUTPUT)
        .map_err(|error| Failed::for_good(format!("it cannot be started: {error}")))?;
    let Some(finished) = finished else {
        let seconds = patience.as_secs();
        return Err(Failed::for_now(format!("it took longer than {seconds} s and was ended")));
    };
    if !finished.status.success() {
        let said =
            if finished.stderr.trim().is_empty() { &finished.stdout } else { &finished.stderr };
        let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
        let last: String = one_line(last).chars().take(200).collect();
        return Err(Failed::for_now(format!("it ended with {}: {last}", finished.status)));
    }
    let said = runnable.headless.shape.said(&finished.stdout);
    let answer = read(&said)?;
    if finished.too_much && answer.proposals.is_empty() {
        return Err(Failed::for_good("it printed more than can be read"));
    }
    Ok(answer)
}

#[expect(clippy::disallowed_methods, reason = "an engine the person asked for")]
fn prepared(runnable: &Runnable, folder: &Path, request: &str) -> Command {
    let mut command = Command::new(&runnable.program);
    command
        .args(runnable.headless.with_prompt(request))
        .current_dir(folder)
        .env(RUNNING, "1")
        // Some look for their folder here and not at where they are.
        .env("PWD", folder)
        .envs(runnable.headless.env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
