//! `cemem eval pairs`: what merging makes of labelled pairs of sentences.
//!
//! Owns the shapes of the pair sets and the counting. Must not decide about a pair: the same
//! function does that as in a pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cemem_core::durable::{IoResultExt as _, PathError};
use cemem_ingest::consolidate::relate::{Relation, relation};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::JSON_VERSION;
use crate::args::PairsArgs;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;
use crate::similarity::Sentences;

/// From this score on (0..=5) two sentences of a similarity set are the same …
const STS_SAME: f32 = 4.5;
/// … and up to this one they are not; in between a reader could go either way.
const STS_DIFFERENT: f32 = 3.5;

/// What a merge must make of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Label {
    Same,
    #[serde(alias = "contradiction", alias = "update")]
    Opposite,
    Different,
}

struct Pair {
    source: String,
    label: Label,
    a: String,
    b: String,
}

/// A line of a set of rules, or of contradicting statements.
#[derive(Deserialize)]
struct JsonPair {
    label: Label,
    kind: Option<String>,
    category: Option<String>,
    #[serde(alias = "a_text")]
    a: String,
    #[serde(alias = "b_text")]
    b: String,
}

/// Counts of one source.
#[derive(Debug, Clone, Default, Serialize)]
struct Counts {
    same: usize,
    opposite: usize,
    different: usize,
    merged: usize,
    merged_same: usize,
    merged_opposite: usize,
    contradicting: usize,
    contradicting_opposite: usize,
}

impl Counts {
    fn add(&mut self, label: Label, found: Relation) {
        match label {
            Label::Same => self.same += 1,
            Label::Opposite => self.opposite += 1,
            Label::Different => self.different += 1,
        }
        match found {
            Relation::Same(_) => {
                self.merged += 1;
                self.merged_same += usize::from(label == Label::Same);
                self.merged_opposite += usize::from(label == Label::Opposite);
            }
            Relation::Opposite => {
                self.contradicting += 1;
                self.contradicting_opposite += usize::from(label == Label::Opposite);
            }
            Relation::Different => {}
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.same += other.same;
        self.opposite += other.opposite;
        self.different += other.different;
        self.merged += other.merged;
        self.merged_same += other.merged_same;
        self.merged_opposite += other.merged_opposite;
        self.contradicting += other.contradicting;
        self.contradicting_opposite += other.contradicting_opposite;
    }

    fn figures(&self) -> serde_json::Value {
        json!({
            "counts": self,
            "merge_precision": share(self.merged_same, self.merged),
            "merge_recall": share(self.merged_same, self.same),
            "contradiction_precision": share(self.contradicting_opposite, self.contradicting),
            "contradiction_recall": share(self.contradicting_opposite, self.opposite),
        })
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub(super) fn run(context: &Context, args: &PairsArgs) -> Result<u8, CommandError> {
    let pairs = read(&absolute(&args.data)?)?;
    if pairs.is_empty() {
        return Err(CommandError::user(format!("no pairs in `{}`", args.data.display())).hint(
            "JSON lines with `a`, `b`, `label`, MSR and STS tables (.tsv) and SICK (SICK_*.txt) \
             are read",
        ));
    }
    let sentences = Sentences::new(context, !args.no_semantic);
    let similar = |a: &str, b: &str| sentences.cosine(a, b);
    let mut by_source: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut missed = String::new();
    for pair in &pairs {
        let found = relation(&pair.a, &pair.b, Some(&similar));
        by_source.entry(&pair.source).or_default().add(pair.label, found);
        if args.show_errors && is_wrong(pair.label, found) {
            let cosine = sentences.cosine(&pair.a, &pair.b);
            // Writing to a string cannot fail.
            let _ignored = writeln!(
                missed,
                "{}: {:?} taken for {found:?}, cosine {cosine:.2}\n  {}\n  {}",
                pair.source,
                pair.label,
                crate::ui::one_line(&pair.a),
                crate::ui::one_line(&pair.b)
            );
        }
    }
    let (mut rules, mut all) = (Counts::default(), Counts::default());
    for (source, counts) in &by_source {
        all.absorb(counts);
        if source.starts_with("rules") {
            rules.absorb(counts);
        }
    }
    if context.ui.json {
        let sources: BTreeMap<_, _> = by_source.iter().map(|(s, c)| (*s, c.figures())).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "model": sentences.is_in_use(), "pairs": pairs.len(),
            "sources": sources, "rules": rules.figures(), "all": all.figures(),
        }))?;
    } else {
        context.ui.print(&missed)?;
        context.ui.print(&table(&by_source, &rules, &all))?;
        let model = if sentences.is_in_use() { "with" } else { "without" };
        context.ui.say(&format!("{} pairs, {model} the sentence model", pairs.len()));
    }
    Ok(exit_code::OK)
}

fn is_wrong(label: Label, found: Relation) -> bool {
    !matches!(
        (label, found),
        (Label::Same, Relation::Same(_))
            | (Label::Opposite, Relation::Opposite)
            | (Label::Different, Relation::Different)
    )
}

