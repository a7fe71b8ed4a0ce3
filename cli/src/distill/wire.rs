//! What models behind HTTP are sent and answer.
//!
//! Owns the three dialects. Pure: must not open a connection or know a key.

use cemem_ingest::distill::Request;
use serde_json::{Value, json};

use crate::config::Api;

/// What a model said and what it counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: String,
    /// Tokens sent and received, where they are told.
    pub(super) tokens: Option<(u64, u64)>,
}

/// Returns where a dialect is spoken unless something else is set.
pub(super) fn default_url(api: Api) -> &'static str {
    match api {
        Api::OpenAi => "https://api.openai.com/v1",
        Api::Anthropic => "https://api.anthropic.com",
        Api::Ollama => "http://127.0.0.1:11434",
    }
}

/// Returns the variable that holds the key unless something else is set.
pub(super) fn default_key_env(api: Api) -> Option<&'static str> {
    match api {
        Api::OpenAi => Some("OPENAI_API_KEY"),
        Api::Anthropic => Some("ANTHROPIC_API_KEY"),
        Api::Ollama => None,
    }
}

/// Returns the whole address for a base address.
pub(super) fn address(api: Api, base: &str) -> String {
    let base = base.trim_end_matches('/');
    let path = match api {
        Api::OpenAi => "/chat/completions",
        Api::Anthropic if base.ends_with("/v1") => "/messages",
        Api::Anthropic => "/v1/messages",
        Api::Ollama => "/api/chat",
    };
    format!("{base}{path}")
}

/// Returns what carries the key, and what else a dialect wants in the head of a request.
pub(super) fn headers(api: Api, key: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    match (api, key) {
        (Api::Anthropic, key) => {
            headers.push(("anthropic-version", "2023-06-01".to_owned()));
            headers.extend(key.map(|key| ("x-api-key", key.to_owned())));
        }
        (_, Some(key)) => headers.push(("authorization", format!("Bearer {key}"))),
        (_, None) => {}
    }
    headers
}

/// Returns the body of a request.
pub(super) fn body(api: Api, url: &str, model: &str, max_tokens: u64, request: &str) -> Value {
    let messages = json!([{ "role": "user", "content": request }]);
    match api {
        // The provider's newer models refuse the older name; many others know only that.
        Api::OpenAi if url.starts_with("https://api.openai.com/") => {
            json!({ "model": model, "messages": messages, "max_completion_tokens": max_tokens })
        }
        Api::OpenAi | Api::Anthropic => {
            json!({ "model": model, "messages": messages, "max_tokens": max_tokens })
        }
        Api::Ollama => json!({
            "model": model, "messages": messages, "stream": false, "format": Request::schema(),
            "options": { "num_predict": max_tokens },
        }),
    }
}

/// Reads an answer; text that is none is what was said.
pub(super) fn reply(api: Api, body: &str) -> Reply {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let (text, sent, received) = match api {
        Api::OpenAi => (
            value.pointer("/choices/0/message/content").and_then(text_of),
            value.pointer("/usage/prompt_tokens"),
            value.pointer("/usage/completion_tokens"),
        ),
        Api::Anthropic => (
            value.get("content").and_then(text_of),
            value.pointer("/usage/input_tokens"),
            value.pointer("/usage/output_tokens"),
        ),
        Api::Ollama => (
            value.pointer("/message/content").and_then(text_of),
            value.get("prompt_eval_count"),
            value.get("eval_count"),
        ),
    };
    let tokens = sent.and_then(Value::as_u64).zip(received.and_then(Value::as_u64));
    Reply { text: text.unwrap_or_else(|| body.to_owned()), tokens }
}

/// Returns a text, or those of a list of blocks.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|b| b.get("text").and_then(Value::as_str));
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_is_read() {
        let said = |api, body: Value| reply(api, &body.to_string());
        let expected = Reply { text: "hi".into(), tokens: Some((7, 3)) };
        assert_eq!(
            said(
                Api::OpenAi,
                json!({"choices": [{"message": {"content": "hi"}}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
            ),
            expected
        );
        assert_eq!(
            said(
                Api::Anthropic,
                json!({"content": [{"type": "text", "text": "hi"}],
                "usage": {"input_tokens": 7, "output_tokens": 3}})
            ),
            expected
        );
        assert_eq!(
            said(
                Api::Ollama,
                json!({"message": {"content": "hi"},
                "prompt_eval_count": 7, "eval_count": 3})
            ),
            expected
        );
        let garbage = reply(Api::OpenAi, "<html>");
        assert_eq!(garbage, Reply { text: "<html>".into(), tokens: None });
        assert_eq!(address(Api::Anthropic, "http://h/v1/"), "http://h/v1/messages");
    }
}
