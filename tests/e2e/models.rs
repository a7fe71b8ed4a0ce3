//! Other models: set, downloaded when asked for, taking over, and what happens when they cannot.
//!
//! The models are this repository's own files under the names of others. Where there is no ONNX Runtime,
//! nothing can be embedded, and most of these tests have nothing to do, which they say.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cemem_tests::hub::{Hub, Sends, copy_model};
use cemem_tests::{McpClient, Output, TestEnv, onnx};
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
            let said = b"nothing is tested here: no ONNX Runtime (`make runtime` fetches it)\n";
            std::io::stderr().write_all(said).unwrap();
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
    assert!(notes.contains("are not made yet") && notes.contains(SHIPPED), "{notes}");
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
        assert!(answer["notes"].to_string().contains("are not made yet"), "{answer}");
        assert!(began.elapsed() < PATIENCE, "nothing took over");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(
        n_pending > 0 && place.listed()["answers"].as_str().unwrap().starts_with("bgesmallenv15-")
    );

    let models = place.env.cemem_home().join("models");
    let record = fs::read(models.join(format!("{}.json", OTHER.0))).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let graph = record["files"][0]["path"].as_str().unwrap();
    let graph = models.join(graph).canonicalize().unwrap();
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
    // By the first token instead of the mean it is another one too, and nothing is left of those before.
    fs::create_dir(folder.join("1_Pooling")).unwrap();
    let pooling = folder.join("1_Pooling/config.json");
    fs::write(pooling, json!({ "pooling_mode_cls_token": true }).to_string()).unwrap();
    place.recall();
    let cls = place.taken_over(&now);
    assert!(cls.starts_with("my-model-"), "{cls}");
    place.settle();
    place.run(&["capture", "--vectors", "--now"]).success();
    let folders = place.vectors();
    assert!(folders.len() == 1 && name(&folders[0]).ends_with(&cls), "{folders:?}");
    assert!(place.run(&["models"]).success().stdout.contains("my model"));
    assert_eq!(place.hub.n_asked(), 0);
}

