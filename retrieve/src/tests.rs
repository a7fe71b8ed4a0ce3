//! Tests of the crate as a whole: a real store, real indexes, an embedder without a model.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cemem_core::{
    AppliesWhen, Clock, Evidence, Lesson, LessonId, LessonStatus, LessonType, Scope, Stage, Store,
    Timestamp, Trust,
};
use proptest::prelude::*;

use crate::pack::pack;
use crate::query::{Filter, Hit, IdSet, Mode, Note, Query};
use crate::rank::{History, Task};
use crate::semantic::count_tokens;
use crate::semantic::hashed::HashEmbedder;
use crate::view::View;
use crate::{Engine, Semantic, SemanticOff};

mod damage;
mod learned;
mod models;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn lesson(id: &str, title: &str, rule: &str) -> Lesson {
    Lesson {
        id: LessonId(id.into()),
        lesson_type: LessonType::Convention,
        title: title.into(),
        rule: rule.into(),
        why: None,
        body: None,
        applies_when: AppliesWhen::default(),
        anchors: Vec::new(),
        evidence: vec![Evidence {
            engine: "test".into(),
            session: "s".into(),
            source_path: String::new(),
            event_uuid: String::new(),
            event_key: id.into(),
            turn_ts: None,
            actor: "user".into(),
            quote: rule.into(),
        }],
        trust: Trust::User,
        status: LessonStatus::Active,
        confidence: 0.9,
        support: 1,
        reviewed: true,
        snoozed_until: None,
        scope: Scope::Project,
        valid_from: None,
        valid_to: None,
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        created: NOW,
        updated: NOW,
        extra: serde_json::Value::Null,
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    store: Store,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("memory.db"), Clock::Fixed(NOW)).unwrap();
        Self { dir, store }
    }

    fn with(lessons: &[Lesson]) -> Self {
        let mut fixture = Self::new();
        fixture.put(lessons);
        fixture
    }

    fn put(&mut self, lessons: &[Lesson]) {
        self.store.put_lessons(lessons, "user", "import", "").unwrap();
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    fn engine(&self) -> Engine {
        Engine::new(&self.root(), hashed(32))
    }

    fn ids(&self, engine: &mut Engine, query: &Query) -> Vec<String> {
        let answer = engine.recall(&self.store, query).unwrap();
        answer.results.into_iter().map(|hit| hit.lesson.id.0).collect()
    }
}

fn hashed(dim: usize) -> Semantic {
    Semantic::Custom(Arc::new(HashEmbedder::new(dim)))
}

/// Asks for everything there is, relevant or not, so that orders can be compared.
fn all(text: &str) -> Query {
    Query { keep_irrelevant: true, limit: 100, ..Query::new(text) }
}

fn three() -> Vec<Lesson> {
    vec![
        lesson("L-a", "Auth tokens", "Refresh auth tokens before they expire in src/auth.rs."),
        lesson("L-b", "Migrations", "Never edit a database migration that was released."),
        lesson("L-c", "Snapshots", "Update snapshot tests with the review command."),
    ]
}

#[test]
fn a_new_lesson_is_found_by_the_next_recall() {
    let mut f = Fixture::with(&three());
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &Query::new("auth token bug"))[0], "L-a");
    f.put(&[lesson("L-d", "Flaky clock", "Stop the clock in tests of expiry.")]);
    assert_eq!(f.ids(&mut engine, &Query::new("clock tests expiry"))[0], "L-d");
    // And by another process.
    assert_eq!(f.ids(&mut f.engine(), &Query::new("clock tests expiry"))[0], "L-d");
}

#[test]
fn what_is_not_recallable_is_gone_at_once() {
    let mut f = Fixture::with(&three());
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &all("auth")).len(), 3);
    for status in [
        LessonStatus::Retired,
        LessonStatus::Candidate,
        LessonStatus::Quarantined,
        LessonStatus::Superseded,
    ] {
        let mut gone = three().remove(0);
        gone.status = status;
        f.put(&[gone]);
        assert_eq!(f.ids(&mut engine, &all("auth tokens")).len(), 2, "{status}");
    }
    let mut stale = three().remove(0);
    stale.status = LessonStatus::Stale;
    f.put(&[stale]);
    assert_eq!(f.ids(&mut engine, &all("auth tokens"))[0], "L-a");
}

