//! Which model answers.
//!
//! Owns the choice between the model a person wants and the one whose vectors are further: another model's
//! vectors are made aside, and until they are as far as those there were, the old ones are asked, with
//! queries embedded by the old model. Owns also what is written to make that possible: beside vectors, where
//! their model is and how its cosines are read; in the index folder, which model turned out to be of no use.
//! Must not embed lessons or rank.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cemem_core::Store;
use cemem_core::durable::{PathError, write_durable};
use serde::{Deserialize, Serialize};

use crate::place::{Place, is_past};
use crate::query::Note;
use crate::semantic::scale::Scale;
use crate::semantic::{EmbedError, Embedder, Semantic, SemanticOff, shipped};
use crate::vectors::{Watermark, shelf};

/// The file beside the vectors of a model that is not part of the program.
const FILE: &str = "model.json";
/// The file in the index folder that names a model of which no vectors can be made.
const REFUSED: &str = "refused-model.json";

/// What vectors are of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Where the model is; `None` for the shipped one and for those of a caller.
    path: Option<PathBuf>,
    /// How its cosines are read.
    pub scale: Scale,
}

impl Origin {
    /// Asks a model, which may take as long as embedding a page.
    pub(crate) fn of(embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        Ok(Self { path: embedder.path().map(Path::to_owned), scale: embedder.scale()? })
    }

    /// Reads what is written beside vectors; the shipped model's have nothing beside them.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Self::default()),
            Err(_) => None,
        }
    }

    /// Writes it beside vectors.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), PathError> {
        if *self == Self::default() {
            return Ok(());
        }
        write_durable(&folder.join(FILE), &serde_json::to_vec(self).expect("it is plain data"))
    }

    /// Returns whether it says what a model would say, without asking the model.
    pub(crate) fn fits(&self, embedder: &dyn Embedder) -> bool {
        self.path.as_deref() == embedder.path()
    }
}

/// A model that is loaded once, when it is first needed.
#[derive(Clone)]
pub(crate) struct Model {
    semantic: Semantic,
    id: Option<String>,
    loaded: Arc<OnceLock<Result<Arc<dyn Embedder>, SemanticOff>>>,
}

impl Model {
    fn new(semantic: Semantic, id: Option<String>) -> Self {
        Self { semantic, id, loaded: Arc::default() }
    }

    /// Returns its id; `None` where there is no model.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the embedder, waiting for it to load.
    pub(crate) fn load(&self) -> Result<Arc<dyn Embedder>, SemanticOff> {
        self.loaded.get_or_init(|| self.semantic.load()).clone()
    }

    /// Returns the vector of a query.
    pub(crate) fn embed(&self, text: &str) -> Result<Vec<f32>, SemanticOff> {
        self.load()?.embed_query(text).map_err(|e| SemanticOff::Failed(e.to_string()))
    }

    /// Returns whether it was loaded, or could not be.
    pub(crate) fn is_tried(&self) -> bool {
        self.loaded.get().is_some()
    }

    /// Returns why it could not be loaded.
    pub(crate) fn fault(&self) -> Option<&SemanticOff> {
        self.loaded.get()?.as_ref().err()
    }
}

/// A model whose files are here, and of which no vectors can be made all the same. It is written down because
/// who makes vectors is another process than who asks for them.
#[derive(Serialize, Deserialize)]
struct Refused {
    model: String,
    message: String,
}

/// Writes down that no vectors can be made of a model, and why; or, where there is no fault, that they can.
pub(crate) fn judge(place: &Place, model: &Model, fault: Option<&SemanticOff>) {
    let path = place.root().join(REFUSED);
    // Where it cannot be written, it is found out again.
    match (model.id(), fault) {
        (Some(id), Some(SemanticOff::ModelUnusable { message, .. })) => {
            let refused = Refused { model: id.to_owned(), message: message.clone() };
            let bytes = serde_json::to_vec(&refused).expect("it is plain data");
            let _unwritten = write_durable(&path, &bytes);
        }
        (_, None) => {
            let _none = fs::remove_file(&path);
        }
        _ => {}
    }
}

/// Returns why no vectors can be made of a model, if that was found out.
fn refusal(place: &Place, model: &Model) -> Option<SemanticOff> {
    let bytes = fs::read(place.root().join(REFUSED)).ok()?;
    let refused: Refused = serde_json::from_slice(&bytes).ok()?;
    let Refused { model: id, message } = refused;
    (model.id() == Some(&id)).then_some(SemanticOff::ModelUnusable { model: id, message })
}

/// See the module.
pub(crate) struct Serving {
    wanted: Model,
    now: Model,
    /// Another model that is loaded, perhaps, and then not loaded again.
    lent: Option<Model>,
    note: Option<Note>,
}

impl Serving {
    /// Returns a choice that is not made yet: the wanted model.
    pub(crate) fn new(semantic: Semantic) -> Self {
        let id = semantic.model_id();
        let wanted = Model::new(semantic, id);
        Self { now: wanted.clone(), wanted, lent: None, note: None }
    }

