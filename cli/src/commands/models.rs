//! `cemem models`: which models there are, which are here, and bringing one here.
//!
//! Owns the only command that downloads. Must not change what is configured: a person does.

use cemem_retrieve::semantic::catalog::{self, Kind, Known};
use cemem_retrieve::semantic::{record, shipped};
use serde_json::{Value, json};

use super::JSON_VERSION;
use crate::args::{ModelsArgs, ModelsCommand};
use crate::command_error::CommandError;
use crate::config::{self, Config};
use crate::context::Context;
use crate::{exit_code, models};

pub(super) fn run(context: &Context, args: &ModelsArgs) -> Result<u8, CommandError> {
    match &args.command {
        None => list(context),
        Some(ModelsCommand::Get { name }) => get(context, name),
    }
}

/// One model, as it is listed.
struct Row {
    name: String,
    code: Option<String>,
    kind: Kind,
    dim: Option<usize>,
    description: String,
    /// Its size on disk, if it was downloaded.
    bytes: Option<u64>,
    /// It needs no download, or was downloaded.
    is_here: bool,
    is_set: bool,
}

fn list(context: &Context) -> Result<u8, CommandError> {
    let config = Config::load(&context.home)?.models;
    // A name that nobody knows is told here too, where the names are.
    let embedding = models::embedding(&context.home, &config)?;
    models::reranker(&context.home, &config)?;
    let answers = answering(context);
    let rows = rows(context, &config);
    // A folder that a person set is not in any list.
    let folder =
        |set: &Option<String>| set.clone().filter(|s| std::path::Path::new(s).is_absolute());
    let folders = [folder(&config.embedding), folder(&config.reranker)];
    if context.ui.json {
        let rows: Vec<Value> = rows.iter().map(json_row).collect();
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "models": rows, "folders": folders.iter().flatten().collect::<Vec<_>>(),
            "set": embedding.model_id(), "answers": answers,
        }))?;
        return Ok(exit_code::OK);
    }
    let mut out = String::new();
    for kind in [Kind::Embedding, Kind::Reranker] {
        out.push_str(&format!("{}\n", title(kind)));
        rows.iter().filter(|row| row.kind == kind).for_each(|row| out.push_str(&line(row)));
    }
    for folder in folders.iter().flatten() {
        out.push_str(&format!("* {folder}\n"));
    }
    context.ui.print(&out)?;
    let file = context.home.0.join(config::FILE);
    context
        .ui
        .say(&format!("* is set in {}; `cemem models get NAME` brings one here", file.display()));
    if let Some(answers) = answers {
        context.ui.say(&format!("in project `{}`, `{answers}` answers", context.project.name));
    }
    Ok(exit_code::OK)
}

/// Returns the id of the model that answers in this project; `None` where words alone do or nothing can be
/// answered, which `cemem doctor` explains.
fn answering(context: &Context) -> Option<String> {
    if !context.home.store_path(&context.project).is_file() {
        return None;
    }
    let store = context.store_to_read().ok()?;
    let embedder = context.engine(true).ok()?.answering(&store).ok()?;
    Some(embedder.model_id().to_owned())
}

fn rows(context: &Context, config: &config::ModelsConfig) -> Vec<Row> {
    let shipped = Row {
        name: shipped::MODEL_ID.to_owned(),
        code: None,
        kind: Kind::Embedding,
        dim: Some(shipped::DIM),
        description: "Part of cemem; the default".to_owned(),
        bytes: None,
        is_here: true,
        is_set: config
            .embedding
            .as_ref()
            .is_none_or(|set| set.eq_ignore_ascii_case(shipped::MODEL_ID)),
    };
    let known = [Kind::Embedding, Kind::Reranker].into_iter().flat_map(catalog::all);
    std::iter::once(shipped).chain(known.map(|known| row(context, config, known))).collect()
}

fn row(context: &Context, config: &config::ModelsConfig, known: Known) -> Row {
    let bytes = record::size(&models::folder(&context.home), &known);
    let set = match known.kind {
        Kind::Embedding => &config.embedding,
        Kind::Reranker => &config.reranker,
    };
    let means = |set: &String| models::named(&[known.kind], set).is_ok_and(|it| it == known);
    Row {
        is_set: set.as_ref().is_some_and(means),
        name: known.name,
        code: Some(known.code),
        kind: known.kind,
        dim: known.dim,
        description: known.description,
        is_here: bytes.is_some(),
        bytes,
    }
}

