//! `watch`: from a line that is appended to a candidate in the store, and the memory it holds.
//!
//! Measures 200 appends to one growing session, each after the one before was read, with the pass
//! over candidates running whenever it is calm for long enough. Not criterion: what counts is the
//! slowest few, not the mean.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use cemem_benches::measured::{Times, resident};
use cemem_core::clock::Clock;
use cemem_ingest::discover::Places;
use cemem_ingest::watch::{Host, News, Watch, WatchOptions, Watched};

const APPENDS: usize = 200;

struct Teller {
    watched: Watched,
    told: Sender<u64>,
}

impl Host for Teller {
    fn projects(&mut self) -> Vec<Watched> {
        vec![self.watched.clone()]
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Watching { .. } => drop(self.told.send(0)),
            News::Read { report, .. } => drop(self.told.send(report.candidates)),
            _ => {}
        }
    }
}

fn row(cwd: &Path, n: usize) -> String {
    let cwd = cwd.display();
    format!(
        "{{\"type\":\"user\",\"sessionId\":\"s\",\"uuid\":\"u-{n}\",\"parentUuid\":null,\
         \"isSidechain\":false,\"cwd\":\"{cwd}\",\"version\":\"2.1.0\",\
         \"timestamp\":\"2026-04-01T10:{:02}:{:02}.000Z\",\"message\":{{\"role\":\"user\",\
         \"content\":\"No, always use the tide builder of part {n} here, never raw SQL.\"}}}}\n",
        n / 60 % 60,
        n % 60
    )
}

#[expect(clippy::print_stdout, reason = "printing is all it is for")]
fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let root = dir.path().join("project");
    let folder = dir
        .path()
        .join(".claude/projects")
        .join(root.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    for path in [&root, &folder] {
        fs::create_dir_all(path).expect("a folder");
    }
    let places =
        Places { home: dir.path().to_owned(), roots: vec![root.clone()], ..Places::default() };
    let store = dir.path().join("memory.db");
    let watched = Watched { name: "bench".into(), places, store, clock: Clock::System };
    let (told, news) = channel();
    let watch = Watch::new();
    let stop = watch.stop();
    let running = thread::spawn(move || {
        watch.run(&mut Teller { watched, told }, &WatchOptions::default());
    });
    news.recv_timeout(Duration::from_secs(30)).expect("it watches");
    let before = resident(std::process::id());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("s.jsonl"))
        .expect("the session opens");
    let times = (0..APPENDS)
        .map(|n| {
            // At another moment of the loop each time; now and then long enough for the pass.
            let pause = if n % 40 == 39 { 2500 } else { 20 + (n * 37 % 180) as u64 };
            thread::sleep(Duration::from_millis(pause));
            let start = Instant::now();
            file.write_all(row(&root, n).as_bytes()).expect("the session takes a line");
            while news.recv_timeout(Duration::from_secs(30)).expect("it is read") == 0 {}
            start.elapsed()
        })
        .collect();
    let times = Times::new(times);
    println!(
        "append to candidate over {APPENDS}: p50 {:.0} ms, p95 {:.0} ms, slowest {:.0} ms",
        times.ms(0.5),
        times.ms(0.95),
        times.ms(1.0)
    );
    let after = resident(std::process::id());
    println!("resident: {before:.1} MB when it begins, {after:.1} MB after");
    stop.stop();
    running.join().expect("the watch ends");
}
