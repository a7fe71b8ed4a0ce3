//! Entries in JSON settings, which may hold comments and trailing commas.
//!
//! Owns the shapes of hooks and servers in JSON. Edits the syntax tree, so that everything else keeps
//! its place, its spaces and its comments.

use cemem_ingest::engines::setup::{Dialect, HookEvent, Hooks, McpForm};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::Value;

use super::command_line::{Program, is_hook_of};
use super::edit::{EditError, SERVER};

/// Seconds after which an engine gives a hook up; it ends by itself long before.
const TIMEOUT_SECONDS: u32 = 10;

/// Returns what engines accept: JSON with comments and trailing commas, and nothing looser.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn parse(text: &str) -> Result<CstRootNode, EditError> {
    CstRootNode::parse(text, &options())
        .map_err(|error| EditError::Parse { format: "JSON", detail: error.to_string() })
}

fn wrong(place: &str, wanted: &'static str) -> EditError {
    EditError::Type { place: place.to_owned(), wanted }
}

fn root_object(root: &CstRootNode) -> Result<CstObject, EditError> {
    root.object_value_or_create().ok_or_else(|| wrong("the whole", "an object"))
}

/// Checks that a key is there at most once: readers take the last, the tree gives the first.
fn check_once(whole: &CstObject, key: &str) -> Result<(), EditError> {
    let named = |field: &CstObjectProp| field.decoded_name().as_deref() == Some(key);
    let n = whole.properties().iter().filter(|field| named(field)).count();
    if n > 1 { Err(EditError::Shape(key.to_owned())) } else { Ok(()) }
}

/// Returns the text of the tree; what was made from nothing ends with a newline.
fn text_of(root: &CstRootNode, old: &str) -> String {
    let text = root.to_string();
    if old.trim().is_empty() { format!("{}\n", text.trim_end()) } else { text }
}

fn object(fields: Vec<(&str, CstInputValue)>) -> CstInputValue {
    CstInputValue::Object(fields.into_iter().map(|(name, v)| (name.to_owned(), v)).collect())
}

fn texts(words: &[&str]) -> CstInputValue {
    CstInputValue::Array(words.iter().map(|word| (*word).into()).collect())
}

/// Returns the entry of one event.
fn hook(engine: &str, dialect: Dialect, event: &HookEvent, program: &Program) -> CstInputValue {
    let line: CstInputValue = program.hook(engine, event.name).into();
    match dialect {
        Dialect::Claude | Dialect::Gemini => {
            let unit = if dialect == Dialect::Gemini { 1000 } else { 1 };
            let call = object(vec![
                ("type", "command".into()),
                ("command", line),
                ("timeout", (TIMEOUT_SECONDS * unit).into()),
            ]);
            let matcher = event.matcher.map(|tools| ("matcher", tools.into()));
            let calls = ("hooks", CstInputValue::Array(vec![call]));
            object(matcher.into_iter().chain([calls]).collect())
        }
        Dialect::Cursor => object(vec![("command", line)]),
        Dialect::Copilot => object(vec![
            ("type", "command".into()),
            ("bash", line),
            ("powershell", program.hook_in_powershell(engine, event.name).into()),
            ("timeoutSec", TIMEOUT_SECONDS.into()),
        ]),
    }
}

/// Returns whether a value holds a call of ours, and whether it holds anything else that is called.
fn calls(value: &Value, engine: &str) -> (bool, bool) {
    match value {
        Value::Object(fields) => {
            let mut found = (false, false);
            for (name, field) in fields {
                let here = match field.as_str() {
                    Some(line) if ["command", "bash", "powershell"].contains(&name.as_str()) => {
                        let ours = is_hook_of(line, engine);
                        (ours, !ours)
                    }
                    _ => calls(field, engine),
                };
                found = (found.0 | here.0, found.1 | here.1);
            }
            found
        }
        Value::Array(items) => items
            .iter()
            .map(|item| calls(item, engine))
            .fold((false, false), |found, here| (found.0 | here.0, found.1 | here.1)),
        _ => (false, false),
    }
}