fn json_row(row: &Row) -> Value {
    json!({
        "name": row.name, "code": row.code, "kind": row.kind.as_str(), "dim": row.dim,
        "description": row.description, "bytes": row.bytes, "here": row.is_here, "set": row.is_set,
    })
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Embedding => "embedding models (name, numbers in a vector, size here, published as)",
        Kind::Reranker => "rerankers (name, size here, published as)",
    }
}

fn line(row: &Row) -> String {
    let mark = if row.is_set { '*' } else { ' ' };
    let dim = row.dim.map(|dim| format!("{dim:>5}")).unwrap_or_default();
    let size = match (row.bytes, row.is_here) {
        (Some(bytes), _) => megabytes(bytes),
        (None, true) => "shipped".to_owned(),
        (None, false) => "-".to_owned(),
    };
    let code = row.code.as_deref().unwrap_or_default();
    format!("{mark} {:<26}{dim} {size:>9}  {code}\n", row.name).trim_end().to_owned() + "\n"
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(feature = "download")]
fn get(context: &Context, name: &str) -> Result<u8, CommandError> {
    use std::path::Path;

    use crate::context::absolute;
    use cemem_retrieve::semantic::download::{self, Places};

    let known = models::named(&[Kind::Embedding, Kind::Reranker], name)?;
    // What is wrong in it is told before anything is fetched.
    let config = Config::load(&context.home)?.models;
    let folder = models::folder(&context.home);
    // Where fastembed looks: the variable is its own, and set to nothing it means the current folder there.
    let cache = match std::env::var_os("HF_HOME") {
        Some(set) if set.is_empty() => {
            return Err(CommandError::user("HF_HOME is set to nothing")
                .hint("unset it to keep models in CEMEM_HOME, or name a folder"));
        }
        set => set.map(|folder| absolute(Path::new(&folder))).transpose()?,
    };
    let places = Places {
        runtime: crate::runtime::find(&context.home),
        cache: cache.unwrap_or_else(|| folder.clone()),
        models: folder,
    };
    cemem_core::durable::create_private_dir(&places.models)?;
    let bytes = download::get(&known, &places, context.ui.shows_progress()).map_err(failed)?;
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "model": known.name, "code": known.code,
            "kind": known.kind.as_str(), "dim": known.dim, "bytes": bytes,
        }))?;
    }
    context.ui.say(&format!("`{}` is here: {}", known.name, megabytes(bytes)));
    if row(context, &config, known.clone()).is_set {
        context.ui.say(match known.kind {
            Kind::Embedding => "it answers as soon as its vectors are made: in the background, or by `cemem ingest`",
            Kind::Reranker => "recall uses it from now on",
        });
    } else {
        let file = context.home.0.join(config::FILE);
        let (key, name) = (known.kind.as_str(), &known.name);
        context
            .ui
            .say(&format!("to use it, set in {}:\n[models]\n{key} = \"{name}\"", file.display()));
    }
    Ok(exit_code::OK)
}

#[cfg(feature = "download")]
fn failed(error: cemem_retrieve::semantic::download::GetError) -> CommandError {
    use cemem_retrieve::SemanticOff;
    use cemem_retrieve::semantic::download::GetError;

    let hint = match &error {
        GetError::Off(SemanticOff::NoRuntime | SemanticOff::RuntimeUnusable { .. }) => {
            "a model is tried before it is kept, which takes the ONNX Runtime: `cemem doctor` tells where it \
             was looked for"
        }
        GetError::Off(_) => "it cannot be used on this machine; nothing else changed",
        GetError::Download { .. } => {
            "nothing of it is used; try again, what arrived whole is not fetched twice; HF_ENDPOINT names \
             another place to fetch from"
        }
        GetError::Damaged { .. } => "try again; nothing of it is used",
        _ => "nothing of it is used",
    };
    let message = error.to_string();
    let source = std::error::Error::source(&error).map(chain);
    CommandError::User { message, source, hint: Some(hint.to_owned()) }
}

/// Returns an error with its causes as one: that of a download lies several deep.
#[cfg(feature = "download")]
fn chain(error: &dyn std::error::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text.into()
}

#[cfg(not(feature = "download"))]
fn get(_context: &Context, name: &str) -> Result<u8, CommandError> {
    models::named(&[Kind::Embedding, Kind::Reranker], name)?;
    Err(CommandError::user("this cemem was built without downloads")
        .hint("put the model's files into a folder and set that (docs/models.md)"))
}
