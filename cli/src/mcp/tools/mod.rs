//! The tools, in the order in which clients see them.
//!
//! | module | tool |
//! |---|---|
//! | `recall` | the lessons that matter for a task |
//! | `remember` | store a lesson |
//! | `feedback` | whether lessons helped |
//! | `review` | what waits for a decision, better words, decisions |
//! | `predict` | what a change is about to repeat |
//! | `lessons` | list lessons, or show one |
//! | `forget` | take lessons out, and back in |
//! | `status` | which project this is and how its memory is |
//! | `shape` | what their answers have in common |
//!
//! Owns the table and what holds for every tool: every call may name its `project`, every answer names the
//! one it is about, and arguments that are not understood are told to the agent, not dropped. A tool is a
//! pair of types, from which its schemas are made, and a function on a [`Memory`]. Must not know how calls
//! arrive.

mod feedback;
mod forget;
mod lessons;
mod predict;
pub(super) mod recall;
mod remember;
mod review;
mod shape;
mod status;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::shape::ProjectOut;
use super::memory::Memory;
use crate::command_error::CommandError;
use crate::distill;

/// One tool.
trait MemoryTool {
    /// Its arguments.
    type In: DeserializeOwned + JsonSchema;
    /// What it answers, as data.
    type Out: Serialize + JsonSchema;
    /// The name agents call it by.
    const NAME: &'static str;
    /// The name people see.
    const TITLE: &'static str;
    /// When to call it, for the agent.
    const DESCRIPTION: &'static str;
    /// What it does to the memory.
    const EFFECT: Effect;

    /// Answers a call.
    fn call(memory: &mut Memory, input: Self::In) -> Result<Reply<Self::Out>, CommandError>;
}

/// What a tool does to the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Reads,
    /// Adds to it.
    Adds,
    /// Changes what is delivered, as a person decided.
    Decides,
    /// Takes something out of what is delivered.
    TakesOut,
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        ToolAnnotations::with_title(title)
            .read_only(self == Self::Reads)
            .destructive(matches!(self, Self::Decides | Self::TakesOut))
            // The same again leaves the memory as it is: nothing is stored twice.
            .idempotent(true)
            .open_world(false)
    }
}

/// An answer: the same as data and as text.
struct Reply<T> {
    data: T,
    text: String,
}

/// A row of the table.
pub(super) struct Entry {
    name: &'static str,
    effect: Effect,
    definition: fn() -> Tool,
    call: fn(&mut Memory, JsonObject) -> Result<CallToolResult, CommandError>,
}

const fn entry<T: MemoryTool>() -> Entry {
    Entry { name: T::NAME, effect: T::EFFECT, definition: definition::<T>, call: call::<T> }
}

/// Every tool, always in this order.
const TOOLS: &[Entry] = &[
    entry::<recall::Recall>(),
    entry::<remember::Remember>(),
    entry::<feedback::Feedback>(),
    entry::<review::Review>(),
    entry::<predict::Predict>(),
    entry::<lessons::Lessons>(),
    entry::<forget::Forget>(),
    entry::<status::Status>(),
];

/// Returns what clients see of the tools.
pub(super) fn definitions() -> &'static [Tool] {
    static DEFINITIONS: LazyLock<Vec<Tool>> =
        LazyLock::new(|| TOOLS.iter().map(|tool| (tool.definition)()).collect());
    &DEFINITIONS
}

/// Returns the tool of a name.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl Entry {
    /// Answers a call. What goes wrong is an answer too: the agent reads it and does something about it.
    pub(super) fn answer(&self, memory: &mut Memory, arguments: JsonObject) -> CallToolResult {
        if self.effect != Effect::Reads && distill::is_running() {
            return failed(&CommandError::user("nothing is stored inside a distiller"));
        }
        (self.call)(memory, arguments).unwrap_or_else(|error| failed(&error))
    }
}

/// Returns an error as an answer that the agent can read.
pub(super) fn failed(error: &CommandError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(told(error))])
}

/// Returns what happened, why and what to do.
pub(super) fn told(error: &CommandError) -> String {
    let mut text = format!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ignored = write!(text, "\ncaused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.advice() {
        let _ignored = write!(text, "\nhint: {hint}");
    }
    text
}

fn call<T: MemoryTool>(
    memory: &mut Memory,
    arguments: JsonObject,
) -> Result<CallToolResult, CommandError> {
    let input = serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        CommandError::user(format!("the arguments of `{}` cannot be used: {error}", T::NAME))
    })?;
    let reply = T::call(memory, input)?;
    let project = ProjectOut::of(&memory.context);
    let text = format!("Project `{}`. {}", project.name, reply.text);
    let mut data = serde_json::to_value(reply.data)?;
    if let Value::Object(fields) = &mut data {
        fields.insert("project".into(), serde_json::to_value(project)?);
    }
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(data);
    Ok(result)
}

fn definition<T: MemoryTool>() -> Tool {
    let mut input = schema::<T::In>(Contract::Deserialize);
    let project = json!({
        "type": "string",
        "description": "Absolute path of the project's folder. Only needed when it is not the one this \
                        server was started for.",
    });
    put_property(&mut input, "project", project);
    let mut output = schema::<T::Out>(Contract::Serialize);
    put_property(&mut output, "project", Value::Object(schema::<ProjectOut>(Contract::Serialize)));
    if let Some(Value::Array(required)) = output.get_mut("required") {
        required.insert(0, "project".into());
    }
    Tool::new(T::NAME, T::DESCRIPTION, input)
        .with_title(T::TITLE)
        .with_raw_output_schema(Arc::new(output))
        .with_annotations(T::EFFECT.annotations(T::TITLE))
}

fn put_property(schema: &mut JsonObject, name: &str, value: Value) {
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.insert(name.into(), value);
    }
}

/// Returns the schema of a type in the words that every client understands: nothing referred to, no
/// formats of one language.
fn schema<T: JsonSchema>(contract: Contract) -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    without_formats(&mut schema);
    let Value::Object(mut schema) = schema else { return JsonObject::new() };
    schema.remove("title");
    schema.remove("description");
    schema
}

fn without_formats(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_type = fields.get("type").is_some_and(|t| !t.is_object());
            if is_type {
                fields.remove("format");
            }
            fields.values_mut().for_each(without_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(without_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_plain_and_complete() {
        let tools = definitions();
        assert!(tools.len() <= 8, "more than an agent reads");
        for tool in tools {
            let name = tool.name.to_string();
            let output = tool.output_schema.as_deref().cloned().unwrap_or_default();
            for schema in [tool.input_schema.as_ref(), &output] {
                assert_eq!(schema["type"], "object", "{name}");
                assert!(schema["properties"]["project"].is_object(), "{name}");
                let text = serde_json::to_string(schema).unwrap();
                for odd in ["$ref", "$defs", "\"format\"", "\"null\"", "anyOf", "oneOf", "allOf"] {
                    assert!(!text.contains(odd), "{name}: {odd} in {text}");
                }
            }
            assert_eq!(tool.input_schema["additionalProperties"], false, "{name}");
            for (property, what) in tool.input_schema["properties"].as_object().unwrap() {
                assert!(what["description"].is_string(), "{name}.{property} is not described");
            }
            assert_eq!(output["required"][0], "project", "{name}");
            assert!(tool.description.as_ref().is_some_and(|d| d.len() > 80), "{name}");
            assert!(
                tool.annotations.as_ref().is_some_and(|a| a.read_only_hint.is_some()),
                "{name}"
            );
        }
    }
}
