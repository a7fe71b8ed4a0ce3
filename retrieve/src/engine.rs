//! Recall from end to end.
//!
//! Owns [`Engine`]: loading the model beside the index, catching up with the store, asking the
//! view and reading the winners. Must not score or render.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cemem_core::Store;
use cemem_core::store::Use;
use thiserror::Error;

use crate::error::RetrieveError;
use crate::graphs::Graphs;
use crate::lexical::schema::Fields;
use crate::lexical::score::LexicalQuery;
use crate::lexical::snapshot::Snapshot;
use crate::lexical::writer;
use crate::place::{Place, mark_of};
use crate::projection::{self, Allowance, CaughtUp, Projection};
use crate::query::{Answer, Hit, Mode, Note, Query};
use crate::rank::{History, Task};
use crate::semantic::reranker::{DEPTH, Reranker, blend};
use crate::semantic::{Embedder, Semantic, SemanticOff};
use crate::serving::{self, Serving};
use crate::text::render::render;
use crate::text::terms::Analyser;
use crate::vectors::Watermark;
use crate::vectors::graph::CROSSOVER_ROWS;
use crate::view::{Ranking, View, bounded};

/// Passages embedded on the way to an answer; more are left to the next one.
pub const EMBED_ON_RECALL: usize = 64;
/// Time spent on them, about.
pub const EMBED_TIME_ON_RECALL: Duration = Duration::from_millis(30);

/// A lesson that scores less than this share of the best one is not shown: a short answer is no
/// invitation to fill the list.
pub const SHOWN_SHARE: f32 = 0.25;

type Result<T, E = RetrieveError> = std::result::Result<T, E>;

/// Everything recall needs for one store.
pub struct Engine {
    place: Place,
    serving: Serving,
    reranker: Option<Reranker>,
    fields: Fields,
    analyser: Analyser,
    view: Option<Open>,
    /// What was learned from the uses of one revision of the store.
    learned: Option<(u64, Arc<History>)>,
    /// Of a resident process.
    graphs: Option<Arc<Graphs>>,
    /// The thread that loads a model.
    loader: Option<JoinHandle<()>>,
}

impl Drop for Engine {
    /// Waits for the model: a process that ends while a thread is still inside the ONNX Runtime runs
    /// the library's exit code under that thread's feet, and crashes.
    fn drop(&mut self) {
        // A loader that panicked has nothing to clean up.
        let _panicked = self.loader.take().map(JoinHandle::join);
    }
}

/// An open view and what it shows.
struct Open {
    view: Arc<View>,
    lexical: Watermark,
    vectors: Option<Watermark>,
}

impl Engine {
    /// Returns an engine whose indexes live in `index_root`. Reads and loads nothing yet.
    #[must_use]
    pub fn new(index_root: &Path, semantic: Semantic) -> Self {
        Self {
            place: Place::new(index_root),
            serving: Serving::new(semantic),
            reranker: None,
            fields: Fields::new(),
            analyser: Analyser::default(),
            view: None,
            learned: None,
            graphs: None,
            loader: None,
        }
    }

    /// Says that this process will answer many queries: where there are enough vectors for it to pay, a neighbour
    /// graph is then read or built in the background.
    #[must_use]
    pub fn resident(self) -> Self {
        self.resident_from(CROSSOVER_ROWS)
    }

    pub(crate) fn resident_from(mut self, rows: usize) -> Self {
        self.graphs = Some(Graphs::new(rows));
        self
    }

    /// Gives the engine a reranker, for the queries that want one.
    #[must_use]
    pub fn with_reranker(mut self, reranker: Option<Reranker>) -> Self {
        self.reranker = reranker;
        self
    }

    /// Returns an engine over indexes in another folder, with the models of this one: what is loaded here is not
    /// loaded again.
    #[must_use]
    pub fn elsewhere(&self, index_root: &Path) -> Self {
        let mut other = Self::new(index_root, Semantic::Off).with_reranker(self.reranker.clone());
        other.serving = self.serving.elsewhere();
        other
    }

