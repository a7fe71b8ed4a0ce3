//! How two rules relate: the same, opposite, or neither.
//!
//! Owns the guards that keep opposite rules apart. They come first: no similarity, lexical or
//! learned, can merge two rules that differ in polarity, numbers, names or direction.

use super::lexicon::{AIMS, TIMES};
use super::text::{Features, Words};

/// Share of common words from which two rules without any conflict are the same.
const SAME: f32 = 0.5;
/// Share of common words from which a word in the place of another makes another rule.
const NEAR_ENOUGH_TO_REPLACE: f32 = 0.4;
/// Share of common words below which polarity is a matter of evidence, not of principle.
const LOOSE: f32 = 0.3;
/// Share of common words from which the order of the words is what differs.
const NEAR_COPY: f32 = 0.75;
/// So many words, at most, are other ones in an edited copy.
const MOST_EDITS: usize = 2;
/// Share of common words from which another name stands in the place of a name.
const NAME_IN_PLACE: f32 = LEAST_ALIKE;
/// Similarity of meaning from which rules in conflict are about the same thing …
const OPPOSITE_MEANING: f32 = 0.75;
/// … if they also share this much of the shorter one's words.
const OPPOSITE_CONTAINED: f32 = 0.6;
/// Topic words that rules told in other words share at least. Of all pairs in a store hardly any are the
/// same: short scraps ("commit this") would be the same as everything that holds their word …
const LEAST_SHARED: usize = 3;
/// … the share of the shorter one's words that must be among them …
const LEAST_CONTAINED: f32 = 0.5;
/// … the share of common words: by words alone …
pub(crate) const LEAST_ALIKE: f32 = 0.3;
/// … or where a model says that they mean the same …
const LEAST_ALIKE_WITH_MODEL: f32 = 0.15;
/// … and what it comes to together with the share in which rare words weigh more, on average.
const SAME_WEIGHED: f32 = 0.36;
/// So many of the shared words are rare ones …
const LEAST_RARE: usize = 2;
/// … or all of them come to this share.
const MOSTLY: f32 = 0.4;
/// Less is enough where the shorter one has no rare word that the longer one lacks: this share of all its
/// words.
const LEAST_HELD: f32 = 0.7;
/// How much more a rare word weighs than one that every instruction may hold.
const RARE: usize = 2;
/// Similarity of meaning that counts as the same.
const SAME_MEANING: f32 = 0.72;
/// However likely, pairs that share nearly all words come first.
const MOST_BY_MEANING: f32 = 0.999;
/// Share of the shorter rule's words the other must hold.
const CONTAINED: f32 = 0.75;
/// Share of common words from which a conflict of sides makes two rules opposite.
const OPPOSITE: f32 = 0.5;
/// The same for a conflict of polarity.
const OPPOSITE_POLARITY: f32 = 0.6;
/// The same where only some of the common words change sides.
const OPPOSITE_WHOLE: f32 = 0.7;
/// The same for conflicts of numbers, where everything else must agree.
const OPPOSITE_NUMBERS: f32 = 0.8;

/// Compares two rules by meaning, 0..=1; an optional help from a sentence model.
pub type Similarity<'a> = dyn Fn(&str, &str) -> f32 + Sync + 'a;

/// How two rules relate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relation {
    /// They say the same; how alike they are, 0..=1.
    Same(f32),
    /// They cannot both hold.
    Opposite,
    /// Neither.
    Different,
}

/// Returns how two rules relate when nothing else is known.
#[must_use]
pub fn relation(a: &str, b: &str, model: Option<&Similarity<'_>>) -> Relation {
    let mut words = Words::default();
    let (read_a, read_b) = (words.read(a), words.read(b));
    let ask = model.map(|m| move || m(a, b));
    relate(&read_a, &read_b, ask.as_ref().map(|f| f as &dyn Fn() -> f32))
}

