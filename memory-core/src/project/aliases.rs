//! Which folders and histories lead to which project.
//!
//! Owns the alias table and every decision made with it. Pure: must not read or write files, nor ask
//! git for anything but what [`Facts`] answers.
//!
//! A project is known by the places it was met at, and by its history: remotes, root commits, or a
//! commit where the root is out of reach. A place alone proves little, because folders are deleted
//! and made again; a history that matches proves that it is the same project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::id::digest;

/// The version this build writes. A newer table is read as far as it is understood, never written.
pub(super) const VERSION: u32 = 2;
/// Digits of a project id.
const ID_LEN: usize = 16;

/// The table as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aliases {
    #[serde(default)]
    pub(super) version: u32,
    /// Canonical folder (outside git) or common dir to what was met there.
    #[serde(default)]
    places: BTreeMap<String, Place>,
    /// Project id to how its repositories are recognised.
    #[serde(default)]
    histories: BTreeMap<String, History>,
    /// Version 1: `dir:…` or `git:remote#root` to project id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    projects: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    id: String,
    /// See [`Facts::born`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<u64>,
}

/// What the repositories of one project had in common so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct History {
    #[serde(default)]
    remotes: BTreeSet<String>,
    #[serde(default)]
    roots: BTreeSet<String>,
    /// Commits met where the root was out of reach: it is cut off, or too far back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    commits: BTreeSet<String>,
    /// The root is too far back to look for it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deep: bool,
}

impl History {
    fn shares_a_commit(&self, facts: &Facts) -> bool {
        self.roots.iter().chain(&self.commits).any(|commit| facts.holds(commit))
    }

    fn has_remote(&self, facts: &Facts) -> bool {
        facts.remote.as_ref().is_some_and(|remote| self.remotes.contains(remote))
    }
}

impl Aliases {
    /// Returns the table with what older versions wrote in today's shape.
    pub(super) fn upgraded(mut self) -> Self {
        for (key, id) in std::mem::take(&mut self.projects) {
            if let Some(place) = key.strip_prefix("dir:") {
                self.places.entry(place.to_owned()).or_insert(Place { id, born: None });
            } else if let Some(key) = key.strip_prefix("git:") {
                let (remote, root) = key.split_once('#').unwrap_or((key, ""));
                let history = self.histories.entry(id).or_default();
                history.remotes.extend((!remote.is_empty()).then(|| remote.to_owned()));
                history.roots.extend((!root.is_empty()).then(|| root.to_owned()));
            }
        }
        self
    }

    /// Returns the project of a folder. `is_empty` tells whether a project's memory holds nothing
    /// yet; it is asked only where two projects claim the folder.
    pub(super) fn decide(&self, facts: &Facts, is_empty: impl Fn(&str) -> bool) -> String {
        let here = std::iter::once(&facts.place)
            .chain(&facts.plain)
            .find_map(|path| self.places.get(path).filter(|place| self.fits(place, facts)))
            .map(|place| place.id.clone());
        // A place confirmed by its history needs no search: this is the hot path.
        if let Some(id) = here.as_ref().filter(|id| self.histories.contains_key(*id)) {
            return id.clone();
        }
        match (here, self.by_history(facts)) {
            // Looking around in a folder must not cut it off from the memory it then turns out to
            // share; what was learned in it stays.
            (Some(here), Some(other)) => if is_empty(&here) { other } else { here }.to_owned(),
            (Some(id), None) | (None, Some(id)) => id,
            (None, None) => self.fresh_id(facts),
        }
    }

    /// Whether the project last met at this place is still the one that is there.
    fn fits(&self, place: &Place, facts: &Facts) -> bool {
        let made_again = place.born.is_some() && facts.born.is_some() && place.born != facts.born;
        match (self.histories.get(&place.id), facts.is_git()) {
            // Outside git the path is the identity.
            (None, false) => true,
            (Some(_), false) => place.born.is_some() && place.born == facts.born,
            (None, true) => !made_again,
            // The folder may have been made again by the same clone, so it is by history alone then.
            (Some(history), true) => {
                !made_again && (history.has_remote(facts) || history.shares_a_commit(facts))
            }
        }
    }

