//! The shipped model's WordPiece tokenizer without a start-up cost.
//!
//! Owns [`encode`] for plain text (ASCII and common typography) over a vocabulary table built at
//! compile time: parsing `tokenizer.json` takes longer than embedding a query. Text outside that
//! subset is refused (`None`) and goes through the `tokenizers` crate; a test holds both to the
//! same ids. Must not know about models or vectors.

static VOCAB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vocab.bin"));

/// Id of `[CLS]`, before every text.
pub(super) const CLS: i64 = 101;
/// Id of `[SEP]`, after every text.
pub(super) const SEP: i64 = 102;
/// Id of a word that cannot be spelled.
const UNK: i64 = 100;
/// Longer words are not spelled at all.
const MAX_WORD_CHARS: usize = 100;
/// Words with a meaning of their own to the tokenizer.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

fn u32_at(at: usize) -> usize {
    let bytes = VOCAB[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(bytes) as usize
}

fn count() -> usize {
    u32_at(0)
}

fn word_at(index: usize) -> &'static [u8] {
    let bytes = 4 + 4 * (count() + 1) + 2 * count();
    &VOCAB[bytes + u32_at(4 + 4 * index)..bytes + u32_at(8 + 4 * index)]
}

/// Returns the id of the piece spelled `prefix` + `word`.
fn lookup(prefix: &[u8], word: &[u8]) -> Option<i64> {
    let (mut low, mut high) = (0, count());
    while low < high {
        let mid = usize::midpoint(low, high);
        let here = word_at(mid);
        let head = &here[..here.len().min(prefix.len())];
        let order = head.cmp(prefix).then_with(|| here[head.len()..].cmp(word));
        match order {
            std::cmp::Ordering::Less => low = mid + 1,
            std::cmp::Ordering::Greater => high = mid,
            std::cmp::Ordering::Equal => {
                let at = 4 + 4 * (count() + 1) + 2 * mid;
                return Some(i64::from(u16::from_le_bytes([VOCAB[at], VOCAB[at + 1]])));
            }
        }
    }
    None
}

/// What a character is to the tokenizer; `None` if only the full tokenizer knows.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Drop,
    Space,
    Punctuation,
    Letter,
}

fn class(c: char) -> Option<Class> {
    Some(match c {
        '\t' | '\n' | '\r' | ' ' => Class::Space,
        c if c.is_ascii_control() => Class::Drop,
        c if c.is_ascii_punctuation() => Class::Punctuation,
        c if c.is_ascii() => Class::Letter,
        // Dashes, quotation marks, bullets, the ellipsis.
        '\u{2010}'..='\u{2027}' => Class::Punctuation,
        // Arrows are symbols, which the tokenizer treats like letters.
        '\u{2190}'..='\u{2199}' => Class::Letter,
        _ => return None,
    })
}

/// Spells one lower-case word, longest piece first.
fn spell(word: &str, out: &mut Vec<i64>) {
    if word.chars().count() > MAX_WORD_CHARS {
        out.push(UNK);
        return;
    }
    let start = out.len();
    let mut rest = word;
    while !rest.is_empty() {
        let prefix: &[u8] = if rest.len() == word.len() { b"" } else { b"##" };
        let ends = rest.char_indices().map(|(i, c)| i + c.len_utf8()).rev();
        let found =
            ends.filter_map(|end| lookup(prefix, &rest.as_bytes()[..end]).map(|id| (end, id)));
        let Some((end, id)) = { found }.next() else {
            out.truncate(start);
            out.push(UNK);
            return;
        };
        out.push(id);
        rest = &rest[end..];
    }
}

/// Returns the ids of `text` without `[CLS]` and `[SEP]`, at most `limit`; `None` if the text holds
/// characters only the full tokenizer handles.
pub(super) fn encode(text: &str, limit: usize) -> Option<Vec<i64>> {
    if text.contains('[') && SPECIAL.iter().any(|special| text.contains(special)) {
        return None;
    }
    let mut out = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if out.len() >= limit {
            break;
        }
        match class(c)? {
            Class::Letter => word.push(c.to_ascii_lowercase()),
            Class::Drop => {}
            other => {
                if !word.is_empty() {
                    spell(&word, &mut out);
                    word.clear();
                }
                if other == Class::Punctuation {
                    spell(c.encode_utf8(&mut [0; 4]), &mut out);
                }
            }
        }
    }
    if !word.is_empty() {
        spell(&word, &mut out);
    }
    out.truncate(limit);
    Some(out)
}

/// Returns how many tokens `text` is to the shipped tokenizer. Characters the table does not
/// cover count as one token a byte, which is never too few; words it gives up on count as one token
/// for four bytes, because no other model reads them for the price of one.
#[must_use]
pub fn count_tokens(text: &str) -> usize {
    let mut total = 0;
    for word in text.split_whitespace() {
        total += match encode(word, usize::MAX) {
            Some(ids) if ids.contains(&UNK) => ids.len().max(word.len() / 4),
            Some(ids) => ids.len(),
            None => word.len(),
        };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full() -> tokenizers::Tokenizer {
        let json = include_bytes!("../../../assets/model/tokenizer.json");
        let mut full = tokenizers::Tokenizer::from_bytes(json).unwrap();
        full.with_padding(None).with_truncation(None).unwrap();
        full
    }

    fn reference(full: &tokenizers::Tokenizer, text: &str) -> Vec<i64> {
        let ids = full.encode(text, true).unwrap();
        let ids = ids.get_ids();
        ids[1..ids.len() - 1].iter().map(|&id| i64::from(id)).collect()
    }

    #[test]
    fn agrees_with_the_full_tokenizer_on_code_and_prose() {
        let full = full();
        for text in [
            "",
            "auth bug",
            "getHTTPResponse() fails: E0382 — use `--no-verify`… “quoted” → done",
            "don't\tpanic!\r\nsnake_case/path-to.file.rs:12:7 \u{7f}x\u{0}y",
            &"a".repeat(101),
            &"unbelievability ".repeat(40),
            "•–‘’ ←↑",
        ] {
            assert_eq!(encode(text, usize::MAX).unwrap(), reference(&full, text), "{text:?}");
        }
        assert_eq!(encode("naïve", 9), None);
        assert_eq!(encode("[SEP]", 9), None);
    }

    #[test]
    fn counts_are_never_too_low() {
        let full = full();
        for text in ["one two_three", "naïve café ☕ 日本語", "🎉🎉", "Ünïcödé—x"] {
            assert!(count_tokens(text) >= reference(&full, text).len(), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_too_long_to_spell_is_not_free() {
        assert_eq!(count_tokens(&"x".repeat(4000)), 1000);
        assert!(count_tokens(&format!("key={}", "ab9".repeat(2000))) >= 1500);
        assert_eq!(count_tokens("a plain text, of words"), 6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn agrees_on_any_plain_text(text in "[ -~\n\t—’“”…→]{0,120}") {
            let full = full_once();
            if let Some(ids) = encode(&text, usize::MAX) {
                prop_assert_eq!(ids, reference(full, &text));
            }
        }
    }

    fn full_once() -> &'static tokenizers::Tokenizer {
        static FULL: std::sync::OnceLock<tokenizers::Tokenizer> = std::sync::OnceLock::new();
        FULL.get_or_init(full)
    }
}
