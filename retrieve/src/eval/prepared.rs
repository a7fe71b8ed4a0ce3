//! A set in a temporary store, ready to be asked.
//!
//! Owns [`Prepared`]: filling the store and the indexes. Every group is visible only to its own queries,
//! through the same filter as any recall. Must not ask.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use cemem_core::{
    AppliesWhen, Clock, Evidence, Lesson, LessonId, LessonStatus, LessonType, Scope, Store,
    StoreError, Timestamp, Trust,
};

use super::cache::Cached;
use super::data::{DataSet, Doc};
use super::run::{EvalError, Options};
use crate::engine::Engine;
use crate::query::IdSet;
use crate::semantic::Semantic;
use crate::view::View;

/// Documents in one transaction.
const CHUNK: usize = 2000;
/// Longest rule made from a text without a title, in characters.
const RULE_CHARS: usize = 120;

/// A set and one state of its indexes; asking does not change it.
pub struct Prepared {
    /// The set.
    pub set: DataSet,
    /// What embeds the queries.
    pub engine: Engine,
    /// The indexes.
    pub view: Arc<View>,
    /// Documents by group.
    pub groups: HashMap<String, Arc<IdSet>>,
    /// Time to fill the store and both indexes, in milliseconds.
    pub index_ms: f64,
}

impl Prepared {
    /// Fills the store and the indexes. Queries are embedded through the cache too if `cached`, which
    /// is faster and says nothing about time.
    ///
    /// # Errors
    /// When the set cannot be read, the store fails, or the mode needs a model that is not there.
    pub fn new(options: &Options, cached: bool) -> Result<Self, EvalError> {
        let set = DataSet::read(&options.data)?;
        let started = Instant::now();
        let mut store = Store::open(&options.work.join("memory.db"), Clock::System)?;
        fill(&mut store, &set.docs)?;
        let root = options.work.join("index");
        let plain = Engine::new(&root, options.semantic.clone());
        let semantic = indexing(options, &plain)?;
        let mut indexer = Engine::new(&root, semantic.clone());
        if options.mode.uses_vectors() {
            indexer.catch_up(&store, usize::MAX)?;
        }
        let view = indexer.view(&store, options.mode, &mut Vec::new())?;
        let index_ms = started.elapsed().as_secs_f64() * 1e3;
        let engine = if cached { indexer } else { plain };
        Ok(Self { groups: groups(&set.docs), set, engine, view, index_ms })
    }
}

/// Returns what the indexes are filled with: the embedder behind a cache, if one is wanted.
fn indexing(options: &Options, engine: &Engine) -> Result<Semantic, EvalError> {
    if !options.mode.uses_vectors() {
        return Ok(Semantic::Off);
    }
    let embedder =
        engine.embedder().map_err(|off| EvalError::NoModel { mode: options.mode.as_str(), off })?;
    Ok(Semantic::Custom(match &options.cache {
        Some(folder) => Arc::new(Cached::open(embedder, folder)?),
        None => embedder,
    }))
}

/// Puts documents into the store as lessons.
fn fill(store: &mut Store, docs: &[Doc]) -> Result<(), StoreError> {
    for (number, chunk) in docs.chunks(CHUNK).enumerate() {
        let lessons: Vec<Lesson> =
            (number * CHUNK..).zip(chunk).map(|(at, doc)| lesson(at, doc)).collect();
        store.put_lessons(&lessons, "eval", "import", "")?;
    }
    Ok(())
}

/// Makes a lesson of the document at this place in the file.
fn lesson(at: usize, doc: &Doc) -> Lesson {
    let ts = doc.ts.unwrap_or(Timestamp(0));
    let first = doc.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let rule = if doc.title.is_empty() { first } else { &doc.title };
    Lesson {
        id: LessonId(doc.id.clone()),
        lesson_type: LessonType::Fact,
        title: doc.title.clone(),
        rule: rule.chars().take(RULE_CHARS).collect(),
        why: None,
        body: Some(doc.text.clone()),
        applies_when: AppliesWhen::default(),
        anchors: Vec::new(),
        evidence: vec![Evidence {
            engine: "eval".into(),
            session: doc.session.clone(),
            source_path: String::new(),
            event_uuid: doc.id.clone(),
            event_key: doc.id.clone(),
            // Turns follow each other as they stand in the file, whatever their times look like.
            turn_ts: i64::try_from(at).ok().map(Timestamp),
            actor: if doc.by_assistant { "assistant" } else { "user" }.into(),
            quote: rule.chars().take(RULE_CHARS).collect(),
        }],
        trust: if doc.by_assistant { Trust::Agent } else { Trust::User },
        status: LessonStatus::Active,
        confidence: 1.0,
        support: 1,
        reviewed: !doc.by_assistant,
        snoozed_until: None,
        scope: Scope::Project,
        valid_from: None,
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: ts,
        updated: ts,
        extra: serde_json::Value::Null,
    }
}

fn groups(docs: &[Doc]) -> HashMap<String, Arc<IdSet>> {
    let mut ids: HashMap<&str, Vec<LessonId>> = HashMap::new();
    for doc in docs {
        ids.entry(&doc.group).or_default().push(LessonId(doc.id.clone()));
    }
    ids.into_iter().map(|(group, ids)| (group.to_owned(), Arc::new(ids.iter().collect()))).collect()
}
