//! What every command needs: home, project, clock, store, output.
//!
//! Owns the reading of the environment (`CEMEM_HOME`, `CEMEM_NOW`, the working folder). Must stay
//! cheap: it is on the path of every hook and every cold recall, so stores and indexes are opened
//! only when asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cemem_core::Store;
use cemem_core::clock::{Clock, Timestamp};
use cemem_core::durable::{IoResultExt as _, PathError};
use cemem_core::project::{Found, Home, Project, TableTrouble};
use cemem_core::scratch;
use cemem_retrieve::{Engine, Semantic};
use etcetera::BaseStrategy as _;

use crate::args::GlobalArgs;
use crate::command_error::CommandError;
use crate::config::{Config, ModelsConfig};
use crate::models;
use crate::nearest::{any_of, nearest};
use crate::ui::Ui;

/// See the module.
#[derive(Debug)]
pub struct Context {
    /// Output.
    pub ui: Ui,
    /// Where stores live.
    pub home: Home,
    /// The user's home folder, where engines keep their sessions.
    pub user_home: PathBuf,
    /// The project the command is about.
    pub project: Project,
    /// A person named the project; it is not just that of the current folder.
    pub named: bool,
    /// What keeps the project from being found or recorded for certain.
    pub trouble: Option<TableTrouble>,
    /// The time.
    pub clock: Clock,
}

impl Context {
    /// Builds the context from flags and environment.
    ///
    /// # Errors
    /// When there is no home folder or the project folder does not exist.
    pub fn from_env(global: &GlobalArgs) -> Result<Self, CommandError> {
        Self::found_by(global, Home::find)
    }

    /// Builds the same context for a command that only looks: nothing is recorded of the project.
    ///
    /// # Errors
    /// When there is no home folder or the project folder does not exist.
    pub fn in_passing(global: &GlobalArgs) -> Result<Self, CommandError> {
        Self::found_by(global, |home, folder| match home.look(folder) {
            Ok(project) => Ok(Found { project, trouble: None }),
            // Of a table that cannot be read this tells what is wrong, and leaves it alone too.
            Err(_) => home.find(folder),
        })
    }

    fn found_by(
        global: &GlobalArgs,
        find: impl FnOnce(&Home, &Path) -> Result<Found, PathError>,
    ) -> Result<Self, CommandError> {
        let ui = Ui { json: global.json, quiet: global.quiet };
        let user_home = etcetera::home_dir().map_err(|_| {
            CommandError::user("cannot find the home folder").hint("set HOME or CEMEM_HOME")
        })?;
        let home = home_from_env()?;
        let folder = match &global.project {
            Some(path) => path.clone(),
            None => std::env::current_dir().map_err(|_| {
                CommandError::user("the current folder no longer exists")
                    .hint("change to a folder that does, or give `--project DIR`")
            })?,
        };
        let Found { project, trouble } =
            find(&home, &folder).map_err(|error| with_near(&home, &folder, error))?;
        let named = global.project.is_some();
        Ok(Self { ui, home, user_home, project, named, trouble, clock: clock_from_env()? })
    }

    /// Returns the same context for the project of another folder.
    ///
    /// # Errors
    /// When the folder does not exist.
    pub fn of(&self, folder: &Path) -> Result<Self, CommandError> {
        let Found { project, trouble } = self.home.find(folder)?;
        let (home, user_home) = (self.home.clone(), self.user_home.clone());
        let (ui, named, clock) = (self.ui, self.named, self.clock);
        Ok(Self { ui, home, user_home, project, named, trouble, clock })
    }

    /// Returns a path that a person typed as lessons name it: as seen from the current folder or, where
    /// there is only such a one, from the project's root. One that lies elsewhere stays as it is.
    #[must_use]
    pub fn path_in_project(&self, typed: &str) -> String {
        let here = std::env::current_dir().unwrap_or_default().join(typed);
        let is_from_root = !here.exists() && self.project.root.join(typed).exists();
        let inside = if is_from_root { None } else { self.project.inside(&here) };
        inside.unwrap_or_else(|| typed.to_owned())
    }

    /// Returns a search engine over this project's indexes; nothing is opened or loaded yet.
    ///
    /// # Errors
    /// When config.toml names a model that nobody knows.
    pub fn engine(&self, with_model: bool) -> Result<Engine, CommandError> {
        let models = if with_model { Config::load(&self.home)?.models } else { Default::default() };
        let semantic = self.semantic_of(with_model, &models)?;
        let reranker = models::reranker(&self.home, &models)?;
        Ok(Engine::new(&self.home.index_dir(&self.project), semantic).with_reranker(reranker))
    }

    /// Brings the indexes up to the store, so that the next recall has nothing left to embed; for about so long
    /// at most, if a time is given. Returns whether vectors are still missing. A failure costs only that head
    /// start and is told, not returned.
    pub fn catch_up(&self, store: &Store, time: Option<Duration>) -> bool {
        let caught_up = self.engine(true).and_then(|mut engine| {
            Ok(match time {
                Some(time) => engine.catch_up_for(store, time)?,
                None => engine.catch_up(store, usize::MAX)?,
            })
        });
        if let Err(error) = &caught_up {
            let error = error.in_full();
            self.ui.warn(&format!("the index is not ready: {error}; the next recall tries again"));
        }
        caught_up.is_ok_and(|done| done.pending)
    }

