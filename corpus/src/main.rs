//! Writes the invented sessions into a folder: `cargo run -p cemem-corpus -- corpus/data/sessions`.
//!
//! Owns nothing but the loop. Must not delete: a story that is gone leaves its file to the person
//! who removed it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return fail("usage: cemem-corpus FOLDER");
    };
    for file in cemem_corpus::tidepool::files() {
        let path = folder.join(&file.path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, &file.text));
        if let Err(error) = written {
            return fail(&format!("cannot write `{}`: {error}", path.display()));
        }
    }
    ExitCode::SUCCESS
}

fn fail(message: &str) -> ExitCode {
    use io::Write as _;
    // A closed stderr leaves nobody to tell.
    let _closed = writeln!(io::stderr(), "{message}");
    ExitCode::FAILURE
}