fn table(by_source: &BTreeMap<&str, Counts>, rules: &Counts, all: &Counts) -> String {
    let mut out = format!(
        "{:<28}  same  opposite  different   merge P      R  contradict P      R  opposites merged\n",
        ""
    );
    let named = by_source.iter().map(|(s, c)| (*s, c));
    for (source, c) in named.chain([("all rules", rules), ("all", all)]) {
        let figure = |part, whole| match share(part, whole) {
            Some(value) => format!("{value:.3}"),
            None => "-".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ignored = writeln!(
            out,
            "{source:<28} {:>5} {:>9} {:>10}   {:>7} {:>6}       {:>7} {:>6}  {:>16}",
            c.same,
            c.opposite,
            c.different,
            figure(c.merged_same, c.merged),
            figure(c.merged_same, c.same),
            figure(c.contradicting_opposite, c.contradicting),
            figure(c.contradicting_opposite, c.opposite),
            c.merged_opposite,
        );
    }
    out
}

/// Returns the pairs of a file, or of every file in a folder whose shape is known.
fn read(path: &Path) -> Result<Vec<Pair>, PathError> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).context("read", path)?;
        files = entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
        files.sort();
    }
    let mut pairs = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parse: fn(&str, &str) -> Option<Pair> = match name.as_str() {
            n if n.ends_with(".jsonl") => json_line,
            n if n.contains("msr-para") && n.ends_with(".tsv") => msr_line,
            n if n.contains("sts__") && n.ends_with(".tsv") => sts_line,
            n if n.contains("SICK_") && n.ends_with(".txt") => sick_line,
            _ => continue,
        };
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        let short = stem.rsplit("__").next().unwrap_or(stem);
        let text = fs::read_to_string(&file).context("read", &file)?;
        pairs.extend(text.lines().filter_map(|line| parse(short, line)));
    }
    Ok(pairs)
}

fn json_line(file: &str, line: &str) -> Option<Pair> {
    let read: JsonPair = serde_json::from_str(line).ok()?;
    let of = match (read.kind, read.category) {
        (Some(kind), _) => format!("rules {kind}"),
        (None, Some(category)) => format!("{file} {category}"),
        (None, None) => file.to_owned(),
    };
    Some(Pair { source: of, label: read.label, a: read.a, b: read.b })
}

fn msr_line(file: &str, line: &str) -> Option<Pair> {
    let columns: Vec<&str> = line.trim_start_matches('\u{feff}').split('\t').collect();
    let [quality, _, _, a, b] = columns[..] else { return None };
    let label = match quality {
        "1" => Label::Same,
        "0" => Label::Different,
        _ => return None,
    };
    Some(Pair { source: file.to_owned(), label, a: a.to_owned(), b: b.to_owned() })
}

fn sts_line(file: &str, line: &str) -> Option<Pair> {
    let mut columns = line.split('\t');
    let score: f32 = columns.next()?.trim().parse().ok()?;
    let (a, b) = (columns.next()?, columns.next()?);
    let label = match score {
        s if s >= STS_SAME => Label::Same,
        s if s <= STS_DIFFERENT => Label::Different,
        _ => return None,
    };
    Some(Pair { source: format!("sts {file}"), label, a: a.to_owned(), b: b.to_owned() })
}

fn sick_line(file: &str, line: &str) -> Option<Pair> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [_, a, b, _, judgment] = columns[..] else { return None };
    let label = match judgment.trim() {
        "ENTAILMENT" => Label::Same,
        "CONTRADICTION" => Label::Opposite,
        "NEUTRAL" => Label::Different,
        _ => return None,
    };
    Some(Pair { source: file.to_owned(), label, a: a.to_owned(), b: b.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_set_is_read_and_headings_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            (
                "rules.jsonl",
                "{\"kind\":\"number\",\"label\":\"opposite\",\"a\":\"x\",\"b\":\"y\"}\n{}\n",
            ),
            (
                "beam.jsonl",
                "{\"label\":\"update\",\"category\":\"Coding\",\"a_text\":\"x\",\"b_text\":\"y\"}",
            ),
            ("p__msr-para-val.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\tx\ty\n"),
            ("sts__s__2015__f.test.tsv", "4.80\tx\ty\n4.0\tx\ty\n\tx\ty\n1\tx\ty\n"),
            ("sts__sick__SICK_trial.txt", "pair_ID\ta\tb\ts\te\n4\tx\ty\t3.6\tCONTRADICTION\n"),
            ("README.txt", "1\t2\t3\t4\t5\n"),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let pairs = read(folder.path()).expect("the folder is read");
        let found: Vec<_> = pairs.iter().map(|p| (p.source.as_str(), p.label)).collect();
        assert_eq!(
            found,
            [
                ("beam Coding", Label::Opposite),
                ("msr-para-val", Label::Same),
                ("rules number", Label::Opposite),
                ("sts f.test", Label::Same),
                ("sts f.test", Label::Different),
                ("SICK_trial", Label::Opposite),
            ]
        );
    }

    #[test]
    fn what_is_merged_and_what_contradicts_is_counted_against_the_labels() {
        let mut counts = Counts::default();
        counts.add(Label::Same, Relation::Same(0.9));
        counts.add(Label::Same, Relation::Different);
        counts.add(Label::Different, Relation::Same(0.9));
        counts.add(Label::Opposite, Relation::Opposite);
        counts.add(Label::Opposite, Relation::Same(0.9));
        let figures = counts.figures();
        assert_eq!(figures["merge_recall"], 0.5);
        assert!((figures["merge_precision"].as_f64().expect("a number") - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(
            (counts.merged_opposite, figures["contradiction_precision"].as_f64()),
            (1, Some(1.0))
        );
    }
}
