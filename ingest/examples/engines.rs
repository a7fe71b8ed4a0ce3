//! Prints `docs/engines.md`. Owns nothing; must not know any engine.

#![expect(clippy::print_stdout, reason = "printing is all it is for")]

fn main() {
    print!("{}", cemem_ingest::engines::markdown::markdown());
}
