//! `cemem eval suite`: every labelled set of a folder as Markdown tables, and the learning curve.
//!
//! Owns how the figures look. Must not measure: the library does.

use std::fmt::Write as _;
use std::path::Path;

use cemem_core::durable::write_durable;
use cemem_retrieve::Mode;
use cemem_retrieve::eval::suite::{BASELINES, SHARES, SetResult, all, measure, sets, timed_recall};
use cemem_retrieve::eval::{Asking, Metrics, Options, Summary};
use cemem_retrieve::rank::Part;
use serde_json::json;

use super::JSON_VERSION;
use super::eval::{DEPTH, failed};
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::exit_code;

pub(super) fn run(
    context: &Context,
    folder: &Path,
    svg: Option<&Path>,
) -> Result<u8, CommandError> {
    let folder = absolute(folder)?;
    let found = sets(&folder).map_err(|e| failed(&folder, e))?;
    if found.is_empty() {
        let message = format!("`{}` holds no labelled sets", folder.display());
        return Err(CommandError::user(message).hint("a set is a folder with a queries.jsonl"));
    }
    let mut results = Vec::new();
    for set in found {
        context.ui.say(&format!("measuring {}", set.display()));
        let work = tempfile::tempdir()?;
        let options = Options {
            data: set.clone(),
            mode: Mode::Full,
            asking: Asking::default(),
            work: work.path().to_owned(),
            cache: Some(context.home.cache_dir().join("eval-vectors")),
            semantic: context.semantic(true)?,
            limit: DEPTH,
        };
        results.push(measure(&options).map_err(|e| failed(&set, e))?);
    }
    if let Some(path) = svg {
        write_durable(&absolute(path)?, curve(&results).as_bytes())?;
    }
    if context.ui.json {
        context.ui.print_json(&json!({ "version": JSON_VERSION, "sets": results }))?;
    } else {
        context.ui.print(&tables(&results))?;
    }
    Ok(exit_code::OK)
}

fn tables(results: &[SetResult]) -> String {
    let mut out = String::from("recall@5 / MRR@10\n\n| set | query type | n |");
    // Writing to a string cannot fail.
    for (name, _) in BASELINES {
        let _ignored = write!(out, " {name} |");
    }
    out.push_str(
        " cemem | replayed | none | lost |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for set in results {
        set_rows(&mut out, set);
    }
    let mean = |of: &dyn Fn(&SetResult) -> f64| {
        results.iter().map(of).sum::<f64>() / results.len().max(1) as f64
    };
    let macro_of = |of: &dyn Fn(&SetResult) -> &Summary| {
        let recall = mean(&|set| all(of(set)).recall_5);
        format!("{recall:.3} / {:.3}", mean(&|set| all(of(set)).mrr))
    };
    let _ignored = write!(out, "| **macro average** | | |");
    for at in 0..BASELINES.len() {
        let _ignored = write!(out, " {} |", macro_of(&|set| &set.baselines[at]));
    }
    let _ignored = writeln!(
        out,
        " {} | {} | | |",
        macro_of(&|set| &set.plain),
        macro_of(&|set| &set.replayed)
    );
    ablation(&mut out, results);
    shares(&mut out, results);
    out
}

fn figures(m: Option<&Metrics>) -> String {
    m.map_or_else(String::new, |m| format!("{:.3} / {:.3}", m.recall_5, m.mrr))
}

/// Appends the rows of a set: all of it, then its query types if there are several.
fn set_rows(out: &mut String, set: &SetResult) {
    let plain = &set.plain;
    let mut types: Vec<&str> = vec!["ALL"];
    if plain.by_type.len() > 2 {
        types.extend(plain.by_type.keys().map(String::as_str).filter(|t| *t != "ALL"));
    }
    for name in types {
        let n = plain.by_type.get(name).map_or(0, |m| m.n);
        let _ignored = write!(out, "| {} | {name} | {n} |", set.name);
        for baseline in &set.baselines {
            let _ignored = write!(out, " {} |", figures(baseline.by_type.get(name)));
        }
        let is_timed =
            set.timed.iter().any(|t| t == name) || name == "ALL" && !set.timed.is_empty();
        let replayed = set.replayed.by_type.get(name).filter(|_| is_timed);
        let _ignored =
            write!(out, " **{}** | {} |", figures(plain.by_type.get(name)), figures(replayed));
        let (mut none, mut lost) = (String::new(), String::new());
        if name == "ALL" {
            lost = plain.positives_empty.to_string();
            if plain.negatives > 0 {
                none = format!("{}/{}", plain.negatives_empty, plain.negatives);
            }
        }
        let _ignored = writeln!(out, " {none} | {lost} |");
    }
}

