//! Where each engine's hooks and MCP servers are set up: the constants that the rows use.
//!
//! Owns these facts, so that they can be read beside each other. Must not know of any session format.

use std::path::PathBuf;

use super::setup::{Dialect, HookEvent, Hooks, Mcp, McpForm, Moment, SettingsFile};
use crate::discover::{Os, Places};

/// Tools of Claude Code that change files or run commands.
const CLAUDE_TOOLS: &str = "Bash|Edit|Write|MultiEdit|NotebookEdit";

fn claude(places: &Places) -> PathBuf {
    places.variable_or("CLAUDE_CONFIG_DIR", ".claude")
}

fn codex(places: &Places) -> PathBuf {
    places.variable_or("CODEX_HOME", ".codex")
}

fn gemini(places: &Places) -> PathBuf {
    match places.variable("GEMINI_CLI_HOME") {
        Some(home) => home.join(".gemini"),
        None => places.variable_or("GEMINI_HOME", ".gemini"),
    }
}

fn copilot(places: &Places) -> PathBuf {
    places.variable_or("COPILOT_HOME", ".copilot")
}

/// Returns this file in the folder of settings of an extension, for every editor.
fn extension(places: &Places, name: &str, file: &str) -> Vec<PathBuf> {
    let folder = format!("globalStorage/{name}/settings");
    places.vscode_users().iter().map(|user| user.join(&folder).join(file)).collect()
}

pub(crate) const CLAUDE_HOOKS: Hooks = Hooks {
    file: SettingsFile {
        project: Some(".claude/settings.json"),
        user: Some(|places| vec![claude(places).join("settings.json")]),
    },
    dialect: Dialect::Claude,
    project_dir: Some("CLAUDE_PROJECT_DIR"),
    events: &[
        HookEvent::new("SessionStart", Moment::Start),
        HookEvent::new("UserPromptSubmit", Moment::Prompt),
        HookEvent::of("PreToolUse", Moment::Before, CLAUDE_TOOLS),
        HookEvent::of("PostToolUse", Moment::After, "Bash"),
        HookEvent::of("PostToolUseFailure", Moment::After, "Bash"),
        HookEvent::new("PreCompact", Moment::End),
        HookEvent::new("Stop", Moment::End),
        HookEvent::new("SubagentStop", Moment::End),
        HookEvent::new("SessionEnd", Moment::End),
    ],
};
pub(crate) const CLAUDE_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".mcp.json"),
        user: Some(|places| match places.variable("CLAUDE_CONFIG_DIR") {
            Some(folder) => vec![folder.join(".claude.json")],
            None => vec![places.home.join(".claude.json")],
        }),
    },
    form: McpForm::TypedJson("mcpServers"),
};

pub(crate) const CODEX_HOOKS: Hooks = Hooks {
    file: SettingsFile {
        project: Some(".codex/hooks.json"),
        user: Some(|places| vec![codex(places).join("hooks.json")]),
    },
    dialect: Dialect::Claude,
    project_dir: None,
    events: &[
        HookEvent::new("SessionStart", Moment::Start),
        HookEvent::new("UserPromptSubmit", Moment::Prompt),
        HookEvent::of("PreToolUse", Moment::Before, "Bash|apply_patch"),
        HookEvent::of("PostToolUse", Moment::After, "Bash"),
        HookEvent::new("PreCompact", Moment::End),
        HookEvent::new("Stop", Moment::End),
    ],
};
pub(crate) const CODEX_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| vec![codex(places).join("config.toml")]),
    },
    form: McpForm::Toml("mcp_servers"),
};

const GEMINI_SETTINGS: SettingsFile = SettingsFile {
    project: Some(".gemini/settings.json"),
    user: Some(|places| vec![gemini(places).join("settings.json")]),
};
pub(crate) const GEMINI_HOOKS: Hooks = Hooks {
    file: GEMINI_SETTINGS,
    dialect: Dialect::Gemini,
    project_dir: Some("GEMINI_PROJECT_DIR"),
    events: &[
        HookEvent::new("SessionStart", Moment::Start),
        HookEvent::new("BeforeAgent", Moment::Prompt),
        HookEvent::of("AfterTool", Moment::After, "run_shell_command"),
        HookEvent::new("PreCompress", Moment::End),
        HookEvent::new("AfterAgent", Moment::End),
        HookEvent::new("SessionEnd", Moment::End),
    ],
};
pub(crate) const GEMINI_MCP: Mcp = Mcp { file: GEMINI_SETTINGS, form: McpForm::Json("mcpServers") };

