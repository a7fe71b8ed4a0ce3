//! Measuring predictions by time.
//!
//! Owns which pairs of a task and a hazard are weighed, and the figures. The earlier half of the tasks only
//! teaches; the later half is predicted, each task from what came before it. Must not weigh otherwise than
//! [`crate::predict`]: what is not weighed there has the probability 0 here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cemem_core::store::{CandidateFilter, LessonFilter, SessionRef, Span, StoredCandidate};
use cemem_core::{EventKind, LessonId, Store, StoreError};
use serde::Serialize;

use super::data::LabelledQuery;
use super::prepared::Prepared;
use super::run::{EvalError, Options};
use crate::engine::RankError;
use crate::predict::ask::{MOST_LESSONS, SHOWN, Shares, is_elsewhere, rates};
use crate::predict::change::{Change, mentioned};
use crate::predict::groups::name_of;
use crate::predict::known::{Hazard, Record, Source, hazards};
use crate::predict::score::{
    Found, Signals, Tally, Weight, base_rates, of_group, of_lesson, place,
};
use crate::query::{Filter, Query};
use crate::rank::{History, Task};

/// One pair: what was known of a hazard before a task, and whether it came up in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// What kind of task: a query's type, `sessions`, `reports`.
    pub kind: String,
    /// Which task.
    pub task: String,
    /// Which hazard.
    pub hazard: String,
    /// See [`Signals::base`].
    pub base: f32,
    /// See [`Signals::place`].
    pub place: f32,
    /// See [`Signals::words`].
    pub words: f32,
    /// The prediction; 0 for what is not weighed.
    pub probability: f32,
    /// Something ties it to the task.
    pub weighed: bool,
    /// It is of the later half.
    pub later: bool,
    /// It came up.
    pub came: bool,
}

/// Returns every pair of a task that has a time and a document that existed then: did the task use it?
///
/// # Errors
/// When the index is damaged or the mode needs a model that is not there.
pub fn cited(prepared: &Prepared, options: &Options) -> Result<Vec<Pair>, EvalError> {
    let timed = |q: &&LabelledQuery| q.ts.is_some();
    let kinds: BTreeSet<&str> =
        prepared.set.queries.iter().filter(timed).map(|q| q.query_type.as_str()).collect();
    let mut pairs = Vec::new();
    for kind in kinds {
        let of = |q: &&LabelledQuery| q.query_type == kind;
        let mut tasks: Vec<_> = prepared.set.queries.iter().filter(timed).filter(of).collect();
        tasks.sort_by_key(|q| q.ts);
        for (at, query) in tasks.iter().enumerate() {
            let later = 2 * at >= tasks.len();
            let weighed = cited_by(prepared, options, &tasks, query)?.into_iter();
            pairs.extend(weighed.map(|(hazard, weight, came)| {
                pair((kind, &query.id, hazard), weight, later, came)
            }));
        }
    }
    Ok(pairs)
}

fn pair(
    (kind, task, hazard): (&str, &str, String),
    Weight { signals, probability }: Weight,
    later: bool,
    came: bool,
) -> Pair {
    Pair {
        kind: kind.to_owned(),
        task: task.to_owned(),
        hazard,
        base: signals.base,
        place: signals.place,
        words: signals.words,
        probability: probability.unwrap_or_default(),
        weighed: probability.is_some(),
        later,
        came,
    }
}

type Weighed = Vec<(String, Weight, bool)>;

