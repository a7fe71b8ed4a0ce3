//! How lessons look in a terminal, the same in every command.

use std::fmt::Write as _;

use cemem_core::Counters;
use cemem_core::lesson::{Anchor, DriftState, Evidence, Lesson, LessonStatus};
use cemem_ingest::consolidate::phrased_by;

use super::outcomes;
use crate::ui::{one_line, printable};

/// Returns one lesson as one or two lines: id, type, rule, and its status where it is not plain.
pub(crate) fn brief(lesson: &Lesson) -> String {
    let status = match (lesson.status, doubt(lesson)) {
        (LessonStatus::Active, None) => String::new(),
        (LessonStatus::Active, Some(doubt)) => format!(" ({doubt})"),
        (status, None) => format!(" ({status})"),
        (status, Some(doubt)) => format!(" ({status}: {doubt})"),
    };
    let kind = lesson.lesson_type.as_str();
    format!("{}  {kind:<10} {}{status}\n", lesson.id, one_line(&lesson.rule))
}

/// Returns what makes a lesson doubtful: which code has changed since it was learned.
pub(crate) fn doubt(lesson: &Lesson) -> Option<String> {
    let first = lesson.drifted().next()?;
    let more = lesson.drifted().count() - 1;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = match first.drift.as_ref()?.state {
        DriftState::Drifted => "has changed",
        DriftState::Gone => "is gone",
    };
    Some(format!("{}{more} {what}", place(first)))
}

/// Returns where an anchor is: `src/token.rs rotate`.
pub(super) fn place(anchor: &Anchor) -> String {
    let symbol = anchor.symbol.as_deref().map(|s| format!(" {}", one_line(s))).unwrap_or_default();
    format!("{}{symbol}", one_line(&anchor.path))
}

/// Returns what an anchor says about the code: as it was, as it is, and since which commit.
pub(super) fn change(anchor: &Anchor) -> String {
    let mut out = String::new();
    let Some(drift) = &anchor.drift else { return out };
    let since = drift.since.as_deref().map(|sha| {
        let short: String = one_line(sha).chars().take(10).collect();
        format!(" since {short}")
    });
    // Writing to a string cannot fail.
    let _ignored =
        writeln!(out, "  {}: {}{}", place(anchor), drift.state, since.unwrap_or_default());
    for (sign, text) in [('-', &anchor.quote), ('+', &drift.now)] {
        if let Some(text) = text {
            let text = cemem_core::exchange::shorten(&one_line(text), 300);
            let _ignored = writeln!(out, "    {sign} {text}");
        }
    }
    out
}

/// Returns everything about a lesson.
pub(crate) fn full(lesson: &Lesson, counters: &Counters) -> String {
    let mut out = String::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ignored = writeln!(out, "{name:<12}{value}");
        }
    };
    field("id", lesson.id.to_string());
    field("type", lesson.lesson_type.to_string());
    field("title", one_line(&lesson.title));
    field("rule", one_line(&lesson.rule));
    let words = phrased_by(lesson).map(|(by, other)| {
        let how = if other { "other words than the evidence" } else { "words of the evidence" };
        format!("{how}, phrased by {}", one_line(by))
    });
    field("words", words.unwrap_or_default());
    field("why", lesson.why.as_deref().map(one_line).unwrap_or_default());
    let reviewed = if lesson.reviewed { ", reviewed by a person" } else { "" };
    field("status", format!("{}{reviewed}", lesson.status));
    field("confidence", format!("{:.2}", lesson.confidence));
    field("support", format!("{} session(s)", lesson.support));
    field("trust", lesson.trust.to_string());
    field("paths", one_line(&lesson.applies_when.paths.join(", ")));
    field("commands", one_line(&lesson.applies_when.commands.join(", ")));
    field("symbols", one_line(&lesson.applies_when.symbols.join(", ")));
    field("tags", one_line(&lesson.applies_when.tags.join(", ")));
    let ids = |ids: &[cemem_core::LessonId]| {
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    field("supersedes", ids(&lesson.supersedes));
    field(
        "replaced by",
        lesson.superseded_by.as_ref().map(ToString::to_string).unwrap_or_default(),
    );
    field("contradicts", ids(&lesson.contradicts));
    field("learned", lesson.created.date());
    field("outcomes", outcomes::told(counters));
    if !lesson.anchors.is_empty() {
        out.push_str("\ncode\n");
    }
    for anchor in &lesson.anchors {
        match (&anchor.drift, &anchor.blob_sha) {
            (Some(_), _) => out.push_str(&change(anchor)),
            (None, Some(_)) => out.push_str(&format!("  {}: as it was\n", place(anchor))),
            (None, None) => out.push_str(&format!("  {}: not looked at\n", place(anchor))),
        }
    }
    if let Some(body) = &lesson.body {
        out.push('\n');
        out.push_str(printable(body).trim_end());
        out.push('\n');
    }
    out.push_str("\nevidence\n");
    for evidence in &lesson.evidence {
        out.push_str(&quote(evidence));
    }
    out
}

/// Returns one row of evidence: the words, then where they stand.
pub(crate) fn quote(evidence: &Evidence) -> String {
    let mut place = vec![one_line(&evidence.engine)];
    if !evidence.session.is_empty() {
        let session: String = one_line(&evidence.session).chars().take(8).collect();
        place.push(format!("session {session}"));
    }
    if let Some(ts) = evidence.turn_ts {
        place.push(ts.date());
    }
    if !evidence.source_path.is_empty() {
        place.push(one_line(&evidence.source_path));
    }
    if !evidence.event_uuid.is_empty() {
        place.push(format!("row {}", one_line(&evidence.event_uuid)));
    }
    let words = cemem_core::exchange::shorten(&one_line(&evidence.quote), 300);
    format!("  “{words}”\n    {}\n", place.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubtful_lesson_says_so_and_why() {
        let line = r#"{"rule":"Rotate.","anchors":[
            {"path":"a\u001b[2J.rs","symbol":"rotate","blob_sha":"1","quote":"fn rotate()",
             "drift":{"state":"drifted","since":"0123456789abcdef","now":"fn rotate(t: Token)"}},
            {"path":"b.rs","drift":{"state":"gone"}},{"path":"c.rs"}]}"#;
        let now = cemem_core::Timestamp(0);
        let mut lesson = cemem_core::exchange::from_line(line, "f", 1, now).unwrap().lesson;
        let marked = "Rotate. (a[2J.rs rotate and 1 more has changed)\n";
        assert!(brief(&lesson).replace('\u{1b}', "").ends_with(marked), "{}", brief(&lesson));
        lesson.status = LessonStatus::Stale;
        let text = full(&lesson, &Counters::default());
        for part in [
            "rotate: drifted since 0123456789\n",
            "    - fn rotate()\n",
            "    + fn rotate(t: Token)\n",
            "  b.rs: gone\n",
            "  c.rs: not looked at\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\u{1b}') && brief(&lesson).contains(" (stale: "), "{text}");
    }

    #[test]
    fn no_part_of_evidence_moves_the_cursor() {
        let bad = "a\u{1b}[2Jb\nc".to_owned();
        let evidence = Evidence {
            engine: bad.clone(),
            session: bad.clone(),
            source_path: bad.clone(),
            event_uuid: bad.clone(),
            event_key: String::new(),
            turn_ts: None,
            actor: "user".into(),
            quote: bad,
        };
        let shown = quote(&evidence);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert_eq!(shown.lines().count(), 2, "{shown:?}");
    }
}
