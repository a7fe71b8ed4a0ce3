//! What a hand changed in what cemem wrote.
//!
//! Owns telling an edit of a lesson from a line that only stands elsewhere or is wrapped otherwise. Pure.
//! Must not lose a word: what is no edit of a lesson is handed back as it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cemem_core::LessonId;
use cemem_core::lesson::{Lesson, LessonType};

use super::{line, render};
use crate::commands::review::Words;
use crate::ui::one_line;

/// One file that somebody edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Which.
    pub path: PathBuf,
    /// What that means for lessons.
    pub(crate) edits: Vec<Edit>,
    /// Lines within the markers that are about no lesson.
    pub rest: Vec<String>,
}

/// What an edit means for lessons.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    /// A lesson is said in other words.
    Change { id: LessonId, words: Box<Words> },
    /// Its line was taken out.
    Retire(LessonId),
    /// A lesson that is no longer delivered was put back.
    Back(LessonId),
    /// A line of one's own.
    New { text: String, lesson_type: Option<LessonType>, paths: Vec<String> },
    /// A file of a lesson that no longer says what the lesson is.
    Unreadable,
    /// A file of a lesson that is no longer delivered.
    Orphan(LessonId),
}

/// What the memory knows of lessons.
pub(crate) struct Ground<'a> {
    /// A lesson as it is and as it was, the newest state first; nothing for one of another memory.
    pub(crate) states: &'a dyn Fn(&LessonId) -> Vec<Lesson>,
    /// The lesson with this rule, if one is delivered.
    pub(crate) with_rule: &'a dyn Fn(&str) -> Option<LessonId>,
    /// The lines of the lessons that stood in the block when it was written; `None` where nobody knows
    /// which block that was. Then a line may be as old as it likes, and one that is missing was perhaps
    /// never there.
    pub(crate) stood: Option<&'a BTreeMap<LessonId, String>>,
}

/// A piece of a block.
enum Piece {
    Item { text: String, under: Option<LessonType> },
    Other(String),
}

/// Returns what was edited in a block with these lines: edits, and lines that are about no lesson.
pub(crate) fn of_block(lines: &[&str], ground: &Ground<'_>) -> (Vec<Edit>, Vec<String>) {
    let (mut edits, mut rest) = (Vec::new(), Vec::new());
    let mut seen: BTreeSet<LessonId> = BTreeSet::new();
    // The first line of each lesson of another memory: that is the one that stays in the block.
    let mut theirs: BTreeMap<LessonId, String> = BTreeMap::new();
    let mut changed: Vec<(LessonId, String, Option<LessonType>, Vec<Lesson>)> = Vec::new();
    for piece in pieces(lines) {
        let (text, under) = match piece {
            Piece::Item { text, under } => (text, under),
            Piece::Other(line) => {
                rest.push(line);
                continue;
            }
        };
        let id = line::id_of(&text);
        let states = id.as_ref().map(ground.states).unwrap_or_default();
        match id {
            Some(id) if !states.is_empty() => {
                if !ground.is_as_written(&id, &text, &states) {
                    changed.push((id, text, under, states));
                } else if seen.insert(id.clone()) && ground.is_put_back(&id, &states) {
                    edits.push(Edit::Back(id));
                }
            }
            // Its id is gone, or it was taken into the memory since. One with an id is another memory's.
            id => {
                let is_second = id.as_ref().is_some_and(|id| {
                    *theirs.entry(id.clone()).or_insert_with(|| text.clone()) != text
                });
                match (ground.with_rule)(&line::bare(&text).0) {
                    Some(id) => _ = seen.insert(id),
                    None if id.is_none() => edits.push(new(&text, under)),
                    // Both sides of a merge.
                    None if is_second => rest.push(format!("- {text}")),
                    None => {}
                }
            }
        }
    }
    for (id, text, under, states) in changed {
        // Beside the line itself, a changed copy is a line of one's own; so is a second one.
        if seen.insert(id.clone()) {
            let words = line::reading(&text, &states);
            if words != Words::default() {
                edits.push(Edit::Change { id, words: Box::new(words) });
            } else if ground.is_put_back(&id, &states) {
                edits.push(Edit::Back(id));
            }
        } else {
            edits.push(new(&text, under));
        }
    }
    let stood = ground.stood.iter().flat_map(|stood| stood.keys());
    let gone = stood.filter(|id| !seen.contains(*id));
    let delivered = |id: &&LessonId| {
        (ground.states)(id).first().is_some_and(|lesson| lesson.status.is_recallable())
    };
    edits.extend(gone.filter(delivered).map(|id| Edit::Retire(id.clone())));
    (edits, rest)
}

