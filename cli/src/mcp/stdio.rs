//! Standard input and output.
//!
//! Owns the life of the process: it ends when its input does, and when the program that started it is gone,
//! which an input that somebody else holds open would hide.

use std::time::Duration;

use rmcp::service::ServiceExt as _;
use rmcp::transport::io::stdio_pipes;
use tokio_util::sync::CancellationToken;

use super::server::{Server, Shared};
use crate::command_error::CommandError;
use crate::context::Context;

/// How often the parent is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Serves this project until the client is gone.
///
/// # Errors
/// When the system gives no runtime, or what came in was no MCP from the start.
pub(crate) fn serve(context: &Context) -> Result<(), CommandError> {
    let shared = Shared::new(context)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(talk(Server::new(shared)));
    // A read from a terminal that nobody types in would keep it for ever.
    runtime.shutdown_background();
    ended
}

async fn talk(server: Server) -> Result<(), CommandError> {
    let over = CancellationToken::new();
    let watch = tokio::spawn(parent_gone(over.clone()));
    let served = server.serve_with_ct(stdio_pipes(), over.clone()).await;
    let ended = match served {
        Ok(service) => service.waiting().await.map(drop).map_err(|e| e.to_string()),
        Err(_) if over.is_cancelled() => Ok(()),
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    watch.abort();
    ended.map_err(|error| {
        CommandError::user(format!("the client did not speak MCP: {error}"))
            .hint("`cemem mcp` is started by an agent; see docs/mcp.md")
    })
}

/// Ends the talk when the parent has died: the process then belongs to another one.
async fn parent_gone(over: CancellationToken) {
    #[cfg(unix)]
    {
        let parent = rustix::process::getppid();
        while rustix::process::getppid() == parent {
            tokio::time::sleep(LOOK).await;
        }
        over.cancel();
    }
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
}