/// Takes a key out whose brackets hold nothing any more, unless the user remarked on it or in it.
fn drop_empty(field: Option<CstObjectProp>) {
    let Some(field) = field else { return };
    let inside = field.value().map(|value| value.children()).unwrap_or_default();
    let holds = |node: &CstNode| node.is_comment() || !(node.is_trivia() || node.is_token());
    let node = CstNode::from(field.clone());
    let mut behind = node.next_siblings().take_while(|next| !next.is_newline());
    if !inside.iter().any(holds) && !behind.any(|node| node.is_comment()) {
        field.remove();
    }
}

fn value_of(node: &CstNode) -> Value {
    node.to_serde_value().unwrap_or(Value::Null)
}

/// Returns what a new entry says, to compare it with one that is there.
fn value_of_input(input: &CstInputValue) -> Value {
    match input {
        CstInputValue::Null => Value::Null,
        CstInputValue::Bool(b) => (*b).into(),
        CstInputValue::Number(n) => serde_json::from_str(n).unwrap_or(Value::Null),
        CstInputValue::String(s) => s.clone().into(),
        CstInputValue::Array(items) => items.iter().map(value_of_input).collect(),
        CstInputValue::Object(fields) => {
            let fields = fields.iter().map(|(name, v)| (name.clone(), value_of_input(v)));
            Value::Object(fields.collect())
        }
    }
}

pub(super) fn add_hooks(
    text: &str,
    engine: &str,
    hooks: &Hooks,
    program: &Program,
) -> Result<String, EditError> {
    let root = parse(text)?;
    let whole = root_object(&root)?;
    check_once(&whole, "hooks")?;
    if matches!(hooks.dialect, Dialect::Cursor | Dialect::Copilot) && whole.get("version").is_none()
    {
        whole.insert(0, "version", 1_u32.into());
    }
    let events =
        whole.object_value_or_create("hooks").ok_or_else(|| wrong("hooks", "an object"))?;
    for event in hooks.events {
        let list = events
            .array_value_or_create(event.name)
            .ok_or_else(|| wrong(&format!("hooks.{}", event.name), "a list"))?;
        put_call(&list, engine, hooks.dialect, event, program);
    }
    Ok(text_of(&root, text))
}

/// Puts our entry into the list of an event, or our line into the entry that is there: the time and the
/// tools in it may be the user's choice.
fn put_call(list: &CstArray, engine: &str, dialect: Dialect, event: &HookEvent, program: &Program) {
    let mut is_there = false;
    for node in list.elements() {
        match calls(&value_of(&node), engine) {
            (false, _) => {}
            // Called twice is once too often.
            (true, false) if is_there => node.remove(),
            (true, _) => {
                set_lines(&node, engine, event, program);
                is_there = true;
            }
        }
    }
    if !is_there {
        list.append(hook(engine, dialect, event, program));
    }
}

/// Makes our lines in an entry call this program.
fn set_lines(node: &CstNode, engine: &str, event: &HookEvent, program: &Program) {
    let items = node.as_array().map(|list| list.elements()).unwrap_or_default();
    items.iter().for_each(|item| set_lines(item, engine, event, program));
    for field in node.as_object().map(|fields| fields.properties()).unwrap_or_default() {
        let (Some(name), Some(value)) = (field.decoded_name(), field.value()) else { continue };
        let wanted = match name.as_str() {
            "command" | "bash" => program.hook(engine, event.name),
            "powershell" => program.hook_in_powershell(engine, event.name),
            _ => {
                set_lines(&value, engine, event, program);
                continue;
            }
        };
        let said = value_of(&value);
        if said.as_str().is_some_and(|line| is_hook_of(line, engine) && line != wanted) {
            field.set_value(wanted.as_str().into());
        }
    }
}

