//! `mcp`: the server as a client meets it, on standard input and output, over 10,000 lessons.
//!
//! Spawn to the first answer of a recall, warm recalls of one client, and of four at once while another process
//! ingests; and the memory a server holds. Not criterion: what counts is the slowest few, not the mean. Runs the
//! `cemem` binary that lies beside the bench (`cargo build --release -p cemem-cli` first), with the model where
//! `CEMEM_ORT_DYLIB` names its library.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cemem_benches::filled::{self, SEED};
use cemem_benches::measured::{Times, resident};
use cemem_retrieve::Mode;

const SPAWNS: usize = 20;
const CALLS: usize = 1000;
const CLIENTS: usize = 4;

/// A project with a full memory.
struct Place {
    cemem: PathBuf,
    home: PathBuf,
    project: PathBuf,
}

impl Place {
    #[expect(clippy::disallowed_methods, reason = "the figures are those of whole processes")]
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.cemem);
        command.args(args).current_dir(&self.project).env("CEMEM_HOME", &self.home);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

/// A connected server.
struct Client {
    server: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    id: u64,
}

impl Client {
    fn start(place: &Place) -> Self {
        let mut server =
            place.command(&["mcp"]).stdin(Stdio::piped()).spawn().expect("cemem starts");
        let stdin = server.stdin.take().expect("a pipe");
        let stdout = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut client = Self { server, stdin, stdout, id: 0 };
        client.ask(
            r#""initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#,
        );
        client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client
    }

    fn say(&mut self, line: &str) {
        self.stdin
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| self.stdin.flush())
            .expect("the server reads");
    }

    fn ask(&mut self, method: &str) -> String {
        self.id += 1;
        self.say(&format!(r#"{{"jsonrpc":"2.0","id":{},"method":{method}}}"#, self.id));
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the server answers");
        line
    }

    /// Returns how long a recall took; `None` if it was no answer.
    fn recall(&mut self, query: &str) -> Option<Duration> {
        let query = serde_json::to_string(query).expect("text is JSON");
        let began = Instant::now();
        let answer = self.ask(&format!(
            r#""tools/call","params":{{"name":"recall","arguments":{{"query":{query}}}}}"#
        ));
        let took = began.elapsed();
        let sound = answer.contains("\"nothing_relevant\"") && !answer.contains("\"isError\":true");
        sound.then_some(took)
    }

    fn end(self) {
        let Self { mut server, stdin, stdout, .. } = self;
        drop((stdin, stdout));
        server.wait().expect("the server ends with its input");
    }
}

#[expect(clippy::print_stdout, reason = "printing is all it is for")]
fn told(name: &str, times: Vec<Duration>, failed: usize) {
    let times = Times::new(times);
    println!(
        "{name:<34} p50 {:>7.2} ms   p95 {:>7.2} ms   p99 {:>7.2} ms   {} calls, {failed} failed",
        times.ms(0.5),
        times.ms(0.95),
        times.ms(0.99),
        times.n_calls()
    );
}

fn spawns(place: &Place, queries: &[String]) {
    let first = |query: &String| {
        let began = Instant::now();
        let mut client = Client::start(place);
        let sound = client.recall(query).is_some();
        let took = began.elapsed();
        client.end();
        sound.then_some(took)
    };
    let times: Vec<_> = queries.iter().cycle().take(SPAWNS).filter_map(first).collect();
    let failed = SPAWNS - times.len();
    told("mcp/spawn_to_first_recall", times, failed);
}

#[expect(clippy::print_stdout, reason = "printing is all it is for")]
fn warm(place: &Place, queries: &[String]) {
    let mut client = Client::start(place);
    for query in queries {
        client.recall(query);
    }
    let times: Vec<_> =
        queries.iter().cycle().take(CALLS).filter_map(|q| client.recall(q)).collect();
    let failed = CALLS - times.len();
    told("mcp/warm_recall", times, failed);
    println!("mcp/resident                       {:.0} MB", resident(client.server.id()));
    client.end();
}

fn contended(place: &Place, queries: &[String], sessions: &Path) {
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::start(place)).collect();
    for client in &mut clients {
        client.recall(&queries[0]);
    }
    let sessions = sessions.to_str().expect("a plain path");
    let mut writer = place.command(&["ingest", sessions]).spawn().expect("cemem starts");
    let mut times = Vec::new();
    let mut failed = 0;
    thread::scope(|scope| {
        let run = |client: &mut Client| -> Vec<Option<Duration>> {
            // An agent asks now and then; four that ask without a pause measure the cores.
            let ask = |query: &String| {
                thread::sleep(Duration::from_millis(20));
                client.recall(query)
            };
            queries.iter().cycle().take(CALLS / CLIENTS).map(ask).collect()
        };
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || run(client))).collect();
        for thread in threads {
            let taken = thread.join().expect("a client does not panic");
            failed += taken.iter().filter(|t| t.is_none()).count();
            times.extend(taken.into_iter().flatten());
        }
    });
    told("mcp/four_clients_and_a_writer", times, failed);
    let ended = writer.wait().expect("the writer ends");
    assert!(ended.success(), "the writer failed");
    clients.into_iter().for_each(Client::end);
}

#[expect(clippy::print_stdout, reason = "printing is all it is for")]
fn main() {
    let Some(cemem) = filled::binary() else {
        println!("mcp: no cemem beside this bench: cargo build --release -p cemem-cli");
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (home, project) = (dir.path().join("home"), dir.path().join("project"));
    let sessions = dir.path().join("sessions");
    for folder in [&project, &sessions] {
        fs::create_dir_all(folder).expect("a folder can be made");
    }
    for seed in 0..40 {
        let session = cemem_corpus::claude_session(seed, 40);
        fs::write(sessions.join(format!("{seed}.jsonl")), session).expect("a file can be written");
    }
    let mode = if filled::runtime().is_some() { Mode::Hybrid } else { Mode::Lexical };
    println!("{} lessons, {} recall", filled::N_LESSONS, mode.as_str());
    filled::memory(&home, &project, mode);
    let place = Place { cemem, home, project };
    let queries: Vec<String> = cemem_corpus::queries(SEED, 64);
    spawns(&place, &queries);
    warm(&place, &queries);
    contended(&place, &queries, &sessions);
}
