//! A server in TOML settings.
//!
//! Owns one table, which it appends or cuts out as text, so that every other byte stays; that the text
//! then says what it should is checked by reading it.

use std::ops::Range;

use ::toml::de::DeTable;
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
    if servers.is_some_and(|servers| servers.contains_key(SERVER)) {
        return updated(text, key, program);
    }
    let newline = newline(text);
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") || text.ends_with("\n\r\n") => "",
        text if text.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    let head = format!("[{key}.{SERVER}]{newline}");
    let fields = fields(program).map(|(name, value)| format!("{name} = {value}{newline}"));
    let after = format!("{text}{gap}{head}{}", fields.concat());
    let mut wanted = before.clone();
    put_fields(&mut wanted, key, program);
    // `mcp_servers = { … }` and the like cannot be added to from below.
    if parse(&after).ok().as_ref() == Some(&wanted) { Ok(after) } else { Err(shape(key)) }
}

fn fields(program: &Program) -> [(&'static str, Value); 2] {
    [("command", program.path.as_str().into()), ("args", Value::Array(vec!["mcp".into()]))]
}

/// Puts what we need into settings that were read.
fn put_fields(settings: &mut Table, key: &str, program: &Program) {
    let mut at = settings;
    for name in [key, SERVER] {
        let below = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(table) = below else { return };
        at = table;
    }
    at.extend(fields(program).map(|(name, value)| (name.to_owned(), value)));
}

/// Returns the text with what we need in the table that is there; what the user added to it stays.
fn updated(text: &str, key: &str, program: &Program) -> Result<String, EditError> {
    let mut out = text.to_owned();
    for (name, value) in fields(program) {
        let place = place_of(&out, key, name).ok_or_else(|| shape(key))?;
        match place {
            Place::Served => return Ok(text.to_owned()),
            Place::Value(span)
                if ::toml::from_str::<Table>(&format!("v = {}", &out[span.clone()]))
                    .is_ok_and(|said| said.get("v") == Some(&value)) => {}
            Place::Value(span) => out.replace_range(span, &value.to_string()),
            Place::Before(at) => out.insert_str(at, &format!("{name} = {value}{}", newline(text))),
        }
    }
    let mut wanted = parse(text)?;
    put_fields(&mut wanted, key, program);
    if parse(&out).ok().as_ref() == Some(&wanted) { Ok(out) } else { Err(shape(key)) }
}

/// Where a field of our entry is to be written.
enum Place {
    /// The server is reached at an address: the user set that up.
    Served,
    /// In place of this value.
    Value(Range<usize>),
    /// As a line before the first field.
    Before(usize),
}

fn place_of(text: &str, key: &str, name: &str) -> Option<Place> {
    let settings = DeTable::parse(text).ok()?;
    let entry = settings.get_ref().get(key)?.get_ref().get(SERVER)?.get_ref().as_table()?;
    if entry.get("url").is_some() {
        return Some(Place::Served);
    }
    match entry.get(name) {
        Some(value) => Some(Place::Value(value.span())),
        None => Some(Place::Before(entry.keys().map(|k| k.span().start).min()?)),
    }
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
    // What stands above the next table belongs to that, or to nobody.
    let mut above = String::new();
    for line in text.split_inclusive('\n') {
        let head = line.trim();
        if head.starts_with('[') {
            let name = head.trim_matches(['[', ']', ' ']).replace([' ', '"', '\''], "");
            let own = format!("{key}.{SERVER}");
            inside = name == own || name.starts_with(&format!("{own}."));
        }
        if !inside {
            out.push_str(&std::mem::take(&mut above));
            out.push_str(line);
        } else if head.starts_with('#') || head.is_empty() && !above.is_empty() {
            above.push_str(line);
        } else {
            above.clear();
        }
    }
    out.push_str(&above);
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
    fn comments_between_tables_stay_where_ours_goes() {
        let text = "a = 1\n\n[mcp_servers.cemem]\n# ours\ncommand = \"x\"\n\n# of x\n\n# more\n[profiles.x]\nb = 1\n";
        let without = remove(text, "mcp_servers").unwrap();
        assert_eq!(without, "a = 1\n\n# of x\n\n# more\n[profiles.x]\nb = 1\n");
        let last = "[mcp_servers.cemem]\ncommand = \"x\"\n\n# the end\n";
        assert_eq!(remove(last, "mcp_servers").unwrap(), "# the end\n");
    }

    #[test]
    fn an_older_entry_keeps_what_its_user_added() {
        let old = "[mcp_servers.cemem]\ncommand = \"/old\" # mine\nenabled = false\n\n[mcp_servers.cemem.env]\nA = \"b\"\n\n[tail]\nx = 1\n";
        let new = add(old, "mcp_servers", &program()).unwrap();
        let expected =
            old.replace("/old", "C:/P F/cemem.exe").replacen(']', "]\nargs = [\"mcp\"]", 1);
        assert_eq!(new, expected);
        let inline =
            "[mcp_servers]\ncemem = { command = \"/old\", args = [ \"mcp\" ], enabled = false }\n";
        let new = add(inline, "mcp_servers", &program()).unwrap();
        assert_eq!(new, inline.replace("/old", "C:/P F/cemem.exe"));
        let served = "[mcp_servers.cemem]\nurl = \"http://localhost:1/mcp\"\n";
        assert_eq!(add(served, "mcp_servers", &program()).unwrap(), served);
    }

    #[test]
    fn what_cannot_be_changed_is_left() {
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
