//! A server in the YAML settings of Goose.
//!
//! Owns one entry below a key at the top, which it inserts or cuts out as text, so that every other
//! byte stays; that the text then says what it should is checked by reading it.

use std::ops::Range;

use serde_yaml_ng::{Mapping, Value};

use super::command_line::Program;
use super::edit::{EditError, SERVER, newline};

fn parse(text: &str) -> Result<Mapping, EditError> {
    let value: Value = serde_yaml_ng::from_str(text)
        .map_err(|error| EditError::Parse { format: "YAML", detail: error.to_string() })?;
    match value {
        Value::Null => Ok(Mapping::new()),
        Value::Mapping(mapping) => Ok(mapping),
        _ => Err(EditError::Type { place: "the whole".to_owned(), wanted: "a mapping" }),
    }
}

fn entry(program: &Program) -> Mapping {
    let text = |s: &str| Value::String(s.to_owned());
    let fields = [
        ("name", text(SERVER)),
        ("type", text("stdio")),
        ("cmd", text(&program.path)),
        ("args", Value::Sequence(vec![text("mcp")])),
        ("enabled", Value::Bool(true)),
        ("timeout", Value::Number(300.into())),
    ];
    fields.into_iter().map(|(name, value)| (text(name), value)).collect()
}

/// Returns the fields of the entry; texts are written as JSON, which YAML reads.
fn fields(program: &Program) -> [String; 6] {
    let cmd = serde_json::Value::from(program.path.as_str());
    [
        format!("name: {SERVER}"),
        "type: stdio".to_owned(),
        format!("cmd: {cmd}"),
        "args: [\"mcp\"]".to_owned(),
        "enabled: true".to_owned(),
        "timeout: 300".to_owned(),
    ]
}

/// Returns the lines of the entry, indented.
fn lines(program: &Program, indent: &str) -> Vec<String> {
    let fields = fields(program).map(|field| format!("{indent}{indent}{field}"));
    [format!("{indent}{SERVER}:")].into_iter().chain(fields).collect()
}

/// Returns the text with the entry of the server in it.
pub(super) fn add(text: &str, key: &str, program: &Program) -> Result<String, EditError> {
    let before = parse(text)?;
    let known = match before.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::Mapping(servers)) => servers.get(SERVER),
        Some(_) => return Err(EditError::Type { place: key.to_owned(), wanted: "a mapping" }),
    };
    let wanted = entry(program);
    if let Some(known) = known {
        return updated(text, key, known, program);
    }
    let after = inserted(text, key, program).ok_or_else(|| shape(key))?;
    let mut expected = before.clone();
    let servers = expected.entry(key.into()).or_insert(Value::Null);
    if servers.is_null() {
        *servers = Value::Mapping(Mapping::new());
    }
    if let Value::Mapping(servers) = servers {
        servers.insert(SERVER.into(), Value::Mapping(wanted));
    }
    if parse(&after).ok().as_ref() == Some(&expected) { Ok(after) } else { Err(shape(key)) }
}

/// Returns the text with what we need in the entry that is there; what the user added to it, and
/// whether it is enabled, stays.
fn updated(text: &str, key: &str, known: &Value, program: &Program) -> Result<String, EditError> {
    let wanted = entry(program);
    let differs = |name: &&str| known.get(name) != wanted.get(name);
    let due: Vec<&str> = ["type", "cmd", "args"].into_iter().filter(differs).collect();
    // Served at an address: the user set that up.
    if due.is_empty() || known.get("uri").is_some() {
        return Ok(text.to_owned());
    }
    let own = own_lines(text, key).ok_or_else(|| shape(key))?;
    let (newline, mut block) = (newline(text), text[own.clone()].to_owned());
    for name in due {
        let field =
            fields(program).into_iter().find(|field| field.starts_with(&format!("{name}:")));
        let field = field.ok_or_else(|| shape(key))?;
        let lines: Vec<&str> = block.split_inclusive('\n').collect();
        let (head, rest) = lines.split_first().ok_or_else(|| shape(key))?;
        let first = rest.iter().find(|line| !line.trim().is_empty()).ok_or_else(|| shape(key))?;
        let line = format!("{}{field}{newline}", " ".repeat(width_of(first)));
        let start = format!("{}{name}:", " ".repeat(width_of(first)));
        let is_it = |line: &str| line.starts_with(&start);
        let there = rest.iter().any(|line| is_it(line));
        let kept = rest.iter().map(|old| if is_it(old) { line.as_str() } else { old });
        let kept: String = kept.collect();
        block = if there { format!("{head}{kept}") } else { format!("{head}{line}{kept}") };
    }
    let out = format!("{}{block}{}", &text[..own.start], &text[own.end..]);
    let mut expected = parse(text)?;
    if let Some(entry) = expected.get_mut(key).and_then(|servers| servers.get_mut(SERVER)) {
        for name in ["type", "cmd", "args"] {
            entry[name] = wanted[name].clone();
        }
    }
    if parse(&out).ok().as_ref() == Some(&expected) { Ok(out) } else { Err(shape(key)) }
}

