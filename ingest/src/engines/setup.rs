//! How an engine is set up to use a memory: its hooks and its MCP servers.
//!
//! Owns the shapes of that part of a row. Must not read or write any file: `cemem init` does, and
//! `cemem hook` answers.

use std::path::PathBuf;

use crate::discover::Places;

/// A file with settings.
#[derive(Debug, Clone, Copy)]
pub struct SettingsFile {
    /// The one of a project, relative to it.
    pub project: Option<&'static str>,
    /// The one of the user, for all projects: candidates, the best first.
    pub user: Option<fn(&Places) -> Vec<PathBuf>>,
}

impl SettingsFile {
    /// Returns how people write the places of this file, the project's first.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        let places = Places { home: PathBuf::from("~"), ..Places::default() };
        let user = self.user.and_then(|user| user(&places).into_iter().next());
        let user = user.map(|p| p.to_string_lossy().replace('\\', "/"));
        self.project.map(str::to_owned).into_iter().chain(user).collect()
    }
}

/// The hooks of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Hooks {
    /// Where they are set up.
    pub file: SettingsFile,
    /// What they speak.
    pub dialect: Dialect,
    /// The variable in which they get the folder that the session was started in.
    pub project_dir: Option<&'static str>,
    /// Those that cemem answers; none where it cannot be of use.
    pub events: &'static [HookEvent],
}

impl Hooks {
    /// Returns the event of this name, however it is cased.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&'static HookEvent> {
        let plain = |s: &str| s.replace(['-', '_'], "").to_ascii_lowercase();
        self.events.iter().find(|event| plain(event.name) == plain(name))
    }
}

/// What hooks read, print, and how they are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Claude Code's: `hooks.EVENT[].hooks[].command`, seconds, `hookSpecificOutput`.
    Claude,
    /// The same with milliseconds.
    Gemini,
    /// Cursor's: `hooks.EVENT[].command`, `additional_context`.
    Cursor,
    /// Copilot's: `hooks.EVENT[].bash`, `additionalContext`.
    Copilot,
}

/// One event of an engine's hooks.
#[derive(Debug, Clone, Copy)]
pub struct HookEvent {
    /// The engine's name for it.
    pub name: &'static str,
    /// What it means.
    pub moment: Moment,
    /// Which tools it is wanted for; `None` for all, or where there are none.
    pub matcher: Option<&'static str>,
}

impl HookEvent {
    /// Returns the row of an event that concerns no tool.
    #[must_use]
    pub const fn new(name: &'static str, moment: Moment) -> Self {
        Self { name, moment, matcher: None }
    }

    /// Returns the row of an event of these tools.
    #[must_use]
    pub const fn of(name: &'static str, moment: Moment, tools: &'static str) -> Self {
        Self { name, moment, matcher: Some(tools) }
    }
}

/// A moment in a session at which a memory can be of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A session begins, or goes on with an emptied context.
    Start,
    /// A person sent a prompt.
    Prompt,
    /// A tool is about to run.
    Before,
    /// A tool has run.
    After,
    /// A turn or a session ends, or its context is about to be cut: there is something to read.
    End,
}

/// The MCP servers of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Mcp {
    /// Where they are set up.
    pub file: SettingsFile,
    /// The shape of that file.
    pub form: McpForm,
}

/// How a server is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpForm {
    /// JSON: an object of servers under this key, each `{command, args}`.
    Json(&'static str),
    /// JSON under this key, each `{type: stdio, command, args}`.
    TypedJson(&'static str),
    /// JSON under this key, each `{type: local, command: [program, args…], enabled}`.
    ListJson(&'static str),
    /// JSON under this key, each `{type: local, command, args, tools: ["*"]}`.
    ToolsJson(&'static str),
    /// TOML: a table of servers under this key, each `{command, args}`.
    Toml(&'static str),
    /// YAML of Goose: under this key, each `{name, type: stdio, cmd, args, enabled, timeout}`.
    Yaml(&'static str),
}