/// Returns how two rules relate.
pub(crate) fn relate(a: &Features, b: &Features, model: Option<&dyn Fn() -> f32>) -> Relation {
    let shared = common(&a.words, &b.words);
    let alike = share(shared, a, b);
    if a.words == b.words && a.words.is_empty() {
        return if a == b { Relation::Same(1.0) } else { Relation::Different };
    }
    if let Some(conflict) = conflict(a, b, shared) {
        let same_thing = is_opposite(conflict, a, b)
            || (is_opposite_in_meaning(conflict, a, b, 1.0)
                && model.is_some_and(|ask| is_opposite_in_meaning(conflict, a, b, ask())));
        return if same_thing { Relation::Opposite } else { Relation::Different };
    }
    let shorter = a.words.len().min(b.words.len());
    if shared == 0 {
        return Relation::Different;
    }
    if is_same(a, b, shared) {
        return Relation::Same(alike);
    }
    if shared < LEAST_SHARED || (shared as f32) < LEAST_CONTAINED * shorter as f32 {
        return Relation::Different;
    }
    // A model costs milliseconds: it is asked only where its answer could decide.
    match model {
        Some(model) if alike >= LEAST_ALIKE_WITH_MODEL => {
            let cosine = model();
            if cosine >= SAME_MEANING {
                Relation::Same(cosine.min(MOST_BY_MEANING))
            } else {
                Relation::Different
            }
        }
        _ => Relation::Different,
    }
}

/// Returns whether two rules without any conflict say the same by their words alone. What every instruction
/// may hold makes no two the same, unless they say nothing else.
fn is_same(a: &Features, b: &Features, shared: usize) -> bool {
    let alike = share(shared, a, b);
    let rare = common(&a.rare, &b.rare);
    let size = |rule: &Features| (rule.words.len(), rule.rare.len());
    let (short, long) = if size(a) <= size(b) { (a, b) } else { (b, a) };
    let contained = shared as f32 / short.words.len() as f32;
    let telling = shared >= LEAST_SHARED && (rare > 0 || shared > LEAST_SHARED);
    if alike >= SAME && contained >= CONTAINED && (telling || shared == long.words.len()) {
        return true;
    }
    if alike < LEAST_ALIKE {
        return false;
    }
    // A lesson and the longer words that it was made of.
    let whole = shared == short.words.len();
    let held = rare == short.rare.len()
        && rare >= LEAST_RARE
        && (whole || (shared >= LEAST_SHARED && contained >= LEAST_HELD));
    let weighed = share_of(weight(shared, rare), weigh(a), weigh(b));
    let telling = rare >= LEAST_RARE || (shared > LEAST_SHARED && alike >= MOSTLY);
    held || (telling
        && shared >= LEAST_SHARED
        && contained >= LEAST_CONTAINED
        && alike + weighed >= 2.0 * SAME_WEIGHED)
}

/// Returns whether two rules must never be merged, whatever else speaks for it.
pub(crate) fn conflicts(a: &Features, b: &Features) -> bool {
    conflict(a, b, common(&a.words, &b.words)).is_some()
}

/// Why two rules must not be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflict {
    /// One asks for what the other forbids.
    Polarity,
    /// One is about something alone, the other about everything but it.
    Reach,
    /// They take opposite sides: before and after, enable and disable.
    Sides,
    /// Other numbers or versions.
    Numbers,
    /// The same words the other way round.
    Order,
    /// Another name in the place of a name.
    Names,
    /// Another word in the place of a word.
    Replaced,
}

