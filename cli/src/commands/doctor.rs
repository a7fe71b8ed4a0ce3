//! `cemem doctor`: what works, what does not, and what to do.

use cemem_core::store::Counts;
use cemem_retrieve::Mode;
use serde_json::{Value, json};

use super::JSON_VERSION;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::runtime;

/// One finding.
#[derive(Debug)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    hint: Option<String>,
}

pub(super) fn run(context: &mut Context) -> Result<u8, CommandError> {
    let mut checks = vec![check_home(context)];
    let (store_check, counts) = check_store(context);
    checks.push(store_check);
    checks.push(check_runtime(context));
    checks.push(check_index(context));
    let all_ok = checks.iter().all(|c| c.ok);
    if context.ui.json {
        let rows: Vec<Value> = checks
            .iter()
            .map(|c| json!({ "name": c.name, "ok": c.ok, "detail": c.detail, "hint": c.hint }))
            .collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "ok": all_ok, "project": context.project.name,
            "project_id": context.project.id, "checks": rows,
            "counts": counts.map(|c| json!({
                "files": c.sources, "sessions": c.sessions, "events": c.events,
                "candidates": c.candidates, "lessons": c.lessons,
            })),
        }))?;
    } else {
        let mut out =
            format!("project     {} ({})\n", context.project.name, context.project.root.display());
        for check in &checks {
            let mark = if check.ok { "ok " } else { "BAD" };
            out.push_str(&format!("{:<11} {mark} {}\n", check.name, check.detail));
            if let Some(hint) = &check.hint {
                out.push_str(&format!("            → {hint}\n"));
            }
        }
        context.ui.print(&out)?;
    }
    Ok(if all_ok { exit_code::OK } else { exit_code::FAILED })
}

fn check_home(context: &Context) -> Check {
    let home = &context.home.0;
    let probe = tempfile::Builder::new().prefix(".probe-").tempfile_in(home);
    let (ok, detail, hint) = match probe {
        Ok(_) => (true, home.display().to_string(), None),
        Err(error) => (
            false,
            format!("{}: {error}", home.display()),
            Some("make the folder writable, or set CEMEM_HOME to one that is".to_owned()),
        ),
    };
    Check { name: "home", ok, detail, hint }
}

fn check_store(context: &Context) -> (Check, Option<Counts>) {
    let outcome = context.store().and_then(|store| {
        store.verify()?;
        let counts = store.counts()?;
        store.check_writable()?;
        Ok(counts)
    });
    match outcome {
        Ok(counts) => {
            let sum = |map: &std::collections::BTreeMap<String, u64>| map.values().sum::<u64>();
            let active = counts.lessons.get("active").copied().unwrap_or(0);
            let detail = format!(
                "{} files, {} sessions, {} events, {} candidates, {} lessons ({active} active)",
                counts.sources,
                counts.sessions,
                sum(&counts.events),
                sum(&counts.candidates),
                sum(&counts.lessons)
            );
            (Check { name: "store", ok: true, detail, hint: None }, Some(counts))
        }
        Err(error) => {
            let hint = error.advice();
            (Check { name: "store", ok: false, detail: error.to_string(), hint }, None)
        }
    }
}

fn check_runtime(context: &Context) -> Check {
    match context.semantic(true).load() {
        Ok(embedder) => {
            let library = runtime::find(&context.home)
                .map_or_else(|| "linked in".to_owned(), |p| p.display().to_string());
            let detail = format!("{} with ONNX Runtime {library}", embedder.model_id());
            Check { name: "semantic", ok: true, detail, hint: None }
        }
        Err(off) => {
            let looked: Vec<_> = runtime::places(&context.home)
                .iter()
                .map(|p| format!("{} ({})", p.path.display(), p.role))
                .collect();
            Check {
                name: "semantic",
                ok: false,
                detail: format!("recall is lexical: {off}"),
                hint: Some(format!(
                    "`make install` brings the ONNX Runtime library; or unpack the PyPI package \
                     `onnxruntime` and set CEMEM_ORT_DYLIB to its libonnxruntime file. Looked in: {}",
                    looked.join(", ")
                )),
            }
        }
    }
}

fn check_index(context: &Context) -> Check {
    let folder = context.home.index_dir(&context.project);
    let outcome = context.store().and_then(|store| {
        let mut notes = Vec::new();
        let view = context.engine(false).view(&store, Mode::Lexical, &mut notes)?;
        Ok((view.n_lessons(), notes))
    });
    match outcome {
        Ok((n, notes)) => {
            let notes: String = notes.iter().map(|n| format!("; {n}")).collect();
            let detail = format!("{n} lessons in {}{notes}", folder.display());
            Check { name: "index", ok: true, detail, hint: None }
        }
        Err(error) => Check {
            name: "index",
            ok: false,
            detail: error.to_string(),
            hint: Some(format!("delete {}: the next recall rebuilds it", folder.display())),
        },
    }
}
