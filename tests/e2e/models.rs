//! Other models: set, downloaded when asked for, taking over, and what happens when they cannot.
//!
//! The models are this repository's own files under the names of others. Where there is no ONNX Runtime,
//! nothing can be embedded, and these tests have nothing to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cemem_tests::hub::{Hub, Sends};
use cemem_tests::{McpClient, Output, TestEnv};
use serde_json::{Value, json};

/// The same files, pooled as the shipped model pools them.
const MINI: (&str, &str, &str) =
    ("AllMiniLML6V2Q", "Xenova/all-MiniLM-L6-v2", "onnx/model_quantized.onnx");
/// The same files, pooled otherwise and told what a query is: other vectors, on another scale.
const OTHER: (&str, &str, &str) = ("BGESmallENV15", "Xenova/bge-small-en-v1.5", "onnx/model.onnx");
/// A model whose vectors are longer than those of these files.
const LONG: (&str, &str, &str) = ("BGEBaseENV15", "Xenova/bge-base-en-v1.5", "onnx/model.onnx");
const SHIPPED: &str = "all-minilm-l6-v2-int8";
/// Longest wait for work in the background.
const PATIENCE: Duration = Duration::from_secs(120);
const ASKED: &str = "how do I store a refresh token";

struct Place {
    env: TestEnv,
    hub: Hub,
}

