//! The words by which a rule's polarity and sides are read.
//!
//! Owns the tables. Must not hold anything learned from one project.

/// Words that carry no topic, and verbs every rule could use.
pub(crate) const STOP: &str = "a an the make makes made making this that these those it its is are be been being was were am do does did done \
 have has had having will would can could should shall must may might need needs needed to of in on at by for \
 with from as into onto about i we you they he she our your their my me us them and or but so if when while \
 then than also just only really very please always ever there here which who whom what how why where let lets \
 ok okay yes yeah hmm well like want wants think make sure use uses used using prefer prefers preferred employ \
 get gets got go goes going keep keeps see any some all each every both such too same other more most much many \
 now still actually instead rather again already yet maybe perhaps seems seem remember note future forward \
 s t re ve ll d m";
/// Words that turn what follows into what is not wanted.
pub(crate) const NEGATORS: &[&str] = &[
    "not",
    "never",
    "no",
    "avoid",
    "avoids",
    "without",
    "stop",
    "cannot",
    "neither",
    "nor",
    "forbid",
    "forbidden",
    "ban",
    "banned",
    "dont",
    "doesnt",
    "shouldnt",
    "mustnt",
    "cant",
    "wont",
    "disallow",
    "refrain",
    "isnt",
    "arent",
    "nothing",
    "none",
];
/// Words after which a condition follows.
pub(crate) const CONDITIONS: &[&str] = &[
    "if", "when", "whenever", "unless", "except", "before", "after", "until", "while", "once",
    "because", "since",
];
/// Words of which only one can be right at a time.
pub(crate) const OPPOSITES: &[(&str, &str)] = &[
    ("enable", "disable"),
    ("allow", "deny"),
    ("add", "remove"),
    ("before", "after"),
    ("on", "off"),
    ("true", "false"),
    ("include", "exclude"),
    ("public", "private"),
    ("sync", "async"),
    ("tab", "space"),
    ("upper", "lower"),
    ("uppercase", "lowercase"),
    ("local", "remote"),
    ("required", "optional"),
    ("require", "forbid"),
    ("minimum", "maximum"),
    ("min", "max"),
    ("light", "dark"),
    ("left", "right"),
    ("first", "last"),
    ("start", "end"),
    ("single", "double"),
    ("merge", "rebase"),
    ("commit", "discard"),
    ("static", "dynamic"),
    ("open", "close"),
    ("increase", "decrease"),
    ("global", "local"),
    ("old", "new"),
    ("keep", "delete"),
    ("ascending", "descending"),
    ("internal", "external"),
    ("strict", "lenient"),
    ("parallel", "sequential"),
    ("mock", "real"),
    ("mutable", "immutable"),
    ("absolute", "relative"),
    ("singular", "plural"),
    ("inline", "separate"),
    ("push", "pull"),
    ("show", "hide"),
    ("up", "down"),
    ("short", "long"),
    ("fail", "pass"),
    ("oldest", "newest"),
    ("sqlite", "postgres"),
    ("npm", "pnpm"),
    ("client", "server"),
    ("manual", "automatic"),
    ("lock", "unlock"),
    ("encrypt", "decrypt"),
    ("block", "allow"),
    ("accept", "reject"),
    ("all", "none"),
    ("more", "less"),
    ("eager", "lazy"),
];
/// Words that give a sentence a direction: swapping its two sides changes its meaning.
pub(crate) const DIRECTIONS: &[&str] =
    &["to", "from", "into", "over", "before", "after", "than", "by", "instead", "with"];
