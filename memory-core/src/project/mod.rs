//! Which memory a folder belongs to, and where it lives on disk.
//!
//! | module | owns |
//! |---|---|
//! | `facts` | what a folder tells: repository, remote, root commit, age |
//! | `aliases` | the table of known projects and every decision made with it |
//!
//! Owns project identity: worktrees, clones in other folders and renamed folders share one memory;
//! outside git it is the canonical path. Must not read the environment: the home folder comes in as
//! an argument.

mod aliases;
mod facts;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use self::aliases::Aliases;
use self::facts::Facts;
use crate::clock::Clock;
use crate::durable::{
    IoResultExt as _, PathError, create_private_dir, open_private, write_durable,
};
use crate::paths::without_dots;
use crate::store::Store;

/// The folder that holds every store, `$CEMEM_HOME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(pub PathBuf);

/// The id of the memory that every project of this user reads.
pub const USER: &str = "user";

/// One project: a memory and the folders it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Stable id: the name of its folder under `projects/`.
    pub id: String,
    /// The name people see: the folder of the main work tree.
    pub name: String,
    /// The work tree (or plain folder) the command was started in.
    pub root: PathBuf,
    /// Every work tree that shares this memory, `root` among them.
    pub worktrees: Vec<PathBuf>,
}

/// What kept the table of projects from being used as it should.
#[derive(Debug)]
pub enum TableTrouble {
    /// It could not be read: the project's id may be wrong, so nothing must be answered from it.
    Unread(PathError),
    /// It could not be written: the id is right, but what is stored under it may be lost sight of.
    Unrecorded(PathError),
}

impl TableTrouble {
    /// Returns what failed and why, as one line.
    #[must_use]
    pub fn cause(&self) -> String {
        let (Self::Unread(error) | Self::Unrecorded(error)) = self;
        format!("{error}: {}", error.source)
    }

    /// Returns the cause as an error.
    #[must_use]
    pub fn into_error(self) -> PathError {
        match self {
            Self::Unread(error) | Self::Unrecorded(error) => error,
        }
    }
}

/// A project as far as it could be found.
#[derive(Debug)]
pub struct Found {
    /// The project.
    pub project: Project,
    /// What to know before reading or writing its memory.
    pub trouble: Option<TableTrouble>,
}

impl Project {
    fn of(facts: Facts, id: String) -> Self {
        let name =
            facts.main.file_name().map_or_else(|| id.clone(), |n| n.to_string_lossy().into_owned());
        let worktrees = facts.worktrees();
        Self { id, name, root: facts.root, worktrees }
    }

    /// Returns a whole path as lessons name it: from the root of the innermost work tree that it lies in,
    /// with `/` and without dots. `None` for a root itself and for what lies elsewhere; where the path as
    /// it is written does, links on the way to it are followed.
    #[must_use]
    pub fn inside(&self, path: &Path) -> Option<String> {
        let path = without_dots(path);
        let below = |path: &Path| {
            let roots = self.worktrees.iter().chain([&self.root]);
            let inner = roots.filter_map(|root| path.strip_prefix(root).ok());
            // One work tree may lie in another.
            inner.min_by_key(|rest| rest.as_os_str().len()).map(Path::to_owned)
        };
        let real = || Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
        let found = below(&path).or_else(|| below(&real()?))?;
        Some(found.to_string_lossy().replace('\\', "/")).filter(|inside| !inside.is_empty())
    }
}

impl Home {
    /// Returns the folder of a project's store and indexes.
    #[must_use]
    pub fn project_dir(&self, project: &Project) -> PathBuf {
        self.dir_of(&project.id)
    }

    /// Returns the database of a project.
    #[must_use]
    pub fn store_path(&self, project: &Project) -> PathBuf {
        self.project_dir(project).join("memory.db")
    }

    /// Returns the folder of a project's indexes: disposable.
    #[must_use]
    pub fn index_dir(&self, project: &Project) -> PathBuf {
        self.project_dir(project).join("index")
    }

    /// Returns the folder for things any project can make again: optimised models, caches.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// Returns the project that `folder` belongs to, recording what is new about it.
    ///
    /// # Errors
    /// When the folder does not exist, or the table of projects cannot be read or written.
    pub fn resolve(&self, folder: &Path) -> Result<Project, PathError> {
        let found = self.find(folder)?;
        found.trouble.map_or(Ok(found.project), |trouble| Err(trouble.into_error()))
    }

