//! How a character is written, as far as it says where words begin and end.
//!
//! Owns the ranges of the scripts that write no spaces between words, or endings right behind them.
//! Must not know words of any language.

/// The script of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Words have spaces between them.
    Spaced,
    /// Words have spaces between them and endings of all kinds.
    Hangul,
    /// Chinese characters, in Japanese, too.
    Han,
    /// The Japanese letters of grammar.
    Hiragana,
    /// The Japanese letters of foreign words.
    Katakana,
    /// No letter.
    None,
}

impl Script {
    /// Returns the script of a character.
    #[must_use]
    pub fn of(c: char) -> Self {
        match c {
            '\u{3041}'..='\u{309f}' => Self::Hiragana,
            '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{ff66}'..='\u{ff9f}' => Self::Katakana,
            '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
            | '々' => Self::Han,
            '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}' => {
                Self::Hangul
            }
            _ if c.is_alphanumeric() => Self::Spaced,
            _ => Self::None,
        }
    }

    /// Returns whether words stand next to each other without a space.
    #[must_use]
    pub fn is_dense(self) -> bool {
        matches!(self, Self::Han | Self::Hiragana | Self::Katakana)
    }

    /// Returns whether spaces do not tell where its words end.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.is_dense() || self == Self::Hangul
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[test]
    fn scripts_are_told_by_their_characters() {
        let scripts: Vec<_> = "aж不をテ말。 1".chars().map(Script::of).collect();
        use Script::{Han, Hangul, Hiragana, Katakana, None, Spaced};
        assert_eq!(scripts, [Spaced, Spaced, Han, Hiragana, Katakana, Hangul, None, None, Spaced]);
    }
}
