//! Properties over generated settings files: nothing of the user's is lost, and the way back leads to
//! the same bytes.

use cemem_core::project::Home;
use cemem_ingest::discover::Os;
use cemem_ingest::engines::setup::McpForm;
use cemem_ingest::engines::{ENGINES, engine};
use jsonc_parser::cst::CstRootNode;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::command_line::Program;
use super::edit::{Part, with, without};
use super::journal::Journal;
use super::plan::{self, Wish};

/// How a settings file is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    indent: usize,
    crlf: bool,
    bom: bool,
    comments: bool,
    trailing_commas: bool,
    final_newline: bool,
    one_line: bool,
}

fn layouts() -> impl Strategy<Value = Layout> {
    (0_usize..5, any::<[bool; 5]>(), prop::bool::weighted(0.2)).prop_map(
        |(indent, [crlf, bom, comments, trailing_commas, final_newline], one_line)| Layout {
            indent,
            crlf,
            bom,
            comments,
            trailing_commas,
            final_newline,
            one_line,
        },
    )
}

/// Writes a value the way a person might have.
fn write(value: &Value, layout: Layout, depth: usize, out: &mut String) {
    let pad = |depth: usize| " ".repeat(layout.indent * depth);
    let (open, close, items): (_, _, Vec<(Option<&String>, &Value)>) = match value {
        Value::Object(fields) => ('{', '}', fields.iter().map(|(k, v)| (Some(k), v)).collect()),
        Value::Array(items) => ('[', ']', items.iter().map(|v| (None, v)).collect()),
        other => return out.push_str(&other.to_string()),
    };
    out.push(open);
    let n = items.len();
    for (at, (key, item)) in items.into_iter().enumerate() {
        out.push('\n');
        out.push_str(&pad(depth + 1));
        if layout.comments && at % 2 == 0 {
            out.push_str("// of the user's, \"quoted\" { [\n");
            out.push_str(&pad(depth + 1));
        }
        if let Some(key) = key {
            out.push_str(&format!("{}: ", Value::from(key.as_str())));
        }
        write(item, layout, depth + 1, out);
        if at + 1 < n || layout.trailing_commas {
            out.push(',');
        }
    }
    if n > 0 {
        out.push('\n');
        out.push_str(&pad(depth));
    }
    out.push(close);
}

fn text(value: &Value, layout: Layout) -> String {
    let mut out = String::new();
    if layout.one_line {
        out.push_str(&value.to_string());
    } else {
        write(value, layout, 0, &mut out);
    }
    if layout.final_newline {
        out.push('\n');
    }
    if layout.crlf {
        out = out.replace('\n', "\r\n");
    }
    if layout.bom { format!("\u{feff}{out}") } else { out }
}

fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-zA-Z0-9 /\\\\\"{}é,:-]{0,12}".prop_map(Value::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// A hook of somebody else's.
fn other_hooks() -> impl Strategy<Value = Value> {
    prop::collection::vec("[a-z ./-]{1,20}", 0..3).prop_map(|lines| {
        let group =
            |line: String| serde_json::json!({ "hooks": [{ "type": "command", "command": line }] });
        Value::Array(lines.into_iter().map(group).collect())
    })
}

/// Settings with whatever else, and hooks and servers of others.
fn settings() -> impl Strategy<Value = Value> {
    let others = prop::collection::btree_map("[a-zA-Z]{1,8}", values(), 0..5);
    let hooks = prop::option::of(prop::collection::btree_map(
        prop_oneof!["SessionStart", "Stop", "BeforeAgent", "[A-Z][a-z]{3,6}"],
        other_hooks(),
        0..4,
    ));
    let servers = prop::option::of(prop::collection::btree_map("[a-z]{1,5}", values(), 0..3));
    (others, hooks, servers).prop_map(|(others, hooks, servers)| {
        let mut all: Map<String, Value> = others.into_iter().collect();
        all.remove("hooks");
        all.remove("mcpServers");
        let object = |m: std::collections::BTreeMap<String, Value>| {
            Value::Object(m.into_iter().filter(|(k, _)| k != "cemem").collect())
        };
        all.extend(hooks.map(|m| ("hooks".to_owned(), object(m))));
        all.extend(servers.map(|m| ("mcpServers".to_owned(), object(m))));
        Value::Object(all)
    })
}

fn parts() -> Vec<Part> {
    let hooks = |name: &str| engine(name).unwrap().hooks.unwrap();
    vec![
        Part::Hooks("claude-code", hooks("claude-code")),
        Part::Hooks("gemini-cli", hooks("gemini-cli")),
        Part::Mcp(McpForm::Json("mcpServers")),
    ]
}

fn program() -> Program {
    Program::new("/opt/my tools/cemem", Os::Linux)
}

/// Returns what a text says, comments and trailing commas aside.
fn said(text: &str) -> Value {
    let body = text.trim_start_matches('\u{feff}');
    let root = CstRootNode::parse(body, &jsonc_parser::ParseOptions::default()).unwrap();
    root.to_serde_value().unwrap()
}

/// Returns the settings without what an emptied list or object leaves.
fn without_empty_places(mut value: Value) -> Value {
    let empty = |v: &Value| {
        v.as_object().is_some_and(Map::is_empty) || v.as_array().is_some_and(Vec::is_empty)
    };
    if let Some(hooks) = value.get_mut("hooks").and_then(Value::as_object_mut) {
        hooks.retain(|_, list| !empty(list));
    }
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, v| !(["hooks", "mcpServers"].contains(&name.as_str()) && empty(v)));
    }
    value
}