#[test]
fn a_stale_lesson_gives_way_to_an_equal_one_and_is_found_all_the_same() {
    let twin = |id| lesson(id, "Auth tokens", "Refresh auth tokens before they expire.");
    let mut f = Fixture::with(&[twin("L-a"), twin("L-b")]);
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &Query::new("auth tokens")), ["L-a", "L-b"]);
    f.put(&[Lesson { status: LessonStatus::Stale, ..twin("L-a") }]);
    assert_eq!(f.ids(&mut engine, &Query::new("auth tokens")), ["L-b", "L-a"]);
    let answer = engine.recall(&f.store, &Query::new("auth tokens")).unwrap();
    let block = pack(&answer.results, 1000).text;
    assert_eq!(block.matches(", stale: its code has changed, check before use").count(), 1);
    f.put(&[Lesson { status: LessonStatus::Stale, ..twin("L-b") }]);
    assert_eq!(f.ids(&mut engine, &Query::new("auth tokens")), ["L-a", "L-b"]);
}

#[test]
fn an_answer_is_found_by_the_question_before_it() {
    const SAME: &str = "We keep it in the blue cupboard under the stairs since last summer.";
    let turn = |id: &str, session: &str, at: i64, text: &str| {
        let mut turn = lesson(id, "", text);
        turn.evidence[0].session = session.into();
        turn.evidence[0].turn_ts = Some(Timestamp(at));
        turn
    };
    let f = Fixture::with(&[
        turn("L-answer", "one", 3, SAME),
        turn("L-ask", "one", 2, "Where did you put the router after all the boxes were moved?"),
        turn("L-aaa", "two", 3, SAME),
    ]);
    let mut engine = f.engine();
    let query = all("router boxes moved");
    assert_eq!(f.ids(&mut engine, &query), ["L-ask", "L-answer", "L-aaa"]);
    let filter = Filter { exclude: vec![LessonId("L-ask".into())], ..Filter::default() };
    // What the filter hides says nothing of what stands beside it.
    assert_eq!(f.ids(&mut engine, &Query { filter, ..query }), ["L-aaa", "L-answer"]);
}

fn damage(root: &Path, name_ends: &str, bytes: &[u8]) -> usize {
    let mut hit = 0;
    for folder in fs::read_dir(root).unwrap().flatten().filter(|e| e.path().is_dir()) {
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            if file.file_name().to_string_lossy().ends_with(name_ends) {
                fs::write(file.path(), bytes).unwrap();
                hit += 1;
            }
        }
    }
    hit
}

#[test]
fn damaged_missing_and_foreign_indexes_are_rebuilt() {
    let f = Fixture::with(&three());
    let before = f.engine().recall(&f.store, &all("auth migration snapshot")).unwrap().results;
    for name in ["meta.json", "manifest.json", ".vec"] {
        for bytes in [&b""[..], b"{\"half\":", &[0xFF; 300]] {
            assert!(damage(&f.root(), name, bytes) > 0, "{name}");
            let answer = f.engine().recall(&f.store, &all("auth migration snapshot")).unwrap();
            assert_eq!(answer.results, before, "{name}");
            assert_eq!(answer.notes, [], "{name}");
        }
    }
    fs::remove_dir_all(f.root()).unwrap();
    assert_eq!(
        f.engine().recall(&f.store, &all("auth migration snapshot")).unwrap().results,
        before
    );
    // An index of another store says nothing about this one.
    let other = Fixture::with(&[lesson("L-x", "Other", "Something else entirely.")]);
    let mut engine = Engine::new(&f.root(), hashed(32));
    assert_eq!(other.ids(&mut engine, &all("something")), ["L-x"]);
    assert_eq!(f.ids(&mut f.engine(), &all("auth")).len(), 3);
}