pub(crate) const QWEN_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".qwen/settings.json"),
        user: Some(|places| vec![places.variable_or("QWEN_HOME", ".qwen").join("settings.json")]),
    },
    form: McpForm::Json("mcpServers"),
};

pub(crate) const CURSOR_HOOKS: Hooks = Hooks {
    file: SettingsFile {
        project: Some(".cursor/hooks.json"),
        user: Some(|places| vec![places.home.join(".cursor/hooks.json")]),
    },
    dialect: Dialect::Cursor,
    project_dir: Some("CURSOR_PROJECT_DIR"),
    events: &[
        HookEvent::new("sessionStart", Moment::Start),
        HookEvent::new("postToolUse", Moment::After),
        HookEvent::new("stop", Moment::End),
        HookEvent::new("sessionEnd", Moment::End),
    ],
};
pub(crate) const CURSOR_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".cursor/mcp.json"),
        user: Some(|places| vec![places.home.join(".cursor/mcp.json")]),
    },
    form: McpForm::Json("mcpServers"),
};

pub(crate) const COPILOT_HOOKS: Hooks = Hooks {
    file: SettingsFile { project: Some(".github/hooks/cemem.json"), user: None },
    dialect: Dialect::Copilot,
    project_dir: None,
    events: &[
        HookEvent::new("sessionStart", Moment::Start),
        HookEvent::new("userPromptSubmitted", Moment::Prompt),
        HookEvent::new("postToolUse", Moment::After),
        HookEvent::new("sessionEnd", Moment::End),
    ],
};
pub(crate) const COPILOT_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| vec![copilot(places).join("mcp-config.json")]),
    },
    form: McpForm::ToolsJson("mcpServers"),
};
pub(crate) const COPILOT_CHAT_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".vscode/mcp.json"),
        user: Some(|places| places.vscode_users().iter().map(|u| u.join("mcp.json")).collect()),
    },
    form: McpForm::TypedJson("servers"),
};

pub(crate) const OPENCODE_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some("opencode.json"),
        user: Some(|places| {
            vec![places.variable_or("XDG_CONFIG_HOME", ".config").join("opencode/opencode.json")]
        }),
    },
    form: McpForm::ListJson("mcp"),
};

pub(crate) const GOOSE_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| {
            let file = match (places.variable("GOOSE_PATH_ROOT"), places.os) {
                (Some(root), _) => root.join("config/config.yaml"),
                (None, Os::Windows) => places.app_config().join("Block/goose/config/config.yaml"),
                (None, _) => {
                    places.variable_or("XDG_CONFIG_HOME", ".config").join("goose/config.yaml")
                }
            };
            vec![file]
        }),
    },
    form: McpForm::Yaml("extensions"),
};

pub(crate) const AMP_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".amp/settings.json"),
        user: Some(|places| {
            vec![places.variable_or("XDG_CONFIG_HOME", ".config").join("amp/settings.json")]
        }),
    },
    form: McpForm::Json("amp.mcpServers"),
};

pub(crate) const CLINE_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| extension(places, "saoudrizwan.claude-dev", "cline_mcp_settings.json")),
    },
    form: McpForm::Json("mcpServers"),
};
pub(crate) const ROO_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".roo/mcp.json"),
        user: Some(|places| extension(places, "rooveterinaryinc.roo-cline", "mcp_settings.json")),
    },
    form: McpForm::Json("mcpServers"),
};
pub(crate) const KILO_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".kilocode/mcp.json"),
        user: Some(|places| extension(places, "kilocode.kilo-code", "mcp_settings.json")),
    },
    form: McpForm::Json("mcpServers"),
};

pub(crate) const DROID_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: Some(".factory/mcp.json"),
        user: Some(|places| vec![places.home.join(".factory/mcp.json")]),
    },
    form: McpForm::TypedJson("mcpServers"),
};

pub(crate) const ANTIGRAVITY_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| vec![places.home.join(".gemini/antigravity/mcp_config.json")]),
    },
    form: McpForm::Json("mcpServers"),
};

pub(crate) const OPENHANDS_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| vec![places.home.join(".openhands/mcp.json")]),
    },
    form: McpForm::Json("mcpServers"),
};

/// The Codex that CodeMachine runs has a home of its own; its Claude Code reads the project's files.
pub(crate) const CODEMACHINE_MCP: Mcp = Mcp {
    file: SettingsFile {
        project: None,
        user: Some(|places| vec![places.home.join(".codemachine/codex/config.toml")]),
    },
    form: McpForm::Toml("mcp_servers"),
};
