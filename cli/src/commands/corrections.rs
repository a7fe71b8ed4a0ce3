//! `cemem eval corrections`: one verdict for every user turn of a file.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use cemem_core::durable::{IoResultExt as _, write_durable};
use cemem_ingest::extract::classify::{Classifier, TurnInput};
use serde::Deserialize;
use serde_json::json;

use super::JSON_VERSION;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// One line of the input; labels beside these fields are not looked at.
#[derive(Debug, Deserialize)]
struct WireTurn {
    id: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    context: Vec<String>,
}

pub(super) fn run(context: &Context, turns: &Path, out: &Path) -> Result<u8, CommandError> {
    let turns = absolute(turns)?;
    let file = BufReader::new(File::open(&turns).context("read", &turns)?);
    let classifier = Classifier::shipped();
    let mut text = String::new();
    let mut n = 0_usize;
    for (idx, line) in file.lines().enumerate() {
        let line = line.context("read", &turns)?;
        if line.trim().is_empty() {
            continue;
        }
        let turn: WireTurn = serde_json::from_str(&line).map_err(|error| {
            CommandError::user(format!("{}:{}: not a turn: {error}", turns.display(), idx + 1))
        })?;
        let input = TurnInput { kind: &turn.kind, text: &turn.text, context: &turn.context };
        let verdict = classifier.judge(&input);
        let row = json!({
            "id": turn.id, "correction": verdict.correction, "durable": verdict.durable,
            "type": verdict.kind, "rule": verdict.rule, "span": verdict.span,
        });
        text.push_str(&row.to_string());
        text.push('\n');
        n += 1;
    }
    write_durable(&absolute(out)?, text.as_bytes())?;
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "turns": n, "out": out }))?;
    } else {
        context.ui.say(&format!("{n} turns judged, written to {}", out.display()));
    }
    Ok(exit_code::OK)
}
