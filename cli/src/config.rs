//! What a person set for all projects: `config.toml` in CEMEM_HOME.
//!
//! Owns the keys, their defaults, and the few environment variables that replace them. Only this file
//! and the environment can name a program or an address, and only the environment a key: a file in a
//! repository cannot, whoever wrote it.

use std::fs;
use std::io;
use std::path::Path;

use cemem_core::project::Home;
use serde::Deserialize;

use crate::command_error::CommandError;

/// The file's name.
pub const FILE: &str = "config.toml";

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who writes the words of lessons.
    pub distiller: Distiller,
    /// How.
    pub distill: Distill,
    /// What hooks do.
    pub hooks: HooksConfig,
    /// Which files of a project are kept up to date.
    pub sync: SyncConfig,
    /// Which models search.
    pub models: ModelsConfig,
}

/// Which models search: names that `cemem models` lists, or folders. Only a person's own file can say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// Turns texts into vectors; without one the model that is part of cemem.
    pub embedding: Option<String>,
    /// Looks at the best lessons again; without one nobody does.
    pub reranker: Option<String>,
}

/// Which files `sync` keeps up to date beside the managed blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncConfig {
    /// Whether that is done without being asked, whenever something was learned. Only a person's own file
    /// can say so.
    pub auto: bool,
    /// A file for each lesson in `.cemem/lessons`.
    pub mirror: bool,
    /// Lessons about paths as `.claude/rules/cemem-*.md`.
    pub rules: bool,
    /// Solutions as documents in `docs/solutions`.
    pub solutions: bool,
}

impl SyncConfig {
    /// Returns what is on in a project: what a person set, and what the file says that the repository may
    /// hold. That file chooses among files inside the repository, and no more.
    #[must_use]
    pub fn of_project(mut self, root: &Path) -> Self {
        let Ok(text) = read(&root.join(".cemem").join(FILE)) else { return self };
        let table: Option<toml::Table> = toml::from_str(&text).ok();
        let is_on = |key: &str| {
            table.as_ref().and_then(|t| t.get("sync")?.get(key)?.as_bool()).unwrap_or(false)
        };
        self.mirror |= is_on("mirror");
        self.rules |= is_on("rules");
        self.solutions |= is_on("solutions");
        self
    }
}

/// What the hooks of agents do.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HooksConfig {
    /// Whether they do anything.
    pub enabled: bool,
    /// Folders in which they do nothing, with all that lies below them.
    pub off: Vec<String>,
    /// How long one may take, in milliseconds.
    pub deadline_ms: u64,
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self { enabled: true, off: Vec::new(), deadline_ms: 1000 }
    }
}

/// Who writes the words of lessons.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distiller {
    /// Nobody: the evidence speaks.
    #[default]
    Rules,
    /// The agent at work.
    Agent,
    /// An engine, run without a person.
    Engine,
    /// A model behind HTTP.
    Http,
}

impl Distiller {
    /// Every distiller, by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("rules", Self::Rules),
        ("agent", Self::Agent),
        ("engine", Self::Engine),
        ("http", Self::Http),
    ];
}

/// How lessons are phrased.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Distill {
    /// Most lessons asked about at once.
    pub lessons: usize,
    /// How often a failed try is repeated.
    pub retries: usize,
    /// First wait before another try, in milliseconds; it doubles.
    pub retry_delay_ms: u64,
    /// How an engine is run.
    pub engine: EngineConfig,
    /// How a model is asked.
    pub http: HttpConfig,
}

impl Default for Distill {
    fn default() -> Self {
        Self {
            lessons: 20,
            retries: 2,
            retry_delay_ms: 1000,
            engine: EngineConfig::default(),
            http: HttpConfig::default(),
        }
    }
}

/// How an engine is run.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Which, by its short name; without one the first that is installed.
    pub name: Option<String>,
    /// How long one run may take.
    pub timeout_seconds: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { name: None, timeout_seconds: 180 }
    }
}

