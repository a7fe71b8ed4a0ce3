//! JSON as reports hold it: the shape of a cut-off start, and lenient access to fields.
//!
//! Owns [`start`] and the small accessors. Must not know any format.

use serde_json::Value;

/// Longest start looked at.
const LOOK: usize = 64 * 1024;

/// Returns the JSON value at the start of `text` as far as it goes: what is cut off is left out and
/// what is open is closed. `None` unless it begins as an object or a list.
pub(crate) fn start(text: &str) -> Option<Value> {
    let text = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut end = text.len().min(LOOK);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (safe, open) = complete(&text.as_bytes()[..end])?;
    let mut whole = text[..safe].to_owned();
    whole.extend(open.iter().rev().map(|b| char::from(*b)));
    serde_json::from_str(&whole).ok()
}

/// The end of the last complete piece, and the closing brackets that are missing there.
fn complete(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut open = Vec::new();
    let mut safe: Option<(usize, Vec<u8>)> = None;
    let (mut in_string, mut escaped) = (false, false);
    for (i, b) in bytes.iter().enumerate() {
        if in_string {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if *b == b'{' { b'}' } else { b']' });
                safe = Some((i + 1, open.clone()));
            }
            b'}' | b']' => {
                if open.pop() != Some(*b) {
                    return None;
                }
                safe = Some((i + 1, open.clone()));
                if open.is_empty() {
                    return safe;
                }
            }
            b',' => safe = Some((i, open.clone())),
            _ => {}
        }
    }
    safe
}

/// Returns the text at a pointer, unless it is empty or no text.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|t| !t.trim().is_empty())
}

/// Like [`text`], as an owned string.
pub(super) fn owned(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).map(str::to_owned)
}

/// Returns the number at a pointer; numbers written as text or with a fraction count.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    match value.pointer(pointer)? {
        Value::Number(n) => n.as_u64().or_else(|| whole(n.as_f64()?)),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number in range is checked for"
)]
fn whole(n: f64) -> Option<u64> {
    (n.fract() == 0.0 && (0.0..9e15).contains(&n)).then_some(n as u64)
}

/// Returns the list at a pointer; anything else is an empty one.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns whether an object has all these keys.
pub(super) fn has(value: &Value, keys: &[&str]) -> bool {
    value.as_object().is_some_and(|map| keys.iter().all(|k| map.contains_key(*k)))
}

/// Returns an id as text, whether it is written as a number or as text.
pub(super) fn id(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        _ => None,
    }
}

/// Reads a whole document.
pub(super) fn parse(text: &str) -> Result<Value, crate::source::Malformed> {
    serde_json::from_str(text).map_err(|e| crate::source::Malformed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cut_document_keeps_what_is_complete() {
        let whole = r#"{"a":[{"b":"x,}\"y","c":1},{"d":null}],"e":tr"#;
        let all = json!({"a":[{"b":"x,}\"y","c":1},{"d":null}]});
        assert_eq!(start(whole), Some(all.clone()));
        assert_eq!(start(&whole[..12]), Some(json!({"a":[{}]})));
        assert_eq!(start(&whole[..22]), Some(json!({"a":[{"b":"x,}\"y"}]})));
        for cut in 1..whole.len() {
            assert!(start(&whole[..cut]).is_some(), "{cut}");
        }
        assert_eq!(start("[]garbage"), Some(json!([])));
        for none in ["", "x", "\"{\"", "{]"] {
            assert_eq!(start(none), None, "{none}");
        }
        assert_eq!(start(&"[".repeat(100_000)), None, "too deep");
    }

    #[test]
    fn fields_of_another_shape_are_absent() {
        let v = json!({"n":"12","f":3.0,"h":2.5,"t":" ","l":{},"i":7});
        assert_eq!(number(&v, "/n"), Some(12));
        assert_eq!(number(&v, "/f"), Some(3));
        assert_eq!(number(&v, "/h"), None);
        assert_eq!(text(&v, "/t"), None);
        assert!(list(&v, "/l").is_empty());
        assert_eq!(id(&v, "/i").as_deref(), Some("7"));
    }
}