/// Returns the conflict between two rules that share so many words.
fn conflict(a: &Features, b: &Features, shared: usize) -> Option<Conflict> {
    let alike = share(shared, a, b);
    if is_polar(a, b, shared) {
        return Some(Conflict::Polarity);
    }
    if (a.only && b.all_but) || (a.all_but && b.only) {
        return Some(Conflict::Reach);
    }
    let sides = a.sides.iter().any(|(pair, side)| {
        let other = (*pair, !*side);
        b.sides.contains(&other) && !a.sides.contains(&other) && !b.sides.contains(&(*pair, *side))
    });
    if sides {
        return Some(Conflict::Sides);
    }
    // A rule that names a number is more exact than one that names none; two numbers are two rules.
    if common(&a.numbers, &b.numbers) < a.numbers.len().min(b.numbers.len()) {
        return Some(Conflict::Numbers);
    }
    // Told freely, words come in any order; told in the same words, the order is what differs.
    if (alike >= NEAR_COPY && is_turned(a, b)) || is_before_and_after(a, b) {
        return Some(Conflict::Order);
    }
    let named = lacks(&a.names, &b.words) && lacks(&b.names, &a.words);
    if named && alike >= NAME_IN_PLACE {
        return Some(Conflict::Names);
    }
    substituted(a, b, alike).then_some(Conflict::Replaced)
}

/// Returns whether one rule asks for what the other forbids.
fn is_polar(a: &Features, b: &Features, shared: usize) -> bool {
    let alike = share(shared, a, b);
    let unless = common(&a.unless, &b.conditions) + common(&a.conditions, &b.unless);
    if unless > 0 && alike >= SAME {
        return true;
    }
    if is_excused(a, b) || is_excused(b, a) {
        return false;
    }
    let against = against(a, b);
    // Told freely and at length, a stray word on the other side is chance; it still counts against
    // their being the same (`relate`).
    let weighs = (against * 2 >= shared && alike >= LOOSE) || alike >= SAME;
    // "Never X" and "X" share their words but no side; compare what is left when none is asked for.
    let unsaid = alike >= SAME
        && a.unwanted.is_empty() != b.unwanted.is_empty()
        && a.wanted.is_empty() != b.wanted.is_empty();
    let said_otherwise = a.negations != b.negations || a.denied != b.denied;
    (against > 0 && weighs) || unsaid || (said_otherwise && alike >= NEAR_COPY)
}

/// Returns how many words one rule asks for that the other forbids. Where both forbid the same, what one says
/// of its place is none: "no emojis in messages", "messages without emojis".
fn against(a: &Features, b: &Features) -> usize {
    let forbidden = |rule: &Features| -> Vec<u32> {
        let placed = |word: &u32| rule.placed.binary_search(word).is_ok();
        rule.unwanted.iter().filter(|word| !placed(word)).copied().collect()
    };
    if a.placed.is_empty() && b.placed.is_empty() {
        return common(&a.wanted, &b.unwanted) + common(&a.unwanted, &b.wanted);
    }
    let (in_a, in_b) = (forbidden(a), forbidden(b));
    if common(&in_a, &in_b) > 0 {
        common(&a.wanted, &in_b) + common(&in_a, &b.wanted)
    } else {
        common(&a.wanted, &b.unwanted) + common(&a.unwanted, &b.wanted)
    }
}

/// Returns whether one rule forbids something unless the other is followed: "not X unless Y" and "Y, then
/// X" ask for the same.
fn is_excused(a: &Features, b: &Features) -> bool {
    let done = common(&a.unless, &b.wanted);
    done > 0 && 2 * done >= a.unless.len()
}

/// Returns whether two rules in conflict are about the same thing, so that only one can hold.
fn is_opposite(conflict: Conflict, a: &Features, b: &Features) -> bool {
    let alike = jaccard(&a.words, &b.words);
    match conflict {
        Conflict::Polarity => {
            let against = against(a, b);
            alike >= OPPOSITE_POLARITY
                && (against * 2 >= common(&a.words, &b.words) || alike >= OPPOSITE_WHOLE)
        }
        Conflict::Sides => {
            let bare = a.neutral.is_empty() && b.neutral.is_empty();
            bare || jaccard(&a.neutral, &b.neutral) >= OPPOSITE
        }
        Conflict::Reach => alike >= OPPOSITE,
        Conflict::Numbers => alike >= OPPOSITE_NUMBERS,
        Conflict::Order | Conflict::Names | Conflict::Replaced => false,
    }
}

