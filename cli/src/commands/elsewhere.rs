//! Lessons of other memories: those that hold in every project, and on request those of other projects.
//!
//! Owns the penalty that they carry and the copies of promoted lessons in the user's memory. A lesson from
//! elsewhere is always shown as such and as it stands there now, what this project knows already is not
//! shown, and no showing is recorded. Must not rank otherwise.

use cemem_core::lesson::{Lesson, LessonStatus, Scope};
use cemem_core::project::{Project, USER};
use cemem_core::store::{LessonFilter, Store};
use cemem_core::{LessonId, StoreError};
use cemem_retrieve::engine::SHOWN_SHARE;
use cemem_retrieve::{Answer, Engine, Hit, Note, Query};
use serde_json::json;

use super::starters::is_same;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;

/// What a lesson keeps of its score that holds in every project.
const OF_THE_USER: f32 = 0.85;
/// The same of a lesson of another project, which nobody said holds here.
const OF_A_PROJECT: f32 = 0.7;

/// Adds what other memories know to an answer; `engine` lends its models, `store` says what the project knows
/// itself. What cannot be read there is noted, never an error: the project's own answer stands.
pub(crate) fn join(
    context: &Context,
    engine: &Engine,
    store: &Store,
    query: &Query,
    all_projects: bool,
    answer: &mut Answer,
) {
    let mut memories = vec![(context.home.user(), OF_THE_USER)];
    if all_projects {
        match context.home.others(&context.project) {
            Ok(others) => memories.extend(others.into_iter().map(|p| (p, OF_A_PROJECT))),
            Err(error) => {
                answer.notes.push(Note::Unread(format!("the table of projects: {error}")));
            }
        }
    }
    memories.retain(|(project, _)| {
        project.id != context.project.id && context.home.store_path(project).is_file()
    });
    if memories.is_empty() {
        return;
    }
    let mut found = Vec::new();
    for (project, keeps) in memories {
        match found_in(context, engine, query, &project) {
            Ok(there) => {
                answer.n_elsewhere += there.n_lessons;
                // Which model answers there is of no interest here.
                answer.notes.extend(there.notes.into_iter().filter_map(|note| match note {
                    Note::NotEmbedded(n) => {
                        Some(Note::NotEmbeddedThere { memory: project.name.clone(), n })
                    }
                    _ => None,
                }));
                let hits = there.results.into_iter();
                found.extend(hits.map(|hit| Hit { score: hit.score * keeps, ..hit }));
            }
            Err(error) => {
                let what = format!("the memory of `{}`: {error}", project.name);
                answer.notes.push(Note::Unread(what));
            }
        }
    }
    match news(store, found, &answer.results) {
        Ok(news) => answer.results.extend(news),
        Err(error) => answer.notes.push(Note::Unread(format!("what is known here: {error}"))),
    }
    answer
        .results
        .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.lesson.id.cmp(&b.lesson.id)));
    let floor = answer.results.first().map_or(0.0, |best| best.score * SHOWN_SHARE);
    answer.results.retain(|hit| hit.score >= floor);
    answer.results.truncate(query.limit);
    answer.nothing_relevant = answer.results.is_empty();
}

/// Returns what a memory answers that is of interest here.
fn found_in(
    context: &Context,
    engine: &Engine,
    query: &Query,
    project: &Project,
) -> Result<Answer, CommandError> {
    let store = Store::open_to_read(&context.home.store_path(project), context.clock)?;
    let mut engine = engine.elsewhere(&context.home.index_dir(project));
    // Once a question is enough for a second look.
    let mut asked = Query { rerank: false, ..query.clone() };
    loop {
        let mut answer = engine.recall(&store, &asked)?;
        let is_all = answer.results.len() < asked.limit;
        answer.results =
            answer.results.into_iter().filter_map(|hit| lent(context, project, hit)).collect();
        if is_all || answer.results.len() >= query.limit {
            return Ok(answer);
        }
        // What was left out took the place of others.
        asked.limit *= 2;
    }
}

