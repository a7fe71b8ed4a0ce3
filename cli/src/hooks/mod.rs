//! What the hooks of coding agents call: `cemem hook ENGINE EVENT`.
//!
//! | module | owns |
//! |---|---|
//! | `input` | what an engine says when it calls |
//! | `answer` | which of the chosen lessons fit, are new to the session, and how they are printed |
//! | `start` | the digest at a session's begin |
//! | `prompt` | lessons for a prompt, in time |
//! | `tool` | pitfalls before a tool runs, a known way out after it failed |
//! | `reach` | which lesson speaks about which path, command or failure, without a search index |
//! | `capture` | reading and learning in the background |
//! | `deadline` | ending in time, whatever happens |
//! | `log` | why a hook said nothing |
//!
//! Owns the one promise that an agent rests on: a hook ends with 0 within its deadline, and prints
//! either a whole answer or nothing. Must not keep the agent waiting for anything but its answer.

mod answer;
pub(crate) mod capture;
mod deadline;
mod input;
pub(crate) mod log;
mod prompt;
mod reach;
mod start;
mod tool;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cemem_core::project::{Home, Project};
use cemem_core::store::SessionRef;
use cemem_core::{Clock, Store};
use cemem_ingest::engines::setup::{HookEvent, Hooks, Moment};
use cemem_ingest::engines::{ENGINES, Engine, engine};
use clap::Parser as _;

use self::deadline::Deadline;
use self::input::Input;
use crate::args::{Args, Command, HookArgs};
use crate::command_error::CommandError;
use crate::config::{Config, HooksConfig};
use crate::context::{clock_from_env, home_from_env};
use crate::{distill, exit_code};

/// Returns whether a command line calls a hook, before anything is made of it: from here on nothing
/// may fail.
#[must_use]
pub fn is_called(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut args = args.into_iter().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--project" {
            args.next();
        } else if !arg.to_string_lossy().starts_with('-') {
            return arg == "hook";
        }
    }
    false
}

/// Answers a hook with the process's arguments, environment and standard input. Ends the process in
/// time; what keeps it from answering goes to the log.
#[must_use]
pub fn main_impl() -> ExitCode {
    let deadline = Deadline::start();
    let args = match Args::try_parse() {
        Ok(Args { command: Some(Command::Hook(args)), .. }) => args,
        Ok(_) => HookArgs::default(),
        Err(error) if !error.use_stderr() => {
            // Nothing can be done about a terminal that is gone.
            let _ignored = error.print();
            return ExitCode::from(exit_code::OK);
        }
        Err(_) => HookArgs::default(),
    };
    std::panic::set_hook(Box::new(|panic| log::note("panic", &panic.to_string())));
    let name = format!("{} {}", args.engine.as_deref().unwrap_or("?"), args.event_name());
    deadline.name(&name);
    let outcome = catch_unwind(AssertUnwindSafe(|| answer(&args, &deadline)));
    match outcome {
        Ok(Ok(Some(text))) => deadline.finish(|| print(&name, &text)),
        Ok(Err(error)) => log::note(&name, &error.in_full()),
        // A panic was noted where it happened.
        Ok(Ok(None)) | Err(_) => {}
    }
    deadline::end()
}

fn print(name: &str, text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        log::note(name, &format!("the answer could not be printed: {error}"));
    }
}

/// A call of a hook that wants an answer.
struct Call<'a> {
    home: Home,
    clock: Clock,
    deadline: &'a Deadline,
    engine: &'static Engine,
    hooks: Hooks,
    event: &'static HookEvent,
    input: Input,
    project: Project,
}

impl Call<'_> {
    /// Returns the session that asks, if it says which.
    fn session(&self) -> Option<SessionRef> {
        let id = self.input.session.clone()?;
        Some(SessionRef { engine: self.engine.name.to_owned(), id })
    }

    /// Returns a path as lessons name it; `None` for one that lies elsewhere.
    fn in_project(&self, path: &str) -> Option<String> {
        let cwd = self.input.cwd.as_ref().unwrap_or(&self.project.root);
        self.project.inside(&cwd.join(path))
    }
}

/// Returns what to print, if anything.
fn answer(args: &HookArgs, deadline: &Deadline) -> Result<Option<String>, CommandError> {
    if is_off() || distill::is_running() {
        return Ok(None);
    }
    let home = home_from_env()?;
    let config = Config::load(&home)?.hooks;
    deadline.set(config.deadline_ms);
    let (engine, hooks, event) = called(args)?;
    let input = Input::read(std::io::stdin().lock())?;
    let passive = input.sub_agent && event.moment != Moment::End;
    if !config.enabled || passive || input.stop_hook_active {
        return Ok(None);
    }
    let folder = folder(&input, &hooks)?;
    if opted_out(&folder, &config) {
        return Ok(None);
    }
    if event.moment == Moment::End {
        // The home folder is no project, whatever session is held in it.
        if !etcetera::home_dir().is_ok_and(|own| is_same(&own, &folder)) {
            capture::start(&home, &folder, capture::flags(event))?;
        }
        return Ok(None);
    }
    let project = home.look(&folder)?;
    let path = home.store_path(&project);
    // No memory: nothing to say, and nothing is made for a folder somebody only passed through.
    if !path.is_file() {
        return Ok(None);
    }
    let clock = clock_from_env()?;
    let store = Store::open(&path, clock)?;
    store.check_writable()?;
    let call = Call { home, clock, deadline, engine, hooks, event, input, project };
    match event.moment {
        Moment::Start => start::answer(&call, store),
        Moment::Prompt => prompt::answer(&call, store),
        Moment::Before => tool::before(&call, store),
        Moment::After => tool::after(&call, store),
        Moment::End => Ok(None),
    }
}

