//! A server in TOML settings.
//!
//! Owns one table, which it appends or cuts out as text, so that every other byte stays; that the text
//! then says what it should is checked by reading it.

use ::toml::{Table, Value};

use super::command_line::Program;
use super::edit::{EditError, SERVER, newline};

fn parse(text: &str) -> Result<Table, EditError> {
    ::toml::from_str(text)
        .map_err(|error| EditError::Parse { format: "TOML", detail: error.message().to_owned() })
}

/// Returns the text with the table of the server in it.
pub(super) fn add(text: &str, key: &str, program: &Program) -> Result<String, EditError> {
    let before = parse(text)?;
    let servers = match before.get(key) {
        None => None,
        Some(Value::Table(servers)) => Some(servers),
        Some(_) => return Err(EditError::Type { place: key.to_owned(), wanted: "a table" }),
    };
    let known = servers.and_then(|servers| servers.get(SERVER));
    let says = |name: &str| known.and_then(|known| known.get(name));
    let args = Value::Array(vec!["mcp".into()]);
    if says("command").and_then(Value::as_str) == Some(&program.path) && says("args") == Some(&args)
    {
        return Ok(text.to_owned());
    }
    let rest = remove(text, key)?;
    let newline = newline(text);
    let command = Value::String(program.path.clone());
    let gap = match rest.as_str() {
        "" => "",
        rest if rest.ends_with("\n\n") || rest.ends_with("\n\r\n") => "",
        rest if rest.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    let lines =
        [format!("[{key}.{SERVER}]"), format!("command = {command}"), format!("args = {args}")];
    let table: String = lines.iter().map(|line| format!("{line}{newline}")).collect();
    let after = format!("{rest}{gap}{table}");
    let mut wanted = parse(&rest)?;
    let entry = Table::from_iter([("command".to_owned(), command), ("args".to_owned(), args)]);
    let servers = wanted.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(servers) = servers {
        servers.insert(SERVER.to_owned(), Value::Table(entry));
    }
    // `mcp_servers = { … }` and the like cannot be added to from below.
    if parse(&after).ok().as_ref() == Some(&wanted) { Ok(after) } else { Err(shape(key)) }
}

/// Returns the text without the table of the server.
pub(super) fn remove(text: &str, key: &str) -> Result<String, EditError> {
    let mut wanted = parse(text)?;
    let Some(Value::Table(servers)) = wanted.get_mut(key) else { return Ok(text.to_owned()) };
    if servers.remove(SERVER).is_none() {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let head = line.trim();
        if head.starts_with('[') {
            let name = head.trim_matches(['[', ']', ' ']).replace([' ', '"', '\''], "");
            let own = format!("{key}.{SERVER}");
            inside = name == own || name.starts_with(&format!("{own}."));
        }
        if !inside {
            out.push_str(line);
        }
    }
    let said = parse(&out)?;
    // The table of servers may have been there only for ours.
    if wanted.get(key) == Some(&Value::Table(Table::new())) && !said.contains_key(key) {
        wanted.remove(key);
    }
    if said == wanted { Ok(out) } else { Err(shape(key)) }
}

fn shape(key: &str) -> EditError {
    EditError::Shape(format!("{key}.{SERVER}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cemem_ingest::discover::Os;

    fn program() -> Program {
        Program::new("C:\\P F\\cemem.exe", Os::Windows)
    }

    #[test]
    fn the_table_comes_and_goes_and_nothing_else_moves() {
        for text in [
            "",
            "model = \"o3\" # mine\n",
            "model = \"o3\"",
            "a = 1\r\n\r\n[mcp_servers.x]\r\ncommand = \"y\"\r\n",
            "[mcp_servers]\nother = { command = \"x\" }\n\n[features]\nx = true\n\n",
        ] {
            let with = add(text, "mcp_servers", &program()).unwrap();
            assert!(with.starts_with(text), "{with}");
            assert!(with.contains("command = \"C:/P F/cemem.exe\""), "{with}");
            assert_eq!(add(&with, "mcp_servers", &program()).unwrap(), with);
            assert!(!text.contains('\r') || !with.replace("\r\n", "").contains('\n'), "{with:?}");
            let more = format!("{with}\n[profiles.x]\nmodel = \"y\"\n");
            let without = remove(&more, "mcp_servers").unwrap();
            let expected = format!("{text}\n[profiles.x]\nmodel = \"y\"\n");
            assert_eq!(parse(&without).unwrap(), parse(&expected).unwrap(), "{without}");
        }
    }

    #[test]
    fn an_older_entry_is_replaced_and_what_cannot_be_changed_is_left() {
        let old = "[mcp_servers.cemem]\ncommand = \"/old\"\nargs = [\"mcp\"]\n\n[tail]\nx = 1\n";
        let new = add(old, "mcp_servers", &program()).unwrap();
        assert!(!new.contains("/old") && new.starts_with("[tail]"), "{new}");
        for (text, kind) in [
            ("mcp_servers = 1\n", "Type"),
            ("mcp_servers = { x = { command = \"y\" } }\n", "Shape"),
            ("= 1\n", "Parse"),
        ] {
            let error = add(text, "mcp_servers", &program()).unwrap_err();
            assert!(format!("{error:?}").starts_with(kind), "{error:?}");
        }
    }
}