    /// Returns which embedder searches: the model a person set, or else the one in the binary, run by the
    /// library found on this machine; or none.
    ///
    /// # Errors
    /// When config.toml names a model that nobody knows.
    pub fn semantic(&self, with_model: bool) -> Result<Semantic, CommandError> {
        let models = if with_model { Config::load(&self.home)?.models } else { Default::default() };
        self.semantic_of(with_model, &models)
    }

    fn semantic_of(
        &self,
        with_model: bool,
        models: &ModelsConfig,
    ) -> Result<Semantic, CommandError> {
        if with_model { models::embedding(&self.home, models) } else { Ok(Semantic::Off) }
    }

    /// Returns a copy of this project's indexes, for when they can be neither read nor caught up in
    /// their place. The folder lives as long as the returned handle.
    ///
    /// # Errors
    /// When there is no room for a copy.
    pub fn scratch_index(&self) -> Result<tempfile::TempDir, CommandError> {
        let aside = std::env::temp_dir();
        let folder = scratch::folder().context("create a folder in", &aside)?;
        copy_folder(&self.home.index_dir(&self.project), folder.path())?;
        Ok(folder)
    }

    /// Opens this project's store for reading and writing.
    ///
    /// # Errors
    /// When it cannot be opened, or the project cannot be recorded: what is written would be lost
    /// sight of.
    pub fn store(&self) -> Result<Store, CommandError> {
        if let Some(trouble) = &self.trouble {
            return Err(unusable_table(trouble));
        }
        Ok(Store::open(&self.home.store_path(&self.project), self.clock)?)
    }

    /// Opens this project's store for a command that only reads, also where nothing can be written.
    ///
    /// # Errors
    /// When it cannot be read, or nobody can tell which store it is.
    pub fn store_to_read(&self) -> Result<Store, CommandError> {
        if let Some(trouble @ TableTrouble::Unread(_)) = &self.trouble {
            return Err(unusable_table(trouble));
        }
        Ok(Store::open_to_read(&self.home.store_path(&self.project), self.clock)?)
    }
}

/// Returns the error with the projects that were perhaps meant, as its advice: a folder is often named by
/// its last part alone.
fn with_near(home: &Home, folder: &Path, error: PathError) -> CommandError {
    let known: Vec<PathBuf> = home.known_folders().unwrap_or_default();
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let names: Vec<String> = known.iter().filter_map(|path| name(path)).collect();
    let typed = name(folder).unwrap_or_default();
    let near = nearest(&typed, names.iter().map(String::as_str));
    let meant = near.iter().flat_map(|near| {
        let fits = move |path: &&PathBuf| name(path).as_deref() == Some(*near) && path.is_dir();
        known.iter().filter(fits)
    });
    let meant: Vec<String> =
        meant.take(3).map(|path| format!("`--project {}`", path.display())).collect();
    match meant.is_empty() {
        true => error.into(),
        false => CommandError::from(error).hint(format!("did you mean {}?", any_of(&meant))),
    }
}

fn unusable_table(trouble: &TableTrouble) -> CommandError {
    CommandError::user(format!("the table of projects cannot be used: {}", trouble.cause()))
        .hint("`cemem doctor` tells what is wrong; CEMEM_HOME may name another folder")
}

/// Copies a folder as far as it can be read: what is missing is built again.
fn copy_folder(from: &Path, to: &Path) -> Result<(), PathError> {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir(&target).context("create folder", &target)?;
            copy_folder(&source, &target)?;
        } else if let Ok(bytes) = fs::read(&source) {
            // Not `fs::copy`: the copy must not be write-protected like its source.
            fs::write(&target, bytes).context("write", &target)?;
        }
    }
    Ok(())
}

/// Returns cemem's home: `CEMEM_HOME`, or a folder among the user's data.
///
/// # Errors
/// When neither is known.
pub fn home_from_env() -> Result<Home, CommandError> {
    let folder = match std::env::var_os("CEMEM_HOME").filter(|v| !v.is_empty()) {
        Some(path) => absolute(Path::new(&path))?,
        None => etcetera::choose_base_strategy()
            .map_err(|_| CommandError::user("cannot find the data folder").hint("set CEMEM_HOME"))?
            .data_dir()
            .join("cemem"),
    };
    Ok(Home(folder))
}

/// Returns the clock: the machine's, or stopped at `CEMEM_NOW` for reproducible output.
///
/// # Errors
/// When `CEMEM_NOW` is no time.
pub fn clock_from_env() -> Result<Clock, CommandError> {
    match std::env::var("CEMEM_NOW").unwrap_or_default() {
        // Set to nothing is not set, as with every other variable.
        text if text.is_empty() => Ok(Clock::System),
        text => Timestamp::parse(&text).map(Clock::Fixed).ok_or_else(|| {
            CommandError::user(format!("CEMEM_NOW is `{text}`, not an ISO 8601 time"))
        }),
    }
}

/// Returns the path made absolute without following links.
///
/// # Errors
/// When the current folder is gone or the path is empty.
pub fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    std::path::absolute(path)
        .map_err(|_| CommandError::user(format!("`{}` is not a usable path", path.display())))
}