/// Returns whether the environment switches hooks off.
fn is_off() -> bool {
    let value = std::env::var("CEMEM_HOOKS").unwrap_or_default().to_ascii_lowercase();
    matches!(value.as_str(), "off" | "0" | "false" | "no")
}

/// Returns the engine and the event that the arguments name.
fn called(args: &HookArgs) -> Result<(&'static Engine, Hooks, &'static HookEvent), CommandError> {
    let known = || {
        let able = ENGINES.iter().filter(|e| e.hooks.is_some());
        able.map(|e| e.name).collect::<Vec<_>>().join(", ")
    };
    let named = args.engine.as_deref().unwrap_or_default();
    let (engine, hooks) = engine(named).and_then(|e| Some((e, e.hooks?))).ok_or_else(|| {
        CommandError::user(format!("`{named}` is no engine with hooks; known are {}", known()))
    })?;
    let event = hooks.event(args.event_name()).ok_or_else(|| {
        let names: Vec<_> = hooks.events.iter().map(|e| e.name).collect();
        CommandError::user(format!(
            "`{}` is no event of {} that is answered; known are {}",
            args.event_name(),
            engine.label,
            names.join(", ")
        ))
    })?;
    Ok((engine, hooks, event))
}

/// Returns the folder of the session. What it was started in counts more than where it went.
fn folder(input: &Input, hooks: &Hooks) -> Result<PathBuf, CommandError> {
    // Only the engine's own variable: those of another one around it name another session's folder.
    let started = hooks.project_dir.and_then(std::env::var_os).filter(|v| !v.is_empty());
    let here = || std::env::current_dir().ok();
    let named = started.map(PathBuf::from).into_iter().chain(input.cwd.clone());
    let mut asked = named.collect::<Vec<_>>();
    if asked.is_empty() {
        asked.extend(here());
    }
    asked.iter().find(|path| path.is_dir()).cloned().ok_or_else(|| {
        let shown = asked.first().map_or_else(String::new, |p| format!(" `{}`", p.display()));
        CommandError::user(format!("the folder of the session{shown} is not there"))
    })
}

/// Returns a path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns whether two paths lead to the same folder: a home folder is often reached over a link.
fn is_same(one: &Path, other: &Path) -> bool {
    real(one) == real(other)
}

/// Returns whether hooks are off in this folder: a person said so, or the repository did. A repository
/// can only switch off.
fn opted_out(folder: &Path, config: &HooksConfig) -> bool {
    let here = real(folder);
    let home = etcetera::home_dir().ok();
    let expand = |text: &str| match (text.strip_prefix('~'), &home) {
        (Some(""), Some(home)) => home.clone(),
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    };
    let in_config = config
        .off
        .iter()
        .map(|text| expand(text))
        .any(|off| folder.starts_with(&off) || here.starts_with(real(&off)));
    // What lies above the repository is not of it.
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    let of_repository = |folder: &&Path| root.is_none_or(|root| folder.starts_with(root));
    in_config || here.ancestors().take_while(of_repository).any(switches_off)
}

/// Returns whether the file that a repository may hold switches hooks off.
fn switches_off(folder: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(folder.join(".cemem/config.toml")) else { return false };
    let table: Option<toml::Table> = toml::from_str(&text).ok();
    let enabled = table.as_ref().and_then(|t| t.get("hooks")?.get("enabled")?.as_bool());
    enabled == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_told_by_the_first_word() {
        let called = |line: &str| is_called(line.split(' ').map(OsString::from));
        for line in ["cemem hook", "cemem hook x y z", "cemem --project d hook a", "cemem -q hook"]
        {
            assert!(called(line), "{line}");
        }
        for line in ["cemem", "cemem recall hook", "cemem --project hook recall x"] {
            assert!(!called(line), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_known_over_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (home, link) = (dir.path().join("home"), dir.path().join("link"));
        std::fs::create_dir(&home).unwrap();
        std::os::unix::fs::symlink(&home, &link).unwrap();
        assert!(is_same(&home, &link) && !is_same(&home, dir.path()));
    }

    #[test]
    fn a_repository_can_only_switch_off() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("repo/src");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(dir.path().join("repo/.cemem")).unwrap();
        let write = |text: &str| {
            std::fs::write(dir.path().join("repo/.cemem/config.toml"), text).unwrap();
        };
        let config = HooksConfig::default();
        assert!(!opted_out(&inner, &config));
        for (text, off) in [
            ("[hooks]\nenabled = false\n", true),
            ("[hooks]\nenabled = true\n", false),
            ("[hooks]\nenabled = 0\n", false),
            ("not toml", false),
        ] {
            write(text);
            assert_eq!(opted_out(&inner, &config), off, "{text}");
        }
        write("[hooks]\nenabled = false\n");
        std::fs::create_dir(inner.join(".git")).unwrap();
        assert!(!opted_out(&inner, &config), "it stands above this repository");
        std::fs::remove_dir(inner.join(".git")).unwrap();
        std::fs::create_dir(dir.path().join("repo/.git")).unwrap();
        assert!(opted_out(&inner, &config));
        write("");
        let everywhere = HooksConfig { off: vec!["~".to_owned()], ..HooksConfig::default() };
        assert!(opted_out(&etcetera::home_dir().unwrap(), &everywhere));
        let named = dir.path().join("repo").to_string_lossy().into_owned();
        let config = HooksConfig { off: vec![named], ..config };
        assert!(opted_out(&inner, &config) && !opted_out(dir.path(), &config));
    }
}