fn cited_by(
    prepared: &Prepared,
    options: &Options,
    tasks: &[&LabelledQuery],
    query: &LabelledQuery,
) -> Result<Weighed, EvalError> {
    let now = query.ts.unwrap_or_default();
    let used = |q: &LabelledQuery| prepared.set.grades.get(&q.id);
    let before: Vec<&&LabelledQuery> = tasks.iter().filter(|q| q.ts < query.ts).collect();
    let past = before.iter().filter_map(|q| {
        let used = used(q)?.keys().map(|id| (LessonId(id.clone()), true)).collect();
        let words = prepared.engine.words(&q.text);
        Some(Task { at: q.ts.unwrap_or_default(), words, used })
    });
    let asked = Query {
        mode: options.mode,
        limit: MOST_LESSONS,
        filter: Filter {
            until: query.ts,
            exclude: query.exclude.iter().cloned().map(LessonId).collect(),
            among: Some(prepared.groups.get(&query.group).cloned().unwrap_or_default()),
            ..Filter::default()
        },
        keep_irrelevant: true,
        history: Some(Arc::new(History::new(past.collect()))),
        ..Query::new(query.text.as_str())
    };
    let ranking = prepared.engine.rank(&prepared.view, &asked).map_err(|e| match e {
        RankError::Off(off) => EvalError::NoModel { mode: options.mode.as_str(), off },
        RankError::Failed(e) => EvalError::Retrieve(e),
    })?;
    let found: HashMap<&str, _> = ranking.results.iter().map(|r| (r.id.as_str(), r)).collect();
    let best = ranking.results.first().map_or(0.0, |best| best.score);
    let known: Vec<_> = prepared
        .set
        .docs
        .iter()
        .filter(|doc| doc.group == query.group && doc.ts.is_none_or(|ts| ts <= now))
        .collect();
    let tally = |doc: &&super::data::Doc| {
        let since = |q: &&&LabelledQuery| doc.ts.is_none_or(|ts| q.ts >= Some(ts));
        let uses = |q: &&&LabelledQuery| used(q).is_some_and(|used| used.contains_key(&doc.id));
        let chances = before.iter().copied().filter(since);
        Tally { again: chances.clone().filter(uses).count(), chances: chances.count() }
    };
    let rates = base_rates(&known.iter().map(tally).collect::<Vec<_>>());
    let files = mentioned(&query.text);
    let weighed = known.into_iter().zip(rates).map(|(doc, base)| {
        let place = place(&mentioned(&doc.text), &files).0;
        let weight = match found.get(doc.id.as_str()) {
            Some(r) => of_lesson(base, place, Found { score: r.score, why: &r.why, best }),
            None => Weight { signals: Signals { base, place, words: 0.0 }, probability: None },
        };
        let came = used(query).is_some_and(|used| used.contains_key(&doc.id));
        (doc.id.clone(), weight, came)
    });
    Ok(weighed.collect())
}

/// Returns every pair of a session or report and a finding or failure that was known before it: did it
/// come again? What is looked at is what was changed before anything failed.
///
/// # Errors
/// When the store cannot be read.
pub fn came_again(store: &Store) -> Result<Vec<Pair>, StoreError> {
    let lessons = store.lessons(&LessonFilter::default())?;
    let candidates = store.candidates(CandidateFilter::Live)?;
    let mut spans = store.spans(true)?;
    spans.sort_by_key(|span| (span.started.or(span.ended), span.last_event));
    let mut by_session: HashMap<&SessionRef, Vec<&StoredCandidate>> = HashMap::new();
    for candidate in &candidates {
        by_session.entry(&candidate.session).or_default().push(candidate);
    }
    let of = |span: &Span| by_session.get(&span.session).map_or(&[][..], Vec::as_slice);
    let mut tasks: Vec<(usize, Change)> = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let change = change(store, span, of(span))?;
        if !change.is_empty() {
            tasks.push((at, change));
        }
    }
    let mut pairs = Vec::new();
    for (nth, (at, change)) in tasks.iter().enumerate() {
        let earlier: Vec<&StoredCandidate> = spans[..*at].iter().flat_map(of).copied().collect();
        let record =
            Record { lessons: &lessons, candidates: &earlier, outcomes: &[], spans: &spans[..*at] };
        let known: Vec<Hazard> =
            hazards(record).into_iter().filter(|hazard| is_asked(hazard, &spans[*at])).collect();
        let now: BTreeSet<_> =
            of(&spans[*at]).iter().filter_map(|c| name_of(&c.candidate)).collect();
        let later = 2 * nth >= tasks.len();
        let kind = if spans[*at].prompted { "sessions" } else { "reports" };
        let (rates, shares) = (rates(&known), Shares::of(&known, &change.text));
        for (place_at, (hazard, base)) in known.iter().zip(rates).enumerate() {
            let near = place(&hazard.paths, &change.paths).0;
            let elsewhere = is_elsewhere(hazard, change, near);
            let weight = of_group(base, near, shares.with(place_at).0, elsewhere);
            let came = now.contains(&(hazard.source == Source::Fix, hazard.key.clone()));
            let name = (kind, spans[*at].session.id.as_str(), hazard.key.clone());
            pairs.push(pair(name, weight, later, came));
        }
    }
    Ok(pairs)
}

/// A failure comes again in sessions, a finding in reports of the same origin.
fn is_asked(hazard: &Hazard, span: &Span) -> bool {
    match hazard.source {
        Source::Lesson(_) => false,
        Source::Fix => span.prompted,
        Source::Finding => hazard.past.iter().any(|row| row.engine == span.session.engine),
    }
}