impl Ground<'_> {
    /// Returns whether a line is the lesson's as it is, or as it was when the block was written.
    fn is_as_written(&self, id: &LessonId, text: &str, states: &[Lesson]) -> bool {
        let line = format!("- {text}");
        match self.stood {
            Some(stood) => {
                stood.get(id) == Some(&line)
                    || states.first().is_some_and(|now| line::line(now) == line)
            }
            None => states.iter().any(|state| line::line(state) == line),
        }
    }

    /// Returns whether the line of a lesson that is no longer delivered came in by hand.
    fn is_put_back(&self, id: &LessonId, states: &[Lesson]) -> bool {
        let is_delivered = states.first().is_some_and(|now| now.status.is_recallable());
        !is_delivered && self.stood.is_some_and(|stood| !stood.contains_key(id))
    }
}

/// Returns what stands in a block with these lines: the lines of lessons that are not this memory's, and
/// all lessons in their order.
pub(crate) fn beside(lines: &[&str], is_own: &dyn Fn(&LessonId) -> bool) -> render::Beside {
    let mut found = render::Beside::default();
    for piece in pieces(lines) {
        let Piece::Item { text, under } = piece else { continue };
        let Some(id) = line::id_of(&text).filter(|id| !found.order.contains(id)) else {
            continue;
        };
        found.order.push(id.clone());
        if !is_own(&id) {
            found.others.push(render::Foreign { id, text, under });
        }
    }
    found
}

fn new(text: &str, under: Option<LessonType>) -> Edit {
    let (text, paths) = line::bare(text);
    Edit::New { text, lesson_type: under, paths }
}