#[test]
fn a_busy_writer_leaves_the_old_state_readable() {
    let mut f = Fixture::with(&three());
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &all("auth")).len(), 3);
    f.put(&[lesson("L-d", "New", "A new auth lesson.")]);
    let lock = fs::File::create(f.root().join("projection.lock")).unwrap();
    lock.lock().unwrap();
    for engine in [&mut engine, &mut f.engine()] {
        let answer = engine.recall(&f.store, &all("auth")).unwrap();
        assert_eq!(answer.results.len(), 3);
        assert!(answer.notes.contains(&Note::IndexBusy), "{:?}", answer.notes);
    }
    drop(lock);
    assert_eq!(f.ids(&mut engine, &all("auth")).len(), 4);
}

#[test]
fn without_a_model_words_still_answer_and_say_so() {
    let f = Fixture::with(&three());
    for (runtime, expected) in
        [(None, "no ONNX Runtime"), (Some("/nowhere.so".into()), "/nowhere.so")]
    {
        let mut engine = Engine::new(&f.root(), Semantic::Shipped { runtime });
        let answer = engine.recall(&f.store, &Query::new("auth tokens")).unwrap();
        assert_eq!(answer.results[0].lesson.id.0, "L-a");
        let [Note::SemanticOff(off)] = &answer.notes[..] else { panic!("{:?}", answer.notes) };
        assert!(off.to_string().contains(expected), "{off}");
    }
    let mut engine = Engine::new(&f.root(), Semantic::Off);
    let answer = engine.recall(&f.store, &Query::new("auth tokens")).unwrap();
    assert_eq!(answer.notes, [Note::SemanticOff(SemanticOff::Disabled)]);
    let lexical = Query { mode: Mode::Lexical, ..Query::new("auth tokens") };
    assert_eq!(engine.recall(&f.store, &lexical).unwrap().notes, []);
}

#[test]
fn another_model_never_reads_these_vectors() {
    let f = Fixture::with(&three());
    let wide = |dim| f.ids(&mut Engine::new(&f.root(), hashed(dim)), &all("auth"));
    assert_eq!(wide(32), wide(64));
    let folders = fs::read_dir(f.root()).unwrap().flatten();
    let vectors = folders.filter(|e| e.file_name().to_string_lossy().starts_with("vectors-"));
    assert_eq!(vectors.count(), 2);
}

#[test]
fn filters_restrict() {
    let mut lessons = three();
    lessons[0].lesson_type = LessonType::Mistake;
    lessons[0].applies_when.paths = vec!["src/auth/**".into()];
    lessons[1].applies_when.stages = vec![Stage::Plan];
    lessons[2].created = Timestamp(NOW.0 - 1000);
    let f = Fixture::with(&lessons);
    let mut engine = f.engine();
    let mut with = |filter: Filter| {
        let mut ids = f.ids(&mut engine, &Query { filter, ..all("auth migration snapshot") });
        ids.sort();
        ids.join(" ")
    };
    let none = Filter::default;
    assert_eq!(with(none()), "L-a L-b L-c");
    assert_eq!(with(Filter { types: vec![LessonType::Mistake], ..none() }), "L-a");
    assert_eq!(with(Filter { paths: vec!["src/db/x.rs".into()], ..none() }), "L-b L-c");
    assert_eq!(with(Filter { paths: vec!["src/auth/t.rs".into()], ..none() }), "L-a L-b L-c");
    assert_eq!(with(Filter { stages: vec![Stage::Work], ..none() }), "L-a L-c");
    assert_eq!(with(Filter { since: Some(NOW), ..none() }), "L-a L-b");
    assert_eq!(with(Filter { until: Some(Timestamp(NOW.0 - 1)), ..none() }), "L-c");
    assert_eq!(with(Filter { exclude: vec![LessonId("L-b".into())], ..none() }), "L-a L-c");
    let among = Some(Arc::new([LessonId("L-c".into())].iter().collect::<IdSet>()));
    assert_eq!(with(Filter { among, ..none() }), "L-c");
    assert_eq!(with(Filter { statuses: vec![LessonStatus::Stale], ..none() }), "");
}

#[test]
fn nothing_relevant_is_an_answer() {
    let f = Fixture::with(&three());
    let mut engine = f.engine();
    let lexical = Query { mode: Mode::Lexical, ..Query::new("kubernetes ingress certificates") };
    let answer = engine.recall(&f.store, &lexical).unwrap();
    assert!(answer.nothing_relevant && answer.n_lessons == 3);
    let empty = Fixture::new();
    let answer = empty.engine().recall(&empty.store, &Query::new("auth")).unwrap();
    assert!(answer.nothing_relevant && answer.n_lessons == 0);
}

