//! A model hub on this machine, with the files of this repository.
//!
//! Owns [`Hub`] and [`copy_model`]. The hub answers as the real one does (a range, an etag that is the SHA-256, a commit), counts what
//! it is asked, and can cut or damage what it sends. Must not reach beyond the loopback address.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

/// How large files are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// As they are.
    Whole,
    /// Half of what was promised, then nothing more.
    Half,
    /// The right length and the wrong bytes.
    Damaged,
}

/// Larger files than this are the ones that are cut or damaged.
const LARGE: usize = 1 << 20;

#[derive(Debug)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    sends: Sends,
    asked: Vec<String>,
}

/// See the module.
#[derive(Debug)]
pub struct Hub {
    /// Its address, for `HF_ENDPOINT`.
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// Starts a hub without files.
    #[must_use]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = State { files: BTreeMap::new(), sends: Sends::Whole, asked: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state }
    }

    /// Publishes the repository's own model as another one: `code` is where, `graph` the name of its graph.
    #[must_use]
    pub fn with_model(self, code: &str, graph: &str) -> Self {
        let mut state = self.state.lock().unwrap();
        for (from, to) in model_files(graph) {
            let bytes = fs::read(from).unwrap();
            state.files.insert(format!("/{code}/resolve/main/{to}"), bytes);
        }
        drop(state);
        self
    }

    /// Says how large files are sent from now on.
    pub fn send(&self, sends: Sends) {
        self.state.lock().unwrap().sends = sends;
    }

    /// Returns how often it was asked.
    #[must_use]
    pub fn n_asked(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }
}

/// Puts the repository's own model into a folder, which is made if there is none.
pub fn copy_model(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (from, to) in model_files("model.onnx") {
        // Not `fs::copy`: written again is changed again.
        fs::write(folder.join(to), fs::read(from).unwrap()).unwrap();
    }
}

/// Returns the files of the repository's own model, and what each is called elsewhere.
fn model_files(graph: &str) -> impl Iterator<Item = (PathBuf, &str)> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/model");
    let others =
        ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"];
    std::iter::once(("all-minilm-l6-v2-int8.onnx", graph))
        .chain(others.map(|name| (name, name)))
        .map(move |(from, to)| (assets.join(from), to))
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut path, mut from, mut to) = (String::new(), 0, usize::MAX);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if path.is_empty() {
            line.split(' ').nth(1).unwrap().clone_into(&mut path);
        }
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            let (first, last) = range.trim().split_once('-').unwrap();
            from = first.parse().unwrap();
            to = last.parse().unwrap_or(usize::MAX);
        }
    }
    let mut state = state.lock().unwrap();
    state.asked.push(path.clone());
    let sends = state.sends;
    let file = state.files.get(&path).cloned();
    drop(state);
    answer(stream, file, (from, to), sends);
}

fn answer(mut stream: &TcpStream, file: Option<Vec<u8>>, range: (usize, usize), sends: Sends) {
    let Some(mut bytes) = file else {
        let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(none.as_bytes()).ok();
        return;
    };
    let etag: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = bytes.len();
    let (from, to) = (range.0.min(size), range.1.saturating_add(1).min(size));
    let is_large = to - from > LARGE;
    if is_large && sends == Sends::Damaged {
        bytes[from..to].iter_mut().step_by(1000).for_each(|byte| *byte ^= 1);
    }
    let end = if is_large && sends == Sends::Half { from + (to - from) / 2 } else { to };
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\netag: \"{etag}\"\r\nx-repo-commit: {}\r\n\
         content-range: bytes {from}-{}/{size}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        "c0ffee".repeat(6),
        to.saturating_sub(1),
        to - from
    );
    // A client that has gone away is what some tests are about.
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes[from..end])).ok();
}
