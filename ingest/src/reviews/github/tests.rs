//! One pull request in every shape GitHub has for it.

use std::collections::BTreeSet;

use cemem_core::finding::AuthorKind;

use super::*;
use crate::reviews::gitlab_discussions::DISCUSSIONS;
use crate::reviews::testing::{findings, fixture, format_of, never_panics, shown};
use crate::sources::testing::read;

#[test]
fn every_shape_is_read() {
    for name in ["rest-comments", "rest-reviews", "pr-view", "threads", "export"] {
        let text = fixture(&format!("github-{name}.json"));
        assert!(!findings(&Github, "g.json", &text).is_empty(), "{name}");
        insta::assert_snapshot!(name, shown(&read(&Github, "g.json", &text)));
        never_panics(&Github, &text);
    }
    let text = fixture("github-view.txt");
    assert_eq!(findings(&GithubText, "g.txt", &text).len(), 2);
    insta::assert_snapshot!("text", shown(&read(&GithubText, "g.txt", &text)));
    let text = fixture("gitlab-discussions.json");
    assert_eq!(findings(&DISCUSSIONS, "g.json", &text).len(), 3);
    insta::assert_snapshot!("gitlab", shown(&read(&DISCUSSIONS, "g.json", &text)));
    never_panics(&DISCUSSIONS, &text);
}

#[test]
fn the_same_comment_in_two_dumps_is_one() {
    let keys = |name: &str| -> BTreeSet<(String, String)> {
        let found = read(&Github, "any", &fixture(&format!("github-{name}.json")));
        let sessions = found.sessions.iter();
        sessions.flat_map(|(s, e)| e.iter().map(|e| (s.id.clone(), e.row_id.clone()))).collect()
    };
    let (rest, threads, export) = (keys("rest-comments"), keys("threads"), keys("export"));
    assert!(rest.contains(&("o/r#7".to_owned(), "discussion_r2738967483".to_owned())), "{rest:?}");
    assert!(threads.is_subset(&rest) && !threads.is_empty(), "{threads:?} {rest:?}");
    assert!(export.intersection(&rest).count() > 0);
}

#[test]
fn people_and_programs_are_told_apart() {
    let found = findings(&Github, "g.json", &fixture("github-rest-comments.json"));
    assert_eq!(found[0].author_kind, AuthorKind::Bot);
    assert_eq!(found[1].author_kind, AuthorKind::Human);
    assert!(found[1].reply && !found[0].reply);
    assert_eq!(found[0].fixed_by.as_deref(), Some("09bd59e"));
}

#[test]
fn pages_one_after_the_other_are_one_dump() {
    let page = fixture("github-rest-comments.json");
    let twice = format!("{page}{page}");
    let keys: BTreeSet<_> =
        read(&Github, "g", &twice).events().iter().map(|e| e.key.clone()).collect();
    assert_eq!(keys.len(), read(&Github, "g", &page).events().len());
}

#[test]
fn other_json_with_comments_is_no_dump() {
    for other in [
        r#"{"comments":[{"author":"x","body":"y"}]}"#,
        r#"{"name":"x","reviews":[],"comments":[]}"#,
        r##"[{"user":{"login":"a"},"title":"An issue","html_url":"https://github.com/o/r/issues/1"}]"##,
        r#"{"data":{"repository":{"pullRequest":{"title":"x"}}}}"#,
    ] {
        assert_eq!(format_of("x.json", other), None, "{other}");
    }
}
