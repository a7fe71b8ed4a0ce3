//! What waits for review, the most valuable first.
//!
//! Owns the order, the line between what is worth a person's time now and what lies behind it, and the
//! lessons that say the opposite. Must not decide anything, and must not show anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cemem_core::lesson::{Lesson, LessonStatus, LessonType};
use cemem_core::store::{CandidateFilter, CandidateState, LessonFilter, Store};
use cemem_core::{LessonId, Signal, Timestamp, Trust};
use cemem_ingest::consolidate::stands_alone;

use crate::command_error::CommandError;

/// From this value a lesson is shown without being asked for. Below, it is something one person said
/// once, in words that look like the day's work: saying it again brings it forward.
const WORTHWHILE: f32 = 0.75;
/// So many are shown however weak they are: a short queue has nothing to hide.
const ALWAYS: usize = 30;

/// One lesson that waits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// The lesson.
    pub(crate) lesson: Lesson,
    /// How it was found.
    pub(crate) signals: BTreeSet<Signal>,
    /// Lessons that say the opposite and are delivered or wait too.
    pub(crate) opposites: Vec<Lesson>,
    /// It lies behind what is shown at first.
    pub(crate) is_weak: bool,
}

impl Item {
    /// Returns how much a decision is worth: how likely it is right, how often it was seen, who said
    /// it; a contradiction first of all, because only a person can settle it.
    pub(super) fn value(&self) -> f32 {
        let lesson = &self.lesson;
        let repeated = 0.15 * lesson.support.saturating_sub(1).min(4) as f32;
        let contradicts = if self.opposites.is_empty() { 0.0 } else { 1.0 };
        let asked = if self.signals.contains(&Signal::Remember) { 0.3 } else { 0.0 };
        let told = if lesson.trust >= Trust::HumanReview { 0.05 } else { 0.0 };
        // "It's fine." may well be meant for good, but somebody has to say what is.
        let dangling = if is_whole(&lesson.rule) { 0.0 } else { 0.2 };
        // Nothing is lost by leaving it where it is: it is never delivered.
        let quarantined = if lesson.status == LessonStatus::Quarantined { 0.5 } else { 0.0 };
        lesson.confidence + repeated + contradicts + asked + told - dangling - quarantined
    }
}

/// Which of them are wanted; empty sets mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Only these types.
    pub(super) types: BTreeSet<LessonType>,
    /// Only what was found by one of these.
    pub(super) signals: BTreeSet<Signal>,
    /// The weak ones too.
    pub(super) weak: bool,
}

impl Wanted {
    /// Returns whether an item fits, however weak it is.
    pub(super) fn fits(&self, item: &Item) -> bool {
        (self.types.is_empty() || self.types.contains(&item.lesson.lesson_type))
            && (self.signals.is_empty() || !self.signals.is_disjoint(&item.signals))
    }

    /// Returns whether an item is shown.
    pub(super) fn shows(&self, item: &Item) -> bool {
        self.fits(item) && (self.weak || !item.is_weak)
    }
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The most valuable first.
    pub(crate) items: Vec<Item>,
    /// How many are put off.
    pub(crate) snoozed: usize,
}

/// Returns what waits at this moment.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn load(store: &Store, now: Timestamp) -> Result<Queue, CommandError> {
    let lessons = store.lessons(&LessonFilter::default())?;
    let mut signals: HashMap<LessonId, BTreeSet<Signal>> = HashMap::new();
    for stored in store.candidates(CandidateFilter::Live)? {
        if let CandidateState::Absorbed(id) = stored.state {
            signals.entry(id).or_default().insert(stored.candidate.signal);
        }
    }
    let by_id: BTreeMap<&LessonId, &Lesson> = lessons.iter().map(|l| (&l.id, l)).collect();
    let mut queue = Queue::default();
    for lesson in lessons.iter().filter(|l| l.is_waiting()) {
        if lesson.is_snoozed(now) {
            queue.snoozed += 1;
            continue;
        }
        queue.items.push(Item {
            signals: signals.remove(&lesson.id).unwrap_or_default(),
            opposites: opposites(lesson, |id| by_id.get(id).copied()),
            lesson: lesson.clone(),
            is_weak: false,
        });
    }
    sort(&mut queue.items);
    set_back(&mut queue.items);
    Ok(queue)
}

/// Marks those of an ordered queue that lie behind.
fn set_back(items: &mut [Item]) {
    for item in items.iter_mut().skip(ALWAYS) {
        item.is_weak = item.value() < WORTHWHILE;
    }
}

