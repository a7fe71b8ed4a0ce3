//! The log of changes newer versions write instead of a document.
//!
//! Owns what an entry does to the chat. Must not know what a chat holds.

use serde_json::Value;

/// Longest list an entry may make: an index far beyond the end is no change but a flaw.
const MAX_LIST: usize = 1 << 20;

/// Does to `chat` what an entry says; returns whether it could.
///
/// `{"kind":0,"v"}` is the whole chat, 1 sets what stands at the path `k`, 2 cuts the list there to
/// `i` and appends `v`, 3 removes.
pub(super) fn apply(chat: &mut Value, entry: &mut Value) -> bool {
    let kind = entry.get("kind");
    let kind = kind.and_then(|k| k.as_u64().or_else(|| k.as_str()?.parse().ok()));
    let value = entry.get_mut("v").map(Value::take);
    let path = match entry.get("k") {
        Some(Value::Array(path)) => path.as_slice(),
        _ => &[],
    };
    match kind {
        Some(0) => value.is_some_and(|value| {
            *chat = value;
            chat.is_object()
        }),
        Some(1) => set(chat, path, value.unwrap_or_default()),
        Some(2) => {
            let cut = entry.get("i").and_then(Value::as_u64);
            push(chat, path, value, cut)
        }
        Some(3) => remove(chat, path),
        _ => false,
    }
}

fn step<'a>(value: &'a mut Value, key: &Value) -> Option<&'a mut Value> {
    match key {
        Value::String(key) => value.as_object_mut()?.get_mut(key),
        key => value.as_array_mut()?.get_mut(place(key)?),
    }
}

fn place(key: &Value) -> Option<usize> {
    usize::try_from(key.as_u64()?).ok()
}

fn parent<'a, 'k>(chat: &'a mut Value, path: &'k [Value]) -> Option<(&'a mut Value, &'k Value)> {
    let (last, way) = path.split_last()?;
    Some((way.iter().try_fold(chat, step)?, last))
}

fn set(chat: &mut Value, path: &[Value], value: Value) -> bool {
    match parent(chat, path) {
        Some((Value::Object(fields), Value::String(key))) => {
            fields.insert(key.clone(), value);
            true
        }
        Some((Value::Array(items), key)) => match place(key) {
            Some(at) if at < items.len() => {
                items[at] = value;
                true
            }
            Some(at) if at == items.len() && at < MAX_LIST => {
                items.push(value);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn push(chat: &mut Value, path: &[Value], values: Option<Value>, cut: Option<u64>) -> bool {
    let Some((parent, key)) = parent(chat, path) else { return false };
    let list = match (parent, key) {
        (Value::Object(fields), Value::String(key)) => {
            fields.entry(key.clone()).or_insert_with(|| Value::Array(Vec::new()))
        }
        (parent, key) => match step(parent, key) {
            Some(list) => list,
            None => return false,
        },
    };
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    let Value::Array(list) = list else { return false };
    if let Some(cut) = cut {
        match usize::try_from(cut) {
            Ok(cut) if cut <= list.len() => list.truncate(cut),
            _ => return false,
        }
    }
    match values {
        Some(Value::Array(values)) => list.extend(values),
        None | Some(Value::Null) => {}
        Some(_) => return false,
    }
    true
}

fn remove(chat: &mut Value, path: &[Value]) -> bool {
    match parent(chat, path) {
        Some((Value::Object(fields), Value::String(key))) => fields.remove(key).is_some(),
        Some((Value::Array(items), key)) => match place(key) {
            Some(at) if at < items.len() => {
                items.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}
