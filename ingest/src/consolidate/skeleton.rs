//! A text as a reader sees it: without what cannot be seen, with look-alikes told apart by their
//! neighbours.
//!
//! Owns the characters that would make one rule look like two, or two like one. Must only be used to
//! compare: what is stored and shown keeps its characters.

use std::borrow::Cow;

/// Letters of other scripts that look like a Latin one.
const LOOK_ALIKES: &[(char, char)] = &[
    ('а', 'a'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ӏ', 'l'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('ѕ', 's'),
    ('ѵ', 'v'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('у', 'y'),
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Н', 'H'),
    ('І', 'I'),
    ('Ј', 'J'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Ѕ', 'S'),
    ('Т', 'T'),
    ('Х', 'X'),
    ('У', 'Y'),
    ('α', 'a'),
    ('ε', 'e'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('Α', 'A'),
    ('Β', 'B'),
    ('Ε', 'E'),
    ('Η', 'H'),
    ('Ι', 'I'),
    ('Κ', 'K'),
    ('Μ', 'M'),
    ('Ν', 'N'),
    ('Ο', 'O'),
    ('Ρ', 'P'),
    ('Τ', 'T'),
    ('Υ', 'Y'),
    ('Χ', 'X'),
    ('Ζ', 'Z'),
];

/// Returns the text as a reader sees it. A word that mixes Latin letters with look-alikes of other
/// scripts is read as Latin; a word wholly in another script stays what it is.
pub(crate) fn skeleton(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control() && !b.is_ascii_whitespace()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric() && !is_unseen(c)) {
        let latin = part.chars().any(|c| c.is_ascii_alphabetic() || is_wide(c));
        out.extend(part.chars().filter(|c| !is_unseen(*c)).map(|c| seen(c, latin)));
    }
    Cow::Owned(out)
}

/// Zero width, direction, variation, tags, controls: what a reader does not see.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !c.is_whitespace())
}

/// Letters of full width.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

fn seen(c: char, latin: bool) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xff01 + 0x21).expect("the range maps to ASCII")
        }
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{2010}' | '\u{2011}' | '\u{2212}' => '-',
        _ if c.is_whitespace() && c != '\n' => ' ',
        _ if latin => LOOK_ALIKES.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::skeleton;

    #[test]
    fn what_looks_the_same_is_the_same_and_nothing_else() {
        for tricky in [
            "Use t\u{430}bs",
            "U\u{200b}se ta\u{ad}bs",
            "\u{202a}Use tabs\u{202c}",
            "Use\u{a0}tabs",
            "Use ｔａｂｓ",
            "Use\u{7} t\u{feff}abs",
            "Use tab\u{fe0f}s\u{e0041}",
        ] {
            assert_eq!(skeleton(tricky).trim(), "Use tabs", "{tricky:?}");
        }
        // Words of another language are not Latin ones in disguise.
        assert_eq!(skeleton("сор"), "сор");
        assert_ne!(skeleton("Не надо"), "He надо");
        assert_eq!(skeleton("日本語 ok"), "日本語 ok");
        assert_eq!(skeleton("Use tabs"), "Use tabs");
    }
}
