//! The answer within what an engine prints.
//!
//! Owns [`Shape`]: how an engine that runs without a person wraps what its model said. Must not judge
//! the answer, and falls back to all that was printed where the shape is another one.

use serde_json::Value;

/// How an engine prints what its model said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As text, perhaps with lines of the engine's own around it.
    Text,
    /// One JSON object (or a list that ends in it), the text at this pointer.
    Object(&'static str),
    /// JSON lines; of those whose text at `kind` is `is`, the text at `text`.
    Lines {
        /// Pointer to what tells the lines apart.
        kind: &'static str,
        /// What it must be.
        is: &'static str,
        /// Pointer to the text.
        text: &'static str,
    },
}

impl Shape {
    /// Returns what the model said, as far as the shape tells; else everything.
    #[must_use]
    pub fn said(self, printed: &str) -> String {
        let found = match self {
            Self::Text => None,
            Self::Object(pointer) => object(printed, pointer),
            Self::Lines { kind, is, text } => {
                let rows = printed.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
                let of_kind = rows.filter(|row| row.pointer(kind).is_some_and(|k| k == is));
                let said: Vec<String> = of_kind.filter_map(|row| text_at(&row, text)).collect();
                (!said.is_empty()).then(|| said.join("\n"))
            }
        };
        found.unwrap_or_else(|| printed.to_owned())
    }
}

fn object(printed: &str, pointer: &str) -> Option<String> {
    // Warnings may stand before it.
    let from = printed.find(['{', '['])?;
    let mut values = serde_json::Deserializer::from_str(&printed[from..]).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let value = match value {
        Value::Array(mut items) => items.pop()?,
        other => other,
    };
    text_at(&value, pointer)
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_said_is_found() {
        let claude = r#"{"type":"result","is_error":false,"result":"hello","total_cost_usd":0.01}"#;
        assert_eq!(Shape::Object("/result").said(claude), "hello");
        let listed = format!("warning: slow\n[{{\"type\":\"system\"}},{claude}]");
        assert_eq!(Shape::Object("/result").said(&listed), "hello");
        let codex = Shape::Lines { kind: "/item/type", is: "agent_message", text: "/item/text" };
        let printed = "{\"type\":\"turn.started\"}\nnoise\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"hi\"}}\n";
        assert_eq!(codex.said(printed), "hi");
        assert_eq!(codex.said("something else"), "something else");
        assert_eq!(Shape::Object("/result").said("{\"result\": 5"), "{\"result\": 5");
        assert_eq!(Shape::Text.said("all"), "all");
    }
}
