//! `cemem review` at a terminal: keys come in, decisions go out, one at a time.
//!
//! Owns the loop and the order of things: a decision is in the store before the next lesson is shown.
//! Must not decide what a key means (`app`) or how it looks (`screen`).

use cemem_core::LessonId;
use cemem_core::store::Store;
use cemem_retrieve::Engine;

use super::app::{App, Effect, Mode};
use super::decide::{self, Verdict};
use super::queue::{self, Wanted};
use super::screen::{self, Look};
use super::{editor, near};
use crate::command_error::CommandError;
use crate::commands::{catch_up, lessons};
use crate::context::Context;
use crate::exit_code;
use crate::ui::{FullScreen, Input};

/// Lets a person go through the queue.
///
/// # Errors
/// When the store or the terminal fails.
pub(super) fn run(context: &Context, wanted: Wanted) -> Result<u8, CommandError> {
    let store = context.store()?;
    store.check_writable()?;
    let queue = queue::load(&store, context.clock.now())?;
    if queue.items.is_empty() {
        context.ui.say(&super::nothing_waits(queue.snoozed));
        return Ok(exit_code::OK);
    }
    let app = App::new(context.project.name.clone(), queue, wanted);
    let mut session = Session { context, store, app, engine: None };
    let code = session.hold()?;
    let Session { store, app, .. } = session;
    let (t, left, behind) = (app.tally, app.shown().len(), app.behind());
    let behind = if behind > 0 { format!(", {behind} weak ones behind") } else { String::new() };
    if t.total() == 0 {
        context.ui.say(&format!("nothing decided; {left} left{behind}"));
        return Ok(code);
    }
    catch_up(context, &store);
    context.ui.say(&format!(
        "{} accepted, {} rejected, {} merged, {} put off; {left} left{behind}; `cemem lessons undo` \
         takes the last change back",
        t.accepted, t.rejected, t.merged, t.snoozed
    ));
    Ok(code)
}

struct Session<'a> {
    context: &'a Context,
    store: Store,
    app: App,
    /// Made when somebody looks for lessons to merge with.
    engine: Option<Engine>,
}

impl Session<'_> {
    /// Returns the exit code when the person has had enough.
    fn hold(&mut self) -> Result<u8, CommandError> {
        let look = Look { colour: FullScreen::has_colour() };
        let mut screen = FullScreen::open()?;
        loop {
            screen.draw(|frame| screen::draw(frame, &mut self.app, look))?;
            let effect = match screen.next()? {
                Input::Key(key) => self.app.key(key),
                Input::Paste(text) => {
                    self.app.paste(&text);
                    Effect::None
                }
                Input::Redraw => Effect::None,
                Input::Stop => return Ok(exit_code::INTERRUPTED),
            };
            if effect == Effect::Quit {
                return Ok(exit_code::OK);
            }
            if let Err(error) = self.carry_out(effect, &mut screen, look) {
                // The person decides what to do about it; nothing was half done.
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|c| format!(": {c}")).unwrap_or_default();
                self.app.say(format!("{error}{cause}"));
            }
        }
    }

    fn carry_out(
        &mut self,
        effect: Effect,
        screen: &mut FullScreen,
        look: Look,
    ) -> Result<(), CommandError> {
        match effect {
            Effect::None | Effect::Quit => Ok(()),
            Effect::Decide(id, verdict) => self.decide(&id, verdict),
            Effect::Edit(id) => {
                let lesson = lessons::get(&self.store, id.as_str())?;
                match screen.aside(|| editor::edit(&lesson))?? {
                    Some(words) => self.decide(&id, Verdict::Edit(words)),
                    None => {
                        self.app.say("left as it was");
                        Ok(())
                    }
                }
            }
            Effect::FindNear(id) => {
                self.app.say("looking for lessons that say the same…");
                screen.draw(|frame| screen::draw(frame, &mut self.app, look))?;
                let lesson = lessons::get(&self.store, id.as_str())?;
                if self.engine.is_none() {
                    self.engine = Some(self.context.engine(true)?);
                }
                let Some(engine) = &mut self.engine else { return Ok(()) };
                let near = near::near(&self.store, engine, &lesson)?;
                if near.is_empty() {
                    self.app.say("no other lesson says anything like it");
                } else {
                    self.app.say("");
                    self.app.mode = Mode::Merge { near, at: 0 };
                }
                Ok(())
            }
            Effect::Undo(change) => self.undo(change),
        }
    }

    fn decide(&mut self, id: &LessonId, verdict: Verdict) -> Result<(), CommandError> {
        let verb = verdict.verb();
        let now = self.context.clock.now();
        let done = decide::carry_out(&mut self.store, &[(id.clone(), verdict)], now, "user")?;
        self.app.decided(id, verb, &done);
        Ok(())
    }

    fn undo(&mut self, change: i64) -> Result<(), CommandError> {
        let undone = self.store.undo(Some(change), "user")?;
        let mut items = Vec::with_capacity(undone.lessons.len());
        for id in &undone.lessons {
            let lesson = lessons::get(&self.store, id.as_str())?;
            let known = self.app.last_item().filter(|i| i.lesson.id == *id);
            let known = known.or_else(|| self.app.items.iter().find(|i| i.lesson.id == *id));
            items.push(queue::item(&self.store, lesson, known)?);
        }
        self.app.undone(items);
        Ok(())
    }
}
