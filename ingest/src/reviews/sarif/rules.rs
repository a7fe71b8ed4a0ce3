//! The rules of a run, and which one a result means.
//!
//! Owns looking rules up: by index in the component that the result names, else by id. Must not
//! read results.

use std::collections::HashMap;

use super::wire::{Component, Maybe, Message, Rule, RuleReference, SarifResult, Tool};

/// The components of a tool: its driver, then its extensions.
#[derive(Debug, Default)]
pub(super) struct Rules<'a> {
    components: Vec<Component<'a>>,
    /// Component and place of each rule id; the driver's come first.
    by_id: HashMap<String, (usize, usize)>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(tool: Tool<'a>) -> Self {
        let mut components = vec![tool.driver.0.unwrap_or_default()];
        components.extend(tool.extensions.0);
        let mut by_id = HashMap::new();
        for (c, component) in components.iter().enumerate() {
            for (r, rule) in component.rules.0.iter().enumerate() {
                if let Some(id) = rule.id.some() {
                    by_id.entry(id.to_owned()).or_insert((c, r));
                }
            }
        }
        Self { components, by_id }
    }

    /// Returns the tool itself.
    pub(super) fn driver(&self) -> Option<&Component<'a>> {
        self.components.first()
    }

    /// Returns the rule a result names, and the component it stands in.
    pub(super) fn of(&self, result: &SarifResult<'_>) -> Option<(&Component<'a>, &Rule<'a>)> {
        let named = named(result);
        let component = result.rule.0.as_ref().map_or(Some(0), |r| self.component(r));
        let index = result.rule.0.as_ref().and_then(|r| r.index.0).or(result.rule_index.0);
        if let (Some(c), Some(index)) = (component, index) {
            let found = usize::try_from(index).ok().and_then(|i| {
                let component = self.components.get(c)?;
                Some((component, component.rules.0.get(i)?))
            });
            // An index that points at another rule is a mistake of the tool; its name counts.
            if let Some((component, rule)) = found
                && named.is_none_or(|id| is_named(id, rule))
            {
                return Some((component, rule));
            }
        }
        let id = named?;
        // `CA1000/1` is a case of the rule `CA1000`.
        let parent = id.rsplit_once('/').map(|(parent, _)| parent);
        let (c, r) = self.by_id.get(id).or_else(|| self.by_id.get(parent?))?;
        Some((&self.components[*c], &self.components[*c].rules.0[*r]))
    }

    /// Returns the component a reference means; 0 is the driver.
    fn component(&self, rule: &RuleReference<'_>) -> Option<usize> {
        let Some(reference) = &rule.tool_component.0 else { return Some(0) };
        if let Some(index) = reference.index.0 {
            return usize::try_from(index).ok()?.checked_add(1);
        }
        self.components.iter().position(|c| {
            reference.guid.some().is_some_and(|g| c.guid.some() == Some(g))
                || reference.name.some().is_some_and(|n| c.name.some() == Some(n))
        })
    }
}

/// Returns the rule id a result states.
pub(super) fn named<'r>(result: &'r SarifResult<'_>) -> Option<&'r str> {
    result.rule_id.some().or_else(|| result.rule.0.as_ref()?.id.some())
}

fn is_named(id: &str, rule: &Rule<'_>) -> bool {
    rule.id.some().is_none_or(|own| {
        id == own || id.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Returns a message's text: its own, or the one its id stands for, with the arguments filled in
/// and the links to other places taken out.
pub(super) fn message(
    message: &Message<'_>,
    found: Option<(&Component<'_>, &Rule<'_>)>,
) -> Option<String> {
    let own = message.text.some().or_else(|| message.markdown.some());
    let text = own.or_else(|| {
        let id = message.id.some()?;
        let (component, rule) = found?;
        stringed(&rule.message_strings, id)
            .or_else(|| stringed(&component.global_message_strings, id))
    })?;
    let arguments = message.arguments.as_ref().and_then(|a| a.as_array());
    Some(arguments.map_or_else(|| unlink(text), |a| unlink(&fill(text, a))))
}

/// Returns the text that an id stands for.
fn stringed<'a>(
    strings: &'a Maybe<HashMap<String, Maybe<Message<'_>>>>,
    id: &str,
) -> Option<&'a str> {
    let message = strings.0.as_ref()?.get(id)?.0.as_ref()?;
    message.text.some().or_else(|| message.markdown.some())
}

/// Puts arguments in the place of `{0}`; `{{` is a brace.
fn fill(text: &str, arguments: &[serde_json::Value]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            out.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let end = rest.find('}').filter(|_| rest.starts_with('{'));
        let argument =
            end.and_then(|e| rest[1..e].parse::<usize>().ok()).and_then(|i| arguments.get(i));
        match (argument.and_then(|a| a.as_str()), end) {
            (Some(argument), Some(end)) => {
                out.push_str(argument);
                rest = &rest[end + 1..];
            }
            _ => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// `[text](1)` refers to a related location: only the text says something.
fn unlink(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let link = rest[open..].find("](").and_then(|middle| {
            let target = &rest[open + middle + 2..];
            let end = target.find(')')?;
            let number =
                !target[..end].is_empty() && target[..end].bytes().all(|b| b.is_ascii_digit());
            number.then_some((open + middle, open + middle + 2 + end + 1))
        });
        match link {
            Some((middle, end)) => {
                out.push_str(&rest[..open]);
                out.push_str(&rest[open + 1..middle]);
                rest = &rest[end..];
            }
            None => {
                out.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_and_links() {
        let args = [json!("a"), json!("b")];
        assert_eq!(fill("{0} and {1}, {{x}}, {2}, {y", &args), "a and b, {x}, {2}, {y");
        assert_eq!(
            unlink("see [this](1) and [that](http://x) [a] b"),
            "see this and [that](http://x) [a] b"
        );
        assert_eq!(unlink("[a [b](2)"), "a [b");
    }
}