    /// Returns the same choice for another place, not made yet; what is loaded here is loaded there.
    pub(crate) fn elsewhere(&self) -> Self {
        let (wanted, lent) = (self.wanted.clone(), Some(self.now.clone()));
        Self { now: wanted.clone(), wanted, lent, note: None }
    }

    /// The model a person wants.
    pub(crate) fn wanted(&self) -> &Model {
        &self.wanted
    }

    /// The model that answers.
    pub(crate) fn now(&self) -> &Model {
        &self.now
    }

    /// What the reader should know of it.
    pub(crate) fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Looks again which model is to answer; `store` tells which vectors are of it. Returns whether that is
    /// another one than before.
    pub(crate) fn look(&mut self, place: &Place, store: Option<&Store>) -> bool {
        let before = self.now.id.clone();
        let checked = self.wanted.semantic.check();
        // Files that were replaced are another model.
        if checked.as_ref().ok() != self.wanted.id.as_ref() {
            self.wanted = Model::new(self.wanted.semantic.clone(), checked.clone().ok());
        }
        let fault = checked.err().or_else(|| self.wanted.fault().cloned());
        let fault = fault.or_else(|| refusal(place, &self.wanted));
        let ahead = self.ahead(place, store);
        let other = match &fault {
            None => ahead,
            Some(SemanticOff::ModelMissing { .. } | SemanticOff::ModelUnusable { .. }) => {
                ahead.or_else(|| self.shipped())
            }
            // Another model would fare no better.
            Some(_) => None,
        };
        let Some(other) = other else {
            (self.now, self.note) = (self.wanted.clone(), None);
            return before != self.now.id;
        };
        if self.now.id != other.id {
            let lent = self.lent.clone().filter(|lent| lent.id == other.id);
            self.now = lent.unwrap_or(other);
        }
        let serving = self.now.id.clone().unwrap_or_default();
        self.note = Some(match fault {
            Some(off) => Note::OtherModel { off, serving },
            None => {
                Note::ModelPending { model: self.wanted.id.clone().unwrap_or_default(), serving }
            }
        });
        before != self.now.id
    }

    /// Returns the model whose vectors are furthest, and further than the wanted one's.
    fn ahead(&self, place: &Place, store: Option<&Store>) -> Option<Model> {
        let mut others = others(place, &self.wanted, store);
        if others.is_empty() {
            return None;
        }
        if let Some(here) = self.wanted.id().and_then(|id| place.mark(id, store)) {
            others.retain(|other| here.store != other.mark.store || here.seq < other.mark.seq);
        }
        others.into_iter().max_by_key(|other| other.mark.seq).map(|other| other.model)
    }

    /// Returns the shipped model, where it is not the wanted one.
    fn shipped(&self) -> Option<Model> {
        let semantic = self.wanted.semantic.instead(None)?;
        let id = semantic.model_id();
        (id != self.wanted.id).then(|| Model::new(semantic, id))
    }
}

/// Vectors of another model than the wanted one, which is still here.
struct Other {
    model: Model,
    mark: Watermark,
    folder: PathBuf,
}

fn others(place: &Place, wanted: &Model, store: Option<&Store>) -> Vec<Other> {
    let own = wanted.id().map(|id| place.vectors(id));
    let other = |folder: PathBuf| {
        // Where there is only the wanted model, nothing is opened for nothing.
        if own.as_ref() == Some(&folder) {
            return None;
        }
        let (id, mark) = shelf::peek(&folder)?;
        if place.vectors(&id) != folder {
            return None;
        }
        if store.is_some_and(|store| !is_past(&mark, store)) {
            return None;
        }
        let origin = Origin::read(&folder)?;
        if origin.path.is_none() && id != shipped::MODEL_ID {
            return None;
        }
        let semantic = wanted.semantic.instead(origin.path)?;
        // Its files may be others by now.
        (semantic.model_id().as_ref() == Some(&id)).then(|| Other {
            model: Model::new(semantic, Some(id)),
            mark,
            folder,
        })
    };
    place.all_vectors().into_iter().filter_map(other).collect()
}

/// Removes the vectors of other models, also of those that are gone, once the ones of the wanted model are as
/// far. Only who holds the lock of the vectors may call it.
pub(crate) fn retire(place: &Place, wanted: &Model, store: &Store) {
    let Some(id) = wanted.id() else { return };
    let Some(here) = place.mark(id, Some(store)) else { return };
    // A caller's own embedder knows nothing of other models.
    if wanted.semantic.instead(None).is_none() {
        return;
    }
    let further = others(place, wanted, Some(store)).into_iter();
    let mut kept: Vec<PathBuf> =
        further.filter(|other| other.mark.seq > here.seq).map(|other| other.folder).collect();
    kept.push(place.vectors(id));
    for folder in place.all_vectors().into_iter().filter(|folder| !kept.contains(folder)) {
        // Where a reader holds its files open on a system that minds, the next time does it.
        let _left = shelf::clear(&folder);
    }
}