    /// Starts loading the model in the background, if `mode` will need it: call it as early as
    /// possible in a short-lived process.
    pub fn prepare(&mut self, mode: Mode) {
        self.serving.look(&self.place, None);
        if mode.uses_vectors() && self.serving.now().id().is_some() {
            let model = self.serving.now().clone();
            self.load_aside(move || drop(model.load()));
        }
    }

    /// Returns whether the wanted model is loaded, or cannot be; starts loading it in the background if not. For
    /// processes that others wait for, before [`Engine::catch_up_for`].
    pub fn is_warm(&mut self) -> bool {
        let wanted = self.serving.wanted().clone();
        if wanted.id().is_none() || wanted.is_tried() {
            return !self.is_loading();
        }
        // The scale takes its time as well.
        self.load_aside(move || drop(wanted.load().map(|model| model.scale())));
        false
    }

    /// Runs what loads a model on the one thread for that, unless it is at work.
    fn load_aside(&mut self, load: impl FnOnce() + Send + 'static) {
        if !self.is_loading() {
            self.loader = Some(thread::spawn(load));
        }
    }

    fn is_loading(&self) -> bool {
        self.loader.as_ref().is_some_and(|loader| !loader.is_finished())
    }

    /// Returns the embedder of the model that answers, waiting for it to load.
    ///
    /// # Errors
    /// Why there is none.
    pub fn embedder(&self) -> Result<Arc<dyn Embedder>, SemanticOff> {
        self.serving.now().load()
    }

    /// Looks which model answers for a store, and returns its embedder, waiting for it to load.
    ///
    /// # Errors
    /// Why there is none: words alone answer.
    pub fn answering(&mut self, store: &Store) -> Result<Arc<dyn Embedder>, SemanticOff> {
        self.look(store);
        self.embedder().or_else(|off| {
            // Known by now that it cannot be loaded.
            if self.look(store) { self.embedder() } else { Err(off) }
        })
    }

    /// Returns the id of the model that was chosen to answer, whether or not there is a runtime for it; `None`
    /// where none was.
    #[must_use]
    pub fn model_id(&self) -> Option<&str> {
        self.serving.now().id()
    }

    /// Brings the indexes up to the store, embedding at most `embed_limit` passages with the model that is
    /// wanted. Once its vectors are as far as those of the one that answered until now, it takes over.
    ///
    /// # Errors
    /// When the store cannot be read or the indexes cannot be written.
    pub fn catch_up(&mut self, store: &Store, embed_limit: usize) -> Result<CaughtUp> {
        self.catch_up_within(store, Allowance { passages: embed_limit, time: None })
    }

    /// The same, and for about so long at most: for processes that others wait for.
    ///
    /// # Errors
    /// When the store cannot be read or the indexes cannot be written.
    pub fn catch_up_for(&mut self, store: &Store, time: Duration) -> Result<CaughtUp> {
        self.catch_up_within(store, Allowance { passages: usize::MAX, time: Some(time) })
    }

    fn catch_up_within(&mut self, store: &Store, allowance: Allowance) -> Result<CaughtUp> {
        self.look(store);
        let wanted = self.serving.wanted().clone();
        let tried = wanted.load().and_then(|embedder| {
            match self.catch_up_with(store, Some(&embedder), allowance) {
                Err(RetrieveError::Embed(error)) => Err(SemanticOff::from(error)),
                done => Ok(done),
            }
        });
        serving::judge(&self.place, &wanted, tried.as_ref().err());
        let Ok(done) = tried else {
            let embedder = self.answering(store).ok();
            return self.catch_up_with(store, embedder.as_ref(), allowance);
        };
        let done = done?;
        if !done.pending && !done.busy {
            let (place, fields, analyser) = (&self.place, &self.fields, &self.analyser);
            Projection { place, fields, analyser, store }.retire_others(&wanted)?;
            self.look(store);
        }
        Ok(done)
    }