/// Returns whether two rules in conflict of polarity or sides mean the same thing, in other words.
fn is_opposite_in_meaning(conflict: Conflict, a: &Features, b: &Features, cosine: f32) -> bool {
    let shared = common(&a.words, &b.words);
    let contained = shared as f32 / a.words.len().min(b.words.len()).max(1) as f32;
    matches!(conflict, Conflict::Polarity | Conflict::Sides | Conflict::Reach)
        && contained >= OPPOSITE_CONTAINED
        && shared >= 2
        && cosine >= OPPOSITE_MEANING
}

/// Returns whether a name of one rule does not occur in the other at all.
fn lacks(names: &[u32], words: &[u32]) -> bool {
    names.iter().any(|n| words.binary_search(n).is_err())
}

/// Returns whether each rule aims at a word that the other holds in another place.
fn is_turned(a: &Features, b: &Features) -> bool {
    let elsewhere = |a: &Features, b: &Features, how: usize| {
        a.aimed.iter().any(|(aim, word)| {
            *aim == how
                && b.words.binary_search(word).is_ok()
                && b.aimed.binary_search(&(how, *word)).is_err()
        })
    };
    // "Not X before Y" and "Y before X" are the same.
    let told_alike = |how: usize| how != TIMES || a.negated == b.negated;
    (0..AIMS.len()).any(|how| told_alike(how) && elsewhere(a, b, how) && elsewhere(b, a, how))
}

/// Returns whether what one rule puts behind "before" or "after" is what the other does before or after
/// something else: "migrations before the tests", "the tests before you push". Not where only one forbids.
fn is_before_and_after(a: &Features, b: &Features) -> bool {
    let aimed = |rule: &Features| -> Vec<u32> {
        rule.aimed.iter().filter(|(aim, _)| *aim == TIMES).map(|(_, word)| *word).collect()
    };
    let (at_a, at_b) = (aimed(a), aimed(b));
    let elsewhere = |aimed: &[u32], other: &Features| common(aimed, &other.words) > 0;
    a.negated == b.negated
        && !at_a.is_empty()
        && !at_b.is_empty()
        && common(&at_a, &at_b) == 0
        && (elsewhere(&at_a, b) || elsewhere(&at_b, a))
}

/// Returns whether the rules differ by words put in the place of others: "store it in redis" and
/// "store it in memcached" have nearly all words in common and say different things. Where sentences
/// are told in other words altogether, the words around do not agree either.
fn substituted(a: &Features, b: &Features, alike: f32) -> bool {
    if alike < NEAR_ENOUGH_TO_REPLACE {
        return false;
    }
    if alike >= NEAR_COPY && is_edited_copy(&a.sequence, &b.sequence) {
        return true;
    }
    let (gaps_a, gaps_b) = (gaps(a, b), gaps(b, a));
    gaps_a.iter().any(|gap| gaps_b.contains(gap))
}

/// Returns whether one list is the other with a word or two in the place of others, which may stand
/// elsewhere, too: "put data next to the tests", "put data next to the data".
fn is_edited_copy(a: &[u32], b: &[u32]) -> bool {
    let sorted = |words: &[u32]| {
        let mut words = words.to_vec();
        words.sort_unstable();
        words
    };
    let edits = a.iter().zip(b).filter(|(x, y)| x != y).count();
    a.len() == b.len() && (1..=MOST_EDITS).contains(&edits) && sorted(a) != sorted(b)
}

/// Returns between which common words a rule has words that the other lacks.
fn gaps(of: &Features, other: &Features) -> Vec<(Option<u32>, Option<u32>)> {
    let is_common = |word: &u32| other.words.binary_search(word).is_ok();
    let mut found = Vec::new();
    let (mut before, mut open) = (None, false);
    for word in &of.sequence {
        if is_common(word) {
            if open {
                found.push((before, Some(*word)));
            }
            (before, open) = (Some(*word), false);
        } else {
            open = true;
        }
    }
    if open {
        found.push((before, None));
    }
    found
}

