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
/// What people put around a rule when they speak: it adds nothing to what is asked for.
pub(crate) const FILLERS: &str = "let's it's that's there's what's here's he's she's i'm you're we're they're i'd you'd \
 we'd they'd i've you've we've they've i'll you'll we'll they'll it'll that'll thing things stuff way ways \
 lot though although however anyway anyways basically actually technically totally simply literally obviously clearly \
 generally typically usually normally especially particularly specifically currently e.g i.e eg ie etc w ca wo sha \
 im youre thats cuz bc gonna wanna gotta able thing's guess suppose believe think thinking thought probably possibly \
 possible posible able try tries trying tried stay stays remain remains whatever everything something anything \
 quite rather sorry thanks thank yep yup nah oh ah hey";
/// Parts that stand before a hyphen and are no words of their own.
pub(crate) const PREFIXES: &[&str] = &[
    "re", "pre", "post", "non", "un", "sub", "de", "anti", "dis", "mis", "co", "multi", "inter",
    "intra", "auto", "opt",
];
/// Words that, joined to another by a hyphen, make it mean something else.
pub(crate) const PARTICLES: &[&str] = &[
    "in", "out", "on", "off", "up", "down", "over", "only", "by", "to", "back", "no", "not",
    "less", "free", "as", "is",
];
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
    "rarely",
    "seldom",
    "hardly",
    "sans",
    // In the languages people write rules in most, beside English.
    "nicht",
    "kein",
    "keine",
    "keinen",
    "nie",
    "niemals",
    "jamais",
    "nunca",
];
/// Verbs that, at the start of a clause, ask for the absence of what follows.
pub(crate) const REMOVERS: &[&str] =
    &["remove", "delete", "drop", "disable", "skip", "omit", "exclude"];
/// Verbs before a negation of which the subject stands in front.
pub(crate) const AUXILIARIES: &[&str] = &[
    "is", "are", "was", "were", "be", "do", "does", "did", "has", "have", "had", "must", "should",
    "shall", "may", "might", "can", "could", "will", "would", "need", "needs", "ca", "wo",
];
/// Words after which `one` stands for a thing and is no number.
pub(crate) const POINTING: &[&str] = &[
    "this", "that", "the", "which", "any", "each", "every", "no", "another", "other", "new", "old",
    "same", "last", "first", "next", "right", "wrong", "a", "some",
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
    ("must", "may"),
    ("must", "optional"),
    ("mandatory", "optional"),
    ("serial", "parallel"),
    ("above", "below"),
    ("upgrade", "downgrade"),
    ("vertical", "horizontal"),
    ("input", "output"),
    ("read", "write"),
    ("import", "export"),
    ("synchronous", "asynchronous"),
    ("expand", "collapse"),
    ("attach", "detach"),
    ("implicit", "explicit"),
    ("verbose", "quiet"),
    ("least", "most"),
    ("least", "below"),
    ("most", "above"),
];
/// Words that give a sentence a direction: swapping its two sides changes its meaning.
pub(crate) const DIRECTIONS: &[&str] =
    &["to", "from", "into", "over", "before", "after", "than", "by", "instead", "with"];
/// Those of them that say where something goes, what it comes before and what it is done with; the others
/// say where it comes from.
pub(crate) const AIMS: &[&[&str]] =
    &[&["to", "into", "over", "than", "instead"], &["before", "after"], &["by", "with"]];
/// The place of those that say when.
pub(crate) const TIMES: usize = 1;

