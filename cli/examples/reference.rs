//! Prints the reference of all commands: `docs/cli.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    write!(std::io::stdout(), "{}", cemem_cli::commands::reference::markdown())
}