#[test]
fn odd_queries_are_text() {
    let f = Fixture::with(&three());
    let mut engine = f.engine();
    let plan = "# Plan\n- refresh auth tokens\n".repeat(40_000);
    let trace = "thread 'main' panicked at src/auth.rs:12:7:\n  0: std::panicking::begin_panic\n";
    for text in [
        "",
        " ",
        "a",
        "🎉🎉",
        "\0\u{1}\u{fffd}",
        "title:(auth AND -x) OR [a TO b]^2~ \"",
        "*",
        ".*[",
        &plan,
        trace,
    ] {
        let answer = engine.recall(&f.store, &all(text)).unwrap();
        assert!(answer.results.len() <= 3);
    }
    assert_eq!(f.ids(&mut engine, &Query::new(trace))[0], "L-a");
    assert_eq!(f.ids(&mut engine, &Query::new("auth.rs:12"))[0], "L-a");
}

#[test]
fn many_threads_and_runs_agree() {
    let f = Fixture::with(&three());
    let mut engine = f.engine();
    let view = engine.view(&f.store, Mode::Full, &mut Vec::new()).unwrap();
    let task = |at| Task {
        at: Timestamp(at),
        words: engine.words("migrate the auth tables"),
        used: vec![(LessonId("L-b".into()), true), (LessonId("L-c".into()), at % 2 == 0)],
    };
    let history = Some(Arc::new(History::new((0..20).map(task).collect())));
    let query = Query { mode: Mode::Full, history, ..all("update auth migration") };
    let first = engine.rank(&view, &query).unwrap();
    assert_eq!(first.results.len(), 3);
    assert!(first.results[0].why.contains_key("similar_tasks"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(engine.rank(&view, &query).unwrap(), first);
                }
            });
        }
    });
}

#[test]
fn a_graph_changes_the_road_not_the_answer() {
    const WORDS: [&str; 7] = ["auth", "clock", "queue", "parser", "schema", "cache", "lock"];
    let lessons: Vec<Lesson> = (0..600_usize)
        .map(|i| {
            let (a, b, c) = (WORDS[i % 7], WORDS[i / 7 % 7], WORDS[i / 49 % 7]);
            lesson(&format!("L-{i:03}"), &format!("Case {i}"), &format!("Keep {a} {b} {c} x{i}."))
        })
        .collect();
    let mut f = Fixture::with(&lessons);
    let ask = |engine: &Engine, view: &View, i: usize| {
        let query = Query { keep_irrelevant: true, ..Query::new(format!("auth x{i} queue")) };
        engine.rank(view, &query).unwrap().results
    };
    let mut engine = f.engine();
    engine.catch_up(&f.store, usize::MAX).unwrap();
    let view = engine.view(&f.store, Mode::Hybrid, &mut Vec::new()).unwrap();
    let exact: Vec<_> = (0..600).step_by(40).map(|i| ask(&engine, &view, i)).collect();
    // The second one reads what the first one built.
    let mut saved = None;
    for _ in 0..2 {
        let mut engine = f.engine().resident_from(100);
        let view = with_graph(&mut engine, &f.store);
        for (i, exact) in (0..600).step_by(40).zip(&exact) {
            let found = ask(&engine, &view, i);
            assert_eq!(exact[0].id, found[0].id);
            let same = exact.iter().filter(|hit| found.iter().any(|other| other.id == hit.id));
            assert!(same.count() >= 4, "{exact:?} {found:?}");
        }
        let now = fs::metadata(view.shelf().unwrap().folder().join("graph.json")).unwrap();
        let now = now.modified().unwrap();
        assert_eq!(*saved.get_or_insert(now), now, "it was built once");
    }
    // What comes later is found too.
    let mut engine = f.engine().resident_from(100);
    drop(with_graph(&mut engine, &f.store));
    f.put(&[lesson("L-new", "Zebra", "Stripes matter to zebra keepers.")]);
    engine.catch_up(&f.store, usize::MAX).unwrap();
    let view = with_graph(&mut engine, &f.store);
    let query = Query { mode: Mode::Semantic, ..all("stripes of a zebra") };
    assert_eq!(engine.rank(&view, &query).unwrap().results[0].id.as_str(), "L-new");
}