/// Returns a hit as this project may see it; `None` for its own promoted lessons, which answered already, and for
/// what does not hold for others any more.
fn lent(context: &Context, project: &Project, hit: Hit) -> Option<Hit> {
    if is_from(&hit.lesson, &context.project) {
        return None;
    }
    let lesson = as_it_stands(context, hit.lesson)?;
    let origin = Some(origin(project, &lesson));
    Some(Hit { lesson, origin, score: hit.score, why: hit.why })
}

/// Returns the user's memory with an engine over its indexes, which has the models of `engine`; `None` where
/// there is none, or the project is that memory.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of_user(
    context: &Context,
    engine: &Engine,
) -> Result<Option<(Store, Engine)>, CommandError> {
    let user = context.home.user();
    let path = context.home.store_path(&user);
    if context.project.id == user.id || !path.is_file() {
        return Ok(None);
    }
    let store = Store::open_to_read(&path, context.clock)?;
    Ok(Some((store, engine.elsewhere(&context.home.index_dir(&user)))))
}

/// Returns the lessons that this project neither answered nor knows, each once. What it took out does not come
/// back from elsewhere; what merely waits here is no reason to be silent.
fn news(store: &Store, found: Vec<Hit>, answered: &[Hit]) -> Result<Vec<Hit>, StoreError> {
    let mut news: Vec<Hit> = Vec::new();
    if found.is_empty() {
        return Ok(news);
    }
    let silent = store.withheld_rules()?;
    for hit in found {
        let told = answered.iter().chain(&news).map(|other| &other.lesson.rule);
        let is_said = told.chain(&silent).any(|said| is_same(said, &hit.lesson.rule));
        if !is_said && store.lesson(&hit.lesson.id)?.is_none() {
            news.push(hit);
        }
    }
    Ok(news)
}

/// Says where a lesson was learned.
fn origin(project: &Project, lesson: &Lesson) -> String {
    match promoted_by(lesson) {
        Some(name) if project.id == USER => format!("{name}, for {}", project.name),
        _ => project.name.clone(),
    }
}

/// Returns a lesson in the words it has now where it was promoted; `None` if that project took it out or
/// back: whoever did, in whatever way, need not tell the user's memory. Where that project cannot be read,
/// the copy stands.
fn as_it_stands(context: &Context, copy: Lesson) -> Option<Lesson> {
    let origin = &copy.extra[ORIGIN];
    let (Some(id), Some(lesson)) = (origin["project_id"].as_str(), origin["lesson"].as_str())
    else {
        return Some(copy);
    };
    let path = context.home.store_path(&Project { id: id.to_owned(), ..context.home.user() });
    if !path.is_file() {
        return Some(copy);
    }
    let there = Store::open_to_read(&path, context.clock)
        .and_then(|store| store.lesson(&LessonId(lesson.to_owned())));
    match there {
        Err(_) => Some(copy),
        Ok(there) => there.filter(is_for_all).map(|now| Lesson {
            lesson_type: now.lesson_type,
            title: now.title,
            rule: now.rule,
            why: now.why,
            body: now.body,
            trust: now.trust,
            ..copy
        }),
    }
}

fn is_for_all(lesson: &Lesson) -> bool {
    lesson.scope == Scope::User && lesson.status.is_recallable()
}

/// A lesson of another memory.
pub(super) struct Lent {
    /// The memory.
    pub(super) store: Store,
    /// The lesson, as it stands.
    pub(super) lesson: Lesson,
    /// Where it was learned.
    pub(super) origin: String,
}

