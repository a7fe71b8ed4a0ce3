//! The part of a store that a pass has to look at after what is new.
//!
//! Owns bringing what is known up to date and reading that part, so that a pass over it does what one
//! over the whole store would do. Must not judge: a pass does.

use std::collections::HashSet;

use cemem_core::store::{CandidateState, StoreError, StoredCandidate, Unsettled};
use cemem_core::{CandidateKey, Lesson, LessonId, Phrasing, Store};

use super::cluster::{Clusters, cluster};
use super::copies::Origins;
use super::facts::of_lesson;
use super::known::{Compared, Known, numbers};
use super::news::News;
use super::node::Node;
use super::pairs::{MAX_LEADERS, pairs};
use super::reach::Reach;
use super::renew::{Changes, Renewed};
use super::text::Words;

/// What a pass has to look at.
pub(crate) struct Part {
    /// The candidates of the clusters, and those that are new.
    pub(crate) candidates: Vec<StoredCandidate>,
    /// Of them, those that are set aside as a flood.
    pub(crate) flooded: HashSet<CandidateKey>,
    /// By id.
    pub(crate) lessons: Vec<Lesson>,
    pub(crate) origins: Origins,
    /// Of the nodes of `known`.
    pub(crate) clusters: Clusters,
    /// What is known now.
    pub(crate) known: Known,
}

/// What comes of looking for a part.
pub(crate) enum Looked {
    /// It is enough to look at this.
    Part(Box<Part>),
    /// Everything has to be looked at. Which wordings were compared holds all the same.
    Whole(Compared),
}

/// Returns the part of a store to look at, given what earlier passes left and what has changed.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn part(
    store: &Store,
    known: Known,
    seen: &Unsettled,
    phrasings: &[Phrasing],
) -> Result<Looked, StoreError> {
    let Some(mut news) = News::of(store, &known, seen)? else {
        return Ok(Looked::Whole(known.compared));
    };
    let Known { words, nodes, compared: then, cluster_of: was_in, mut facts, .. } = known;
    news.tell(&mut facts);
    let Some(changes) = Changes::of(store, &facts, &nodes, &news)? else {
        return Ok(Looked::Whole(then));
    };
    let mut words = Words::of(words);
    let Renewed { nodes, was, gone } = changes.make(nodes, &mut words);
    let (mut pairs, mut compared) = pairs(&nodes, &words, &then, None, MAX_LEADERS);
    let mut moved: Vec<bool> =
        nodes.iter().map(|n| n.anchor.as_ref().is_some_and(|id| gone.contains(id))).collect();
    pairs.moved.iter().for_each(|node| moved[*node] = true);
    let found = cluster(&nodes, &mut pairs.same, &pairs.opposite, moved);
    compared.same = pairs.same;

    let mut reach = Reach::new(&facts, &nodes, &found);
    reach.changed_clusters(&was, &was_in);
    reach.changed_opposites(&was, &then.opposite, &pairs.opposite);
    let told = phrasings.iter().filter(|p| seen.phrasings.contains(&p.key()));
    told.flat_map(|p| &p.candidates).for_each(|key| reach.candidate(key));
    news.concerned.iter().copied().for_each(|token| reach.lesson(token));
    seen.lessons.iter().for_each(|id| reach.lesson(of_lesson(id)));
    reach.follow();
    let clusters = reach.clusters();
    let lessons = lessons(store, reach.lessons(), std::mem::take(&mut news.lessons))?;

    let (flooded, origins) = (news.flooded, news.origins);
    let candidates = candidates(store, &nodes, &clusters, news.candidates)?;
    if !is_whole(&nodes, &clusters, &candidates, &flooded, &lessons) {
        return Ok(Looked::Whole(then));
    }
    let (words, cluster_of) = (words.into_texts(), numbers(&found, nodes.len()));
    let known = Known { stamp: String::new(), words, nodes, compared, cluster_of, facts };
    let part = Part { candidates, flooded, lessons, origins, clusters, known };
    Ok(Looked::Part(Box::new(part)))
}

/// Returns whether the store holds what clusters are made of: what is known may be another store's.
fn is_whole(
    nodes: &[Node],
    clusters: &Clusters,
    candidates: &[StoredCandidate],
    flooded: &HashSet<CandidateKey>,
    lessons: &[Lesson],
) -> bool {
    let live = candidates.iter().filter(|c| c.state != CandidateState::Gone);
    let keys = live.map(|c| &c.candidate.key).filter(|key| !flooded.contains(*key));
    let keys: HashSet<&CandidateKey> = keys.collect();
    let ids: HashSet<&LessonId> = lessons.iter().map(|lesson| &lesson.id).collect();
    clusters.clusters.iter().flatten().map(|node| &nodes[*node]).all(|node| {
        node.members.iter().all(|key| keys.contains(key))
            && node.anchor.as_ref().is_none_or(|id| ids.contains(id))
            && !(node.members.is_empty() && node.anchor.is_none())
    })
}

/// Returns the candidates of clusters, and those that are new.
fn candidates(
    store: &Store,
    nodes: &[Node],
    clusters: &Clusters,
    mut news: Vec<StoredCandidate>,
) -> Result<Vec<StoredCandidate>, StoreError> {
    let keys: HashSet<CandidateKey> = news.iter().map(|c| c.candidate.key.clone()).collect();
    let members = clusters.clusters.iter().flatten().flat_map(|node| &nodes[*node].members);
    news.extend(store.candidates_with(members.filter(|key| !keys.contains(*key)))?);
    Ok(news)
}

/// Returns lessons by their ids, some of which have been read.
fn lessons<'a>(
    store: &Store,
    ids: impl Iterator<Item = &'a LessonId>,
    read: Vec<Lesson>,
) -> Result<Vec<Lesson>, StoreError> {
    let known: HashSet<LessonId> = read.iter().map(|lesson| lesson.id.clone()).collect();
    let others = ids.filter(|id| !known.contains(*id)).map(|id| store.lesson(id));
    let mut lessons =
        others.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>();
    lessons.extend(read);
    lessons.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(lessons)
}
