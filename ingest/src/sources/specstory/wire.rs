//! SpecStory Markdown, cut into turns.
//!
//! Owns the session comment, turn markers and telling real markers from quoted ones. Must not
//! interpret what is said.

use std::collections::HashMap;

use cemem_core::Timestamp;

/// Longest text in a fence.
const FENCE_REACH: usize = 256 * 1024;

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

/// The line that opens or closes a tool's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Open,
    Close,
}

fn tag(line: &str) -> Option<Tag> {
    if line.starts_with("<tool-use ") {
        return Some(Tag::Open);
    }
    let close = line.starts_with("</details></tool-use>") || line.starts_with("</tool-use>");
    close.then_some(Tag::Close)
}

/// A line of backticks or tildes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    mark: char,
    /// How many; longer lines than anyone writes are all the same.
    len: usize,
    /// Nothing else stands on the line: it can close a fence.
    bare: bool,
}

/// Longest line of ticks told from longer ones.
const MAX_TICKS: usize = 16;

fn ticks(line: &str) -> Option<Ticks> {
    let text = line.trim_start();
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let len = text.bytes().take_while(|b| *b == mark as u8).count();
    let bare = text[len..].trim().is_empty();
    (len >= 3).then_some(Ticks { mark, len: len.min(MAX_TICKS), bare })
}

/// Tells whether the line after fences is inside one.
#[derive(Default)]
struct Fence {
    open: Option<Ticks>,
}

impl Fence {
    fn step(&mut self, line: &str) {
        let Some(ticks) = ticks(line) else { return };
        match self.open {
            None => self.open = Some(ticks),
            Some(open) if ticks.closes(open) => self.open = None,
            Some(_) => {}
        }
    }
}

impl Ticks {
    fn closes(self, open: Ticks) -> bool {
        self.bare && self.mark == open.mark && self.len >= open.len
    }
}

/// What stands further down. Asked at growing places only, so that a document full of markers is
/// not read once for each.
struct Ahead {
    /// Every tag, and every line that can close a fence, by place.
    tags: Vec<(usize, Tag)>,
    bare: Vec<(usize, Ticks)>,
    /// Every dated marker by place, with the earliest time from there on.
    times: Vec<(usize, Timestamp)>,
    /// How many tags are behind the last place asked about.
    past_tags: usize,
    /// For each kind of fence, how many of `bare` are behind, or do not close it.
    past_bare: HashMap<(char, usize), usize>,
}

impl Ahead {
    fn of(text: &str) -> Self {
        let (mut tags, mut bare, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            tags.extend(tag(line).map(|tag| (at, tag)));
            bare.extend(ticks(line).filter(|t| t.bare).map(|ticks| (at, ticks)));
            times.extend(marker(line).and_then(|(_, ts)| Some((at, ts?))));
            at += line.len();
        }
        let mut earliest = Timestamp(i64::MAX);
        for (_, ts) in times.iter_mut().rev() {
            earliest = earliest.min(*ts);
            *ts = earliest;
        }
        Self { tags, bare, times, past_tags: 0, past_bare: HashMap::new() }
    }

    /// The first tag from `at` on.
    fn next_tag(&mut self, at: usize) -> Option<Tag> {
        self.past_tags += self.tags[self.past_tags..].iter().take_while(|t| t.0 < at).count();
        Some(self.tags.get(self.past_tags)?.1)
    }

    /// The earliest time of a marker from `at` on.
    fn earliest(&self, at: usize) -> Option<Timestamp> {
        Some(self.times.get(self.times.partition_point(|t| t.0 < at))?.1)
    }

    /// Whether `open` is closed soon after `at`.
    fn closes(&mut self, at: usize, open: Ticks) -> bool {
        let past = self.past_bare.entry((open.mark, open.len)).or_default();
        let behind = |(place, ticks): &&(usize, Ticks)| *place < at || !ticks.closes(open);
        *past += self.bare[*past..].iter().take_while(behind).count();
        self.bare.get(*past).is_some_and(|(place, _)| place - at < FENCE_REACH)
    }
}

/// Returns the turns of a document.
///
/// Exports quote other exports, and a tool may print whatever looks like one. A marker is quoted if
///
/// - it stands in a tool's block, and what follows closes it before another opens. What a tool
///   prints is not escaped, so a close above may be printed too: after one, a marker is believed
///   only at a time that fits between its neighbours, which a page cannot know;
/// - it is a person's, in a fence that is closed later. Fences are often unbalanced, so they say
///   nothing about an agent's dated marker, and a block's close or a real marker ends them;
/// - it is dated, in a fence, and older than the person's turn before it (words typed while the
///   agent was busy can be older too, but stand in no fence);
/// - it has no date, but turns before it have.
///
/// Quoted user turns come too, marked: their text belongs to the turn around them, but turn numbers
/// count every marker, so that a number means the same to anyone who searches the file for markers.
pub(super) fn turns(text: &str) -> Vec<Turn<'_>> {
    let mut found: Vec<Marker> = Vec::new();
    let mut ahead = Ahead::of(text);
    let mut fence = Fence::default();
    // The last tag since the last real marker.
    let mut tool: Option<Tag> = None;
    let mut last: Option<Timestamp> = None;
    let mut last_of_any: Option<Timestamp> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some((role, ts)) = marker(line) else {
            match tag(line) {
                Some(tag) => (tool, fence) = (Some(tag), Fence::default()),
                None => fence.step(line),
            }
            continue;
        };
        let closes = fence.open.is_some_and(|f| ahead.closes(at, f));
        let printed = ahead.next_tag(at) == Some(Tag::Close)
            && match tool {
                Some(Tag::Open) => true,
                Some(Tag::Close) => {
                    let fits = |ts: Timestamp| {
                        last_of_any.is_some_and(|last| last.0 < ts.0)
                            && ahead.earliest(at).is_some_and(|next| ts.0 <= next.0)
                    };
                    !ts.is_some_and(fits)
                }
                None => false,
            };
        let quoted = printed
            || match (ts, role) {
                (Some(_), Role::User) if closes => true,
                (Some(ts), _) => fence.open.is_some() && last.is_some_and(|last| ts.0 < last.0),
                // A file dates all its turns or none; where turns are dated, this one is quoted.
                (None, role) => closes || (last.is_some() && role == Role::User),
            };
        if !quoted {
            fence = Fence::default();
            tool = None;
            last_of_any = ts.or(last_of_any);
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
