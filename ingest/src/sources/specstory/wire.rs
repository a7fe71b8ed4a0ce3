//! SpecStory Markdown, cut into turns.
//!
//! Owns the session comment, turn markers and telling real markers from quoted ones. Must not
//! interpret what is said.

use cemem_core::Timestamp;

/// Who a turn belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Agent,
    Sidechain,
}

/// One turn.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) role: Role,
    pub(super) ts: Option<Timestamp>,
    pub(super) body: &'a str,
    /// Byte offset of its marker.
    pub(super) offset: usize,
    /// Its marker is quoted text: nobody spoke, but the marker is counted (see [`turns`]).
    pub(super) quoted: bool,
}

/// `<!-- Claude Code Session 4c3…e2 (2026-02-24 22:35:49Z) -->`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) agent: &'a str,
    pub(super) session: &'a str,
}

/// Returns what a session comment says.
pub(super) fn session_comment(line: &str) -> Option<Header<'_>> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let inner = inner.split_once(" (").map_or(inner, |(name, _)| name);
    let (agent, session) = inner.split_once(" Session ")?;
    let id = session.trim();
    let plain =
        id.len() >= 8 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain.then_some(Header { agent: agent.trim(), session: id })
}

/// A marker line: `_**User (2026-02-24 22:35:49Z)**_`, `_**Agent (model 2026-…)**_`, `_**User**_`.
fn marker(line: &str) -> Option<(Role, Option<Timestamp>)> {
    let inner = line.trim_end().strip_prefix("_**")?.strip_suffix("**_")?;
    let (name, note) = match inner.split_once(" (") {
        Some((name, note)) => (name, note.strip_suffix(')')?),
        None => (inner, ""),
    };
    let role = match name.trim() {
        "User" => Role::User,
        "Agent" | "Assistant" => Role::Agent,
        "Agent - sidechain" | "User - sidechain" => Role::Sidechain,
        _ => return None,
    };
    // The time is the end of the note; a model name may stand before it.
    let time = [note.len().checked_sub(20), note.len().checked_sub(24)]
        .into_iter()
        .flatten()
        .filter_map(|at| note.get(at..))
        .find_map(Timestamp::parse);
    Some((role, time))
}

/// Tells whether the line after fences is inside one.
#[derive(Default)]
struct Fence {
    open: Option<(char, usize)>,
}

impl Fence {
    fn step(&mut self, line: &str) {
        let text = line.trim_start();
        let Some(mark) = text.chars().next().filter(|c| matches!(c, '`' | '~')) else { return };
        let len = text.chars().take_while(|c| *c == mark).count();
        if len < 3 {
            return;
        }
        match self.open {
            None => self.open = Some((mark, len)),
            Some((m, l)) if m == mark && len >= l && text[len..].trim().is_empty() => {
                self.open = None;
            }
            Some(_) => {}
        }
    }
}

/// Returns the turns of a document.
///
/// Exports quote other exports. A marker inside a fence is a quoted one if it is older than the
/// person's turn before it (words typed while the agent was busy can be older too, but stand in no
/// fence), or if it is undated and the fence is closed later. Fences in tool output are often
/// unbalanced, so a fence alone says nothing about a dated marker, and every real marker ends them.
///
/// Quoted user turns come too, marked: their text belongs to the turn around them, but turn numbers
/// count every marker, so that a number means the same to anyone who searches the file for markers.
pub(super) fn turns(text: &str) -> Vec<Turn<'_>> {
    let mut found: Vec<Marker> = Vec::new();
    let mut fence = Fence::default();
    let mut last: Option<Timestamp> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some((role, ts)) = marker(line) else {
            fence.step(line);
            continue;
        };
        let quoted = match ts {
            Some(ts) => {
                let older = last.is_some_and(|last| ts.0 < last.0);
                older && fence.open.is_some()
            }
            // A file dates all its turns or none; where turns are dated, an undated one is quoted.
            None => {
                fence.open.is_some_and(|f| closes(&text[at..], f))
                    || (last.is_some() && role == Role::User)
            }
        };
        if !quoted {
            fence = Fence::default();
            // Sub-agents run beside the conversation: their clock does not order it.
            if role == Role::User {
                last = ts.or(last);
            }
        }
        found.push(Marker { start, end: at, role, ts, quoted });
    }
    bodies(text, &found)
}
/// A marker line.
struct Marker {
    start: usize,
    end: usize,
    role: Role,
    ts: Option<Timestamp>,
    quoted: bool,
}

/// Gives every marker its text: a real one's reaches to the next real one.
fn bodies<'a>(text: &'a str, found: &[Marker]) -> Vec<Turn<'a>> {
    let mut turns = Vec::with_capacity(found.len());
    // Backwards, so that the next marker, and the next real one, are known.
    let (mut next, mut next_real) = (text.len(), text.len());
    for marker in found.iter().rev() {
        let to = if marker.quoted { next } else { next_real };
        let whole = text[marker.end..to].trim();
        let body = whole.strip_suffix("---").filter(|b| b.is_empty() || b.ends_with('\n'));
        let turn = Turn {
            role: marker.role,
            ts: marker.ts,
            body: body.map_or(whole, str::trim),
            offset: marker.start,
            quoted: marker.quoted,
        };
        next = marker.start;
        if !marker.quoted {
            next_real = marker.start;
        }
        turns.push(turn);
    }
    turns.reverse();
    turns.retain(|t| !t.quoted || t.role == Role::User);
    turns
}

/// Whether a fence opened earlier is closed in `rest`.
fn closes(rest: &str, open: (char, usize)) -> bool {
    let mut fence = Fence { open: Some(open) };
    // Bounded, so that a document full of markers is not read once for each.
    let rest = crate::text::head(rest, 256 * 1024);
    rest.lines().any(|line| {
        fence.step(line);
        fence.open.is_none()
    })
}
