//! What a person probably meant.
//!
//! Owns how near two names are. Must not decide for anybody: what it finds is only offered.

/// Most names offered.
const MOST: usize = 3;

/// Returns the known names nearest to what was typed, the nearest first; none if none is near.
#[must_use]
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let n_typed = typed.chars().count();
    // One letter wrong in three is a slip; more is another word.
    let most = (n_typed / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let whole = strsim::damerau_levenshtein(&typed, &lower);
            // Names may be typed by their beginning, as ids are.
            let begin: String = lower.chars().take(n_typed).collect();
            let begin = strsim::damerau_levenshtein(&typed, &begin);
            let far = whole.min(begin);
            (n_typed > 1 && far <= most).then_some((far, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Returns names as words: `a`, `b` or `c`.
#[must_use]
pub(crate) fn any_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let known = ["tidepool", "tidewater", "billing"];
        assert_eq!(nearest("tidpool", known), ["tidepool"]);
        assert_eq!(nearest("TIDEPOOL", known), ["tidepool"]);
        assert_eq!(nearest("blling", known), ["billing"]);
        assert!(nearest("ledger", known).is_empty() && nearest("", known).is_empty());
        let ids = ["7f3a2c", "7f3b2c11", "0123ab"];
        assert_eq!(nearest("7f3a2d", ids), ["7f3a2c", "7f3b2c11"]);
        assert_eq!(nearest("7e3a", ids), ["7f3a2c"]);
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(any_of(&names), "a, b or c");
    }
}