/// Returns the view once a graph is laid over it.
fn with_graph(engine: &mut Engine, store: &Store) -> Arc<View> {
    let view = engine.view(store, Mode::Hybrid, &mut Vec::new()).unwrap();
    for _ in 0..10_000 {
        if view.has_graph() {
            return view;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("no graph came");
}

#[test]
fn equal_scores_are_ordered_by_id() {
    let same = |id: &str| lesson(id, "Same words", "Exactly the same words in both.");
    let f = Fixture::with(&[same("L-2"), same("L-3"), same("L-1")]);
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &all("same words")), ["L-1", "L-2", "L-3"]);
    assert_eq!(f.ids(&mut engine, &Query { limit: 2, ..all("same words") }), ["L-1", "L-2"]);
}

proptest! {
    #[test]
    fn packs_stay_within_their_budget(
        rules in proptest::collection::vec("\\PC{0,300}", 0..8), budget in 0..400_usize
    ) {
        let hits: Vec<Hit> = rules
            .iter()
            .enumerate()
            .map(|(i, rule)| {
                let lesson = lesson(&format!("L-{i}"), "Title", rule);
                Hit { lesson, score: 1.0, why: BTreeMap::new(), origin: None }
            })
            .collect();
        let packed = pack(&hits, budget);
        prop_assert!(packed.tokens <= budget);
        prop_assert!(count_tokens(&packed.text) <= packed.tokens);
        prop_assert_eq!(packed.text.matches("project-memory>").count(), if packed.included.is_empty() { 0 } else { 2 });
        prop_assert_eq!(&pack(&hits, budget), &packed);
    }
}

/// What may happen to a memory between two questions.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Retire(u8),
    Ask,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12_u8, 0..40_u8).prop_map(|(id, text)| Step::Put(id, text)),
        1 => (0..12_u8).prop_map(Step::Retire),
        2 => Just(Step::Ask),
        1 => Just(Step::Reopen),
    ]
}

fn text(number: u8) -> String {
    const WORDS: [&str; 8] =
        ["auth", "token", "migration", "snapshot", "clock", "queue", "parser", "schema"];
    let at = |i: u8| WORDS[usize::from((number / i) % 8)];
    let short = format!("Use the {} with {} and {}.", at(1), at(3), at(5));
    // Some lessons are long enough for several passages.
    if number.is_multiple_of(5) { short.repeat(60) } else { short }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..Default::default() })]
    #[test]
    fn an_index_built_in_steps_answers_like_one_built_at_once(
        steps in proptest::collection::vec(step(), 1..30)
    ) {
        let mut f = Fixture::new();
        let mut engine = f.engine();
        let mut alive: BTreeMap<u8, Lesson> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(id, number) => {
                    let mut new = lesson(&format!("L-{id}"), "A title", "A rule");
                    new.body = Some(text(number));
                    f.put(std::slice::from_ref(&new));
                    alive.insert(id, new);
                }
                Step::Retire(id) => {
                    if let Some(mut old) = alive.remove(&id) {
                        old.status = LessonStatus::Retired;
                        f.put(&[old]);
                    }
                }
                Step::Ask => drop(engine.recall(&f.store, &all("auth token")).unwrap()),
                Step::Reopen => engine = f.engine(),
            }
        }
        // A recall embeds only what it has time for; a busy machine leaves some for the next.
        let ask = |engine: &mut Engine, query: &str| {
            engine.catch_up(&f.store, usize::MAX).unwrap();
            engine.recall(&f.store, &all(query)).unwrap().results
        };
        for query in ["auth token", "schema", "use the clock with a parser"] {
            let steps = ask(&mut engine, query);
            let fresh = f.dir.path().join("fresh");
            let once = ask(&mut Engine::new(&fresh, hashed(32)), query);
            prop_assert_eq!(steps.len(), alive.len());
            prop_assert_eq!(&steps, &once);
            fs::remove_dir_all(&fresh).unwrap();
        }
    }
}
