//! A model behind HTTP.
//!
//! Owns the only connection the program opens, and only when a person configured it. The key comes
//! from the environment, goes to the address that was set and nowhere else (no redirect is followed),
//! never over an unencrypted line to another machine, and never into a message.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use cemem_core::Store;
use cemem_ingest::Redactor;
use cemem_ingest::distill::Answer;
use ureq::Agent;

use super::breaker::Breaker;
use super::ledger::{self, Asked, Prices, Reserved};
use super::{Failed, MAX_OUTPUT, Said, read, wire, with_retries};
use crate::command_error::CommandError;
use crate::config::{Api, Distill, HttpConfig};
use crate::context::Context;
use crate::ui::one_line;

/// Who is asked, and how.
struct Target<'c> {
    config: &'c HttpConfig,
    url: String,
    model: &'c str,
    key: Option<String>,
    prices: Prices,
    agent: Agent,
}

pub(super) fn ask(
    context: &Context,
    store: &mut Store,
    config: &Distill,
    request: &str,
) -> Result<Said, CommandError> {
    let target = Target::new(&config.http)?;
    let by = format!("http:{}", target.model);
    let breaker = Breaker::new(context, &by);
    breaker.check()?;
    let mut refused = None;
    let answered = with_retries(config, || {
        // Before every try: the one before may have used up what was left.
        match target.reserve(context, store, &by, request) {
            Ok(reserved) => target.once(store, reserved, request),
            Err(error) => {
                refused = Some(error);
                Err(Failed::for_good("the cap is reached"))
            }
        }
    });
    if let Some(error) = refused {
        return Err(error);
    }
    breaker.note(answered.is_ok());
    match answered {
        Ok(answer) => Ok(Said { by, answer }),
        Err(failed) => {
            Err(CommandError::user(format!("`{}` gave no words: {}", target.model, failed.message))
                .hint("no lesson was changed; docs/distillers.md tells how a model is set up"))
        }
    }
}

impl<'c> Target<'c> {
    fn new(config: &'c HttpConfig) -> Result<Self, CommandError> {
        let Some(model) = config.model.as_deref() else {
            return Err(CommandError::user("no model is set")
                .hint("set `model` under [distill.http] in config.toml, or CEMEM_DISTILL_MODEL"));
        };
        let base = config.url.as_deref().unwrap_or_else(|| wire::default_url(config.api));
        let local = is_local(base);
        let name = config.key_env.as_deref().or_else(|| wire::default_key_env(config.api));
        let key = name.and_then(|name| std::env::var(name).ok()).filter(|k| !k.trim().is_empty());
        // A local server gets a key only if one was named for it.
        let key = key.filter(|_| !local || config.key_env.is_some());
        if !local && !base.starts_with("https://") {
            return Err(CommandError::user(format!(
                "`{}` is on another machine and not encrypted: what people said would be \
                 readable on the way",
                without_login(base)
            ))
            .hint("use an https address, or a server on this machine"));
        }
        if base.starts_with("https://") && !cfg!(feature = "https") {
            return Err(CommandError::user("this cemem was built without TLS")
                .hint("build it with the feature `https`, or ask a server on this machine"));
        }
        if let (None, false, Some(name)) = (&key, local, name) {
            return Err(CommandError::user(format!("`{name}` is not set"))
                .hint("the key comes from the environment only, never from a file"));
        }
        let prices = Prices::of(config, model, local || config.api == Api::Ollama)?;
        let seconds = Duration::from_secs(config.timeout_seconds.max(1));
        let mut builder = Agent::config_builder()
            .timeout_global(Some(seconds))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("cemem/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.proxy(None);
        }
        let url = wire::address(config.api, base);
        Ok(Self { config, url, model, key, prices, agent: builder.build().new_agent() })
    }

    fn reserve(
        &self,
        context: &Context,
        store: &mut Store,
        who: &str,
        request: &str,
    ) -> Result<Reserved, CommandError> {
        let tokens = (ledger::at_most(request), self.config.max_tokens);
        let cost = self.prices.cost(tokens.0, tokens.1);
        let asked = Asked { who, model: self.model, tokens, cost };
        Reserved::new(context, store, self.config, asked)
    }

    /// Asks once and records what it cost.
    fn once(&self, store: &mut Store, paid: Reserved, request: &str) -> Result<Answer, Failed> {
        let sent = self.send(request);
        let estimate = ledger::at_most(request);
        let (tokens, outcome) = match &sent {
            Ok(reply) => {
                let tokens = reply.tokens.unwrap_or((estimate, ledger::at_most(&reply.text)));
                (tokens, "ok".to_owned())
            }
            // Refused before anything was done, or never arrived.
            Err(Unsent::Refused(failed)) => ((0, 0), failed.message.clone()),
            Err(Unsent::Lost(failed)) => {
                ((estimate, self.config.max_tokens), failed.message.clone())
            }
        };
        let cost = self.prices.cost(tokens.0, tokens.1);
        paid.settle(store, tokens, cost, outcome.chars().take(80).collect())
            .map_err(|error| Failed::for_good(format!("what it cost was not recorded: {error}")))?;
        match sent {
            Ok(reply) => read(&reply.text),
            Err(Unsent::Refused(failed) | Unsent::Lost(failed)) => Err(failed),
        }
    }

