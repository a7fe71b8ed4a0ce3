//! `cemem doctor`: what works, what does not, and what to do.

use cemem_core::Timestamp;
use cemem_core::project::TableTrouble;
use cemem_core::store::Counts;
use cemem_retrieve::Mode;
use serde_json::{Value, json};

use super::{JSON_VERSION, engines};
use crate::args::DoctorArgs;
use crate::command_error::CommandError;
use crate::config::Config;
use crate::context::Context;
use crate::hooks::log;
use crate::{exit_code, models, runtime};

/// One finding.
#[derive(Debug)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    hint: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &DoctorArgs) -> Result<u8, CommandError> {
    if args.engines {
        return engines::run(context);
    }
    let mut checks = vec![check_home(context)];
    checks.extend(context.trouble.as_ref().map(check_project));
    let (store_check, counts) = check_store(context);
    checks.push(store_check);
    checks.push(check_runtime(context));
    checks.extend(check_reranker(context));
    checks.push(check_index(context));
    checks.push(check_hooks(context));
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
    // The first thing written makes the folder; that it can be made is what counts here.
    let made = cemem_core::durable::create_private_dir(home);
    let probe = tempfile::Builder::new().prefix(".probe-").tempfile_in(home);
    let (ok, detail, hint) = match probe {
        Ok(_) => (true, home.display().to_string(), None),
        Err(error) => {
            // Why the folder cannot be made tells more than that there is none.
            let error = made.err().map_or(error, |made| made.source);
            let hint = "make the folder writable, or set CEMEM_HOME to one that is; until then \
                        what is stored can be read, and nothing new can be learned";
            let detail = format!("{} cannot be written: {error}", home.display());
            (false, detail, Some(hint.to_owned()))
        }
    };
    Check { name: "home", ok, detail, hint }
}

/// Explains what it means that the table of projects cannot be used.
fn check_project(trouble: &TableTrouble) -> Check {
    let (detail, hint) = match trouble {
        TableTrouble::Unread(_) => (
            "nobody can tell which memory is this project's",
            "make the file readable, or move it away: ids are derived again from git",
        ),
        TableTrouble::Unrecorded(_) => (
            "what is new about this folder cannot be recorded, so nothing can be stored for it",
            "reading works; make the folder of the file writable to store",
        ),
    };
    let detail = format!("{detail}: {}", trouble.cause());
    Check { name: "project", ok: false, detail, hint: Some(hint.to_owned()) }
}

fn check_store(context: &Context) -> (Check, Option<Counts>) {
    let outcome = context.store_to_read().and_then(|store| {
        store.verify()?;
        Ok((store.counts()?, store.check_writable().err()))
    });
    match outcome {
        Ok((counts, unwritable)) => {
            let sum = |map: &std::collections::BTreeMap<String, u64>| map.values().sum::<u64>();
            let active = counts.lessons.get("active").copied().unwrap_or(0);
            let mut detail = format!(
                "{} files, {} sessions, {} events, {} candidates, {} lessons ({active} active)",
                counts.sources,
                counts.sessions,
                sum(&counts.events),
                sum(&counts.candidates),
                sum(&counts.lessons)
            );
            let hint = unwritable.and_then(|error| {
                detail.push_str(&format!("; {error}"));
                CommandError::from(error).advice()
            });
            (Check { name: "store", ok: hint.is_none(), detail, hint }, Some(counts))
        }
        Err(error) => {
            let hint = error.advice();
            (Check { name: "store", ok: false, detail: error.in_full(), hint }, None)
        }
    }
}

fn check_runtime(context: &Context) -> Check {
    let semantic = match context.semantic(true) {
        Ok(semantic) => semantic,
        Err(error) => {
            let hint = error.advice();
            return Check { name: "semantic", ok: false, detail: error.in_full(), hint };
        }
    };
    let tried = semantic.load().and_then(|embedder| {
        // A model that can be loaded may still be none for search.
        embedder.scale()?;
        Ok(embedder)
    });
    match tried {
        Ok(embedder) => {
            let providers: String = semantic
                .providers()
                .iter()
                .map(|(name, is_there)| match is_there {
                    true => format!("; {name}"),
                    false => format!("; no {name} in this library: the CPU does it"),
                })
                .collect();
            let library = runtime::find(&context.home)
                .map_or_else(|| "linked in".to_owned(), |p| p.display().to_string());
            let detail = format!("{} with ONNX Runtime {library}{providers}", embedder.model_id());
            Check { name: "semantic", ok: true, detail, hint: None }
        }
        Err(off) if models::advice(&off).is_some() => Check {
            name: "semantic",
            ok: false,
            detail: format!("the model that is set does not answer: {off}"),
            hint: models::advice(&off),
        },
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

/// Tries the reranker, if one is set; a name that nobody knows is told with the model's.
fn check_reranker(context: &Context) -> Option<Check> {
    let config = Config::load(&context.home).ok()?.models;
    let reranker = models::reranker(&context.home, &config).ok()??;
    let name = config.reranker.unwrap_or_default();
    Some(match reranker.load() {
        Ok(()) => Check { name: "reranker", ok: true, detail: name, hint: None },
        Err(off) => {
            let detail = format!("nothing is reranked: {off}");
            Check { name: "reranker", ok: false, detail, hint: models::advice(&off) }
        }
    })
}

fn check_index(context: &Context) -> Check {
    let folder = context.home.index_dir(&context.project);
    let outcome = context.store_to_read().and_then(|store| {
        let mut notes = Vec::new();
        let view = context.engine(false)?.view(&store, Mode::Lexical, &mut notes)?;
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
            detail: error.in_full(),
            hint: Some(match error {
                CommandError::Store(_) => "it follows the store".to_owned(),
                _ => format!(
                    "delete {}: the next recall rebuilds it; where that is not possible, recall \
                     works on a copy, which takes longer",
                    folder.display()
                ),
            }),
        },
    }
}

/// Tells why hooks said nothing, if one did lately.
fn check_hooks(context: &Context) -> Check {
    const LATELY_MS: i64 = 24 * 60 * 60 * 1000;
    let since = Timestamp(context.clock.now().0.saturating_sub(LATELY_MS));
    match log::newest(&context.home, since) {
        None => Check { name: "hooks", ok: true, detail: "no failures lately".into(), hint: None },
        Some(line) => {
            let file = log::path(&context.home);
            let hint = format!("agents went on without an answer; {} has all", file.display());
            Check { name: "hooks", ok: false, detail: line, hint: Some(hint) }
        }
    }
}