#[test]
fn a_reranker_has_half_a_say_and_is_shown() {
    let Some(place) = Place::new() else { return };
    place.configure("[models]\nreranker = \"bge-reranker-base\"\n");
    let missing = place.run(&["recall", ASKED]).success();
    assert!(missing.stderr.contains("cemem models get BGERerankerBase"), "{}", missing.stderr);

    let folder = place.env.root().join("reranker");
    copy_model(&folder);
    fs::write(folder.join("model.onnx"), onnx::common_tokens(false)).unwrap();
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
    let past = ["recall", asked, "--json", "--explain", "--as-of", "2026-05-01"];
    let past = place.run(&past).success().json();
    assert_eq!(why(&past["results"][0], "reranker"), why(&hits[0], "reranker"), "{past}");
    for (graph, said) in [
        (b"no graph".to_vec(), "cannot use the model"),
        (onnx::common_tokens(true), "its output is no row of scores for each text"),
    ] {
        fs::write(folder.join("model.onnx"), graph).unwrap();
        let broken = place.run(&["recall", asked, "--json"]).success().json();
        let notes = broken["notes"].to_string();
        assert!(notes.contains("not reranked") && notes.contains(said), "{broken}");
        assert!(!broken["results"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_model_of_no_use_is_told_and_another_one_answers() {
    let Some(place) = Place::new() else { return };
    let folder = place.env.root().join("mine");
    copy_model(&folder);
    fs::write(folder.join("model.onnx"), "no graph").unwrap();
    place.set(folder.to_str().unwrap());
    assert!(place.notes().contains("are not made yet"), "nobody has tried it");
    // Who makes the vectors finds out, and says so to who asks for them.
    let began = Instant::now();
    while !place.notes().contains("cannot use the model `mine-") {
        assert!(began.elapsed() < PATIENCE, "{}", place.notes());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(place.notes().contains(&format!("`{SHIPPED}` answers")), "{}", place.notes());
    assert_eq!((place.best().as_str(), &place.listed()["answers"]), ("rotate", &json!(SHIPPED)));
    assert!(place.run(&["doctor"]).fails_with(1).stdout.contains("model that is set does not"));
    // Also where nothing was embedded before.
    let other = place.env.root().join("other");
    fs::create_dir(&other).unwrap();
    let there = |args: &[&str]| {
        place.run(&[&["--project", other.to_str().unwrap()], args].concat()).success()
    };
    there(&["remember", "Rotate refresh tokens in the transaction that reads them."]);
    let answer = there(&["recall", ASKED, "--json"]).json();
    let notes = answer["notes"].to_string();
    assert!(notes.contains("cannot use") && notes.contains(SHIPPED), "{answer}");
    assert!(!notes.contains("words only") && !answer["results"][0].is_null(), "{answer}");
    // A disk that is not mounted is no reason to fail.
    place.set("/nowhere/at/all");
    let notes = place.notes();
    assert!(notes.contains("cannot use the model `/nowhere/at/all`"), "{notes}");
    assert_eq!(place.best(), "rotate");
    assert!(place.run(&["models"]).success().stdout.contains("* /nowhere/at/all"));
    // Mended, it takes over.
    copy_model(&folder);
    place.set(folder.to_str().unwrap());
    place.recall();
    assert!(place.taken_over(SHIPPED).starts_with("mine-"));
}

#[test]
fn the_users_memory_follows_a_change() {
    let Some(place) = Place::new() else { return };
    place.run(&["models", "get", MINI.0]).success();
    let other = place.env.root().join("other");
    fs::create_dir(&other).unwrap();
    let there = |args: &[&str]| {
        place.run(&[&["--project", other.to_str().unwrap()], args].concat()).success()
    };
    let kept = there(&["remember", "Keep credentials out of log files.", "--json"]).json();
    there(&["lessons", "promote", kept["id"].as_str().unwrap()]);
    let notes = || {
        let asked = ["recall", "keep credentials out of log files", "--json"];
        let answer = place.run(&asked).success().json();
        assert_eq!(answer["results"][0]["origin"], "other, for all projects", "{answer}");
        answer["notes"].to_string()
    };
    let models = || -> Vec<String> {
        let index = fs::read_dir(place.env.cemem_home().join("user/index")).unwrap();
        let names = index.map(|entry| name(&entry.unwrap().path()));
        names.filter(|name| name.starts_with("vectors-")).collect()
    };
    assert_eq!((notes().as_str(), models().len()), ("[]", 1));
    place.set(MINI.0);
    // Asked with the model that its vectors are of, and not by words only.
    let said = notes();
    assert!(said.contains("are not made yet") && !said.contains("by words only"), "{said}");
    let answers = place.taken_over(SHIPPED);
    let began = Instant::now();
    while models().len() != 1 || !models()[0].ends_with(&answers) {
        assert!(began.elapsed() < PATIENCE, "{:?}", models());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(notes(), "[]");
}

#[test]
fn without_a_runtime_models_are_listed_and_nothing_is_fetched() {
    let env = TestEnv::without_runtime();
    env.cemem(["remember", "Rotate refresh tokens in the transaction that reads them."]).success();
    let listed = env.cemem(["models", "--json"]).success().json();
    assert_eq!((&listed["set"], &listed["answers"]), (&json!(SHIPPED), &Value::Null));
    assert!(env.cemem(["models"]).success().stdout.contains("BGESmallENV15"));
    let hub = Hub::new().with_model(MINI.1, MINI.2);
    let get = |home: Option<&str>| {
        let mut command = env.command(["models", "get", MINI.0]);
        command.env("HF_ENDPOINT", &hub.address);
        home.map(|home| command.env("HF_HOME", home));
        env.run(&mut command, None).fails_with(1).stderr
    };
    assert!(get(None).contains("takes the ONNX Runtime"), "{}", get(None));
    assert!(get(Some("")).contains("HF_HOME is set to nothing"), "{}", get(Some("")));
    fs::write(env.cemem_home().join("config.toml"), "[models]\nembeding = \"x\"\n").unwrap();
    assert!(get(None).contains("unknown field"), "{}", get(None));
    assert_eq!(hub.n_asked(), 0);
}

#[test]
fn a_slip_in_the_configuration_costs_a_server_its_search_and_nothing_else() {
    let env = TestEnv::new();
    env.cemem(["remember", "Update snapshot tests with the review command only."]).success();
    let config = env.cemem_home().join("config.toml");
    fs::write(&config, "[models]\nembedding = \"BGESmalENV15\"\n").unwrap();
    let mut client = McpClient::start(&mut env.command(["mcp"]));
    let text = "Rotate refresh tokens in the transaction that reads them.";
    client.data("remember", json!({ "text": text }));
    let asked = json!({ "query": "rotate the refresh tokens" });
    for (tool, asked) in [("recall", asked.clone()), ("predict", json!({ "plan": text }))] {
        let refused = client.refusal(tool, asked);
        assert!(refused.contains("did you mean `BGESmallENV15`"), "{tool}: {refused}");
    }
    let status = client.data("status", json!({}));
    assert!(status["notes"].to_string().contains("nothing can be recalled"), "{status}");
    fs::write(&config, "").unwrap();
    let answer = client.data("recall", asked.clone());
    assert_eq!(answer["lessons"][0]["rule"], text, "{answer}");
    // Once there is a search, a later slip leaves it as it is.
    fs::write(&config, "[models]\nembedding = \"BGESmalENV15\"\n").unwrap();
    assert_eq!(client.data("recall", asked)["lessons"][0]["rule"], text);
}
