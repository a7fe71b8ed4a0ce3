//! Lessons of other memories: those that hold in every project, and on request those of other projects.
//!
//! Owns the penalty that they carry and the copies of promoted lessons in the user's memory. A lesson from
//! elsewhere is always shown as such, and no showing of it is recorded. Must not rank otherwise.

use cemem_core::lesson::{Lesson, LessonStatus, Scope};
use cemem_core::project::{Project, USER};
use cemem_core::store::{LessonFilter, Store};
use cemem_core::{LessonId, StoreError};
use cemem_retrieve::{Answer, Engine, Note, Query, Semantic};
use serde_json::json;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::ui::one_line;

/// What a lesson keeps of its score that holds in every project.
const OF_THE_USER: f32 = 0.85;
/// The same of a lesson of another project, which nobody said holds here.
const OF_A_PROJECT: f32 = 0.7;
/// As in the project's own answer: what scores less than this share of the best is not shown.
const SHOWN_SHARE: f32 = 0.25;

/// Adds what other memories know to an answer; `engine` lends its model. What cannot be read there is
/// noted, never an error: the project's own answer stands.
pub(crate) fn join(
    context: &Context,
    engine: &Engine,
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
    let lent = query.mode.uses_vectors().then(|| engine.embedder().ok()).flatten();
    let semantic = lent.map_or(Semantic::Off, Semantic::Custom);
    for (project, keeps) in memories {
        if let Err(error) = join_one(context, &semantic, query, (&project, keeps), answer) {
            answer.notes.push(Note::Unread(format!("the memory of `{}`: {error}", project.name)));
        }
    }
    answer
        .results
        .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.lesson.id.cmp(&b.lesson.id)));
    let floor = answer.results.first().map_or(0.0, |best| best.score * SHOWN_SHARE);
    answer.results.retain(|hit| hit.score >= floor);
    answer.results.truncate(query.limit);
    answer.nothing_relevant = answer.results.is_empty();
}

fn join_one(
    context: &Context,
    semantic: &Semantic,
    query: &Query,
    (project, keeps): (&Project, f32),
    answer: &mut Answer,
) -> Result<(), CommandError> {
    let store = Store::open_to_read(&context.home.store_path(project), context.clock)?;
    let mut engine = Engine::new(&context.home.index_dir(project), semantic.clone());
    let found = engine.recall(&store, query)?;
    answer.n_elsewhere += found.n_lessons;
    for mut hit in found.results {
        let lesson = &hit.lesson;
        // A copy of what this project, or a memory before, said already.
        let is_known = is_from(lesson, &context.project)
            || answer.results.iter().any(|known| known.lesson.rule == lesson.rule);
        if is_known || !still_holds(context, lesson) {
            continue;
        }
        hit.origin = Some(match promoted_by(lesson) {
            Some(name) if project.id == USER => format!("{name}, for {}", project.name),
            _ => project.name.clone(),
        });
        hit.score *= keeps;
        answer.results.push(hit);
    }
    Ok(())
}

/// Returns whether the project that promoted a lesson still does: whoever took it out or back there, in
/// whatever way, need not tell the user's memory. Where that project cannot be read, the copy stands.
fn still_holds(context: &Context, copy: &Lesson) -> bool {
    let origin = &copy.extra[ORIGIN];
    let (Some(id), Some(lesson)) = (origin["project_id"].as_str(), origin["lesson"].as_str())
    else {
        return true;
    };
    let path = context.home.store_path(&Project { id: id.to_owned(), ..context.home.user() });
    if !path.is_file() {
        return true;
    }
    let there = Store::open_to_read(&path, context.clock)
        .and_then(|store| store.lesson(&LessonId(lesson.to_owned())));
    there.map_or(true, |there| there.is_some_and(|l| is_for_all(&l)))
}

fn is_for_all(lesson: &Lesson) -> bool {
    lesson.scope == Scope::User && lesson.status.is_recallable()
}

/// Returns a lesson that an answer may have shown, from the user's memory or another project's.
///
/// # Errors
/// When the table of projects cannot be read; memories that cannot be are passed over.
pub(crate) fn find(context: &Context, id: &str) -> Result<Option<(Store, Lesson)>, CommandError> {
    let mut memories = vec![context.home.user()];
    memories.extend(context.home.others(&context.project)?);
    for project in memories {
        let path = context.home.store_path(&project);
        if !path.is_file() {
            continue;
        }
        let Ok(store) = Store::open_to_read(&path, context.clock) else { continue };
        if let Ok(Some(lesson)) = store.resolve_id(id).and_then(|id| store.lesson(&id)) {
            context.ui.say(&format!("learned in {}", one_line(&project.name)));
            return Ok(Some((store, lesson)));
        }
    }
    Ok(None)
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
