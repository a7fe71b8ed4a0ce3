//! Where the time of a cold recall goes: `cold_probe LIBRARY [STORE INDEX [QUERY]]`.
//!
//! With a store and an index folder it brings the index up to the store first, then measures a fresh
//! engine step by step. The first run fills the index; the next ones show a cold recall.

use std::path::Path;
use std::time::Instant;

use cemem_core::{Clock, Store};
use cemem_retrieve::{Engine, Mode, Query, Semantic};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn timed<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let start = Instant::now();
    let value = work()?;
    println!("{name:28} {:9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(value)
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let library = args.first().ok_or("cold_probe LIBRARY [STORE INDEX [QUERY]]")?;
    let semantic = Semantic::Shipped { runtime: Some(library.into()) };
    let text = args.get(3).map_or("auth token refresh bug", String::as_str);
    if let [_, store, index, ..] = &args[..] {
        let index = Path::new(index);
        let store = timed("store", || Ok(Store::open(Path::new(store), Clock::System)?))?;
        let mut lexical = Engine::new(index, Semantic::Off);
        let words = Query { mode: Mode::Lexical, ..Query::new(text) };
        timed("lexical recall, cold", || Ok(lexical.recall(&store, &words)?))?;
        for _ in 0..3 {
            timed("lexical recall, warm", || Ok(lexical.recall(&store, &words)?))?;
        }
        let mut engine = Engine::new(index, semantic.clone());
        timed("hybrid recall, cold", || Ok(engine.recall(&store, &Query::new(text))?))?;
        for _ in 0..3 {
            timed("hybrid recall, warm", || Ok(engine.recall(&store, &Query::new(text))?))?;
        }
        timed("catch up", || Ok(engine.catch_up(&store, usize::MAX)?))?;
        return Ok(());
    }
    let embedder = timed("load runtime and model", || Ok(semantic.load()?))?;
    for name in ["embed, first", "embed, second", "embed, third"] {
        timed(name, || Ok(embedder.embed(&[text])?))?;
    }
    Ok(())
}
