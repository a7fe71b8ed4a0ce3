//! `cemem gate`: fails while work since the base has something to learn that nobody decided about.
//!
//! Owns where the work began, what is told, and the recording of "nothing to learn". Must not decide
//! about any lesson: `review` does.

mod open;

use cemem_core::Timestamp;
use cemem_core::history::{Base, History};
use cemem_ingest::Redactor;
use serde_json::{Value, json};

use self::open::{OpenFinding, Undecided};
use super::{JSON_VERSION, ingest, show};
use crate::args::GateArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit_code;
use crate::ui::{Bar, one_line};

/// Fewer words than this say nothing about why.
const LEAST_WORDS: usize = 3;
/// Items told one by one; the rest is counted, and `--json` has all.
const SHOWN: usize = 20;

pub(super) fn run(context: &mut Context, args: &GateArgs) -> Result<u8, CommandError> {
    // Before anything is read: a reason that is no reason is a mistake of the caller.
    let why = args.nothing_to_learn.as_deref().map(reason).transpose()?;
    let mut store = context.store()?;
    if !args.no_ingest {
        ingest::refresh(context, &mut store, &Bar::new(context.ui.shows_progress()))?;
    }
    let (base, head) = base(context, args.base.as_deref())?;
    let since = Since::of(base);
    let now = context.clock.now();
    let undecided = open::look(&store, since.moment(), now)?;
    let settled = match why {
        Some(why) if !undecided.is_empty() => {
            let settlement = open::settlement(&undecided, why, head, now);
            store.record_settlement(&settlement)?;
            Some(settlement)
        }
        _ => None,
    };
    let passed = undecided.is_empty() || settled.is_some();
    if context.ui.json {
        context.ui.print_json(&json!({
            "version": JSON_VERSION, "passed": passed, "project": context.project.name,
            "base": since.json(), "since": since.moment(),
            "lessons": undecided.lessons.iter().map(lesson_json).collect::<Vec<_>>(),
            "findings": undecided.findings, "done": undecided.done, "settlement": settled,
        }))?;
    } else if let Some(settlement) = &settled {
        let n = settlement.covers.len() + settlement.findings.len();
        context.ui.print(&format!("nothing to learn: {}\n", settlement.why))?;
        context.ui.say(&format!("recorded; it settles the {n} that waited {since}"));
    } else if passed {
        context.ui.print(&format!("nothing waits {since}: {}\n", done(&undecided)))?;
    } else {
        context.ui.print(&waiting(&undecided, &since))?;
        context.ui.say(
            "`cemem review` decides one by one; `cemem gate --nothing-to-learn \"why\"` records that \
             there is nothing",
        );
    }
    Ok(if passed { exit_code::OK } else { exit_code::FAILED })
}

/// Returns why there is nothing to learn, free of secrets.
fn reason(text: &str) -> Result<String, CommandError> {
    let why = one_line(&Redactor::new().redact(text));
    if why.split(' ').filter(|w| w.chars().any(char::is_alphanumeric)).count() < LEAST_WORDS {
        let message = format!("`{why}` does not say why there is nothing to learn");
        return Err(CommandError::user(message)
            .hint("a few words: --nothing-to-learn \"only renames, no agent was corrected\""));
    }
    Ok(why)
}

/// Returns where the work began, and the commit that is checked out (empty outside git).
fn base(context: &Context, named: Option<&str>) -> Result<(Option<Base>, String), CommandError> {
    let could_not = |message: String| {
        CommandError::user(format!("could not look: {message}")).hint(
            "name a branch or commit that is here; a clone cut short needs its history (`git fetch \
             --unshallow`, in a CI job `fetch-depth: 0`)",
        )
    };
    let history = History::open(&context.project.root).map_err(|e| could_not(e.to_string()))?;
    let Some(history) = history else {
        return match named {
            Some(name) => {
                Err(could_not(format!("`{name}` was named, but this is no git work tree")))
            }
            None => Ok((None, String::new())),
        };
    };
    let base = history.base(named).map_err(|e| could_not(e.to_string()))?;
    Ok((base, history.head().unwrap_or_default()))
}

/// From when on things count.
enum Since {
    /// Since the work left this commit.
    Base(Base),
    /// All there is: there is no commit to measure from. What was settled is settled one by one, because
    /// what was said before may come in after.
    Ever,
}

impl Since {
    fn of(base: Option<Base>) -> Self {
        base.map_or(Self::Ever, Self::Base)
    }

    fn moment(&self) -> Option<Timestamp> {
        match self {
            Self::Base(base) => Some(base.began),
            Self::Ever => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Base(base) => {
                json!({ "name": base.name, "sha": base.sha, "committed": base.committed, "began": base.began })
            }
            Self::Ever => Value::Null,
        }
    }
}

impl std::fmt::Display for Since {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base(base) => {
                let sha: String = base.sha.chars().take(10).collect();
                write!(f, "since {} ({sha}, {})", one_line(&base.name), base.began.date())
            }
            Self::Ever => f.write_str("here"),
        }
    }
}

fn done(undecided: &Undecided) -> String {
    let d = undecided.done;
    let mut text = format!(
        "{} learned, {} accepted, {} rejected, {} merged, {} put off, {} settled",
        d.learned, d.accepted, d.rejected, d.merged, d.snoozed, d.settled
    );
    if d.doubtful > 0 {
        text.push_str(&format!("; {} more wait that may be no rules", d.doubtful));
    }
    if d.quarantined > 0 {
        text.push_str(&format!("; {} in quarantine", d.quarantined));
    }
    text
}

fn waiting(undecided: &Undecided, since: &Since) -> String {
    let (lessons, findings) = (&undecided.lessons, &undecided.findings);
    let mut out =
        format!("undecided {since}: {} lessons, {} findings\n\n", lessons.len(), findings.len());
    for lesson in lessons.iter().take(SHOWN) {
        out.push_str(&show::brief(lesson));
        out.push_str(&lesson.evidence.last().map(show::quote).unwrap_or_default());
        let id = &lesson.id;
        out.push_str(&format!(
            "  cemem review --accept {id}   or   --reject {id} --reason \"…\"\n\n"
        ));
    }
    if lessons.len() > SHOWN {
        out.push_str(&format!("and {} more lessons\n\n", lessons.len() - SHOWN));
    }
    out.extend(findings.iter().take(SHOWN).map(finding));
    if findings.len() > SHOWN {
        out.push_str(&format!("and {} more findings\n", findings.len() - SHOWN));
    }
    out
}

fn finding(finding: &OpenFinding) -> String {
    let rule = finding.rule_id.as_deref().map(|r| format!(" {}", one_line(r))).unwrap_or_default();
    let line = finding.line.map(|n| format!(":{n}")).unwrap_or_default();
    let place = finding.path.as_deref().map(|p| format!(" {}{line}", one_line(p)));
    let message = cemem_core::exchange::shorten(&one_line(&finding.message), 200);
    format!(
        "open finding  {}{rule}{}\n  “{message}”\n  fix it or resolve its thread, then read the new \
         report: cemem ingest REPORT\n\n",
        one_line(&finding.tool),
        place.unwrap_or_default()
    )
}

fn lesson_json(lesson: &cemem_core::Lesson) -> Value {
    json!({
        "id": lesson.id, "type": lesson.lesson_type, "rule": lesson.rule, "status": lesson.status,
        "confidence": lesson.confidence, "support": lesson.support,
        "evidence": lesson.evidence.last(),
    })
}
