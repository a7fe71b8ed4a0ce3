//! A running `cemem watch`.
//!
//! Owns starting, waiting and ending it. Must not wait without an end, and leaves no process behind.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::env::TestEnv;

/// Longer than anything takes on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Watching {
    child: Child,
    news: Receiver<Value>,
    /// Everything it told so far.
    pub told: Vec<Value>,
}

impl Watching {
    /// Starts a watch in the project, and waits until it watches.
    #[must_use]
    pub fn start(env: &TestEnv, args: &[&str]) -> Self {
        let all = ["watch", "--json"].iter().chain(args);
        let mut child = env.command(all).stderr(Stdio::null()).spawn().unwrap();
        let (send, news) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line)
                    && send.send(value).is_err()
                {
                    return;
                }
            }
        });
        let mut watching = Self { child, news, told: Vec::new() };
        watching.until("it watches", |told| told.iter().any(|n| n["news"] == "watching"));
        watching
    }

    /// Waits until what it told is enough.
    #[track_caller]
    pub fn until(&mut self, what: &str, enough: impl Fn(&[Value]) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !enough(&self.told) {
            let left = end.saturating_duration_since(Instant::now());
            match self.news.recv_timeout(left) {
                Ok(news) => self.told.push(news),
                Err(_) => panic!("no sign that {what}: {:#?}", self.told),
            }
        }
    }

    /// Waits until it has read so many new events in all.
    #[track_caller]
    pub fn until_events(&mut self, events: u64) {
        self.until(&format!("{events} events were read"), |told| sum(told) >= events);
    }

    /// Takes in what it tells within this time.
    pub fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(news) = self.news.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.told.push(news);
        }
    }

    /// How many new events it told of.
    #[must_use]
    pub fn events(&self) -> u64 {
        sum(&self.told)
    }

    /// Sends a signal by its name, `TERM`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it at once.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

fn sum(told: &[Value]) -> u64 {
    told.iter().filter_map(|n| n["events_new"].as_u64()).sum()
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Sends a signal to a process by its name, `TERM`.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "there is no safe call for it in std")]
pub fn signal(process: u32, name: &str) {
    let words = [format!("-{name}"), process.to_string()];
    let sent = std::process::Command::new("kill").args(words).status();
    assert!(sent.unwrap().success());
}
