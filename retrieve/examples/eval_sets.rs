//! Measures several labelled sets at once: `eval_sets LIBRARY CACHE MODE OUT SET…`; `replay:SET`
//! replays it.

use std::path::PathBuf;

use cemem_retrieve::eval::{Asking, Options, evaluate, write_run};
use cemem_retrieve::{Mode, Semantic};

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, cache, mode, out, sets @ ..] = &args[..] else {
        return Err("eval_sets LIBRARY CACHE MODE OUT SET…".into());
    };
    for set in sets {
        let (set, replay) = match set.strip_prefix("replay:") {
            Some(set) => (set, true),
            None => (set.as_str(), false),
        };
        let work = tempfile::tempdir()?;
        let data = PathBuf::from(set);
        let options = Options {
            data: data.clone(),
            mode: Mode::parse(mode).ok_or("unknown mode")?,
            asking: Asking { replay: replay.then_some(1.0), ..Asking::default() },
            work: work.path().to_owned(),
            cache: Some(cache.into()),
            semantic: Semantic::Shipped { runtime: Some(library.into()) },
            limit: 10,
        };
        let (report, rows) = evaluate(&options)?;
        let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
        write_run(&PathBuf::from(out).join(format!("{name}.tsv")), &rows)?;
        for (kind, m) in &report.summary.by_type {
            println!(
                "{name:36} {kind:24} {:5}  R@5 {:.3}  MRR {:.3}  nDCG {:.3}",
                m.n, m.recall_5, m.mrr, m.ndcg_10
            );
        }
        println!(
            "{name:36} negatives {}/{}  positives emptied {}  p50 {:.2} ms  p95 {:.2} ms  index {:.0} ms",
            report.summary.negatives_empty,
            report.summary.negatives,
            report.summary.positives_empty,
            report.p50_ms,
            report.p95_ms,
            report.index_ms
        );
    }
    Ok(())
}
