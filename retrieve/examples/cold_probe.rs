//! Where the time of a cold semantic query goes: `cold_probe LIBRARY [TEXT]`.

use std::time::Instant;

use cemem_retrieve::semantic::Semantic;

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn main() {
    let mut args = std::env::args().skip(1);
    let runtime = args.next().map(Into::into);
    let text = args.next().unwrap_or_else(|| "auth token refresh bug".into());
    let start = Instant::now();
    let embedder = match (Semantic::Shipped { runtime }).load() {
        Ok(embedder) => embedder,
        Err(off) => return println!("off: {off}"),
    };
    println!("load      {:7.2} ms", start.elapsed().as_secs_f64() * 1e3);
    for name in ["first", "second", "third", "fourth"] {
        let start = Instant::now();
        let vector = embedder.embed(&[&text]).map(|mut v| v.remove(0));
        println!("{name:9} {:7.2} ms", start.elapsed().as_secs_f64() * 1e3);
        if name == "fourth" {
            println!("{:?}", vector.map(|v| v[..4].to_vec()));
        }
    }
}