/// Returns how many sorted numbers two lists share.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                n += 1;
                i += 1;
                j += 1;
            }
        }
    }
    n
}

/// Returns the share of common words, 0..=1.
pub(crate) fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    share_of(common(a, b), a.len(), b.len())
}

/// Returns the share of common words of two rules that have so many in common.
fn share(shared: usize, a: &Features, b: &Features) -> f32 {
    share_of(shared, a.words.len(), b.words.len())
}

/// Returns what the words of a rule weigh.
fn weigh(rule: &Features) -> usize {
    weight(rule.words.len(), rule.rare.len())
}

/// Returns what so many words weigh of which so many are rare.
fn weight(words: usize, rare: usize) -> usize {
    words + RARE * rare
}

fn share_of(shared: usize, a: usize, b: usize) -> f32 {
    let all = a + b - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// A list of words in so few bits that most pairs can be told apart without reading them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    bits: u128,
    words: u32,
}

impl Outline {
    pub(crate) fn of(words: &[u32]) -> Self {
        // Spread, because common words have low numbers.
        let bit = |word: &u32| 1_u128 << (word.wrapping_mul(0x9E37_79B1) >> 25);
        Self {
            bits: words.iter().fold(0, |bits, word| bits | bit(word)),
            words: words.len() as u32,
        }
    }

