//! Escaping of untrusted text.
//!
//! Owns the rule that nothing from a transcript reaches a terminal or a managed file with control,
//! bidirectional or invisible characters in it.

/// Returns whether a character can be shown without side effects.
fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text with line breaks and tabs kept and every other unsafe character replaced.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_safe(c) || matches!(c, '\n' | '\t') { c } else { '\u{fffd}' })
        .collect()
}

/// Returns the text as one line: white space folded, unsafe characters dropped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let flat: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|&c| is_safe(c))
        .collect();
    flat.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\r"), "a\u{fffd}[2Jb\nc\u{fffd}");
        assert_eq!(one_line("a\u{202e}b \n\t c\u{0}"), "ab c");
    }
}