/// Forms that no ending gives away.
pub(crate) const IRREGULAR: &[(&str, &str)] = &[
    ("wrote", "write"),
    ("written", "write"),
    ("ran", "run"),
    ("built", "build"),
    ("kept", "keep"),
    ("found", "find"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("sent", "send"),
    ("broke", "break"),
    ("broken", "break"),
    ("took", "take"),
    ("taken", "take"),
    ("gave", "give"),
    ("given", "give"),
    ("began", "begin"),
    ("held", "hold"),
    ("left", "leave"),
    ("told", "tell"),
    ("said", "say"),
    ("shown", "show"),
    ("thrown", "throw"),
    ("hid", "hide"),
    ("hidden", "hide"),
    ("forgot", "forget"),
    ("forgotten", "forget"),
    ("overwritten", "overwrite"),
    ("bound", "bind"),
    ("spoke", "speak"),
    ("indices", "index"),
    ("indexes", "index"),
    ("children", "child"),
    ("people", "person"),
    ("dependencies", "dependency"),
];
/// Words that say the same in a rule about code; the first stands for all.
pub(crate) const SYNONYMS: &[&[&str]] = &[
    &["remove", "delete", "drop", "erase"],
    &["create", "generate", "produce"],
    &["add", "insert"],
    &["run", "execute", "invoke", "launch"],
    &["fix", "repair", "resolve"],
    &["change", "modify", "edit", "alter", "adjust", "touch"],
    &["put", "place", "store", "save", "locate"],
    &["show", "display", "print", "render", "output"],
    &["choose", "select", "pick"],
    &["start", "begin"],
    &["stop", "quit", "exit"],
    &["explain", "describe"],
    &["include", "contain"],
    &["increase", "increment", "bump"],
    &["replace", "substitute"],
    &["cover", "handle"],
    &["assert", "claim"],
    &["folder", "directory", "dir"],
    &["function", "func", "method", "fn"],
    &["configuration", "config", "configure", "setting"],
    &["repository", "repo"],
    &["document", "doc", "docs", "documentation"],
    &["argument", "arg", "parameter", "param"],
    &["database", "db"],
    &["environment", "env"],
    &["dependency", "dep"],
    &["message", "msg"],
    &["application", "app"],
    &["package", "pkg"],
    &["library", "lib"],
    &["specification", "spec"],
    &["authentication", "auth"],
    &["implementation", "impl", "implement"],
    &["development", "dev", "develop"],
    &["production", "prod"],
    &["temporary", "temp", "tmp"],
    &["variable", "var"],
    &["administrator", "admin"],
    &["information", "info"],
    &["utility", "util", "utils"],
    &["reference", "ref"],
    &["command", "cmd"],
    &["statistic", "stats"],
    &["boolean", "bool"],
    &["integer", "int"],
    &["image", "img"],
    &["button", "btn"],
    &["javascript", "js"],
    &["typescript", "ts"],
    &["python", "py"],
    &["markdown", "md"],
    &["kubernetes", "k8s"],
    &["postgres", "postgresql"],
    &["macos", "mac", "osx"],
    &["homebrew", "brew"],
    &["github", "gh"],
    &["internationalization", "i18n"],
    &["accessibility", "a11y"],
    &["color", "colour"],
    &["behavior", "behaviour"],
    &["gray", "grey"],
    &["license", "licence"],
    &["error", "failure"],
    &["issue", "problem"],
    &["bug", "defect"],
    &["duplicate", "repeat", "copy"],
    &["check", "verify", "validate", "ensure"],
    &["ask", "request", "prompt"],
    &["fetch", "retrieve", "load", "download"],
    &["big", "large", "huge", "massive"],
    &["small", "tiny", "little"],
    &["fast", "quick", "quickly"],
    &["shared", "common"],
    &["simple", "simplest", "simpler", "simply"],
    &["explicit", "explicitly"],
    &["directly", "direct"],
    &["manual", "manually"],
    &["separate", "independent", "standalone"],
    &["consistent", "uniform"],
    &["complete", "completeness"],
];
/// Phrases that say what one word says.
pub(crate) const PHRASES: &[(&str, &str)] = &[
    // What is put before a decision when it is taken over.
    ("approved plan:", ""),
    // What an engine puts behind an answer.
    (
        "read the answers carefully — they may request clarification, changes, or that you not proceed — and \
         follow what they actually say",
        "",
    ),
    ("pull requests", "pr"),
    ("pull request", "pr"),
    ("merge requests", "pr"),
    ("merge request", "pr"),
    ("prs", "pr"),
    ("get rid of", "remove"),
    ("gets rid of", "remove"),
    ("getting rid of", "remove"),
    ("by hand", "manually"),
    ("command line", "cli"),
    ("command-line", "cli"),
    ("up to date", "uptodate"),
    ("up-to-date", "uptodate"),
    ("front end", "frontend"),
    ("front-end", "frontend"),
    ("back end", "backend"),
    ("back-end", "backend"),
    ("file name", "filename"),
    ("file names", "filenames"),
    ("code base", "codebase"),
    ("time stamp", "timestamp"),
    ("time stamps", "timestamps"),
    ("time zone", "timezone"),
    ("work flow", "workflow"),
    ("white space", "whitespace"),
    ("read me", "readme"),
    ("set up", "setup"),
    ("log in", "login"),
    ("log out", "logout"),
    ("sign in", "signin"),
    ("sign out", "signout"),
    ("sign up", "signup"),
    ("check out", "checkout"),
    ("opt in", "optin"),
    ("opt out", "optout"),
    ("each time", "whenever"),
    ("every time", "whenever"),
    ("as soon as", "once"),
];