    /// Looks which model is to answer; what is open of another one is left. Returns whether it is another.
    fn look(&mut self, store: &Store) -> bool {
        let is_other = self.serving.look(&self.place, Some(store));
        if is_other {
            self.view = None;
        }
        is_other
    }

    fn catch_up_with(
        &mut self,
        store: &Store,
        embedder: Option<&Arc<dyn Embedder>>,
        allowance: Allowance,
    ) -> Result<CaughtUp> {
        let (place, fields, analyser) = (&self.place, &self.fields, &self.analyser);
        let sound = self.view.as_ref().map(|open| &open.lexical);
        Projection { place, fields, analyser, store }.catch_up(sound, embedder, allowance)
    }

    /// Removes the indexes; the next recall rebuilds them.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn forget_indexes(&mut self) -> Result<()> {
        self.view = None;
        self.place.remove()
    }

    /// Returns a current view, catching up first if needed. What keeps it from being current is
    /// noted, not an error, as long as there is an older state to show.
    ///
    /// # Errors
    /// When there is no usable state at all.
    pub fn view(&mut self, store: &Store, mode: Mode, notes: &mut Vec<Note>) -> Result<Arc<View>> {
        // Where the model could not be loaded, waiting for its vectors would be waiting for ever.
        let lost = self.serving.now().fault().is_some();
        let vectors = mode.uses_vectors() && self.serving.now().id().is_some() && !lost;
        let now = mark_of(store, store.lesson_seq()?)?;
        if !self.is_current(&now, vectors) {
            self.reopen(store, vectors);
        }
        if !self.is_current(&now, vectors) {
            let embedder = if vectors { self.embedder().ok() } else { None };
            let allowance =
                Allowance { passages: EMBED_ON_RECALL, time: Some(EMBED_TIME_ON_RECALL) };
            let done = self.catch_up_with(store, embedder.as_ref(), allowance);
            self.reopen(store, vectors);
            match done {
                Ok(done) if done.busy => notes.push(Note::IndexBusy),
                Ok(_) => {}
                // An older state is better than none, as long as the reader is told.
                Err(e) if self.view.is_some() => notes.push(Note::IndexBehind(e.to_string())),
                Err(e) => return Err(e),
            }
        }
        let Some(open) = &self.view else {
            return Err(projection::unusable(&self.place));
        };
        Ok(Arc::clone(&open.view))
    }

    fn is_current(&self, now: &Watermark, vectors: bool) -> bool {
        self.view.as_ref().is_some_and(|open| {
            open.lexical == *now && (!vectors || open.vectors.as_ref() == Some(now))
        })
    }

    /// Opens what is on disk, if it is of this store and undamaged; keeps what is open otherwise.
    fn reopen(&mut self, store: &Store, vectors: bool) {
        let Some((index, lexical)) = projection::usable_lexical(&self.place, &self.fields, store)
        else {
            return;
        };
        // Files that this process has read before were checked then.
        let is_known = self.view.as_ref().is_some_and(|open| open.lexical == lexical);
        if !is_known && writer::verify(&index).is_err() {
            return;
        }
        let Ok(snapshot) = Snapshot::open(&index, &self.fields) else { return };
        let model = self.serving.now().id().filter(|_| vectors);
        let shelf = model.and_then(|model| projection::usable_shelf(&self.place, model, store));
        let marks = shelf.as_ref().map(|(shelf, _)| shelf.watermark().clone());
        let view = Arc::new(View::new(self.place.clone(), snapshot, shelf));
        if let Some(graphs) = &self.graphs {
            graphs.serve(&view);
        }
        self.view = Some(Open { view, lexical, vectors: marks });
    }

    /// Removes the lexical index after reading it failed; the next view builds it again.
    fn rebuild_lexical(&mut self) -> Result<()> {
        match self.view.take() {
            Some(open) => self.place.remove_lexical(&open.lexical, &self.fields),
            None => Ok(()),
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// When lessons could not be looked for. That nothing is relevant is an answer, not an error.
    pub fn recall(&mut self, store: &Store, query: &Query) -> Result<Answer> {
        let answer = self.recall_once(store, query)?;
        let unusable =
            |note: &Note| matches!(note, Note::SemanticOff(SemanticOff::ModelUnusable { .. }));
        // The model turned out to be of no use: another one may do.
        if answer.notes.iter().any(unusable) && self.look(store) {
            return self.recall_once(store, query);
        }
        Ok(answer)
    }

    fn recall_once(&mut self, store: &Store, query: &Query) -> Result<Answer> {
        let mut answer = Answer::default();
        let text = bounded(&query.text);
        let askable = askable(text);
        let embeds = query.mode.uses_vectors() && askable;
        if query.mode.uses_vectors() {
            self.look(store);
            answer.notes.extend(self.serving.note().cloned());
        }
        let model = self.serving.now().clone();
        // While the model loads, the index is opened beside it. A loaded model runs right here: a
        // thread would cost more than the words' look-up it hides.
        let loading = (embeds && !model.is_tried()).then(|| {
            let (model, text) = (model.clone(), text.to_owned());
            thread::spawn(move || model.embed(&text))
        });
        let view = self.view(store, query.mode, &mut answer.notes);
        // Joined even if there is no view: see `Drop`.
        let embedded = match loading {
            Some(thread) => Some(thread.join().unwrap_or_else(|_| {
                Err(SemanticOff::Failed("the embedding thread panicked".into()))
            })),
            None => embeds.then(|| model.embed(text)),
        };
        let vector = embedded.and_then(|embedded| match embedded {
            Ok(vector) => Some(vector),
            Err(off) => {
                // No model answers, whatever was said of that.
                answer.notes.retain(|note| Some(note) != self.serving.note());
                answer.notes.push(Note::SemanticOff(off));
                None
            }
        });
        let view = view?;
        answer.n_lessons = view.n_lessons();
        if vector.is_some() && view.n_without_vectors() > 0 {
            answer.notes.push(Note::NotEmbedded(view.n_without_vectors()));
        }
        if askable && view.n_lessons() > 0 {
            self.fill(&mut answer, &view, store, query, vector.as_deref())?;
        }
        answer.nothing_relevant = answer.results.is_empty();
        Ok(answer)
    }

    /// Puts what a view ranks best into an answer.
    fn fill(
        &mut self,
        answer: &mut Answer,
        view: &View,
        store: &Store,
        query: &Query,
        vector: Option<&[f32]>,
    ) -> Result<()> {
        let (text, limit) = (bounded(&query.text), query.limit);
        let words = View::words(&self.analyser, text);
        let query = &mut self.with_history(store, query)?;
        let reranker = self.reranker.clone();
        let reranker = reranker.filter(|_| query.rerank && query.mode == Mode::Full);
        if reranker.is_some() {
            query.limit = limit.max(DEPTH);
        }
        let ranking = match view.rank(query, &words, vector) {
            Err(RetrieveError::Lexical { .. }) => {
                self.rebuild_lexical()?;
                let view = self.view(store, query.mode, &mut Vec::new())?;
                view.rank(query, &words, vector)?
            }
            ranking => ranking?,
        };
        answer.results = hits(store, query, ranking)?;
        if let Some(reranker) = reranker {
            if let Err(off) = rerank(&reranker, text, &mut answer.results) {
                answer.notes.push(Note::NotReranked(off));
            }
            answer.results.truncate(limit);
        }
        Ok(())
    }

    /// Returns the query with what the store knows of past tasks, if that is to take part.
    fn with_history(&mut self, store: &Store, query: &Query) -> Result<Query> {
        let mut query = query.clone();
        if query.mode != Mode::Full || query.history.is_some() {
            return Ok(query);
        }
        let revision = store.revision()?;
        let known = self.learned.take().filter(|(at, _)| *at == revision);
        let (_, history) = match known {
            Some(known) => self.learned.insert(known),
            None => {
                let tasks = tasks(&self.analyser, &store.uses()?);
                self.learned.insert((revision, Arc::new(History::new(tasks))))
            }
        };
        query.history = Some(Arc::clone(history));
        Ok(query)
    }

    /// Returns the words of a text, as queries and past tasks have them.
    #[must_use]
    pub fn words(&self, text: &str) -> LexicalQuery {
        View::words(&self.analyser, text)
    }

    /// Ranks the lessons of a view without reading the store; for many queries on one state, from
    /// any number of threads.
    ///
    /// # Errors
    /// When the query needs a model that is not there, or the index is damaged.
    pub fn rank(&self, view: &View, query: &Query) -> Result<Ranking, RankError> {
        let text = bounded(&query.text);
        if !askable(text) {
            return Ok(Ranking::default());
        }
        let vector = match query.mode.uses_vectors() {
            true => Some(self.serving.now().embed(text).map_err(RankError::Off)?),
            false => None,
        };
        let words = View::words(&self.analyser, text);
        view.rank(query, &words, vector.as_deref()).map_err(RankError::Failed)
    }
}

/// Reads the lessons of a ranking that are worth showing.
fn hits(store: &Store, query: &Query, ranking: Ranking) -> Result<Vec<Hit>> {
    let best = ranking.results.first().map_or(0.0, |ranked| ranked.score);
    let floor = if query.keep_irrelevant { f32::NEG_INFINITY } else { best * SHOWN_SHARE };
    let mut hits = Vec::new();
    for ranked in ranking.results.into_iter().filter(|ranked| ranked.score >= floor) {
        // Gone or retired since the index was read: not shown.
        let lesson = store.lesson(&ranked.id)?.filter(|l| l.status.is_recallable());
        let hit = |lesson| Hit { lesson, score: ranked.score, why: ranked.why, origin: None };
        hits.extend(lesson.map(hit));
    }
    Ok(hits)
}

/// Lets the reranker look at the best hits, and puts them in order again.
fn rerank(reranker: &Reranker, text: &str, hits: &mut [Hit]) -> Result<(), SemanticOff> {
    let n_seen = hits.len().min(DEPTH);
    let seen = &mut hits[..n_seen];
    // One is in order as it is.
    if seen.len() < 2 {
        return reranker.check();
    }
    let texts: Vec<String> = seen.iter().map(|hit| render(&hit.lesson).whole).collect();
    let says = reranker.scores(text, &texts)?;
    let before: Vec<f32> = seen.iter().map(|hit| hit.score).collect();
    for ((hit, score), said) in seen.iter_mut().zip(blend(&before, &says)).zip(says) {
        hit.why.insert("before_reranker", hit.score);
        // Of the score that was.
        hit.why.remove("probability");
        hit.why.insert("reranker", said);
        hit.score = score;
    }
    seen.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.lesson.id.cmp(&b.lesson.id)));
    Ok(())
}

/// Groups uses by what was asked when.
fn tasks(analyser: &Analyser, uses: &[Use]) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut last: Option<&Use> = None;
    for used in uses {
        if last.is_none_or(|last| (last.at, &last.asked) != (used.at, &used.asked)) {
            let words = View::words(analyser, &used.asked);
            tasks.push(Task { at: used.at, words, used: Vec::new() });
        }
        last = Some(used);
        if let Some(task) = tasks.last_mut() {
            task.used.push((used.lesson.clone(), used.good));
        }
    }
    tasks
}

/// Returns whether a text asks anything at all.
fn askable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Why a view could not be ranked.
#[derive(Debug, Error)]
pub enum RankError {
    /// The mode needs vectors and there is no embedder.
    #[error(transparent)]
    Off(SemanticOff),
    /// The index is damaged.
    #[error(transparent)]
    Failed(RetrieveError),
}