impl Place {
    /// A project with three lessons, beside a hub that has all models; `None` without a runtime.
    fn new() -> Option<Self> {
        let hub = [MINI, OTHER, LONG]
            .iter()
            .fold(Hub::new(), |hub, (_, code, graph)| hub.with_model(code, graph));
        let place = Self { env: TestEnv::new(), hub };
        let checks = place.run(&["doctor", "--json"]).json();
        let has_runtime = checks["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["name"] == "semantic" && c["ok"] == true);
        if !has_runtime {
            return None;
        }
        for lesson in [
            "Rotate refresh tokens in the transaction that reads them.",
            "Never edit a database migration that was released.",
            "Update snapshot tests with the review command only.",
        ] {
            place.run(&["remember", lesson]).success();
        }
        place.settle();
        assert_eq!(place.best(), "rotate");
        Some(place)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.env.command(args);
        command.env("HF_ENDPOINT", &self.hub.address);
        if let Some(library) = std::env::var_os("CEMEM_ORT_DYLIB") {
            command.env("CEMEM_ORT_DYLIB", library);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.env.run(&mut self.command(args), None)
    }

    fn configure(&self, text: &str) {
        fs::create_dir_all(self.env.cemem_home()).unwrap();
        fs::write(self.env.cemem_home().join("config.toml"), text).unwrap();
    }

    fn set(&self, model: &str) {
        self.configure(&format!("[models]\nembedding = {model:?}\n"));
    }

    fn recall(&self) -> Value {
        self.run(&["recall", ASKED, "--json"]).success().json()
    }

    /// The first word of the best lesson.
    fn best(&self) -> String {
        let rule = self.recall()["results"][0]["rule"].as_str().unwrap().to_lowercase();
        rule.split(' ').next().unwrap().to_owned()
    }

    fn notes(&self) -> String {
        self.recall()["notes"].to_string()
    }

    fn listed(&self) -> Value {
        self.run(&["models", "--json"]).success().json()
    }

    /// Whether a model is here, as it is listed.
    fn has(&self, name: &str) -> bool {
        let listed = self.listed();
        let rows = listed["models"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["here"] == true
    }

    /// Waits until another model answers than this one, and returns which.
    fn taken_over(&self, from: &str) -> String {
        let began = Instant::now();
        loop {
            let answers = self.listed()["answers"].as_str().unwrap().to_owned();
            if answers != from {
                return answers;
            }
            assert!(began.elapsed() < PATIENCE, "nothing took over");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until nothing is left to be said: every lesson has its vectors.
    fn settle(&self) {
        let began = Instant::now();
        while self.notes() != "[]" {
            assert!(began.elapsed() < PATIENCE, "{}", self.notes());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The folders with vectors.
    fn vectors(&self) -> Vec<PathBuf> {
        let index = self.env.store_path().with_file_name("index");
        let folders = fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
        folders.filter(|path| path.to_string_lossy().contains("vectors-v")).collect()
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_model_is_set_fetched_and_takes_over() {
    let Some(place) = Place::new() else { return };
    place.set("all-MiniLM-L6-v2");
    let first = place.run(&["recall", ASKED]).success();
    let told = format!("`cemem models get {}` brings it here", MINI.0);
    assert!(first.stderr.contains(&told) && first.stderr.contains(SHIPPED), "{}", first.stderr);
    assert!(
        !place.run(&["recall", ASKED]).success().stderr.contains("models get"),
        "once is enough"
    );
    assert!(place.notes().contains("models get") && place.best() == "rotate");
    place.run(&["ingest"]).success();
    assert_eq!((place.hub.n_asked(), place.has(MINI.0)), (0, false), "nothing downloads unasked");

    let got = place.run(&["models", "get", "allminilml6v2q"]).success();
    assert!(got.stderr.contains("is here: 2"), "{}", got.stderr);
    let n_asked = place.hub.n_asked();
    assert!(n_asked >= 5 && place.has(MINI.0));
    let listed = place.run(&["models"]).success();
    assert!(
        listed.stdout.contains("* AllMiniLML6V2Q") && listed.stdout.contains("Xenova/"),
        "{listed:?}"
    );

    // The first recall answers from the old vectors, and sees to the new ones.
    let notes = place.notes();
    assert!(notes.contains("are being made") && notes.contains(SHIPPED), "{notes}");
    let answers = place.taken_over(SHIPPED);
    assert!(answers.starts_with("allminilml6v2q-"), "{answers}");
    place.settle();
    assert_eq!(place.best(), "rotate");
    let folders = place.vectors();
    assert!(folders.len() == 1 && name(&folders[0]).ends_with(&answers), "{folders:?}");
    assert!(place.run(&["doctor"]).success().stdout.contains(&answers));

    // And back.
    place.configure("");
    assert!(place.notes().contains(&answers));
    assert_eq!(place.taken_over(&answers), SHIPPED);
    place.settle();
    assert_eq!(place.hub.n_asked(), n_asked, "what is here is not asked for again");
}

#[test]
fn what_nobody_knows_is_an_error_and_a_repository_sets_nothing() {
    let env = TestEnv::new();
    env.cemem(["remember", "Rotate refresh tokens in the transaction that reads them."]).success();
    env.write(".cemem/config.toml", "[models]\nembedding = \"nonsense\"\n");
    env.cemem(["recall", "refresh tokens"]).success();
    let config = |text: &str| fs::write(env.cemem_home().join("config.toml"), text).unwrap();
    for (text, said) in [
        ("[models]\nembedding = \"BGESmalENV15\"\n", "did you mean `BGESmallENV15`"),
        ("[models]\nembedding = \"all-MiniLM-L12-v2\"\n", "`AllMiniLML12V2` or `AllMiniLML12V2Q`"),
        ("[models]\nreranker = \"BGESmallENV15\"\n", "there is no reranker model"),
        ("[models]\nembedding = \"/nowhere/at/all\"\n", "no folder with a `model.onnx`"),
        ("[models]\nembeding = \"BGESmallENV15\"\n", "unknown field"),
    ] {
        config(text);
        for command in [&["recall", "refresh tokens"][..], &["models"]] {
            let told = env.cemem(command).fails_with(1).stderr;
            assert!(told.contains(said) && told.contains("config.toml"), "{text}: {told}");
        }
        // What was said stays sayable, and is told there as a warning.
        env.cemem(["remember", "Words are stored whatever the search is."]).success();
    }
    config("[models]\nembedding = \"all-minilm-l6-v2-int8\"\n");
    env.cemem(["recall", "refresh tokens"]).success();
    assert!(
        env.cemem(["models", "get", "nonsense"]).fails_with(1).stderr.contains("`cemem models`")
    );
}

#[test]
fn what_does_not_arrive_whole_is_not_used() {
    let Some(place) = Place::new() else { return };
    place.hub.send(Sends::Half);
    let cut = place.run(&["models", "get", MINI.0]).fails_with(1);
    assert!(cut.stderr.contains("cannot download `Xenova/all-MiniLM-L6-v2`"), "{}", cut.stderr);
    assert!(cut.stderr.contains("model_quantized.onnx"), "{}", cut.stderr);
    assert!(!place.has(MINI.0));
    place.hub.send(Sends::Whole);
    place.run(&["models", "get", MINI.0]).success();
    assert!(place.has(MINI.0), "the rest is fetched");

    place.hub.send(Sends::Damaged);
    let damaged = place.run(&["models", "get", OTHER.0]).fails_with(1);
    assert!(
        damaged.stderr.contains("damaged, and was removed: onnx/model.onnx"),
        "{}",
        damaged.stderr
    );
    assert!(!place.has(OTHER.0));
    place.hub.send(Sends::Whole);
    place.run(&["models", "get", OTHER.0]).success();

    let long = place.run(&["models", "get", LONG.0]).fails_with(1);
    assert!(long.stderr.contains("have 384 numbers, not 768"), "{}", long.stderr);
    assert!(!place.has(LONG.0));
    let mut nobody = place.command(&["models", "get", "BGESmallENV15Q"]);
    nobody.env("HF_ENDPOINT", "http://127.0.0.1:9");
    let told = place.env.run(&mut nobody, None).fails_with(1).stderr;
    assert!(told.contains("cannot download `Qdrant/bge-small-en-v1.5-onnx-Q`"), "{told}");
}

#[test]
fn a_server_takes_over_a_model_and_lets_go_of_one_that_changed() {
    let Some(place) = Place::new() else { return };
    place.run(&["models", "get", OTHER.0]).success();
    let mut client = McpClient::start(&mut place.command(&["mcp"]));
    let ask = |client: &mut McpClient| client.data("recall", json!({"query": ASKED}));
    let rule =
        |answer: &Value| answer["lessons"][0]["rule"].as_str().unwrap_or_default().to_owned();
    assert_eq!(ask(&mut client)["notes"], json!([]));
    place.set(OTHER.0);
    let began = Instant::now();
    let mut n_pending = 0;
    loop {
        let answer = ask(&mut client);
        assert!(rule(&answer).starts_with("Rotate"), "{answer}");
        if answer["notes"] == json!([]) {
            break;
        }
        n_pending += 1;
        assert!(answer["notes"].to_string().contains("are being made"), "{answer}");
        assert!(began.elapsed() < PATIENCE, "nothing took over");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(
        n_pending > 0 && place.listed()["answers"].as_str().unwrap().starts_with("bgesmallenv15-")
    );

    let record = place.env.cemem_home().join("models").join(format!("{}.json", OTHER.0));
    let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let graph = Path::new(record["files"][0]["path"].as_str().unwrap()).canonicalize().unwrap();
    let mut bytes = fs::read(&graph).unwrap();
    bytes[1000] ^= 1;
    fs::write(&graph, bytes).unwrap();
    let answer = ask(&mut client);
    let notes = answer["notes"].to_string();
    assert!(
        notes.contains("has changed since it was downloaded") && notes.contains(SHIPPED),
        "{answer}"
    );
    assert!(rule(&answer).starts_with("Rotate"), "{answer}");
    assert!(place.run(&["doctor"]).fails_with(1).stdout.contains("has changed"));
}

#[test]
fn a_folder_of_files_is_a_model_until_its_files_change() {
    let Some(place) = Place::new() else { return };
    let folder = place.env.root().join("my model");
    fs::create_dir(&folder).unwrap();
    copy_model(&folder);
    place.set(folder.to_str().unwrap());
    place.recall();
    let answers = place.taken_over(SHIPPED);
    assert!(answers.starts_with("my-model-"), "{answers}");
    // Written again is another model: its vectors are made anew.
    copy_model(&folder);
    place.settle();
    let now = place.listed()["answers"].as_str().unwrap().to_owned();
    assert!(now.starts_with("my-model-") && now != answers, "{now}");
    assert_eq!(place.best(), "rotate");
    assert!(place.run(&["models"]).success().stdout.contains("my model"));
    assert_eq!(place.hub.n_asked(), 0);
}

fn copy_model(folder: &Path) {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/model");
    for (from, to) in [
        ("all-minilm-l6-v2-int8.onnx", "model.onnx"),
        ("tokenizer.json", "tokenizer.json"),
        ("config.json", "config.json"),
        ("special_tokens_map.json", "special_tokens_map.json"),
        ("tokenizer_config.json", "tokenizer_config.json"),
    ] {
        fs::write(folder.join(to), fs::read(assets.join(from)).unwrap()).unwrap();
    }
}

#[test]
fn a_reranker_has_half_a_say_and_is_shown() {
    let Some(place) = Place::new() else { return };
    place.configure("[models]\nreranker = \"bge-reranker-base\"\n");
    let missing = place.run(&["recall", ASKED]).success();
    assert!(missing.stderr.contains("cemem models get BGERerankerBase"), "{}", missing.stderr);

    let folder = place.env.root().join("reranker");
    fs::create_dir(&folder).unwrap();
    copy_model(&folder);
    fs::write(folder.join("model.onnx"), graph::common_tokens()).unwrap();
    place.configure(&format!("[models]\nreranker = {:?}\n", folder.to_str().unwrap()));
    for lesson in [
        "Refresh the page after a token is stored in the browser.",
        "Store build caches outside of the repository, not in it.",
    ] {
        place.run(&["remember", lesson]).success();
    }
    place.settle();
    let asked = "a token is stored in the browser: refresh the page, or rotate the refresh token";
    let answer = place.run(&["recall", asked, "--json", "--explain"]).success().json();
    assert_eq!(answer["notes"], json!([]), "{answer}");
    let hits = answer["results"].as_array().unwrap();
    assert!(hits.len() >= 2, "{answer}");
    let why = |hit: &Value, part: &str| hit["why"][part].as_f64().unwrap();
    let best =
        hits.iter().max_by(|a, b| why(a, "reranker").total_cmp(&why(b, "reranker"))).unwrap();
    assert!(best["rule"].as_str().unwrap().starts_with("Refresh the page"), "{answer}");
    let top = hits.iter().map(|hit| why(hit, "before_reranker")).fold(0.0, f64::max);
    let half = f64::midpoint(why(best, "before_reranker"), top);
    assert!((best["score"].as_f64().unwrap() - half).abs() < 1e-5, "{answer}");
    assert!(place.run(&["doctor"]).success().stdout.contains("reranker"));
    fs::write(folder.join("model.onnx"), "no graph").unwrap();
    let broken = place.run(&["recall", asked, "--json"]).success().json();
    assert!(broken["notes"].to_string().contains("not reranked"), "{broken}");
    assert!(!broken["results"].as_array().unwrap().is_empty());
}

/// A graph in the ONNX format, written by hand: so few bytes need no file.
mod graph {
    /// Returns a cross-encoder that counts the pairs of equal tokens of query and text.
    pub(super) fn common_tokens() -> Vec<u8> {
        let nodes = [
            node("Unsqueeze", &["input_ids", "two"], "down", &[]),
            node("Unsqueeze", &["input_ids", "one"], "across", &[]),
            node("Equal", &["down", "across"], "same", &[]),
            node("Unsqueeze", &["token_type_ids", "two"], "type_down", &[]),
            node("Unsqueeze", &["token_type_ids", "one"], "type_across", &[]),
            node("Less", &["type_down", "type_across"], "query_to_text", &[]),
            node("And", &["same", "query_to_text"], "both", &[]),
            node("Cast", &["both"], "counted", &[("to", 1)]),
            node("ReduceSum", &["counted", "sides"], "sum", &[("keepdims", 0)]),
            node("Unsqueeze", &["sum", "one"], "logits", &[]),
        ];
        let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
        graph.extend(bytes(2, b"common_tokens"));
        for (name, values) in [("one", &[1][..]), ("two", &[2]), ("sides", &[1, 2])] {
            graph.extend(bytes(5, &integers(name, values)));
        }
        for name in ["input_ids", "attention_mask", "token_type_ids"] {
            graph.extend(bytes(11, &value(name, 7, &["batch", "tokens"])));
        }
        graph.extend(bytes(12, &value("logits", 1, &["batch", "score"])));
        let opset = number(2, 17);
        [number(1, 8), bytes(7, &graph), bytes(8, &opset)].concat()
    }

    fn varint(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 128 {
            out.push(u8::try_from(value % 128).unwrap() | 128);
            value /= 128;
        }
        out.push(u8::try_from(value).unwrap());
        out
    }

    fn number(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
        [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
    }

    fn node(op: &str, inputs: &[&str], output: &str, integers: &[(&str, u64)]) -> Vec<u8> {
        let mut node: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
        node.extend(bytes(2, output.as_bytes()));
        node.extend(bytes(4, op.as_bytes()));
        for (name, value) in integers {
            let attribute = [bytes(1, name.as_bytes()), number(3, *value), number(20, 2)].concat();
            node.extend(bytes(5, &attribute));
        }
        node
    }

    fn integers(name: &str, values: &[u64]) -> Vec<u8> {
        let mut tensor = [number(1, values.len() as u64), number(2, 7)].concat();
        values.iter().for_each(|value| tensor.extend(number(7, *value)));
        [tensor, bytes(8, name.as_bytes())].concat()
    }

    fn value(name: &str, kind: u64, dims: &[&str]) -> Vec<u8> {
        let dim = |dim: &&str| bytes(1, &bytes(2, dim.as_bytes()));
        let shape: Vec<u8> = dims.iter().flat_map(dim).collect();
        let tensor = [number(1, kind), bytes(2, &shape)].concat();
        [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
    }
}
