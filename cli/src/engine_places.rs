//! Where engines keep their sessions on this machine.
//!
//! Owns the reading of the variables that move their folders. Which variables those are is in the
//! rows of `cemem_ingest::engines`; must not know any of them by name.

use std::path::PathBuf;

use cemem_ingest::discover::{Os, PLATFORM_VARIABLES, Places};
use cemem_ingest::engines::ENGINES;

use crate::context::Context;

/// Returns what discovery needs to know about this machine and project.
#[must_use]
pub(crate) fn of(context: &Context) -> Places {
    with_roots(context, context.project.worktrees.clone())
}

/// Returns what discovery needs to know about this machine and a project in these folders.
#[must_use]
pub(crate) fn with_roots(context: &Context, roots: Vec<PathBuf>) -> Places {
    let names = ENGINES.iter().flat_map(|e| e.variables).chain(PLATFORM_VARIABLES);
    let set = |name: &&str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    Places {
        home: context.user_home.clone(),
        variables: names.filter_map(|n| Some(((*n).to_owned(), set(n)?))).collect(),
        os: Os::HERE,
        roots,
    }
}