pub(super) fn remove_hooks(text: &str, engine: &str, hooks: &Hooks) -> Result<String, EditError> {
    let root = parse(text)?;
    let Some(whole) = root.object_value() else { return Ok(text.to_owned()) };
    let Some(events) = whole.object_value("hooks") else { return Ok(text.to_owned()) };
    let mut found = false;
    for event in hooks.events {
        let Some(list) = events.array_value(event.name) else { continue };
        let mut touched = false;
        for node in list.elements() {
            touched |= take_call(node, engine);
        }
        found |= touched;
        if touched {
            drop_empty(events.get(event.name));
        }
    }
    if !found {
        return Ok(text.to_owned());
    }
    drop_empty(whole.get("hooks"));
    Ok(root.to_string())
}

/// Takes our call out of an entry, or the entry out of its list if nothing else is in it; returns
/// whether there was one.
fn take_call(node: CstNode, engine: &str) -> bool {
    match calls(&value_of(&node), engine) {
        (false, _) => false,
        (true, false) => {
            node.remove();
            true
        }
        (true, true) => {
            let inner = node.as_object().and_then(|group| group.array_value("hooks"));
            let mut taken = false;
            for call in inner.map(|list| list.elements()).unwrap_or_default() {
                if calls(&value_of(&call), engine) == (true, false) {
                    call.remove();
                    taken = true;
                }
            }
            taken
        }
    }
}

fn server(form: McpForm, program: &Program) -> Option<(&'static str, CstInputValue)> {
    let command = ("command", CstInputValue::from(program.path.as_str()));
    let args = ("args", texts(&["mcp"]));
    Some(match form {
        McpForm::Json(key) => (key, object(vec![command, args])),
        McpForm::TypedJson(key) => (key, object(vec![("type", "stdio".into()), command, args])),
        McpForm::ToolsJson(key) => {
            (key, object(vec![("type", "local".into()), command, args, ("tools", texts(&["*"]))]))
        }
        McpForm::ListJson(key) => (
            key,
            object(vec![
                ("type", "local".into()),
                ("command", texts(&[&program.path, "mcp"])),
                ("enabled", true.into()),
            ]),
        ),
        McpForm::Toml(_) | McpForm::Yaml(_) => return None,
    })
}

pub(super) fn add_server(
    text: &str,
    form: McpForm,
    program: &Program,
) -> Result<String, EditError> {
    let Some((key, wanted)) = server(form, program) else { return Ok(text.to_owned()) };
    let root = parse(text)?;
    let whole = root_object(&root)?;
    check_once(&whole, key)?;
    let servers = whole.object_value_or_create(key).ok_or_else(|| wrong(key, "an object"))?;
    match servers.get(SERVER) {
        None => drop(servers.append(SERVER, wanted)),
        Some(known) => match (known.object_value(), wanted) {
            (Some(known), CstInputValue::Object(fields)) => set_fields(&known, fields),
            (_, wanted) => known.set_value(wanted),
        },
    }
    Ok(text_of(&root, text))
}

/// Sets what we need in an entry; what the user added to it or chose in it stays.
fn set_fields(known: &CstObject, wanted: Vec<(String, CstInputValue)>) {
    // Served at an address: the user set that up.
    if known.get("url").is_some() {
        return;
    }
    for (name, value) in wanted.into_iter().filter(|(name, _)| name != "enabled" && name != "tools")
    {
        match known.get(&name) {
            None => drop(known.append(&name, value)),
            Some(field) => {
                let said = field.value().map_or(Value::Null, |node| value_of(&node));
                if said != value_of_input(&value) {
                    field.set_value(value);
                }
            }
        }
    }
}

pub(super) fn remove_server(text: &str, form: McpForm) -> Result<String, EditError> {
    let (McpForm::Json(key)
    | McpForm::TypedJson(key)
    | McpForm::ToolsJson(key)
    | McpForm::ListJson(key)
    | McpForm::Toml(key)
    | McpForm::Yaml(key)) = form;
    let root = parse(text)?;
    let servers = root.object_value().and_then(|whole| whole.get(key));
    let known = servers.as_ref().and_then(|servers| servers.object_value()?.get(SERVER));
    let Some(known) = known else { return Ok(text.to_owned()) };
    known.remove();
    drop_empty(servers);
    Ok(root.to_string())
}
