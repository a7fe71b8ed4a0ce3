//! A person's words: typed, queued while the agent was busy, or delivered in the middle of a turn.
//!
//! Owns what counts as said, and rewinds. Must not read tool results; [`super::result`] does.

use cemem_core::event::PlanState;
use cemem_core::id::digest;
use cemem_core::{Actor, Event, EventKind, Timestamp};

use super::{At, ClaudeReader};
use crate::source::Output;
use crate::sources::claude_code::results;
use crate::sources::claude_code::wire::{Attachment, Block, Row};
use crate::sources::human::{Spoken, classify};
use crate::text::limit;

/// Prompts whose parent is remembered, to notice a rewind.
const MAX_PARENTS: usize = 512;

impl ClaudeReader {
    /// Text under the user's name: the blocks of one row are one turn. `place` is the part of the
    /// turn's key.
    pub(super) fn said(
        &mut self,
        row: &Row<'_>,
        blocks: &[String],
        place: &str,
        at: &At,
        out: &mut Output<'_>,
    ) {
        if row.is_compact_summary.is_set() {
            let summary = blocks.join("\n");
            let kind = EventKind::Compaction { summary };
            return out.event(&at.session, at.event(place, Actor::System, kind));
        }
        if at.subagent {
            // Written by the agent that started this one.
            return out.skip("subagent_prompt");
        }
        let origin = row.origin.0.as_ref().map_or("", |o| o.kind.str());
        if !origin.is_empty() && origin != "human" {
            return out.skip("injected");
        }
        if let Some(plan) = row.plan_content.some() {
            let kind = EventKind::Plan { state: PlanState::Approved, text: plan.to_owned() };
            return out.event(&at.session, at.event(place, Actor::User, kind));
        }
        let mut words: Vec<String> = Vec::new();
        for block in blocks {
            match classify(block) {
                Spoken::Typed(text) | Spoken::Command(text) => words.push(text),
                Spoken::Interrupt { during_tool } => {
                    let kind = EventKind::UserInterrupt { during_tool };
                    out.event(&at.session, at.event("stop", Actor::User, kind));
                }
                Spoken::Plan(text) => {
                    let kind = EventKind::Plan { state: PlanState::Approved, text };
                    out.event(&at.session, at.event(&format!("{place}plan"), Actor::User, kind));
                }
                Spoken::Summary => {
                    let kind = EventKind::Compaction { summary: block.clone() };
                    out.event(&at.session, at.event("summary", Actor::System, kind));
                }
                Spoken::Injected => out.skip("injected"),
                Spoken::Empty => {}
            }
        }
        if words.is_empty() {
            return;
        }
        if self.is_rewind(row) {
            out.event(
                &at.session,
                at.event("rewind", Actor::User, EventKind::Rewind { target: None }),
            );
        }
        let kind = EventKind::UserPrompt { text: words.join("\n"), steering: false };
        out.event(&at.session, at.event(place, Actor::User, kind));
    }

    /// A second prompt under the same parent: the person went back and took another way.
    pub(super) fn is_rewind(&mut self, row: &Row<'_>) -> bool {
        let (Some(parent), Some(own)) = (row.parent_uuid.some(), row.uuid.some()) else {
            return false;
        };
        let mark = |id: &str| id.chars().take(13).collect::<String>();
        let (parent, own) = (mark(parent), mark(own));
        let entry = format!("{parent}>{own}");
        let mut siblings =
            self.state.parents.iter().filter(|e| e.starts_with(&format!("{parent}>")));
        let known = siblings.clone().any(|e| *e == entry);
        let rewound = !known && siblings.next().is_some();
        if !known {
            if self.state.parents.len() == MAX_PARENTS {
                self.state.parents.remove(0);
            }
            self.state.parents.push(entry);
        }
        rewound
    }

    /// Newer versions also attach the words that were delivered in the middle of a turn.
    pub(super) fn steered(&mut self, attachment: &Attachment<'_>, at: &At, out: &mut Output<'_>) {
        let origin = attachment.origin.0.as_ref().map_or("", |o| o.kind.str());
        let prompting = matches!(attachment.command_mode.str(), "" | "prompt");
        if at.subagent || !prompting || !matches!(origin, "" | "human") {
            return out.skip("injected");
        }
        let block = Block { content: attachment.prompt, ..empty_block() };
        let text = results::text(&block, 2 * limit::PROMPT);
        match classify(&text) {
            Spoken::Typed(said) | Spoken::Command(said) => {
                if self.state.queue.was_delivered(&out.clean(&text, limit::PROMPT)) {
                    return out.skip("duplicate");
                }
                let kind = EventKind::UserPrompt { text: said, steering: true };
                out.event(&at.session, at.event("", Actor::User, kind));
            }
            _ => out.skip("injected"),
        }
    }

    pub(super) fn queued(&mut self, row: &Row<'_>, offset: u64, len: u64, out: &mut Output<'_>) {
        let (operation, at) = (row.operation.str(), row.timestamp.str());
        let content = out.clean(row.content.str(), limit::PROMPT);
        let Some(taken) = self.state.queue.step(operation, at, &content) else {
            return out.skip("queue-operation");
        };
        let words = match classify(&taken.text) {
            // A lone `/config` speaks to the program, not to the agent.
            Spoken::Typed(t) if t.starts_with('/') && !t.contains(char::is_whitespace) => {
                return out.skip("command");
            }
            Spoken::Typed(text) | Spoken::Command(text) => text,
            _ => return out.skip("injected"),
        };
        let session = self.main_session(row).to_owned();
        let mut hex = digest([session.as_str(), taken.at.as_str(), taken.text.as_str()]);
        hex.truncate(32);
        let event = Event {
            key: format!("queue:{hex}"),
            row_id: taken.at.clone(),
            ts: Timestamp::parse(&taken.at),
            actor: Actor::User,
            kind: EventKind::UserPrompt { text: words, steering: true },
            cwd: row.cwd.owned(),
            branch: row.git_branch.owned(),
            offset,
            len,
        };
        out.event(&session, event);
    }
}

/// A block with nothing in it.
fn empty_block<'a>() -> Block<'a> {
    serde_json::from_str("{}").expect("every field of a block has a default")
}
