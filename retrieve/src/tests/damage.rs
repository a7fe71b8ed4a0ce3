//! Indexes that were damaged, fell behind or ran ahead of their store: recall answers all the same.

use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use super::*;
use crate::semantic::{EmbedError, Embedder};

const ASKED: &str = "auth migration snapshot";

/// Returns the files of every index.
fn files(root: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(root).unwrap().flatten().map(|e| e.path()).filter(|p| p.is_dir());
    let mut files: Vec<_> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap().flatten().map(|e| e.path()))
        .filter(|path| !path.to_string_lossy().ends_with(".lock"))
        .collect();
    files.sort();
    files
}

/// Returns what becomes of a file's bytes, or `None` if the file goes.
type Break = fn(&[u8]) -> Option<Vec<u8>>;

/// Ways for a file to be broken.
const BREAKS: [(&str, Break); 6] = [
    ("deleted", |_| None),
    ("emptied", |_| Some(Vec::new())),
    ("halved", |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
    ("zeroed", |bytes| Some(vec![0; bytes.len()])),
    ("garbage", |bytes| Some(bytes.iter().map(|b| b.wrapping_mul(167) ^ 0x5A).collect())),
    ("one byte changed", |bytes| {
        let mut bytes = bytes.to_vec();
        let third = bytes.len() / 3;
        bytes[third] ^= 0x41;
        Some(bytes)
    }),
];

fn shown(answer: &crate::Answer) -> Vec<(String, f32)> {
    answer.results.iter().map(|hit| (hit.lesson.id.0.clone(), hit.score)).collect()
}

#[test]
fn whichever_file_is_broken_recall_answers_in_full() {
    let mut f = Fixture::with(&three());
    // A second segment, and one with a deleted document.
    f.engine().catch_up(&f.store, usize::MAX).unwrap();
    f.put(&three()[..1]);
    let want = shown(&f.engine().recall(&f.store, &all(ASKED)).unwrap());
    assert_eq!(want.len(), 3);
    let mut extensions: Vec<_> =
        files(&f.root()).iter().filter_map(|p| Some(p.extension()?.to_owned())).collect();
    extensions.sort();
    extensions.dedup();
    for needed in ["json", "idx", "fast", "term", "vec"] {
        assert!(extensions.iter().any(|e| e == needed), "{extensions:?}");
    }
    for (how, change) in BREAKS {
        let names: Vec<String> = extensions.iter().map(|e| e.to_string_lossy().into()).collect();
        for name in names {
            for path in files(&f.root()).iter().filter(|p| p.to_string_lossy().ends_with(&name)) {
                // Not in place: a reader may have it mapped, as in real life only a crash could.
                let bytes = fs::read(path).unwrap();
                fs::remove_file(path).unwrap();
                if let Some(bytes) = change(&bytes) {
                    fs::write(path, bytes).unwrap();
                }
            }
            let answer = f.engine().recall(&f.store, &all(ASKED)).unwrap();
            assert_eq!(shown(&answer), want, "{how} {name}");
            assert_eq!(answer.notes, [], "{how} {name}");
        }
    }
}

#[test]
fn an_index_that_is_no_folder_is_replaced() {
    let f = Fixture::with(&three());
    let want = shown(&f.engine().recall(&f.store, &all(ASKED)).unwrap());
    let folders: Vec<_> = fs::read_dir(f.root())
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    for folder in folders {
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "not a folder").unwrap();
        assert_eq!(shown(&f.engine().recall(&f.store, &all(ASKED)).unwrap()), want);
    }
}

#[test]
fn a_running_engine_survives_the_loss_of_its_files() {
    let mut f = Fixture::with(&three());
    let mut engine = f.engine();
    assert_eq!(f.ids(&mut engine, &all(ASKED)).len(), 3);
    for path in files(&f.root()) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(f.ids(&mut engine, &all(ASKED)).len(), 3);
    f.put(&[lesson("L-d", "New", "A new auth lesson.")]);
    assert_eq!(f.ids(&mut engine, &all(ASKED)).len(), 4);
    assert_eq!(f.ids(&mut f.engine(), &all(ASKED)).len(), 4);
}

#[test]
fn vectors_that_cannot_be_written_cost_no_words() {
    let f = Fixture::with(&three());
    // The lock's name is taken by a folder: nobody can open it.
    fs::create_dir_all(f.root().join("vectors.lock")).unwrap();
    let answer = f.engine().recall(&f.store, &all("auth tokens")).unwrap();
    assert_eq!(answer.results[0].lesson.id.0, "L-a");
    assert!(matches!(answer.notes[0], Note::IndexBehind(_)), "{:?}", answer.notes);
}

