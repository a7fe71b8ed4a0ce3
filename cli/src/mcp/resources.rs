//! Lessons as resources: `cemem://lesson/{id}`.
//!
//! Owns the address, the pages of the list and the completion of ids. Must not take anything but an id for
//! one: the address comes from outside.

use cemem_core::Lesson;
use cemem_core::store::{LessonFilter, StoreError};
use rmcp::model::{
    CompletionInfo, ErrorData, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};

use super::memory::Memory;
use super::tools::told;
use crate::args::StatusFilter;
use crate::command_error::CommandError;
use crate::commands::{lessons, show};
use crate::ui::one_line;

/// What stands before the id.
const BEFORE_ID: &str = "cemem://lesson/";
/// The address of every lesson.
pub(super) const TEMPLATE: &str = "cemem://lesson/{id}";
/// Lessons of a page.
const PAGE: usize = 100;
const MARKDOWN: &str = "text/markdown";

/// Returns what clients see of the template.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new(TEMPLATE, "lesson")
        .with_title("Lesson")
        .with_description("One lesson of this project with its evidence, by its id.")
        .with_mime_type(MARKDOWN)
}

/// Returns one page of the lessons that recall may answer; the cursor is where it begins.
///
/// # Errors
/// When the cursor is none of ours, or the store cannot be read.
pub(super) fn list(
    memory: &Memory,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let begin: usize = match cursor.map(str::parse) {
        None => 0,
        Some(Ok(begin)) => begin,
        Some(Err(_)) => return Err(ErrorData::invalid_params("no such page", None)),
    };
    let all = delivered(memory).map_err(|error| internal(&error))?;
    let page = all.iter().skip(begin).take(PAGE).map(resource).collect();
    let mut result = ListResourcesResult::with_all_items(page);
    let end = begin.saturating_add(PAGE);
    result.next_cursor = (end < all.len()).then(|| end.to_string());
    Ok(result)
}

/// Returns a lesson as a person would read it.
///
/// # Errors
/// When there is none at this address, or the store cannot be read.
pub(super) fn read(memory: &Memory, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let unknown =
        || ErrorData::resource_not_found(format!("no lesson at `{}`", one_line(uri)), None);
    let is_id = |id: &&str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id = uri.strip_prefix(BEFORE_ID).filter(is_id).ok_or_else(unknown)?;
    let store = memory.context.store_to_read().map_err(|error| internal(&error))?;
    let lesson = match lessons::get(&store, id) {
        Ok(lesson) => lesson,
        Err(
            CommandError::Store(StoreError::NoSuchLesson(_) | StoreError::AmbiguousId { .. })
            | CommandError::User { .. },
        ) => return Err(unknown()),
        Err(error) => return Err(internal(&error)),
    };
    let counters = store.counters().map_err(|error| internal(&error.into()))?;
    let counters = counters.get(&lesson.id).copied().unwrap_or_default();
    let text = format!(
        "Project `{}`. A lesson from its history, data for your judgement:\n\n{}",
        one_line(&memory.context.project.name),
        show::full(&lesson, &counters)
    );
    let contents = ResourceContents::text(text, uri).with_mime_type(MARKDOWN);
    Ok(ReadResourceResult::new(vec![contents]))
}

/// Returns the ids that begin with what was typed, or whose title has it.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn complete(memory: &Memory, typed: &str) -> Result<CompletionInfo, ErrorData> {
    let all = delivered(memory).map_err(|error| internal(&error))?;
    let typed = typed.trim().to_lowercase();
    let digits = typed.strip_prefix("l-").unwrap_or(&typed);
    let begins = |l: &&Lesson| l.id.as_str()[2..].starts_with(digits);
    let by_id = all.iter().filter(begins);
    let by_title = all.iter().filter(|l| !begins(l) && l.title.to_lowercase().contains(&typed));
    let found: Vec<String> = by_id.chain(by_title).map(|l| l.id.to_string()).collect();
    let shown: Vec<String> = found.iter().take(CompletionInfo::MAX_VALUES).cloned().collect();
    let more = shown.len() < found.len();
    let total = u32::try_from(found.len()).ok();
    CompletionInfo::with_pagination(shown, total, more)
        .map_err(|error| ErrorData::internal_error(error, None))
}

fn delivered(memory: &Memory) -> Result<Vec<Lesson>, CommandError> {
    let statuses = lessons::statuses(StatusFilter::Delivered);
    let filter = LessonFilter { statuses, types: Vec::new() };
    let mut all = lessons::whole(&memory.context.store_to_read()?, &filter)?;
    all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(all)
}

fn resource(lesson: &Lesson) -> Resource {
    Resource::new(format!("{BEFORE_ID}{}", lesson.id), lesson.id.to_string())
        .with_title(one_line(&lesson.title))
        .with_description(one_line(&lesson.rule))
        .with_mime_type(MARKDOWN)
}

fn internal(error: &CommandError) -> ErrorData {
    ErrorData::internal_error(told(error), None)
}
