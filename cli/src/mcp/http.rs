//! Streamable HTTP, for clients that start no programs.
//!
//! Owns the door: this machine only, a token with every request, no pages of strangers (`Host` and `Origin`
//! are checked, so that a name that leads here does not open it). Every request stands for itself, also in
//! the older revisions: there is no session that could be taken over or left behind.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;

use super::server::{Server, Shared};
use crate::command_error::CommandError;
use crate::context::Context;

/// The variable that may hold the token.
const TOKEN: &str = "CEMEM_MCP_TOKEN";
/// Shortest token taken from it, in bytes.
const SHORTEST: usize = 16;

/// Serves this project until it is stopped.
///
/// # Errors
/// When the address is not of this machine or taken, or the token is too short.
pub(crate) fn serve(context: &Context, address: SocketAddr) -> Result<(), CommandError> {
    if !address.ip().is_loopback() {
        let message = format!("`{}` can be reached from other machines", address.ip());
        return Err(CommandError::user(message).hint("`cemem mcp --http 127.0.0.1:8765`"));
    }
    let (token, is_new) = token()?;
    let shared = Shared::new(context)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|error| CommandError::User {
            message: format!("cannot listen on {address}"),
            source: Some(Box::new(error)),
            hint: Some("`--http` without an address takes a free port".into()),
        })?;
        let at = listener.local_addr()?;
        context.ui.warn(&format!("project `{}` at http://{at}/mcp", context.project.name));
        if is_new {
            context.ui.warn(&format!("Authorization: Bearer {token}"));
        }
        axum::serve(listener, door(shared, token)).await.map_err(CommandError::from)
    })
}

fn door(shared: Arc<Shared>, token: String) -> Router {
    let loopback = ["127.0.0.1", "[::1]", "localhost"];
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(["127.0.0.1", "::1", "localhost"])
        .with_allowed_origins(loopback.map(|host| format!("http://{host}:*")));
    let service = StreamableHttpService::new(
        move || Ok(Server::new(Arc::clone(&shared))),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let token: Arc<str> = token.into();
    Router::new().route_service("/mcp", service).layer(middleware::from_fn_with_state(token, check))
}

/// Lets through who has the token.
async fn check(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    if has_token(request.headers(), &token) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "a token is needed; `cemem mcp --http` told it\n")
        .into_response()
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim().as_bytes(), token.as_bytes())
    })
}

/// Compares in a time that does not tell how much is right.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |wrong, (a, b)| wrong | (a ^ b)) == 0
}

/// Returns the token of the environment, or a new one.
fn token() -> Result<(String, bool), CommandError> {
    match std::env::var(TOKEN) {
        Ok(token) if token.len() >= SHORTEST => Ok((token, false)),
        Ok(token) if !token.is_empty() => {
            let message = format!("{TOKEN} is too short to be safe");
            Err(CommandError::user(message).hint(format!("at least {SHORTEST} characters")))
        }
        _ => {
            let mut bytes = [0_u8; 24];
            getrandom::fill(&mut bytes)
                .map_err(|error| CommandError::Internal(format!("no random numbers: {error}")))?;
            Ok((bytes.iter().map(|byte| format!("{byte:02x}")).collect(), true))
        }
    }
}

/// Returns the address of `--http`: `127.0.0.1:8765`, `8765`, `localhost:8765`.
///
/// # Errors
/// When it is none.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(loopback, port));
    }
    let named = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match named {
        Some(port) => Ok(SocketAddr::new(loopback, port)),
        None => text.parse().map_err(|_| "not an address like 127.0.0.1:8765".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let headers =
            |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(has_token(&headers("Bearer secret-token"), "secret-token"));
        assert!(has_token(&headers("bearer  secret-token"), "secret-token"));
        for bad in [
            "secret-token",
            "Basic secret-token",
            "Bearer secret",
            "Bearer secret-tokeN",
            "Bearer ",
        ] {
            assert!(!has_token(&headers(bad), "secret-token"), "{bad}");
        }
        assert!(!has_token(&HeaderMap::new(), "secret-token"));
    }

    #[test]
    fn addresses() {
        let local: SocketAddr = "127.0.0.1:80".parse().unwrap();
        for text in ["80", "localhost:80", "127.0.0.1:80"] {
            assert_eq!(address(text), Ok(local), "{text}");
        }
        assert_eq!(address("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
        for bad in ["", "x", "127.0.0.1", "localhost:x", "99999"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