    /// Returns the project with the same history.
    fn by_history(&self, facts: &Facts) -> Option<String> {
        let remote = facts.remote.as_deref();
        // Without either there is nothing to compare, and no reason to walk.
        if remote.is_none() && facts.head.is_none() {
            return None;
        }
        let root = facts.first_commit();
        let with = |test: &dyn Fn(&History) -> bool| -> Vec<&String> {
            self.histories.iter().filter(|(_, h)| test(h)).map(|(id, _)| id).collect()
        };
        let found = match (remote, root) {
            (Some(remote), Some(root)) => {
                let known = |h: &History| h.remotes.contains(remote);
                // Remote and root together tell the forks of one template apart.
                with(&|h| known(h) && h.roots.contains(root))
                    .into_iter()
                    // Another branch's root, or a project met only as a shallow clone.
                    .chain(with(&|h| known(h) && (h.roots.is_empty() || h.shares_a_commit(facts))))
                    // A project that had no remote when it was last met.
                    .chain(with(&|h| h.remotes.is_empty() && h.roots.contains(root)))
                    .next()
            }
            (Some(remote), None) => {
                let known = |h: &History| h.remotes.contains(remote);
                let sure = with(&|h| known(h) && h.shares_a_commit(facts));
                sure.into_iter().next().or_else(|| only(with(&known)))
            }
            (None, Some(root)) => {
                let known = |h: &History| h.roots.contains(root);
                let local = with(&|h| known(h) && h.remotes.is_empty());
                local.into_iter().next().or_else(|| only(with(&known)))
            }
            (None, None) => with(&|h| h.commits.iter().any(|c| facts.holds(c))).into_iter().next(),
        };
        found.cloned()
    }

    /// Returns an id that no project has: from what identifies the project best, so that it comes out
    /// the same should the table be lost.
    fn fresh_id(&self, facts: &Facts) -> String {
        let seed = match (facts.remote.as_deref(), facts.first_commit()) {
            (Some(remote), Some(root)) => format!("git:{remote}#{root}"),
            (Some(remote), None) => format!("git:{remote}"),
            (None, Some(root)) => format!("git:#{root}"),
            (None, None) => format!("dir:{}", facts.place),
        };
        let taken: BTreeSet<_> =
            self.places.values().map(|p| &p.id).chain(self.histories.keys()).collect();
        let mut id = String::new();
        for n in 0..=taken.len() {
            // The folder of an earlier project at the same place has the plain seed.
            id = if n == 0 { digest([&*seed]) } else { digest([&*seed, &*n.to_string()]) };
            id.truncate(ID_LEN);
            if !taken.contains(&id) {
                break;
            }
        }
        id
    }

    /// Returns the folders projects were met in: work trees of repositories, or plain folders.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.places.keys().map(|place| folder(place)).collect()
    }

    /// Returns the same by project.
    pub(super) fn projects(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let mut projects: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for (place, at) in &self.places {
            projects.entry(at.id.clone()).or_default().push(folder(place));
        }
        projects
    }

    /// Whether nothing about the folder is new, as far as that can be told without walking history.
    pub(super) fn is_recorded(&self, facts: &Facts, id: &str) -> bool {
        let place = Place { id: id.to_owned(), born: facts.born };
        if self.places.get(&facts.place) != Some(&place) {
            return false;
        }
        if facts.remote.is_none() && facts.head.is_none() {
            return true;
        }
        let Some(history) = self.histories.get(id) else { return false };
        let root_known = match facts.head {
            None => true,
            Some(_) if facts.shallow => history.shares_a_commit(facts),
            Some(_) if history.deep => true,
            Some(_) => {
                !history.roots.is_empty()
                    && facts.near_first_commit().is_none_or(|root| history.roots.contains(&root))
            }
        };
        root_known && facts.remote.as_ref().is_none_or(|remote| history.remotes.contains(remote))
    }

    /// Records everything the folder tells about its project.
    pub(super) fn record(&mut self, facts: &Facts, id: &str) {
        self.version = VERSION;
        let place = Place { id: id.to_owned(), born: facts.born };
        self.places.insert(facts.place.clone(), place);
        if facts.remote.is_none() && facts.head.is_none() {
            return;
        }
        let history = self.histories.entry(id.to_owned()).or_default();
        history.remotes.extend(facts.remote.clone());
        match (facts.first_commit(), facts.head) {
            (Some(root), _) => {
                history.roots.insert(root.to_owned());
            }
            (None, Some(head)) => {
                history.commits.insert(head.to_string());
                history.deep |= !facts.shallow;
            }
            (None, None) => {}
        }
    }
}

fn folder(place: &str) -> PathBuf {
    let place = Path::new(place);
    let tree = place.parent().filter(|_| place.file_name().is_some_and(|n| n == ".git"));
    tree.unwrap_or(place).to_owned()
}

fn only<T>(mut found: Vec<T>) -> Option<T> {
    if found.len() == 1 { found.pop() } else { None }
}