#[test]
fn words_do_not_wait_for_another_process_that_embeds() {
    let mut f = Fixture::with(&three());
    assert_eq!(f.ids(&mut f.engine(), &all("auth")).len(), 3);
    let lock = fs::File::create(f.root().join("vectors.lock")).unwrap();
    lock.lock().unwrap();
    f.put(&[lesson("L-d", "New", "A new auth lesson.")]);
    let answer = f.engine().recall(&f.store, &all("auth")).unwrap();
    assert_eq!(answer.results.len(), 4);
    assert!(!answer.notes.contains(&Note::IndexBusy), "{:?}", answer.notes);
}

#[test]
fn an_older_store_that_was_put_back_is_not_hidden_by_its_index() {
    let path = |f: &Fixture, name: &str| f.dir.path().join(name);
    let open = |f: &Fixture| Store::open(&path(f, "memory.db"), Clock::Fixed(NOW)).unwrap();
    for n_new in 1..=3 {
        let mut f = Fixture::with(&three());
        let ids = f.ids(&mut f.engine(), &all("auth"));
        assert_eq!(ids.len(), 3);
        // Kept while nobody has it open, as a backup would be.
        f.store = Store::open(&path(&f, "elsewhere.db"), Clock::Fixed(NOW)).unwrap();
        fs::copy(path(&f, "memory.db"), path(&f, "backup.db")).unwrap();
        f.store = open(&f);
        f.put(&[lesson("L-x", "Lost", "A lost lesson."), lesson("L-y", "Lost too", "Another.")]);
        let mut resident = f.engine();
        assert_eq!(f.ids(&mut resident, &all("auth")).len(), 5);

        f.store = Store::open(&path(&f, "elsewhere.db"), Clock::Fixed(NOW)).unwrap();
        fs::copy(path(&f, "backup.db"), path(&f, "memory.db")).unwrap();
        f.store = open(&f);
        assert_eq!(f.store.lesson_changes(0).unwrap().len(), 3);
        // As many changes as were lost, fewer and more.
        for n in 0..n_new {
            f.put(&[lesson(&format!("L-n{n}"), "Kelp", "Count the kelp by hand.")]);
        }
        for engine in [&mut f.engine(), &mut resident] {
            let answer = engine.recall(&f.store, &all("count the kelp")).unwrap();
            assert_eq!(answer.n_lessons, 3 + n_new, "{n_new}");
            assert_eq!(answer.results.len(), 3 + n_new, "{n_new}");
            assert_eq!(answer.results[0].lesson.id.0, "L-n0");
            assert_eq!(answer.notes, []);
        }
    }
}

/// Takes 10 ms a text and counts them.
struct Slow {
    inner: HashEmbedder,
    texts: Mutex<usize>,
}

impl Embedder for Slow {
    fn model_id(&self) -> &str {
        self.inner.model_id()
    }

    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        *self.texts.lock().unwrap() += texts.len();
        texts.iter().for_each(|_| sleep(Duration::from_millis(10)));
        self.inner.embed(texts)
    }
}

#[test]
fn a_recall_embeds_for_a_moment_only() {
    let lessons: Vec<_> = (0..600)
        .map(|n| lesson(&format!("L-{n:03}"), "Berths", &format!("Berth {n} is for pilots.")))
        .collect();
    let f = Fixture::with(&lessons);
    let slow = Arc::new(Slow { inner: HashEmbedder::new(32), texts: Mutex::new(0) });
    let mut missing = 600;
    for _ in 0..3 {
        *slow.texts.lock().unwrap() = 0;
        let embedder: Arc<dyn Embedder> = Arc::<Slow>::clone(&slow);
        let mut engine = Engine::new(&f.root(), Semantic::Custom(embedder));
        let answer = engine.recall(&f.store, &all("berth 7")).unwrap();
        assert_eq!(answer.n_lessons, 600);
        // The query and what fits into 30 ms.
        assert!(*slow.texts.lock().unwrap() <= 5, "{}", slow.texts.lock().unwrap());
        let [Note::NotEmbedded(n)] = answer.notes[..] else { panic!("{:?}", answer.notes) };
        assert!(n < missing, "every recall embeds something: {n} of {missing} left");
        missing = n;
    }
    let mut engine = f.engine();
    assert!(!engine.catch_up(&f.store, usize::MAX).unwrap().pending);
    assert_eq!(engine.recall(&f.store, &all("berth 7")).unwrap().notes, []);
}

#[cfg(unix)]
#[test]
fn indexes_are_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut f = Fixture::with(&three());
    drop(f.engine().recall(&f.store, &all("auth")).unwrap());
    f.put(&three()[..1]);
    drop(f.engine().recall(&f.store, &all("auth")).unwrap());
    let mut waiting = vec![f.root()];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
        seen += 1;
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().flatten().map(|e| e.path()));
        }
    }
    assert!(seen > 8, "{seen}");
}
