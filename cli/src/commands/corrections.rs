//! t
use crate::command_error::CommandError;
use crate::context::Context;
use std::path::Path;
pub(super) fn run(_c: &Context, _a: &Path, _b: &Path) -> Result<u8, CommandError> {
    Err(CommandError::user("x"))
}
