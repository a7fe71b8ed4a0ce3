//! Words that any instruction about code may hold.
//!
//! Owns the table. That two rules share such a word says little, however rare it is in a store; that they
//! share another one says much. Must not be counted from a store: how two rules relate depends on
//! nothing but the two.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::text::topic;

/// What a fifth of all packages use in their documentation (`ingest/training/common_words.py`), and
/// what people say to agents all day.
const FAMILIAR: &str = "\
    access action add additional against agent allow among another answer api app apply argument \
    around array ask attribute automatic available back bad behavior better between big binary block \
    branch bring buffer bug build call case cause change character check choose ci class claude clean \
    cli client close code column come command comment commit common compatibility complete condition \
    content context control convert copy correct count cover create css current custom data day debug \
    decide default dependency describe description detail develop different direct doc done down \
    either empty enabled end entry environment equivalent error exact example expect explain explicit \
    extra fail false feature feel few field file find finish first fix flag folder follow form format \
    full function general git github give good happen help html id idea implement important include \
    index information input instance integer internal invalid issue item itself json key know known \
    language last later latest least length less level library line list local log long longer look \
    main manual map master match max mean mention merge message mode model module move multiple name \
    necessary new next non number object often old open operation option optional order org original \
    out over own package page parse part particular path plan point pr present previous process \
    project proper public pull push put python question range read readme ready reason reference \
    release relevant remote remove repository request require respond response result return review \
    right root row run runtime say section self send separate sequence server session set short show \
    similar simple single size small sometimes source space special specific stable standard start \
    state static status std step string struct style support system table take target task tell term \
    test text through time today together tool true turn type ui under up update usage user value \
    variable version via web whether whole windows within word work wrapper write wrong yes zero";

static TOPICS: LazyLock<HashSet<String>> =
    LazyLock::new(|| FAMILIAR.split_whitespace().map(topic).collect());

/// Returns whether a topic is one that any instruction may hold.
pub(super) fn is_familiar(topic: &str) -> bool {
    TOPICS.contains(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_all_day_is_familiar_in_all_its_forms() {
        for word in ["commit", "tests", "delete", "docs", "committing", "repo"] {
            assert!(is_familiar(&topic(word)), "{word}");
        }
        for word in ["redis", "fixture", "parse_config", "footer", "retries"] {
            assert!(!is_familiar(&topic(word)), "{word}");
        }
    }
}