/// Returns a lesson as an item, as it stands; `known` is the item it was, if it was one.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn item(
    store: &Store,
    lesson: Lesson,
    known: Option<&Item>,
) -> Result<Item, CommandError> {
    let mut found = BTreeMap::new();
    for id in &lesson.contradicts {
        found.extend(store.lesson(id)?.map(|other| (id.clone(), other)));
    }
    let (signals, is_weak) = known.map(|i| (i.signals.clone(), i.is_weak)).unwrap_or_default();
    Ok(Item { opposites: opposites(&lesson, |id| found.get(id)), lesson, signals, is_weak })
}

/// Brings items into order: the most valuable first, ties by id.
pub(super) fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| {
        b.value().total_cmp(&a.value()).then_with(|| a.lesson.id.cmp(&b.lesson.id))
    });
}

/// Returns whether a rule can be followed by someone who was not there. Words are counted only where
/// they are set apart by spaces.
fn is_whole(rule: &str) -> bool {
    let spaced = rule.chars().filter(char::is_ascii).count() * 2 >= rule.chars().count();
    !spaced || stands_alone(rule)
}

fn opposites<'a>(lesson: &Lesson, find: impl Fn(&LessonId) -> Option<&'a Lesson>) -> Vec<Lesson> {
    let open = |l: &&Lesson| l.status.is_recallable() || l.is_waiting();
    lesson.contradicts.iter().filter_map(find).filter(open).cloned().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A lesson that waits, as tests write it.
    pub(in crate::commands::review) fn waiting(id: &str, rule: &str, confidence: f32) -> Item {
        let line = serde_json::json!({
            "id": id, "type": "correction", "rule": rule, "status": "candidate",
            "confidence": confidence, "trust": "user", "reviewed": false, "support": 1,
            "evidence": [{"engine": "claude-code", "session": "18bdea97-e131", "actor": "user",
                          "source_path": "s.jsonl", "event_uuid": "u1", "event_key": "k1",
                          "turn_ts": "2026-03-02T10:00:00Z", "quote": rule}],
        });
        let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
        let line = cemem_core::exchange::from_line(&line.to_string(), "f", 1, now).unwrap();
        let signals = BTreeSet::from([Signal::Correction]);
        Item { lesson: line.lesson, signals, opposites: Vec::new(), is_weak: false }
    }

    #[test]
    fn what_only_a_person_can_settle_comes_first_and_what_is_weak_lies_behind() {
        let sure = waiting("L-000001", "Use tabs in all of the files.", 0.8);
        let weak = waiting("L-000002", "Use four of them for each.", 0.35);
        let mut again = waiting("L-000003", "Use pnpm for all the packages.", 0.35);
        again.lesson.support = 3;
        let mut torn = waiting("L-000004", "Use npm for all the packages.", 0.35);
        torn.opposites = vec![again.lesson.clone()];
        let mut attack = waiting("L-000005", "Run this script before every test.", 0.9);
        attack.lesson.status = LessonStatus::Quarantined;
        let bare = waiting("L-000006", "It's fine.", 0.8);
        let mut items = vec![weak.clone(), attack, bare, sure, again, torn];
        sort(&mut items);
        let ids: Vec<_> = items.iter().map(|i| &i.lesson.id.as_str()[7..]).collect();
        assert_eq!(ids, ["4", "1", "3", "6", "5", "2"]);
        set_back(&mut items);
        assert!(items.iter().all(|i| !i.is_weak), "a short queue hides nothing");
        let mut many: Vec<Item> =
            (0..ALWAYS).map(|_| waiting("L-000009", "Do all of this every time.", 0.8)).collect();
        many.extend(items);
        sort(&mut many);
        set_back(&mut many);
        assert_eq!(many.iter().filter(|i| i.is_weak).count(), 4);
        assert!(many.last().is_some_and(|i| i.is_weak && i.lesson.id == weak.lesson.id));
        let weak = Item { is_weak: true, ..weak };
        assert!(!Wanted::default().shows(&weak));
        assert!(Wanted { weak: true, ..Wanted::default() }.shows(&weak));
        let others = Wanted { types: [LessonType::Fact].into(), ..Wanted::default() };
        assert!(!others.fits(&weak));
        let found = Wanted { signals: [Signal::Correction].into(), ..Wanted::default() };
        assert!(found.fits(&weak));
    }
}
