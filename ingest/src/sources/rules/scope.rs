//! Which files a rule file is about: globs of its front matter, or the folder it lies in.
//!
//! Owns the keys the tools use for them. Must not match anything.

use serde_json::{Map, Value};

/// Keys of front matter that hold globs: `paths` of Claude Code, `globs` of Cursor, `applyTo` of
/// Copilot.
const KEYS: &[&str] = &["paths", "globs", "applyTo", "applyto", "glob"];
/// Most globs of one file.
const MAX_GLOBS: usize = 16;

/// Returns the globs of a file in `home` (a folder relative to the repository, or empty); none for a
/// file about everything.
pub(super) fn globs(front: &Map<String, Value>, home: &str) -> Vec<String> {
    let always = matches!(front.get("alwaysApply"), Some(Value::Bool(true)));
    let mut found: Vec<String> = Vec::new();
    for value in KEYS.iter().filter_map(|k| front.get(*k)).filter(|_| !always) {
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for glob in texts.into_iter().flat_map(split).flat_map(|g| expand(&g)) {
            let glob = rooted(&glob, home);
            if found.len() < MAX_GLOBS && !glob.is_empty() && !found.contains(&glob) {
                found.push(glob);
            }
        }
    }
    if found.iter().any(|g| matches!(g.as_str(), "**" | "**/*" | "*")) {
        found.clear();
    }
    if found.is_empty() && !home.is_empty() {
        found.push(format!("{home}/**"));
    }
    found
}

/// Returns the parts between commas that are not in braces.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in text.chars().take(2000) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts.iter().map(|p| p.trim().trim_matches(['"', '\'', '[', ']']).trim().to_owned()).collect()
}

/// Returns a glob without braces: `*.{ts,tsx}` is two.
fn expand(glob: &str) -> Vec<String> {
    let mut open = vec![glob.to_owned()];
    let mut done = Vec::new();
    while let Some(glob) = open.pop() {
        let pair = glob.find('{').and_then(|from| Some((from, from + glob[from..].find('}')?)));
        match pair {
            Some((from, to)) if open.len() + done.len() < MAX_GLOBS => {
                let choices = glob[from + 1..to].split(',').rev().take(MAX_GLOBS);
                open.extend(
                    choices.map(|c| format!("{}{}{}", &glob[..from], c.trim(), &glob[to + 1..])),
                );
            }
            _ => done.push(glob),
        }
    }
    done.truncate(MAX_GLOBS);
    done
}

/// Returns a glob as seen from the repository. One without a folder means files in any folder.
fn rooted(glob: &str, home: &str) -> String {
    let glob = glob.trim_start_matches("./").trim_start_matches('/');
    let deep = if glob.contains('/') || !glob.contains('*') || glob == "**" {
        glob.to_owned()
    } else {
        format!("**/{glob}")
    };
    if home.is_empty() || deep.is_empty() { deep } else { format!("{home}/{deep}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(front: &Value, home: &str) -> Vec<String> {
        globs(front.as_object().unwrap(), home)
    }

    #[test]
    fn every_tools_globs_are_understood() {
        let claude = json!({"paths": ["src/api/**/*.ts", "{lib,app}/*.js"]});
        assert_eq!(of(&claude, ""), ["src/api/**/*.ts", "lib/*.js", "app/*.js"]);
        assert_eq!(of(&json!({"globs": "*.ts, *.tsx"}), ""), ["**/*.ts", "**/*.tsx"]);
        assert_eq!(of(&json!({"applyTo": "**/*.{rs,toml}"}), ""), ["**/*.rs", "**/*.toml"]);
        for all in
            [json!({"applyTo": "**"}), json!({"globs": "*.ts", "alwaysApply": true}), json!({})]
        {
            assert!(of(&all, "").is_empty(), "{all}");
        }
        assert_eq!(of(&json!({}), "web"), ["web/**"]);
        assert_eq!(of(&json!({"globs": ["*.ts"]}), "web"), ["web/**/*.ts"]);
        let bomb = json!({"globs": "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"});
        assert!(of(&bomb, "").len() <= MAX_GLOBS);
    }
}
