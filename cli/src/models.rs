//! Which models a person chose: from the names in `config.toml` to files on this machine.
//!
//! Owns what a name may be (a model that fastembed knows, or a folder) and where downloads are kept. Must
//! not download: `cemem models get` does, and nothing else. A repository cannot choose: see `config`.

use std::path::{Path, PathBuf};

use cemem_core::project::Home;
use cemem_retrieve::Note;
use cemem_retrieve::semantic::catalog::{self, Kind, Known};
use cemem_retrieve::semantic::reranker::Reranker;
use cemem_retrieve::semantic::{record, shipped};
use cemem_retrieve::{Semantic, SemanticOff};

use crate::command_error::CommandError;
use crate::config::{self, ModelsConfig};
use crate::nearest::{any_of, nearest};
use crate::runtime;

/// Returns the folder of the records of what was downloaded, and of the files where nothing else is said.
pub(crate) fn folder(home: &Home) -> PathBuf {
    home.0.join("models")
}

/// Returns the embedding model to use.
///
/// # Errors
/// When nobody knows what was set.
pub(crate) fn embedding(home: &Home, config: &ModelsConfig) -> Result<Semantic, CommandError> {
    let runtime = runtime::find(home);
    match &config.embedding {
        Some(set) if !set.eq_ignore_ascii_case(shipped::MODEL_ID) => {
            let model = path(home, Kind::Embedding, set)?;
            Ok(Semantic::Local { runtime, model })
        }
        _ => Ok(Semantic::Shipped { runtime }),
    }
}

/// Returns the reranker to use, if one is set.
///
/// # Errors
/// When nobody knows what was set.
pub(crate) fn reranker(
    home: &Home,
    config: &ModelsConfig,
) -> Result<Option<Reranker>, CommandError> {
    let Some(set) = &config.reranker else { return Ok(None) };
    Ok(Some(Reranker::new(runtime::find(home), path(home, Kind::Reranker, set)?)))
}

/// Returns where a model is, or would be: a folder, or the record of a download.
fn path(home: &Home, kind: Kind, set: &str) -> Result<PathBuf, CommandError> {
    let key = kind.as_str();
    let place = home.0.join(config::FILE);
    let in_config = |error: CommandError| match error {
        CommandError::User { message, source, hint } => CommandError::User {
            message: format!("`{}`, [models] {key}: {message}", place.display()),
            source,
            hint,
        },
        other => other,
    };
    // Whether it is there is told when it is used: a disk that is not mounted keeps nobody from an answer.
    if Path::new(set).is_absolute() {
        return Ok(PathBuf::from(set));
    }
    let known = named(&[kind], set).map_err(in_config)?;
    Ok(record::path_of(&folder(home), &known))
}

/// Returns the model of these kinds that a name means.
///
/// # Errors
/// When it means none, or several.
pub(crate) fn named(kinds: &[Kind], typed: &str) -> Result<Known, CommandError> {
    let mut found: Vec<Known> = kinds.iter().flat_map(|&kind| catalog::find(kind, typed)).collect();
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    let quoted =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    if !found.is_empty() {
        let names = any_of(&quoted(found.iter().map(|known| known.name.as_str()).collect()));
        let error = CommandError::user(format!("`{typed}` is published for several models"));
        return Err(error.hint(format!("name one: {names}")));
    }
    let all: Vec<Known> = kinds.iter().flat_map(|&kind| catalog::all(kind)).collect();
    let last = |known: &Known| known.code.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<String> =
        all.iter().flat_map(|known| [known.name.clone(), last(known)]).collect();
    let near = quoted(nearest(typed, names.iter().map(String::as_str)));
    let hint = match near.is_empty() {
        true => "`cemem models` lists the names".to_owned(),
        false => format!("did you mean {}? `cemem models` lists all", any_of(&near)),
    };
    let what = match kinds {
        [kind] => format!("{} model", kind.as_str()),
        _ => "model".to_owned(),
    };
    Err(CommandError::user(format!("there is no {what} `{typed}`")).hint(hint))
}

/// Returns a note with what to do about it.
pub(crate) fn told(note: &Note) -> String {
    let (Note::OtherModel { off, .. } | Note::NotReranked(off) | Note::SemanticOff(off)) = note
    else {
        return note.to_string();
    };
    match advice(off) {
        Some(advice) => format!("{note}; {advice}"),
        None => note.to_string(),
    }
}

/// Returns what to do about a model that cannot be used.
pub(crate) fn advice(off: &SemanticOff) -> Option<String> {
    match off {
        SemanticOff::ModelMissing { model } => {
            Some(format!("`cemem models get {model}` brings it here"))
        }
        SemanticOff::ModelUnusable { .. } => Some(
            "`cemem models get` brings a downloaded one anew; docs/models.md lists the files of a folder; or set \
             another in config.toml"
                .into(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_guessed_or_refused() {
        let both = [Kind::Embedding, Kind::Reranker];
        assert_eq!(named(&both, "bge-reranker-base").unwrap().name, "BGERerankerBase");
        let slip = named(&[Kind::Embedding], "bge-smal-en-v1.5").unwrap_err();
        assert!(slip.advice().unwrap().contains("bge-small-en-v1.5"), "{:?}", slip.advice());
        let several = named(&both, "Xenova/all-MiniLM-L12-v2").unwrap_err();
        assert!(several.advice().unwrap().contains("`AllMiniLML12V2` or `AllMiniLML12V2Q`"));
        let other = named(&[Kind::Reranker], "BGESmallENV15").unwrap_err();
        assert!(other.to_string().contains("no reranker model"), "{other}");
        assert!(named(&both, "").is_err() && named(&both, "../../x").is_err());
    }
}