/// Returns what a session changed before anything failed in it, or what a report is about.
fn change(
    store: &Store,
    span: &Span,
    candidates: &[&StoredCandidate],
) -> Result<Change, StoreError> {
    let failures: BTreeSet<&str> = candidates
        .iter()
        .filter(|c| name_of(&c.candidate).is_some_and(|(is_fix, _)| is_fix))
        .filter_map(|c| c.candidate.evidence.first())
        .map(|row| row.event_key.as_str())
        .collect();
    let mut change = Change::default();
    for stored in store.session_events(&span.session)? {
        if failures.contains(stored.event.key.as_str()) {
            break;
        }
        match &stored.event.kind {
            EventKind::ToolCall { files, detail, command: None, .. } if !detail.is_empty() => {
                files.iter().for_each(|file| change.add_path(file));
                change.add_lines(detail);
            }
            EventKind::UserEdit { path, diff } => {
                change.add_path(path);
                change.add_lines(diff);
            }
            EventKind::Finding(finding) => {
                finding.path.iter().for_each(|path| change.add_path(path));
                change.add_lines(finding.snippet.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }
    Ok(change)
}

/// How well one number tells what comes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Chance that what came is put above what did not.
    pub auc: f64,
    /// Average precision over all pairs.
    pub ap: f64,
    /// Share of the tasks in which something came that have it among their first three.
    pub hit_3: f64,
}

/// The figures of one kind of task, over its later half.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Outcome {
    /// Tasks with anything known before them.
    pub tasks: usize,
    /// Pairs.
    pub pairs: usize,
    /// Pairs of which anything ties the hazard to the task; of the others nothing is told.
    pub weighed: usize,
    /// Pairs that came true.
    pub came: usize,
    /// The prediction.
    pub predicted: Figures,
    /// The base rate alone.
    pub by_base: Figures,
    /// Recall's score, or shared words, alone.
    pub by_words: Figures,
    /// Of the pairs from [`SHOWN`] on, the share that came true.
    pub precision: f64,
    /// Of the pairs that came true, the share from [`SHOWN`] on.
    pub recall: f64,
    /// Mean squared error of the probability, and of always saying the share that came true.
    pub brier: (f64, f64),
    /// Least probability, pairs, mean probability, share that came true; of what is weighed.
    pub calibration: Vec<(f32, usize, f64, f64)>,
}

/// Where the bins of the calibration begin.
const BINS: [f32; 6] = [0.0, 0.02, 0.05, 0.10, 0.20, 0.40];

/// Sums up pairs, by kind of task.
#[must_use]
pub fn sum_up(pairs: &[Pair]) -> BTreeMap<String, Outcome> {
    let mut kinds: BTreeMap<String, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.later) {
        kinds.entry(pair.kind.clone()).or_default().push(pair);
    }
    kinds.into_iter().map(|(kind, pairs)| (kind, outcome(&pairs))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

fn outcome(pairs: &[&Pair]) -> Outcome {
    let came = pairs.iter().filter(|p| p.came).count();
    let all = share(came, pairs.len());
    let shown: Vec<_> = pairs.iter().filter(|p| p.probability >= SHOWN).collect();
    let right = shown.iter().filter(|p| p.came).count();
    let truth = |p: &Pair| if p.came { 1.0 } else { 0.0 };
    let error = |of: &dyn Fn(&Pair) -> f64| {
        pairs.iter().map(|p| (of(p) - truth(p)).powi(2)).sum::<f64>() * share(1, pairs.len())
    };
    let bins = BINS.iter().enumerate().map(|(at, &from)| {
        let to = BINS.get(at + 1).copied().unwrap_or(f32::INFINITY);
        let is_in = |p: &&&Pair| p.weighed && (from..to).contains(&p.probability);
        let inside: Vec<_> = pairs.iter().filter(is_in).collect();
        let sum: f64 = 0.0 + inside.iter().map(|p| f64::from(p.probability)).sum::<f64>();
        let mean = sum * share(1, inside.len());
        (from, inside.len(), mean, share(inside.iter().filter(|p| p.came).count(), inside.len()))
    });
    Outcome {
        tasks: pairs.iter().map(|p| p.task.as_str()).collect::<BTreeSet<_>>().len(),
        pairs: pairs.len(),
        weighed: pairs.iter().filter(|p| p.weighed).count(),
        came,
        predicted: figures(pairs, |p| p.probability),
        by_base: figures(pairs, |p| p.base),
        by_words: figures(pairs, |p| p.words),
        precision: share(right, shown.len()),
        recall: share(right, came),
        brier: (error(&|p| f64::from(p.probability)), error(&|_| all)),
        calibration: bins.collect(),
    }
}

/// Equal numbers share their places: what cannot be told apart earns no luck.
fn figures(pairs: &[&Pair], of: impl Fn(&Pair) -> f32) -> Figures {
    let mut order: Vec<&&Pair> = pairs.iter().collect();
    order.sort_by(|a, b| of(b).total_cmp(&of(a)));
    let came = pairs.iter().filter(|p| p.came).count();
    let (mut seen, mut hits, mut ap, mut above) = (0, 0, 0.0, 0.0);
    for same in order.chunk_by(|a, b| of(a).total_cmp(&of(b)).is_eq()) {
        let right = same.iter().filter(|p| p.came).count();
        let wrong = same.len() - right;
        // Each wrong one is below all that came before it, and below half of its equals.
        above += share(wrong, 1) * (share(hits, 1) + share(right, 2));
        seen += same.len();
        hits += right;
        ap += share(right, came) * share(hits, seen);
    }
    let auc = above / (share(came, 1) * share(pairs.len() - came, 1)).max(1.0);
    Figures { auc, ap, hit_3: hit_3(pairs, of) }
}

fn hit_3(pairs: &[&Pair], of: impl Fn(&Pair) -> f32) -> f64 {
    let mut tasks: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        tasks.entry(&pair.task).or_default().push(pair);
    }
    let mut asked = 0;
    let mut hit = 0.0;
    for mut pairs in tasks.into_values().filter(|pairs| pairs.iter().any(|p| p.came)) {
        asked += 1;
        pairs.sort_by(|a, b| of(b).total_cmp(&of(a)));
        let edge = pairs.get(2).map_or(f32::NEG_INFINITY, |p| of(p));
        let (sure, tied): (Vec<&Pair>, Vec<&Pair>) =
            pairs.into_iter().filter(|p| of(p) >= edge).partition(|p| of(p) > edge);
        if sure.iter().any(|p| p.came) {
            hit += 1.0;
        } else if tied.iter().any(|p| p.came) {
            // The chance that one of the tied places goes to one that came.
            let places = 3_usize.saturating_sub(sure.len()).min(tied.len());
            let wrong = tied.iter().filter(|p| !p.came).count();
            let miss: f64 =
                (0..places).map(|n| share(wrong.saturating_sub(n), tied.len() - n)).product();
            hit += 1.0 - miss;
        }
    }
    hit * share(1, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(rows: &[(&str, f32, bool)]) -> Vec<Pair> {
        let one = |&(task, p, came): &(&str, f32, bool)| {
            let weight = Weight { probability: Some(p), ..Weight::default() };
            pair(("k", task, String::new()), weight, true, came)
        };
        rows.iter().map(one).collect()
    }

    #[test]
    fn figures_of_a_known_order() {
        let rows =
            pairs(&[("a", 0.9, true), ("a", 0.5, false), ("b", 0.4, true), ("b", 0.1, false)]);
        let refs: Vec<&Pair> = rows.iter().collect();
        let found = figures(&refs, |p| p.probability);
        assert!((found.auc - 0.75).abs() < 1e-9, "{found:?}");
        assert!((found.ap - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-9, "{found:?}");
        assert!((found.hit_3 - 1.0).abs() < 1e-9, "{found:?}");
        // All equal: no better than chance.
        let same = figures(&refs, |_| 0.5);
        assert!((same.auc - 0.5).abs() < 1e-9 && (same.ap - 0.5).abs() < 1e-9, "{same:?}");
        let sums = sum_up(&rows);
        assert_eq!((sums["k"].pairs, sums["k"].came, sums["k"].tasks), (4, 2, 2));
        assert!((sums["k"].precision - 0.5).abs() < 1e-9 && (sums["k"].recall - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_weighed_is_not_told_and_counts() {
        let mut rows = pairs(&[("a", 0.5, false), ("a", 0.5, true)]);
        rows.push(pair(("k", "b", String::new()), Weight::default(), true, true));
        let sums = &sum_up(&rows)["k"];
        assert_eq!((sums.pairs, sums.weighed, sums.came), (3, 2, 2));
        assert!((sums.recall - 0.5).abs() < 1e-9 && (sums.precision - 0.5).abs() < 1e-9);
        assert_eq!(sums.calibration.iter().map(|row| row.1).sum::<usize>(), 2);
    }

    #[test]
    fn ties_earn_no_luck() {
        let many: Vec<_> = (0..6).map(|n| ("t", 0.3, n == 0)).collect();
        let rows = pairs(&many);
        let refs: Vec<&Pair> = rows.iter().collect();
        assert!((figures(&refs, |p| p.probability).hit_3 - 0.5).abs() < 1e-9);
    }
}