/// Returns the lesson with this whole id that an answer may have shown, from the user's memory or another
/// project's.
///
/// # Errors
/// When several memories have one, or the table of projects cannot be read; memories that cannot be are
/// passed over.
pub(super) fn find(context: &Context, id: &str) -> Result<Option<Lent>, CommandError> {
    let digits = id.trim().trim_start_matches(['L', 'l']).trim_start_matches('-');
    let Some(id) = LessonId::parse(&format!("L-{}", digits.to_ascii_lowercase())) else {
        return Ok(None);
    };
    let mut lent: Vec<Lent> = Vec::new();
    let mut memories = vec![context.home.user()];
    memories.extend(context.home.others(&context.project)?);
    for project in memories {
        let path = context.home.store_path(&project);
        if !path.is_file() {
            continue;
        }
        let Ok(store) = Store::open_to_read(&path, context.clock) else { continue };
        let Ok(Some(lesson)) = store.lesson(&id) else { continue };
        if let Some(lesson) = as_it_stands(context, lesson) {
            let origin = one_line(&origin(&project, &lesson));
            lent.push(Lent { store, lesson, origin });
        }
    }
    if lent.len() > 1 {
        let names: Vec<&str> = lent.iter().map(|lent| lent.origin.as_str()).collect();
        let message = format!("`{id}` is a lesson of several projects: {}", names.join(", "));
        let hint = format!("`cemem --project DIR lessons show {id}` shows that of one");
        return Err(CommandError::user(message).hint(hint));
    }
    Ok(lent.pop())
}

/// The key under which a copy says where it comes from.
const ORIGIN: &str = "promoted_from";

fn is_from(copy: &Lesson, project: &Project) -> bool {
    copy.extra[ORIGIN]["project_id"] == project.id.as_str()
}

fn is_copy_of(copy: &Lesson, project: &Project, id: &LessonId) -> bool {
    is_from(copy, project) && copy.extra[ORIGIN]["lesson"] == id.as_str()
}

fn promoted_by(copy: &Lesson) -> Option<&str> {
    copy.extra[ORIGIN]["project"].as_str()
}

/// Makes the user's memory hold what these lessons of this project say now: a copy of each that holds in
/// every project and is delivered, and none of the others.
///
/// # Errors
/// When the user's memory cannot be written.
pub(crate) fn settle(context: &Context, lessons: &[Lesson]) -> Result<(), CommandError> {
    let user = context.home.user();
    let path = context.home.store_path(&user);
    if context.project.id == USER || (!path.is_file() && !lessons.iter().any(is_for_all)) {
        return Ok(());
    }
    let mut store = Store::open(&path, context.clock)?;
    let copies = store.lessons(&LessonFilter::default())?;
    let (mut put, mut out) = (Vec::new(), Vec::new());
    for lesson in lessons {
        let known = copies.iter().find(|copy| is_copy_of(copy, &context.project, &lesson.id));
        if is_for_all(lesson) {
            put.push(copy(context, &store, lesson, known)?);
        } else if let Some(known) = known.filter(|known| known.status.is_recallable()) {
            out.push(Lesson { status: LessonStatus::Retired, ..known.clone() });
        }
    }
    for (lessons, verb) in [(put, "promote"), (out, "retire")] {
        if !lessons.is_empty() {
            store.put_lessons(&lessons, "user", verb, &context.project.name)?;
        }
    }
    Ok(())
}

/// Returns a lesson as other projects shall see it: without ties to this project's code.
fn copy(
    context: &Context,
    store: &Store,
    lesson: &Lesson,
    known: Option<&Lesson>,
) -> Result<Lesson, StoreError> {
    let project = &context.project;
    let id = match known {
        Some(known) => known.id.clone(),
        None => store.fresh_id(&format!("{}/{}", project.id, lesson.id), &Default::default())?,
    };
    let mut copy = Lesson {
        id,
        scope: Scope::User,
        anchors: Vec::new(),
        supersedes: Vec::new(),
        superseded_by: None,
        contradicts: Vec::new(),
        extra: json!({ ORIGIN: {
            "project": project.name, "project_id": project.id, "lesson": lesson.id } }),
        updated: context.clock.now(),
        ..lesson.clone()
    };
    copy.applies_when.paths.clear();
    copy.applies_when.symbols.clear();
    Ok(copy)
}