    /// Returns the project that `folder` belongs to, also where nothing can be recorded: a home on a
    /// medium that is read-only can still be read.
    ///
    /// # Errors
    /// When the folder does not exist.
    pub fn find(&self, folder: &Path) -> Result<Found, PathError> {
        let folder = fs::canonicalize(folder).context("find folder", folder)?;
        let facts = Facts::of(&folder);
        let (table, mut trouble) = match self.table() {
            Ok(table) => (table, None),
            Err(error) => (Aliases::default(), Some(TableTrouble::Unread(error))),
        };
        let mut id = table.decide(&facts, |id| self.is_empty(id));
        if trouble.is_none() && table.version <= aliases::VERSION && !table.is_recorded(&facts, &id)
        {
            match self.record(&facts) {
                Ok(agreed) => id = agreed,
                Err(error) => trouble = Some(TableTrouble::Unrecorded(error)),
            }
        }
        Ok(Found { project: Project::of(facts, id), trouble })
    }

    /// Returns the project that `folder` belongs to as far as it is known already, recording nothing:
    /// for those who only look in passing. A folder that nobody recorded has an id and no memory.
    ///
    /// # Errors
    /// When the folder does not exist, or the table of projects cannot be read.
    pub fn look(&self, folder: &Path) -> Result<Project, PathError> {
        let folder = fs::canonicalize(folder).context("find folder", folder)?;
        let facts = Facts::of(&folder);
        let id = self.table()?.decide(&facts, |id| self.is_empty(id));
        Ok(Project::of(facts, id))
    }

    /// Returns the folders in which projects were met, whether they still exist or not.
    ///
    /// # Errors
    /// When the table of projects cannot be read.
    pub fn known_folders(&self) -> Result<Vec<PathBuf>, PathError> {
        Ok(self.table()?.folders())
    }

    /// Returns the memory of what holds in every project, as if it were one; it may not exist yet.
    #[must_use]
    pub fn user(&self) -> Project {
        let name = "all projects".to_owned();
        Project { id: USER.to_owned(), name, root: self.0.clone(), worktrees: Vec::new() }
    }

    /// Returns the other projects that have a memory, by id; folders that are gone are left out.
    ///
    /// # Errors
    /// When the table of projects cannot be read.
    pub fn others(&self, than: &Project) -> Result<Vec<Project>, PathError> {
        let mut others = Vec::new();
        for (id, folders) in self.table()?.projects() {
            let path = self.dir_of(&id).join("memory.db");
            if id == than.id || !path.is_file() {
                continue;
            }
            let worktrees: Vec<PathBuf> = folders.iter().filter(|f| f.is_dir()).cloned().collect();
            let Some(root) = worktrees.first().or(folders.first()).cloned() else { continue };
            let name = root.file_name().map(|n| n.to_string_lossy().into_owned());
            others.push(Project { name: name.unwrap_or_else(|| id.clone()), id, root, worktrees });
        }
        Ok(others)
    }

    /// Returns the file that changes when something new is known of projects.
    #[must_use]
    pub fn registry(&self) -> PathBuf {
        self.table_path()
    }

    fn dir_of(&self, id: &str) -> PathBuf {
        match id {
            USER => self.0.join(USER),
            id => self.0.join("projects").join(id),
        }
    }

    fn table_path(&self) -> PathBuf {
        self.0.join("projects").join("aliases.json")
    }

    /// Reads the table. A damaged one counts as empty: most ids are derived from what git says, so
    /// they come out the same.
    fn table(&self) -> Result<Aliases, PathError> {
        let path = self.table_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Aliases::default()),
            Err(error) => Err(error).context("read", &path),
        }
        .map(Aliases::upgraded)
    }

    /// Records what is new, under a lock so that two commands started together agree on the id.
    fn record(&self, facts: &Facts) -> Result<String, PathError> {
        let _lock = self.lock()?;
        let path = self.table_path();
        let mut table = self.table()?;
        let id = table.decide(facts, |id| self.is_empty(id));
        table.record(facts, &id);
        if fs::read(&path).is_ok_and(|old| serde_json::from_slice::<Aliases>(&old).is_err()) {
            let aside = path.with_extension("damaged.json");
            fs::rename(&path, &aside).context("move away", &path)?;
        }
        let bytes = serde_json::to_vec_pretty(&table).expect("a table of strings serialises");
        write_durable(&path, &bytes)?;
        Ok(id)
    }

    fn lock(&self) -> Result<File, PathError> {
        create_private_dir(&self.0.join("projects"))?;
        let path = self.0.join("projects").join("aliases.lock");
        let lock = open_private(&path)?;
        lock.lock().context("lock", &path)?;
        Ok(lock)
    }

    /// Whether a project has learned nothing yet. A store that cannot be read may hold everything.
    fn is_empty(&self, id: &str) -> bool {
        let path = self.dir_of(id).join("memory.db");
        match path.try_exists() {
            Ok(true) => Store::open_read_only(&path, Clock::System)
                .and_then(|store| store.lesson_seq())
                .is_ok_and(|seq| seq == 0),
            Ok(false) => true,
            Err(_) => false,
        }
    }
}