    fn send(&self, request: &str) -> Result<wire::Reply, Unsent> {
        let api = self.config.api;
        let mut post = self.agent.post(&self.url);
        for (name, value) in wire::headers(api, self.key.as_deref()) {
            post = post.header(name, value);
        }
        let body = wire::body(api, &self.url, self.model, self.config.max_tokens, request);
        let mut response = post.send_json(&body).map_err(|error| self.lost(&error))?;
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
        let wait = wait.and_then(|v| v.trim().parse().ok()).map(Duration::from_secs);
        let limit = u64::try_from(MAX_OUTPUT).unwrap_or(u64::MAX);
        let read = response.body_mut().with_config().limit(limit).lossy_utf8(true).read_to_string();
        if !(200..300).contains(&status) {
            let said = read.unwrap_or_default();
            let said: String = one_line(&self.without_key(&said)).chars().take(160).collect();
            let message = format!("HTTP {status} {said}").trim_end().to_owned();
            let again = status == 429 || status >= 500;
            return Err(Unsent::Refused(Failed { message, again, wait }));
        }
        let text = read.map_err(|error| self.lost(&error))?;
        Ok(wire::reply(api, &text))
    }

    /// What to make of a connection that failed: nobody knows how far the other side came.
    fn lost(&self, error: &ureq::Error) -> Unsent {
        let (message, again) = match error {
            ureq::Error::Timeout(_) => {
                (format!("no answer within {} s", self.config.timeout_seconds.max(1)), true)
            }
            ureq::Error::BodyExceedsLimit(_) => ("the answer is too long".to_owned(), false),
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => return self.unreached(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return self.unreached();
            }
            other => (self.without_key(&format!("the connection failed: {other}")), true),
        };
        Unsent::Lost(if again { Failed::for_now(message) } else { Failed::for_good(message) })
    }

    fn unreached(&self) -> Unsent {
        Unsent::Refused(Failed::for_now(format!(
            "`{}` cannot be reached",
            without_login(&self.url)
        )))
    }

    /// Returns what the other side said without the key, whole or begun: some echo a part of it.
    fn without_key(&self, text: &str) -> String {
        let key = self.key.as_deref().unwrap_or_default();
        let parts = (LEAST_OF_KEY..=key.len()).rev().filter_map(|n| key.get(..n));
        let told = parts.fold(text.to_owned(), |told, part| told.replace(part, "[key]"));
        Redactor::new().redact(&told).into_owned()
    }
}

/// As much of a key as may be told.
const LEAST_OF_KEY: usize = 6;

/// Returns an address without the name and password in it.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// Why there is no reply.
enum Unsent {
    /// It cost nothing.
    Refused(Failed),
    /// It may have cost something.
    Lost(Failed),
}

/// Returns whether an address is on this machine.
fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let bare = host.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for url in ["http://127.0.0.1:1/v1", "http://localhost", "http://[::1]:8080/"] {
            assert!(is_local(url), "{url}");
        }
        for url in
            ["http://127.0.0.1.example/", "https://localhost.example", "http://10.0.0.1", "x"]
        {
            assert!(!is_local(url), "{url}");
        }
        assert!(!is_local("http://127.0.0.1@example.com/"));
    }

    #[test]
    fn neither_password_nor_key_is_told() {
        assert_eq!(without_login("http://me:pw@host/v1?x=a@b"), "http://host/v1?x=a@b");
        assert_eq!(without_login("http://host/v1@x"), "http://host/v1@x");
        let config = HttpConfig {
            url: Some("http://127.0.0.1:9".into()),
            model: Some("m".into()),
            ..HttpConfig::default()
        };
        let mut target = Target::new(&config).unwrap_or_else(|e| panic!("{e}"));
        target.key = Some("qzj-0123456789abcdef".into());
        let told = target.without_key("bad key qzj-0123456789abcdef, that is qzj-0123***");
        assert_eq!(told, "bad key [key], that is [key]***");
    }

    #[test]
    fn nothing_leaves_this_machine_unencrypted_or_unpaid() {
        let with = |url: &str| HttpConfig {
            url: Some(url.into()),
            model: Some("m".into()),
            key_env: Some("CEMEM_TEST_NO_SUCH_KEY".into()),
            ..HttpConfig::default()
        };
        let told = |config: &HttpConfig| match Target::new(config) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(told(&with("http://example.com/v1")).contains("not encrypted"));
        assert!(
            told(&with("https://example.com/v1")).contains("`CEMEM_TEST_NO_SUCH_KEY` is not set")
        );
        assert_eq!(told(&with("http://127.0.0.1:9/v1")), "");
        assert!(told(&HttpConfig::default()).contains("no model"));
    }
}
