//! `cemem eval corrections`: one verdict for every user turn of a file, and, where the file has
//! labels, how good the verdicts are.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use cemem_core::durable::{IoResultExt as _, write_durable};
use cemem_ingest::extract::classify::{Classifier, TurnInput};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::JSON_VERSION;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

/// A turn counts as found from this probability on.
const THRESHOLD: f32 = 0.5;

/// One line of the input. The judge never sees the labels.
#[derive(Debug, Deserialize)]
struct WireTurn {
    /// Text or number; comes back as it was.
    id: Value,
    #[serde(default, deserialize_with = "or_empty")]
    kind: String,
    #[serde(default, deserialize_with = "or_empty")]
    text: String,
    #[serde(default, deserialize_with = "or_empty")]
    context: Vec<String>,
    /// What the agent did next, if the file says so.
    #[serde(default, deserialize_with = "or_empty")]
    after: Vec<String>,
    correction: Option<bool>,
    durable: Option<bool>,
}

/// Reads `null` as nothing, which many writers mean by it.
fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    wire: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(wire)?.unwrap_or_default())
}

/// Verdicts against labels.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    hits: u32,
    said: u32,
    real: u32,
    labelled: u32,
}

impl Tally {
    fn add(&mut self, label: Option<bool>, probability: f32) {
        let Some(is) = label else { return };
        let says = probability >= THRESHOLD;
        self.labelled += 1;
        self.hits += u32::from(is && says);
        self.said += u32::from(says);
        self.real += u32::from(is);
    }

    /// Returns precision, recall and F1; 0 where there is nothing to divide by.
    fn scores(self) -> (f64, f64, f64) {
        let share = |part: u32, of: u32| f64::from(part) / f64::from(of.max(1));
        let (precision, recall) = (share(self.hits, self.said), share(self.hits, self.real));
        (precision, recall, share(2 * self.hits, self.said + self.real))
    }

    fn json(self) -> Value {
        let (precision, recall, f1) = self.scores();
        json!({ "n": self.labelled, "positives": self.real, "precision": precision,
                "recall": recall, "f1": f1 })
    }
}

pub(super) fn run(context: &Context, turns: &Path, out: &Path) -> Result<u8, CommandError> {
    let turns = absolute(turns)?;
    let file = BufReader::new(File::open(&turns).context("read", &turns)?);
    let classifier = Classifier::shipped();
    let mut text = String::new();
    let mut n = 0_usize;
    let (mut correction, mut durable) = (Tally::default(), Tally::default());
    for (idx, line) in file.lines().enumerate() {
        let line = line.context("read", &turns)?;
        if line.trim().is_empty() {
            continue;
        }
        let turn: WireTurn = serde_json::from_str(&line).map_err(|error| {
            CommandError::user(format!("{}:{}: not a turn: {error}", turns.display(), idx + 1))
        })?;
        let input = TurnInput {
            kind: &turn.kind,
            text: &turn.text,
            context: &turn.context,
            after: &turn.after,
        };
        let verdict = classifier.judge(&input);
        correction.add(turn.correction, verdict.correction);
        durable.add(turn.durable, verdict.durable);
        let row = json!({
            "id": turn.id, "correction": verdict.correction, "durable": verdict.durable,
            "type": verdict.kind, "rule": verdict.rule, "span": verdict.span,
        });
        text.push_str(&row.to_string());
        text.push('\n');
        n += 1;
    }
    write_durable(&absolute(out)?, text.as_bytes())?;
    let tallies = [("correction", correction), ("durable", durable)];
    if context.ui.json {
        let mut value = json!({ "version": JSON_VERSION, "turns": n, "out": out });
        for (name, tally) in tallies.iter().filter(|(_, t)| t.labelled > 0) {
            value[*name] = tally.json();
        }
        context.ui.print_json(&value)?;
        return Ok(exit_code::OK);
    }
    for (name, tally) in tallies.iter().filter(|(_, t)| t.labelled > 0) {
        let (precision, recall, f1) = tally.scores();
        context.ui.print(&format!(
            "{name:<11} n {}  positives {}  precision {precision:.3}  recall {recall:.3}  F1 {f1:.3}\n",
            tally.labelled, tally.real
        ))?;
    }
    context.ui.say(&format!("{n} turns judged, written to {}", out.display()));
    Ok(exit_code::OK)
}