/// How a model is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// What it speaks.
    pub api: Api,
    /// Where it is; without one the provider's address.
    pub url: Option<String>,
    /// Which.
    pub model: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// How long one answer may take.
    pub timeout_seconds: u64,
    /// Most tokens of an answer.
    pub max_tokens: u64,
    /// Price of a million tokens sent.
    pub price_in: Option<f64>,
    /// Price of a million tokens received.
    pub price_out: Option<f64>,
    /// Most that may be spent in a calendar month, over all projects, in the currency of the prices.
    pub monthly_cap: f64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            api: Api::OpenAi,
            url: None,
            model: None,
            key_env: None,
            timeout_seconds: 120,
            max_tokens: 4000,
            price_in: None,
            price_out: None,
            monthly_cap: 0.0,
        }
    }
}

/// What a model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Chat completions, as OpenAI and many others speak them.
    OpenAi,
    /// Messages of Anthropic.
    Anthropic,
    /// Ollama.
    Ollama,
}

impl Config {
    /// Reads the file, if there is one, then the environment.
    ///
    /// # Errors
    /// When the file cannot be read or holds what nobody knows.
    pub fn load(home: &Home) -> Result<Self, CommandError> {
        let path = home.0.join(FILE);
        let mut config: Self = match read(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                let what = error.message().to_owned();
                let line = error.span().map_or(1, |s| text[..s.start].matches('\n').count() + 1);
                CommandError::user(format!("`{}`, line {line}: {what}", path.display()))
                    .hint("docs/distillers.md, docs/hooks.md, docs/models.md and docs/sync.md list the keys")
            })?,
            // A home that is no folder has no file either; who needs the home says what is wrong with it.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Self::default()
            }
            Err(error) => {
                return Err(CommandError::User {
                    message: format!("cannot read `{}`", path.display()),
                    source: Some(Box::new(error)),
                    hint: None,
                });
            }
        };
        let variable = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let http = &mut config.distill.http;
        http.url = variable("CEMEM_DISTILL_URL").or(http.url.take());
        http.model = variable("CEMEM_DISTILL_MODEL").or(http.model.take());
        Ok(config)
    }
}

/// Longest file of settings, in bytes.
const MAX_FILE: u64 = 1 << 20;

fn read(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for somebody to write to it.
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > MAX_FILE {
        let why = if about.is_file() { "it is larger than 1 MiB" } else { "it is no file" };
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, CommandError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), text).unwrap();
        Config::load(&Home(folder.path().to_owned()))
    }

    #[test]
    fn without_a_file_nothing_is_asked_and_nothing_is_spent() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::load(&Home(folder.path().to_owned())).unwrap();
        assert_eq!(config.distiller, Distiller::Rules);
        assert!(config.distill.http.monthly_cap == 0.0 && config.distill.http.price_in.is_none());
    }

    #[test]
    fn a_repository_chooses_files_and_never_when_they_are_written() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".cemem")).unwrap();
        let text = "[sync]\nauto = true\nmirror = true\nrules = 1\nnew = true\n";
        fs::write(root.path().join(".cemem/config.toml"), text).unwrap();
        let config = SyncConfig::default().of_project(root.path());
        assert_eq!(config, SyncConfig { mirror: true, ..SyncConfig::default() });
        let mine = load("[sync]\nauto = true\nrules = true\n").unwrap().sync;
        let all = SyncConfig { auto: true, mirror: true, rules: true, solutions: false };
        assert_eq!(mine.of_project(root.path()), all);
    }

    #[test]
    fn keys_are_read_and_unknown_ones_named_with_their_line() {
        let config =
            load("distiller = \"http\"\n[distill.http]\napi = \"ollama\"\nmodel = \"m\"\n");
        let config = config.unwrap();
        assert_eq!((config.distiller, config.distill.http.api), (Distiller::Http, Api::Ollama));
        let error = load("[distill.http]\nkey = \"sk-1\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("key"), "{error}");
    }
}