/// Parts a block into items of lists and what is none, leaving out what cemem itself writes around them.
fn pieces(lines: &[&str]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut under = None;
    let mut open = false;
    for line in lines {
        let content = line.trim();
        let item = ["- ", "* ", "+ "].iter().find_map(|mark| content.strip_prefix(mark));
        match (item, pieces.last_mut()) {
            (Some(text), _) => {
                pieces.push(Piece::Item { text: one_line(text), under });
                open = true;
            }
            _ if content.is_empty() => open = false,
            _ if content.starts_with('#') => {
                open = false;
                under = render::type_under(content);
                if under.is_none() && !render::is_frame(content) {
                    pieces.push(Piece::Other((*line).to_owned()));
                }
            }
            // A line that was wrapped.
            (None, Some(Piece::Item { text, .. })) if open => {
                *text = one_line(&format!("{text} {content}"));
            }
            _ if render::is_frame(content) => {}
            _ => pieces.push(Piece::Other((*line).to_owned())),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use cemem_core::clock::Timestamp;
    use cemem_core::exchange::from_line;

    fn lesson(value: &serde_json::Value) -> Lesson {
        from_line(&value.to_string(), "f", 1, Timestamp(0)).unwrap().lesson
    }

    struct Bench {
        lessons: Vec<Lesson>,
        block: Vec<String>,
    }

    impl Bench {
        fn new() -> Self {
            let long = format!(
                "Read @notes.md before {} you start.",
                "many more words ".repeat(20).trim()
            );
            let lessons = vec![
                lesson(&json!({"type": "mistake", "rule": "Use tabs."})),
                lesson(
                    &json!({"type": "fact", "rule": "One.", "applies_when": {"paths": ["a.rs", "b/**"]}}),
                ),
                lesson(&json!({"type": "fact", "rule": long})),
            ];
            let block =
                render::block(&lessons, &render::Beside::default(), &render::Tallies::new(), 60)
                    .lines;
            Self { lessons, block }
        }

        fn edits(&self, change: impl Fn(&str) -> String) -> (Vec<Edit>, Vec<String>) {
            let stood = self.lessons.iter().map(|l| (l.id.clone(), line::line(l))).collect();
            self.edits_since(Some(&stood), change)
        }

        fn edits_since(
            &self,
            stood: Option<&BTreeMap<LessonId, String>>,
            change: impl Fn(&str) -> String,
        ) -> (Vec<Edit>, Vec<String>) {
            let text = change(&self.block.join("\n"));
            let lines: Vec<&str> = text.lines().collect();
            let states = |id: &LessonId| {
                self.lessons.iter().filter(|l| l.id == *id).cloned().collect::<Vec<_>>()
            };
            let with_rule =
                |rule: &str| self.lessons.iter().find(|l| l.rule == rule).map(|l| l.id.clone());
            of_block(&lines, &Ground { states: &states, with_rule: &with_rule, stood })
        }

        fn change(&self, at: usize, words: Words) -> (Vec<Edit>, Vec<String>) {
            let id = self.lessons[at].id.clone();
            (vec![Edit::Change { id, words: Box::new(words) }], Vec::new())
        }
    }

    fn rule(text: &str) -> Words {
        Words { rule: Some(text.into()), ..Words::default() }
    }

    #[test]
    fn other_white_space_and_order_are_no_edit() {
        let bench = Bench::new();
        let none = (Vec::new(), Vec::new());
        assert_eq!(bench.edits(str::to_owned), none);
        assert_eq!(
            bench.edits(|t| t.replace("- ", "*   ").replace(" more words", "\n  more words")),
            none
        );
        let id = format!(" [{}]", bench.lessons[0].id);
        assert_eq!(bench.edits(|t| t.replace(&id, "")), none);
        assert_eq!(bench.edits(|t| t.lines().rev().collect::<Vec<_>>().join("\n")), none);
    }

    #[test]
    fn an_edited_line_is_an_edit_of_its_lesson() {
        let bench = Bench::new();
        let edits = bench.edits(|t| t.replace("Use tabs.", "Use four spaces."));
        assert_eq!(edits, bench.change(0, rule("Use four spaces.")));
        let paths = Words { paths: Some(vec!["a.rs".into(), "c.rs".into()]), ..Words::default() };
        assert_eq!(bench.edits(|t| t.replace("`b/**`", "`c.rs`")), bench.change(1, paths));
        let none = Words { paths: Some(Vec::new()), ..rule("Two.") };
        assert_eq!(
            bench.edits(|t| t.replace("One. (`a.rs`, `b/**`)", "Two.")),
            bench.change(1, none)
        );
        // What was cut for its length, and what was written otherwise, is still in the lesson.
        let whole = bench.lessons[2].rule.replace("Read", "Skim");
        assert_eq!(bench.edits(|t| t.replace("Read", "Skim")), bench.change(2, rule(&whole)));
    }

    #[test]
    fn lines_that_are_gone_or_new_are_offers() {
        let bench = Bench::new();
        let gone = bench.edits(|t| t.replace(&line::line(&bench.lessons[0]), ""));
        assert_eq!(gone, (vec![Edit::Retire(bench.lessons[0].id.clone())], Vec::new()));
        let text = "### Facts\n\n- Mine, all\n  mine.\n- Theirs. (`x.rs`) [L-abcdef]\n### House\nA paragraph.";
        let new = bench.edits(|t| t.replace("### Facts", text));
        let edit = |text: &str, paths: &[&str]| Edit::New {
            text: text.into(),
            lesson_type: Some(LessonType::Fact),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        };
        let edits = vec![edit("Mine, all mine.", &[])];
        assert_eq!(new, (edits, vec!["### House".to_owned(), "A paragraph.".to_owned()]));
        // Of another memory's lesson the first line stays in the block.
        let theirs =
            "- Theirs. [L-abcdef]\n- Theirs now. [L-abcdef]\n- Theirs. [L-abcdef]\n### Facts";
        let both = bench.edits(|t| t.replace("### Facts", theirs));
        assert_eq!(both, (Vec::new(), vec!["- Theirs now. [L-abcdef]".to_owned()]));
        // A copy beside the line.
        let line = line::line(&bench.lessons[0]);
        let copy =
            bench.edits(|t| t.replace(&line, &format!("{}\n{line}", line.replace("tabs", "x"))));
        let mine = Edit::New {
            text: "Use x.".into(),
            lesson_type: Some(LessonType::Mistake),
            paths: vec![],
        };
        assert_eq!(copy, (vec![mine], Vec::new()));
    }

    #[test]
    fn a_former_wording_is_an_edit_where_the_block_is_known() {
        let mut bench = Bench::new();
        let former = Lesson { rule: "Use two tabs.".into(), ..bench.lessons[0].clone() };
        let id = former.id.clone();
        // The block was written before the lesson said what it says now.
        let now = Lesson { rule: "Use spaces.".into(), ..former.clone() };
        let written = line::line(&bench.lessons[0]);
        let stood = BTreeMap::from([(id.clone(), written)]);
        bench.lessons.insert(0, now);
        bench.lessons.insert(1, former);
        let change = |text: &str| Edit::Change { id: id.clone(), words: Box::new(rule(text)) };
        let back = |t: &str| t.replace("Use tabs.", "Use two tabs.");
        let none = (Vec::new(), Vec::new());
        assert_eq!(bench.edits_since(Some(&stood), str::to_owned), none, "as it was written");
        let at_now = |t: &str| t.replace("Use tabs.", "Use spaces.");
        assert_eq!(bench.edits_since(Some(&stood), at_now), none, "as it is");
        let edited = (vec![change("Use two tabs.")], Vec::new());
        assert_eq!(bench.edits_since(Some(&stood), back), edited);
        // A file of an older branch, which nobody remembers writing.
        assert_eq!(bench.edits_since(None, back), none);
        assert_eq!(
            bench.edits_since(None, |_| String::new()),
            none,
            "perhaps it never stood there"
        );
    }

    #[test]
    fn a_retired_lesson_that_is_put_back_is_an_offer() {
        let mut bench = Bench::new();
        bench.lessons[0].status = cemem_core::LessonStatus::Retired;
        let id = bench.lessons[0].id.clone();
        let there = BTreeMap::from([(id.clone(), line::line(&bench.lessons[0]))]);
        let none = (Vec::new(), Vec::new());
        assert_eq!(bench.edits_since(Some(&there), str::to_owned), none, "it stood there");
        let back = (vec![Edit::Back(id)], Vec::new());
        assert_eq!(bench.edits_since(Some(&BTreeMap::new()), str::to_owned), back);
    }
}