/// Takes everything of ours out of what a text says.
fn stripped(mut value: Value) -> Value {
    if let Some(hooks) = value.get_mut("hooks").and_then(Value::as_object_mut) {
        for list in hooks.values_mut().filter_map(Value::as_array_mut) {
            list.retain(|group| !group.to_string().contains("/cemem' hook "));
        }
    }
    if let Some(servers) = value.get_mut("mcpServers").and_then(Value::as_object_mut) {
        servers.remove("cemem");
    }
    without_empty_places(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn everything_of_the_users_stays(value in settings(), layout in layouts()) {
        let old = text(&value, layout);
        let new = with(&old, &parts(), &program()).unwrap();
        prop_assert_eq!(stripped(said(&new)), without_empty_places(value.clone()));
        // Line by line, in order: nothing was rewritten but for commas and line ends.
        let bare = |l: &str| l.trim().trim_end_matches([',', '{', '}', '[', ']']).trim().to_owned();
        let mut lines = new.lines().map(bare);
        for line in old.lines().map(bare).filter(|l| !(l.is_empty() || layout.one_line)) {
            prop_assert!(lines.any(|l| l == line), "{:?} is not in {}", line, new);
        }
        prop_assert_eq!(new.starts_with('\u{feff}'), layout.bom);
        prop_assert_eq!(with(&new, &parts(), &program()).unwrap(), new.clone(), "a second time");
        if layout.crlf && old.contains('\n') {
            prop_assert!(!new.replace("\r\n", "").contains('\n'), "{:?}", new);
        }
        let taken = without(&new, &parts()).unwrap();
        prop_assert_eq!(without_empty_places(said(&taken)), without_empty_places(value));
    }

    #[test]
    fn init_then_undo_is_the_same_bytes(
        files in prop::collection::vec(prop::option::of((settings(), layouts())), 1..4),
        again in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().join("cemem"));
        let mut wishes = Vec::new();
        let mut before = Vec::new();
        for (n, file) in files.iter().enumerate() {
            let path = dir.path().join(format!("deep/{n}/settings.json"));
            let old = file.as_ref().map(|(value, layout)| text(value, *layout));
            if let Some(old) = &old {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, old).unwrap();
            }
            let all = parts().into_iter().map(|part| ("claude-code", part));
            wishes.push(Wish { path: path.clone(), labels: Vec::new(), parts: all.collect() });
            before.push((path, old));
        }
        for _ in 0..=usize::from(again) {
            let all: Vec<_> = wishes.iter().map(|w| plan::change(w, &program()).unwrap()).collect();
            Journal::open(&home).unwrap().write(&all, "p").unwrap();
        }
        for (path, old) in &before {
            prop_assert_ne!(&plan::read(path).unwrap(), old);
        }
        let mut journal = Journal::open(&home).unwrap();
        let back = journal.way_back("p");
        prop_assert!(back.shared.is_empty());
        let back: Vec<_> = back.changes.into_iter().map(Result::unwrap).collect();
        journal.undo(&back, "p").unwrap();
        for (path, old) in &before {
            prop_assert_eq!(&plan::read(path).unwrap(), old);
            prop_assert_eq!(path.parent().unwrap().exists(), old.is_some());
        }
        prop_assert_eq!(journal.way_back("p").changes.len(), 0);
    }
}