    /// Returns a share of common words that [`jaccard`] of the two lists does not exceed.
    pub(crate) fn at_most_alike(self, other: Self) -> f32 {
        // Words that fell on one bit may all be shared.
        let hidden = |list: Self| list.words - list.bits.count_ones();
        let shared = (self.bits & other.bits).count_ones() + hidden(self).min(hidden(other));
        let all = self.words + other.words;
        if all == 0 { 0.0 } else { shared as f32 / (all - shared) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Words;
    use super::*;

    fn relation(a: &str, b: &str) -> Relation {
        let mut words = Words::default();
        let (a, b) = (words.read(a), words.read(b));
        let there = relate(&a, &b, None);
        let back = relate(&b, &a, None);
        assert_eq!(std::mem::discriminant(&there), std::mem::discriminant(&back), "not symmetric");
        there
    }

    proptest::proptest! {
        #[test]
        fn an_outline_never_hides_what_is_common(
            a in proptest::collection::btree_set(0_u32..400, 0..60),
            b in proptest::collection::btree_set(0_u32..400, 0..60),
        ) {
            let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().collect(), b.into_iter().collect());
            let most = Outline::of(&a).at_most_alike(Outline::of(&b));
            proptest::prop_assert!(most >= jaccard(&a, &b), "{most} {}", jaccard(&a, &b));
        }
    }

    #[test]
    fn the_same_rule_in_other_words_is_the_same() {
        for (a, b) in [
            (
                "Always run the integration tests before pushing",
                "run integration tests before you push, always",
            ),
            (
                "Use table-driven tests in Go packages",
                "please use table-driven tests for the go packages",
            ),
            (
                "Don't use npm, use pnpm for installing packages",
                "Use pnpm instead of npm for installing packages",
            ),
            (
                "Never commit generated files to the repository",
                "don't commit generated files to the repository!",
            ),
            ("❌ Never push directly to the main branch", "Never push directly to the main branch"),
            ("🚫 Do not edit generated files in src/gen", "Do not edit generated files in src/gen"),
            ("no use tabs for indentation", "Use tabs for indentation"),
            ("Never push before the unit tests ran", "Run the unit tests before you push"),
            ("No emojis in commit messages", "Commit messages are written without emojis, please"),
            ("No emojis in commit messages, never.", "No emojis in commit messages."),
            ("Never use pandas, ever, never.", "Never use pandas."),
            (
                "No Co-Authored-By trailer in commit messages",
                "Please leave out the Co-Authored-By trailer in commit messages",
            ),
            ("Nothing but the nightly job writes to prod", "Only the nightly job writes to prod"),
            (
                "Don't mock the database in integration tests",
                "I don't want mocks of the database in integration tests, no mocks",
            ),
        ] {
            assert!(matches!(relation(a, b), Relation::Same(_)), "{a} / {b}: {:?}", relation(a, b));
        }
    }

    #[test]
    fn opposite_rules_are_opposite() {
        for (a, b) in [
            ("Use tabs for indentation", "Don't use tabs for indentation"),
            ("Use tabs for indentation", "Use spaces for indentation"),
            ("Use pnpm instead of npm", "Use npm instead of pnpm"),
            ("Limit lines to 80 columns", "Limit lines to 100 columns"),
            ("Always squash commits when merging", "Never squash commits when merging"),
            ("Run the linter before the tests", "Run the linter after the tests"),
            ("Pin the toolchain to version 1.82", "Pin the toolchain to version 1.90"),
            ("Enable strict mode in the parser", "Disable strict mode in the parser"),
            ("Use emojis in commit messages", "No emojis in commit messages"),
            ("Retry failed requests at most 3 times", "Retry failed requests at least 3 times"),
            ("Use version >= 2 of the sdk client", "Use version < 2 of the sdk client"),
            ("Require two approvals on pull requests", "Require one approval on pull requests"),
            (
                "Deploy on Fridays is OK for the web app",
                "Deploy on Fridays is not OK for the web app",
            ),
            ("❌ Commit directly to the main branch", "✅ Commit directly to the main branch"),
            ("Commit the lockfile to the repository", "Commit the lockfile to the repository? No!"),
            ("❌ Never push directly to the main branch", "Push directly to the main branch"),
            ("🚫 No emojis in commit messages", "Use emojis in commit messages"),
            ("No .env files in the repository", "Keep .env files in the repository"),
            ("No wait statements in integration tests", "Use wait statements in integration tests"),
            (
                "One reviewer must approve database migrations",
                "Two reviewers must approve database migrations",
            ),
            (
                "Only mock the network, nothing else.",
                "Mock everything but the network from now on.",
            ),
            ("Only admins may export invoices.", "Everybody but admins may export invoices."),
            (
                "Use DuckDB for analysis queries only",
                "Use DuckDB for everything but analysis queries",
            ),
            ("Log only errors in production.", "Log everything in production, not only errors."),
            ("Use node version >= 18 in the worker", "Use node version < 18 in the worker"),
            ("Do not run the linter before the unit tests", "Run the linter before the unit tests"),
        ] {
            assert_eq!(relation(a, b), Relation::Opposite, "{a} / {b}");
        }
    }

    #[test]
    fn different_rules_are_kept_apart() {
        for (a, b) in [
            ("Use https for internal service calls", "Use http for internal service calls"),
            (
                "Store user sessions in the redis cache layer",
                "Store user sessions in the memcached cache layer",
            ),
            (
                "Put path helpers in path_utils.go of the spi package",
                "Put path helpers in session.go of the spi package",
            ),
            ("Run lint and test before commit", "Write docs for public functions"),
            (
                "Run the migrations before the integration tests",
                "Always run the integration tests before you push",
            ),
            ("Don't delete the test fixtures", "We should add some more tests too"),
            ("Use node version >= 18 in the worker", "Use node version > 18 in the worker"),
            (
                "Convert markdown exports to html before upload",
                "Convert html exports to markdown before upload",
            ),
        ] {
            assert_eq!(relation(a, b), Relation::Different, "{a} / {b}");
        }
    }

    #[test]
    fn a_sentence_model_helps_but_never_overrules_a_conflict() {
        let mut words = Words::default();
        let a = words.read("Prefer concrete types over any in test helpers");
        let b = words.read("test helpers need concrete types");
        let c = words.read("Never use concrete types in test helpers");
        assert!(matches!(relate(&a, &b, Some(&|| 0.95)), Relation::Same(_)));
        assert!(!matches!(relate(&b, &c, Some(&|| 0.99)), Relation::Same(_)));
    }
}