/// Appends what each part brings: macro recall@5 with history, without the part, and where most
/// is lost.
fn ablation(out: &mut String, results: &[SetResult]) {
    out.push_str("\n| without | macro recall@5 | loses | most lost on |\n|---|---|---|---|\n");
    let n = results.len().max(1) as f64;
    let whole = results.iter().map(|set| all(&set.replayed).recall_5).sum::<f64>() / n;
    let _ignored = writeln!(out, "| nothing | {whole:.4} | | |");
    for (at, part) in Part::ALL.iter().enumerate() {
        let lost = |set: &SetResult| all(&set.replayed).recall_5 - all(&set.without[at]).recall_5;
        let total = results.iter().map(lost).sum::<f64>() / n;
        let worst = results.iter().max_by(|a, b| lost(a).total_cmp(&lost(b)));
        let worst = worst
            .filter(|set| lost(set) > 0.0005)
            .map_or_else(String::new, |set| format!("{} {:+.3}", set.name, -lost(set)));
        let _ignored =
            writeln!(out, "| {} | {:.4} | {total:+.4} | {worst} |", part.name(), whole - total);
    }
}

/// Returns the mean recall@5 of queries with a time at each share of the history.
fn points(results: &[SetResult]) -> Vec<(f32, f64)> {
    let timed: Vec<SetResult> = results.iter().filter(|s| !s.curve.is_empty()).cloned().collect();
    let point = |(at, share): (usize, &f32)| {
        timed_recall(&timed, |set| &set.curve[at]).map(|recall| (*share, recall))
    };
    SHARES.iter().enumerate().filter_map(point).collect()
}

fn shares(out: &mut String, results: &[SetResult]) {
    let points = points(results);
    if points.is_empty() {
        return;
    }
    out.push_str(
        "\n| share of the history replayed | recall@5 of queries with a time |\n|---|---|\n",
    );
    for (at, (name, _)) in BASELINES.iter().enumerate() {
        let recall = timed_recall(results, |set| &set.baselines[at]).unwrap_or_default();
        let _ignored = writeln!(out, "| ({name}) | {recall:.3} |");
    }
    for (share, recall) in points {
        let _ignored = writeln!(out, "| {:.0} % | {recall:.3} |", share * 100.0);
    }
}

/// Draws the learning curve, with BM25 as a dashed line.
fn curve(results: &[SetResult]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 320.0;
    const LEFT: f64 = 56.0;
    const BOTTOM: f64 = 44.0;
    let points = points(results);
    let bm25 = timed_recall(results, |set| &set.baselines[0]).unwrap_or_default();
    let top = points.iter().map(|p| p.1).fold(bm25, f64::max) + 0.03;
    let low = points.iter().map(|p| p.1).fold(bm25, f64::min) - 0.03;
    let x = |share: f64| LEFT + share * (WIDTH - LEFT - 16.0);
    let y = |recall: f64| (top - recall) / (top - low) * (HEIGHT - BOTTOM - 12.0) + 12.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>recall@5 against the share of the history replayed</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let mut text = |x: f64, y: f64, anchor: &str, words: &str| {
        let _ignored = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    };
    for (share, recall) in &points {
        text(x(f64::from(*share)), HEIGHT - 26.0, "middle", &format!("{:.0}", share * 100.0));
        text(x(f64::from(*share)), y(*recall) - 8.0, "middle", &format!("{recall:.3}"));
    }
    text(x(0.5), HEIGHT - 8.0, "middle", "% of the earlier tasks replayed, the latest first");
    text(LEFT - 6.0, y(bm25) + 4.0, "end", &format!("{bm25:.3}"));
    text(x(1.0), y(bm25) - 6.0, "end", "BM25");
    let path: Vec<String> =
        points.iter().map(|(s, r)| format!("{:.1},{:.1}", x(f64::from(*s)), y(*r))).collect();
    let (left, right, at) = (x(0.0), x(1.0), y(bm25));
    let _ignored = writeln!(
        out,
        "<line x1=\"{left:.1}\" y1=\"{at:.1}\" x2=\"{right:.1}\" y2=\"{at:.1}\" stroke=\"#888\" \
         stroke-dasharray=\"6 4\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>\n</svg>",
        path.join(" ")
    );
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn summary(recall_5: f64) -> Summary {
        let m = Metrics { n: 2, recall_5, mrr: 0.5, ..Metrics::default() };
        let by_type = BTreeMap::from([("plan".to_owned(), m), ("ALL".to_owned(), m)]);
        Summary { by_type, ..Summary::default() }
    }

    fn result() -> SetResult {
        SetResult {
            name: "one".into(),
            timed: vec!["plan".into()],
            baselines: vec![summary(0.3); BASELINES.len()],
            plain: summary(0.4),
            replayed: summary(0.5),
            without: Part::ALL.iter().map(|_| summary(0.45)).collect(),
            curve: SHARES.iter().map(|s| summary(0.4 + 0.1 * f64::from(*s))).collect(),
        }
    }

    #[test]
    fn tables_and_curve_say_what_was_measured() {
        let text = tables(&[result()]);
        assert!(text.contains("| one | ALL | 2 | 0.300 / 0.500 |"), "{text}");
        assert!(text.contains("**0.400 / 0.500** | 0.500 / 0.500 |"), "{text}");
        assert!(text.contains("| trust | 0.4500 | +0.0500 | one -0.050 |"), "{text}");
        assert!(text.contains("| 25 % | 0.425 |"), "{text}");
        let svg = curve(&[result()]);
        assert!(
            svg.starts_with("<svg")
                && svg.contains(">0.500<")
                && svg.trim_end().ends_with("</svg>")
        );
    }
}