/// Returns a file of text with these tables, and what a user may write behind it.
fn tables(form: McpForm, names: &[String], others: bool) -> (String, String) {
    let toml = matches!(form, McpForm::Toml(_));
    let table = |(n, name): (usize, &String)| match toml {
        true => format!("# of {name}, above\n[{name}{n}]\nx = {n} # mine\n\n"),
        false => format!("# of {name}, above\n{name}{n}:\n  x: {n} # mine\n\n"),
    };
    let mut text: String = names.iter().enumerate().map(table).collect();
    if others && toml {
        text.push_str("[mcp_servers.other] # theirs\ncommand = \"x\"\n");
    } else if others {
        text.insert_str(0, "extensions: # theirs\n    other:\n        enabled: true\n# end\n");
    }
    (text, format!("\n{}", table((99, &"tail".to_owned()))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn toml_and_yaml_keep_every_line_also_when_edited_before_undo(
        names in prop::collection::vec("[a-z]{1,6}", 0..4),
        [toml, others, crlf, last] in any::<[bool; 4]>(),
    ) {
        let form = if toml { McpForm::Toml("mcp_servers") } else { McpForm::Yaml("extensions") };
        let (mut old, mut tail) = tables(form, &names, others);
        if !last {
            old.truncate(old.trim_end().len());
        }
        if crlf {
            (old, tail) = (old.replace('\n', "\r\n"), tail.replace('\n', "\r\n"));
        }
        let parts = [Part::Mcp(form)];
        let new = with(&old, &parts, &program()).unwrap();
        prop_assert!(new.contains("/opt/my tools/cemem"), "{}", new);
        prop_assert_eq!(with(&new, &parts, &program()).unwrap(), new.clone(), "a second time");
        let moved = with(&new, &parts, &Program::new("/b/cemem", Os::Linux)).unwrap();
        prop_assert_eq!(moved.replace("/b/cemem", "/opt/my tools/cemem"), new.clone());
        let taken = without(&format!("{new}{tail}"), &parts).unwrap();
        prop_assert!(!taken.contains("cemem"), "{}", taken);
        let mut lines = taken.lines();
        for line in old.lines().chain(tail.lines()).filter(|line| !line.is_empty()) {
            prop_assert!(lines.any(|l| l == line), "{:?} is not in {}", line, taken);
        }
    }

    #[test]
    fn every_json_form_comes_and_goes_in_files_in_use(
        value in settings(),
        layout in layouts(),
        row in 0..ENGINES.len(),
    ) {
        let row = ENGINES[row];
        let hooks = row.hooks.map(|hooks| Part::Hooks(row.name, hooks));
        let mcp = row.mcp.map(|mcp| Part::Mcp(mcp.form));
        let is_json = |part: &Part| !matches!(part, Part::Mcp(McpForm::Toml(_) | McpForm::Yaml(_)));
        let parts: Vec<Part> = hooks.into_iter().chain(mcp).filter(is_json).collect();
        let old = text(&value, layout);
        // A key of the user's may happen to be one of the engine's, of another type.
        let new = with(&old, &parts, &program());
        prop_assume!(new.is_ok());
        let new = new.unwrap();
        prop_assert_eq!(with(&new, &parts, &program()).unwrap(), new.clone(), "a second time");
        let edited = format!("{new}\n// the user's\n");
        let taken = without(&edited, &parts).unwrap();
        prop_assert!(taken.ends_with("// the user's\n") && !taken.contains("/cemem"), "{}", taken);
        let mut left = said(&taken);
        if value.get("version").is_none() && let Some(fields) = left.as_object_mut() {
            fields.remove("version");
        }
        prop_assert_eq!(without_empty_places(left), without_empty_places(value));
    }
}

#[test]
fn every_form_of_every_engine_comes_and_goes() {
    for row in ENGINES {
        let hooks = row.hooks.map(|hooks| Part::Hooks(row.name, hooks));
        let mcp = row.mcp.map(|mcp| Part::Mcp(mcp.form));
        for part in hooks.into_iter().chain(mcp) {
            let new = with("", &[part], &program()).unwrap();
            assert!(new.contains("cemem") && new.ends_with('\n'), "{}: {new}", row.name);
            assert_eq!(with(&new, &[part], &program()).unwrap(), new, "{}", row.name);
            let moved = with(&new, &[part], &Program::new("cemem", Os::Linux)).unwrap();
            assert!(!moved.contains("my tools"), "{}: {moved}", row.name);
            let bare = without(&moved, &[part]).unwrap();
            assert!(!bare.contains("cemem"), "{}: {bare}", row.name);
        }
    }
}

#[test]
fn a_remark_in_what_is_emptied_stays() {
    let old = "{\n  \"hooks\": {\n    // none yet\n  },\n  \"mcpServers\": {} // mine\n}\n";
    let taken = without(&with(old, &parts(), &program()).unwrap(), &parts()).unwrap();
    assert!(taken.contains("// none yet") && taken.contains("// mine"), "{taken}");
    assert!(!taken.contains("cemem"), "{taken}");
}

#[test]
fn wrong_types_are_named_and_left() {
    for (old, place) in [
        ("[]", "the whole"),
        ("{\"hooks\": []}", "hooks"),
        ("{\"hooks\": {\"Stop\": \"x\"}}", "hooks.Stop"),
        ("{\"mcpServers\": 7}", "mcpServers"),
        ("{\"a\": }", "no valid JSON"),
        ("{'a': 1}", "no valid JSON"),
    ] {
        let error = with(old, &parts(), &program()).unwrap_err().to_string();
        assert!(error.contains(place), "{old}: {error}");
    }
}
