//! Made-up session files of any length.
//!
//! Owns the mix of rows: mostly tool calls and their output, as in real sessions, with a correction
//! now and then. Must not be used to measure extraction: the words carry no meaning.

use super::words::{AREAS, path, reason, rule, symbol, tool};
use crate::format::{ClaudeSession, CodexRollout, Verdict};
use crate::rng::Rng;

/// Returns a Claude Code session file with `n_turns` prompts, about 12 KB a turn.
#[must_use]
pub fn claude_session(seed: u64, n_turns: usize) -> String {
    let mut rng = Rng::new(seed);
    let name = format!("synthetic-{seed}");
    let mut s = ClaudeSession::new(&name, "/home/dev/project", "main", "2026-02-01T08:00:00Z");
    for _ in 0..n_turns {
        let area = AREAS[rng.zipf(AREAS.len())];
        s.user(&prompt(&mut rng, area));
        s.says(&reason(&mut rng, area));
        for _ in 0..1 + rng.below(3) {
            let file = path(&mut rng, area);
            s.read(&file, &code(&mut rng, 40));
            s.bash(tool(&mut rng), &output(&mut rng, area, 12));
        }
        claude_signal(&mut s, &mut rng, area);
        s.says(&reason(&mut rng, area));
    }
    s.finish()
}

/// Returns a Codex rollout with `n_turns` prompts.
#[must_use]
pub fn codex_rollout(seed: u64, n_turns: usize) -> String {
    let mut rng = Rng::new(seed);
    let name = format!("synthetic-codex-{seed}");
    let mut s = CodexRollout::new(&name, "/home/dev/project", "main", "2026-02-01T08:00:00Z");
    for _ in 0..n_turns {
        let area = AREAS[rng.zipf(AREAS.len())];
        s.user(&prompt(&mut rng, area));
        for _ in 0..2 + rng.below(4) {
            let (command, code) = (tool(&mut rng), i32::from(rng.one_in(5)));
            s.shell(command, code, &output(&mut rng, area, 20));
        }
        if rng.one_in(6) {
            s.interrupt();
            s.user(&rule(&mut rng, area));
        }
        s.says(&reason(&mut rng, area));
    }
    s.finish()
}

fn claude_signal(s: &mut ClaudeSession, rng: &mut Rng, area: &str) {
    let (file, old, new) = (path(rng, area), symbol(rng), symbol(rng));
    let said = rule(rng, area);
    match rng.below(12) {
        0 => {
            s.edit(&file, &old, &new, Verdict::RejectedWith(&said));
        }
        1 => {
            s.interrupt(true).user(&said);
        }
        2 => {
            s.steer(&said);
        }
        3 => {
            s.bash_rejected(tool(rng), Verdict::Rejected);
        }
        4 => {
            let command = tool(rng);
            s.bash_fails(command, 1, &output(rng, area, 8));
            s.edit(&file, &old, &new, Verdict::Approved);
            s.bash(command, "ok");
        }
        _ => {
            s.edit(&file, &old, &new, Verdict::Approved);
        }
    }
}

fn prompt(rng: &mut Rng, area: &str) -> String {
    match rng.below(4) {
        0 => format!("please fix the {area} problem: {}", reason(rng, area)),
        1 => format!("what does `{}` do in {area}?", symbol(rng)),
        2 => rule(rng, area),
        _ => format!("continue with {area}"),
    }
}

fn code(rng: &mut Rng, n_lines: usize) -> String {
    let lines: Vec<_> = (0..n_lines)
        .map(|i| format!("{:>5}\tlet {} = {}(\"\\u{{2713}}\");", i + 1, symbol(rng), symbol(rng)))
        .collect();
    lines.join("\n")
}

fn output(rng: &mut Rng, area: &str, n_lines: usize) -> String {
    let lines: Vec<_> =
        (0..n_lines).map(|_| format!("   {} {}", path(rng, area), reason(rng, area))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_deterministic_json_lines_and_grow_with_the_turns() {
        let session = claude_session(5, 30);
        assert_eq!(session, claude_session(5, 30));
        assert_ne!(session, claude_session(6, 30));
        for line in session.lines().chain(codex_rollout(5, 30).lines()) {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        assert!(session.len() > 3 * claude_session(5, 5).len());
    }
}
