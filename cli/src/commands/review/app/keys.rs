//! What each key means, mode by mode.
//!
//! Owns the keys. Must not change lessons: a key asks, the store answers.

use std::collections::BTreeSet;

use cemem_core::LessonId;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::decide::{MAX_DAYS, Verdict};
use super::super::near::Near;
use super::super::queue::Wanted;
use super::{App, Choice, DELAYS, Effect, Mode, REASONS};

impl App {
    /// Returns what a key asks for.
    pub(in super::super) fn key(&mut self, key: KeyEvent) -> Effect {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Effect::Quit;
        }
        if control && !matches!(key.code, KeyCode::Char('u')) {
            return Effect::None;
        }
        match std::mem::replace(&mut self.mode, Mode::Browse) {
            Mode::Browse if control => Effect::None,
            Mode::Browse => self.browse(key.code),
            Mode::Help => Effect::None,
            Mode::Reject => self.reject(key.code),
            Mode::RejectWords(words) => self.reject_words(words, key.code, control),
            Mode::Snooze(days) => self.snooze(days, key.code),
            Mode::Merge { near, at } => self.merge(near, at, key.code),
            Mode::Opposite => self.opposite(key.code),
            Mode::Filter { at } => self.filter(at, key.code),
        }
    }

    /// Takes text that was pasted; outside of a line of text it means nothing, so that no paste
    /// decides anything.
    pub(in super::super) fn paste(&mut self, text: &str) {
        if let Mode::RejectWords(words) = &mut self.mode {
            words.push_str(&crate::ui::one_line(text));
        }
    }

    fn browse(&mut self, key: KeyCode) -> Effect {
        let id = self.item().map(|i| i.lesson.id.clone());
        match (key, id) {
            // Not Esc: who goes back once too often has not finished.
            (KeyCode::Char('q'), _) => return Effect::Quit,
            (KeyCode::Char('?' | 'h'), _) => self.mode = Mode::Help,
            (KeyCode::Char('f'), _) => self.mode = Mode::Filter { at: 0 },
            (KeyCode::Char('w'), _) => {
                self.wanted.weak = !self.wanted.weak;
                self.go_to(0);
            }
            (KeyCode::Char('u'), _) => match self.past.last() {
                Some(past) => return Effect::Undo(past.change),
                None => "nothing was decided yet".clone_into(&mut self.said),
            },
            (KeyCode::Down | KeyCode::Char('j'), _) => self.scroll += 1,
            (KeyCode::Up | KeyCode::Char('k'), _) => self.scroll = self.scroll.saturating_sub(1),
            (KeyCode::PageDown | KeyCode::Char(' '), _) => self.scroll += self.page,
            (KeyCode::PageUp | KeyCode::Char('b'), _) => {
                self.scroll = self.scroll.saturating_sub(self.page);
            }
            (KeyCode::Right | KeyCode::Char('n') | KeyCode::Tab, _) => self.go_to(self.at + 1),
            (KeyCode::Left | KeyCode::Char('p') | KeyCode::BackTab, _) => {
                self.go_to(self.at.saturating_sub(1));
            }
            (KeyCode::Char('v'), Some(_)) => (self.full, self.scroll) = (!self.full, 0),
            (KeyCode::Char('a'), Some(id)) => return self.accept(id),
            (KeyCode::Char('r'), Some(_)) => self.mode = Mode::Reject,
            (KeyCode::Char('s'), Some(_)) => self.mode = Mode::Snooze(String::new()),
            (KeyCode::Char('e'), Some(id)) => return Effect::Edit(id),
            (KeyCode::Char('m'), Some(id)) => return Effect::FindNear(id),
            _ => {}
        }
        Effect::None
    }

    fn accept(&mut self, id: LessonId) -> Effect {
        if self.item().is_some_and(|i| !i.opposites.is_empty()) {
            self.mode = Mode::Opposite;
            return Effect::None;
        }
        Effect::Decide(id, Verdict::Accept)
    }

    fn opposite(&mut self, key: KeyCode) -> Effect {
        let Some(item) = self.item() else { return Effect::None };
        let id = item.lesson.id.clone();
        match key {
            KeyCode::Char('x') => {
                let others = item.opposites.iter().map(|o| o.id.clone()).collect();
                Effect::Decide(id, Verdict::Replace(others))
            }
            KeyCode::Char('k') => Effect::Decide(id, Verdict::Accept),
            KeyCode::Esc | KeyCode::Char('q') => Effect::None,
            _ => self.stay(Mode::Opposite),
        }
    }

    fn stay(&mut self, mode: Mode) -> Effect {
        self.mode = mode;
        Effect::None
    }

    fn decide(&self, verdict: Verdict) -> Effect {
        self.item().map_or(Effect::None, |i| Effect::Decide(i.lesson.id.clone(), verdict))
    }

    fn reject(&mut self, key: KeyCode) -> Effect {
        if let KeyCode::Char(c) = key
            && let Some((.., reason)) = REASONS.iter().find(|(k, ..)| *k == c)
        {
            return self.decide(Verdict::Reject((*reason).to_owned()));
        }
        match key {
            KeyCode::Char('t') => self.stay(Mode::RejectWords(String::new())),
            KeyCode::Esc | KeyCode::Char('q') => Effect::None,
            _ => self.stay(Mode::Reject),
        }
    }

    fn reject_words(&mut self, mut words: String, key: KeyCode, control: bool) -> Effect {
        match key {
            KeyCode::Esc => return self.stay(Mode::Reject),
            KeyCode::Enter if !words.trim().is_empty() => {
                return self.decide(Verdict::Reject(words));
            }
            KeyCode::Backspace => drop(words.pop()),
            KeyCode::Char('u') if control => words.clear(),
            KeyCode::Char(c) => words.push(c),
            _ => {}
        }
        self.stay(Mode::RejectWords(words))
    }

    fn snooze(&mut self, mut days: String, key: KeyCode) -> Effect {
        match key {
            KeyCode::Esc => return Effect::None,
            KeyCode::Char(c) if days.is_empty() && DELAYS.iter().any(|(k, ..)| *k == c) => {
                let delay = DELAYS.iter().find(|(k, ..)| *k == c).map_or(1, |(.., days)| *days);
                return self.decide(Verdict::Snooze(delay));
            }
            KeyCode::Char(c) if c.is_ascii_digit() && days.len() < 4 => days.push(c),
            KeyCode::Backspace => drop(days.pop()),
            KeyCode::Enter => {
                if let Some(n) = days.parse().ok().filter(|n| (1..=MAX_DAYS).contains(n)) {
                    return self.decide(Verdict::Snooze(n));
                }
            }
            _ => {}
        }
        self.stay(Mode::Snooze(days))
    }

    fn merge(&mut self, near: Vec<Near>, mut at: usize, key: KeyCode) -> Effect {
        match key {
            KeyCode::Esc | KeyCode::Char('q') => return Effect::None,
            KeyCode::Down | KeyCode::Char('j') => at = (at + 1).min(near.len() - 1),
            KeyCode::Up | KeyCode::Char('k') => at = at.saturating_sub(1),
            // A number points; Enter merges: the wrong one is a lot to take in.
            KeyCode::Char(c @ '1'..='9') => at = (c as usize - '1' as usize).min(near.len() - 1),
            KeyCode::Enter => return self.decide(Verdict::Merge(near[at].lesson.id.clone())),
            _ => {}
        }
        self.stay(Mode::Merge { near, at })
    }

    fn filter(&mut self, mut at: usize, key: KeyCode) -> Effect {
        let choices = self.choices();
        let last = choices.len().saturating_sub(1);
        match key {
            KeyCode::Esc | KeyCode::Char('q' | 'f') => return Effect::None,
            KeyCode::Down | KeyCode::Char('j') => at = (at + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => at = at.saturating_sub(1),
            KeyCode::Char('c') => {
                self.wanted = Wanted { weak: self.wanted.weak, ..Wanted::default() };
                self.go_to(0);
            }
            KeyCode::Enter | KeyCode::Char(' ') => {
                match choices.get(at) {
                    Some((Choice::Type(t), ..)) => toggle(&mut self.wanted.types, *t),
                    Some((Choice::Signal(s), ..)) => toggle(&mut self.wanted.signals, *s),
                    None => {}
                }
                self.go_to(0);
            }
            _ => {}
        }
        self.stay(Mode::Filter { at })
    }
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, value: T) {
    if !set.remove(&value) {
        set.insert(value);
    }
}
