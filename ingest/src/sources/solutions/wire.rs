//! Front matter as people and agents write it, valid YAML or not.
//!
//! Owns splitting and parsing it. Must not drop a key.

use serde_json::{Map, Value};

/// Keys that only solution documents carry together.
pub(super) const KNOWN: &[&str] = &[
    "module",
    "component",
    "severity",
    "root_cause",
    "resolution_type",
    "symptoms",
    "category",
    "problem_type",
    "framework_version",
    "related_components",
    "applies_when",
];

/// Longest front matter looked at.
const MAX_FRONT: usize = 64 * 1024;

/// Returns front matter and body.
pub(crate) fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(['\u{feff}', '\n', '\r', ' ']);
    let Some(rest) = text.strip_prefix("---") else { return ("", text) };
    let Some(rest) = rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n")) else {
        return ("", text);
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if at > MAX_FRONT {
            break;
        }
        if matches!(line.trim_end(), "---" | "...") {
            return (&rest[..at], &rest[at + line.len()..]);
        }
        at += line.len();
    }
    ("", text)
}

/// Returns the top-level keys of the front matter, even if it is cut off or no valid YAML.
pub(crate) fn keys(text: &str) -> Vec<String> {
    let (front, _) = split(text);
    front.lines().filter_map(|l| Some(pair(l)?.0.to_owned())).collect()
}

/// `key: value` at the start of a line.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let word = !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    (word && (value.is_empty() || value.starts_with([' ', '\t', '\r'])))
        .then(|| (key, value.trim()))
}

/// Returns front matter as an object: as YAML, or line by line where it is not valid YAML.
pub(crate) fn parse(front: &str) -> Map<String, Value> {
    if front.trim().is_empty() {
        return Map::new();
    }
    match serde_yaml_ng::from_str::<serde_yaml_ng::Value>(front).map(|v| json(v, 0)) {
        Ok(Value::Object(map)) => map,
        _ => by_line(front),
    }
}

/// YAML has keys and values JSON has not; they become text.
fn json(value: serde_yaml_ng::Value, depth: usize) -> Value {
    use serde_yaml_ng::Value as Y;
    if depth > 32 {
        return Value::Null;
    }
    match value {
        Y::Null => Value::Null,
        Y::Bool(b) => Value::Bool(b),
        Y::Number(n) => n
            .as_i64()
            .map(Value::from)
            .or_else(|| n.as_u64().map(Value::from))
            .or_else(|| n.as_f64().and_then(serde_json::Number::from_f64).map(Value::Number))
            .unwrap_or(Value::Null),
        Y::String(s) => Value::String(s),
        Y::Sequence(items) => items.into_iter().map(|v| json(v, depth + 1)).collect(),
        Y::Mapping(map) => map
            .into_iter()
            .map(|(k, v)| {
                let key = match k {
                    Y::String(s) => s,
                    other => serde_yaml_ng::to_string(&other).unwrap_or_default().trim().to_owned(),
                };
                (key, json(v, depth + 1))
            })
            .collect::<Map<_, _>>()
            .into(),
        Y::Tagged(tagged) => json(tagged.value, depth + 1),
    }
}

/// The lenient way: `key: value`, `key:` followed by `- item` lines; what does not fit is left out
/// of the object but stays in the stored text of the document.
fn by_line(front: &str) -> Map<String, Value> {
    let unquote = |t: &str| t.trim_matches(['"', '\'']).to_owned();
    let mut map = Map::new();
    let mut last: Option<String> = None;
    for line in front.lines() {
        if let Some((key, value)) = pair(line) {
            let value = match value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
                Some(items) => items.split(',').map(|i| Value::String(unquote(i.trim()))).collect(),
                None => Value::String(unquote(value)),
            };
            map.insert(key.to_owned(), value);
            last = Some(key.to_owned());
        } else if let (Some(item), Some(key)) = (line.trim().strip_prefix("- "), &last) {
            let slot = map.entry(key.clone()).or_insert(Value::Null);
            if !slot.is_array() {
                *slot = Value::Array(Vec::new());
            }
            if let Value::Array(items) = slot {
                items.push(Value::String(unquote(item.trim())));
            }
        }
    }
    map
}