fn inserted(text: &str, key: &str, program: &Program) -> Option<String> {
    let newline = newline(text);
    let block = |indent: &str| -> String {
        lines(program, indent).iter().map(|line| format!("{line}{newline}")).collect()
    };
    let Some((start, end)) = key_line(text, key) else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        return Some(format!("{text}{gap}{key}:{newline}{}", block("  ")));
    };
    let value = text[start..end].split_once(':')?.1.trim();
    let (head, tail) = (&text[..end], &text[end..]);
    let closed = if head.ends_with('\n') { "" } else { newline };
    match value.split('#').next().unwrap_or_default().trim() {
        "" => Some(format!("{head}{closed}{}{tail}", block(&indent_below(tail)))),
        "{}" | "~" | "null" => {
            Some(format!("{}{key}:{newline}{}{tail}", &text[..start], block("  ")))
        }
        _ => None,
    }
}

/// Returns where the line of a key at the top begins and ends.
fn key_line(text: &str, key: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')) {
            return Some((start, start + line.len()));
        }
        start += line.len();
    }
    None
}

/// Returns how far the entries below a key are indented.
fn indent_below(tail: &str) -> String {
    let first = tail.lines().find(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'));
    let width = first.map_or(0, width_of);
    " ".repeat(if width == 0 { 2 } else { width })
}

/// Returns the text without the entry of the server.
pub(super) fn remove(text: &str, key: &str) -> Result<String, EditError> {
    let mut wanted = parse(text)?;
    let Some(Value::Mapping(servers)) = wanted.get_mut(key) else { return Ok(text.to_owned()) };
    if servers.remove(SERVER).is_none() {
        return Ok(text.to_owned());
    }
    let emptied = servers.is_empty();
    let (head, end) = key_line(text, key).ok_or_else(|| shape(key))?;
    let own = own_lines(text, key).ok_or_else(|| shape(key))?;
    // A remark of the user's keeps its line.
    let head_stays = !emptied || text[head..end].contains('#');
    let out = format!(
        "{}{}{}",
        &text[..if head_stays { end } else { head }],
        &text[end..own.start],
        &text[own.end..]
    );
    if head_stays && emptied {
        wanted.insert(key.into(), Value::Null);
    } else if emptied {
        wanted.remove(key);
    }
    if parse(&out).ok().as_ref() == Some(&wanted) { Ok(out) } else { Err(shape(key)) }
}

/// Returns where the lines of our entry are.
fn own_lines(text: &str, key: &str) -> Option<Range<usize>> {
    let (_, mut at) = key_line(text, key)?;
    let mut found: Option<(usize, Range<usize>)> = None;
    for line in text[at..].split_inclusive('\n') {
        let start = at;
        at += line.len();
        let width = width_of(line);
        if line.trim().is_empty() {
            continue;
        }
        match &mut found {
            Some((own, _)) if width <= *own => break,
            Some((_, range)) => range.end = at,
            None if width == 0 && !line.starts_with(['#', '-']) => return None,
            None => {
                let bare = line.split('#').next().unwrap_or_default().trim();
                found = (bare == format!("{SERVER}:")).then_some((width, start..at));
            }
        }
    }
    found.map(|(_, range)| range)
}

/// Returns how far a line is indented.
fn width_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn shape(key: &str) -> EditError {
    EditError::Shape(format!("{key}.{SERVER}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cemem_ingest::discover::Os;

    const KEY: &str = "extensions";

    #[test]
    fn the_entry_comes_and_goes_and_nothing_else_moves() {
        let program = Program::new("/opt/my tools/cemem", Os::Linux);
        for text in [
            "",
            "GOOSE_MODEL: x # mine\n",
            "GOOSE_MODEL: x",
            "extensions:\n    developer:\n        enabled: true\n# end\nOTHER: 1\n",
            "a: 1\r\nextensions: # all\r\n  x:\r\n    enabled: false\r\n",
            "extensions: {}\nb: 2\n",
            "extensions:\nb: 2\n",
        ] {
            let with = add(text, KEY, &program).unwrap();
            assert!(with.contains("cmd: \"/opt/my tools/cemem\""), "{with}");
            assert_eq!(add(&with, KEY, &program).unwrap(), with);
            for line in text.lines().filter(|l| *l != "extensions: {}") {
                assert!(with.lines().any(|l| l == line), "{line:?} in {with}");
            }
            let without = remove(&with, KEY).unwrap();
            let mut expected = parse(text).unwrap();
            expected.retain(|_, v| !v.is_null() && *v != Value::Mapping(Mapping::new()));
            assert_eq!(parse(&without).unwrap(), expected, "{without}");
        }
    }

    #[test]
    fn what_the_user_added_or_remarked_stays() {
        let program = Program::new("/new/cemem", Os::Linux);
        let old = "extensions:\n  cemem: # mine\n    enabled: false\n    cmd: /old\n    type: stdio\n    envs:\n      A: b\n  x:\n    enabled: true\n";
        let new = add(old, KEY, &program).unwrap();
        let expected = old
            .replace("/old", "\"/new/cemem\"")
            .replace("# mine\n", "# mine\n    args: [\"mcp\"]\n");
        assert_eq!(new, expected);
        let remarked = "extensions: # all my tools\n  # none yet\nb: 1\n";
        let with = add(remarked, KEY, &program).unwrap();
        assert_eq!(remove(&with, KEY).unwrap(), remarked);
    }

    #[test]
    fn what_cannot_be_changed_is_left() {
        let program = Program::new("cemem", Os::Linux);
        for (text, kind) in [
            ("extensions: [a]\n", "Type"),
            ("extensions: { a: { enabled: true } }\n", "Shape"),
            ("- a\n", "Type"),
            ("a: [\n", "Parse"),
        ] {
            let error = add(text, KEY, &program).unwrap_err();
            assert!(format!("{error:?}").starts_with(kind), "{text}: {error:?}");
        }
    }
}
