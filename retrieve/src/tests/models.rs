//! Models on other scales, and what is kept beside their vectors.

use super::*;
use crate::semantic::scale::Scale;
use crate::semantic::{EmbedError, Embedder};

/// A model from elsewhere whose vectors have a part in common, as those of e5 have; without one it is the
/// plain model.
struct Squeezed {
    inner: HashEmbedder,
    common: f32,
    path: PathBuf,
}

impl Embedder for Squeezed {
    fn model_id(&self) -> &str {
        "squeezed"
    }

    fn dim(&self) -> usize {
        self.inner.dim() + 1
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let squeeze = |mut vector: Vec<f32>| {
            vector.iter_mut().for_each(|x| *x *= (1.0 - self.common).sqrt());
            vector.push(self.common.sqrt());
            vector
        };
        Ok(self.inner.embed(texts)?.into_iter().map(squeeze).collect())
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn scale(&self) -> Result<Scale, EmbedError> {
        Scale::measure(self)
    }
}

fn squeezed(common: f32, path: &str) -> Semantic {
    let inner = HashEmbedder::new(64);
    Semantic::Custom(Arc::new(Squeezed { inner, common, path: path.into() }))
}

#[test]
fn another_scale_gives_the_same_answers() {
    let (plain, other) = (Fixture::with(&three()), Fixture::with(&three()));
    let mut plain_engine = Engine::new(&plain.root(), squeezed(0.0, "/a"));
    let mut other_engine = Engine::new(&other.root(), squeezed(0.7, "/a"));
    for asked in ["refresh auth tokens", "released migration", "tide tables for pilots", "tests"] {
        let a = plain_engine.recall(&plain.store, &Query::new(asked)).unwrap();
        let b = other_engine.recall(&other.store, &Query::new(asked)).unwrap();
        let ids = |answer: &crate::Answer| -> Vec<_> {
            answer.results.iter().map(|hit| hit.lesson.id.0.clone()).collect()
        };
        assert_eq!(ids(&a), ids(&b), "{asked}");
        for (a, b) in a.results.iter().zip(&b.results) {
            assert!((a.why["best_passage"] - b.why["best_passage"]).abs() < 0.05, "{asked}");
        }
    }
}

#[test]
fn vectors_say_where_their_model_is_and_are_made_anew_where_they_do_not() {
    let f = Fixture::with(&three());
    let beside = || {
        let folders = fs::read_dir(f.root()).unwrap().flatten().map(|entry| entry.path());
        folders.map(|folder| folder.join("model.json")).find(|path| path.exists())
    };
    drop(f.ids(&mut Engine::new(&f.root(), squeezed(0.7, "/a")), &all("auth")));
    let path = beside().unwrap();
    let first = fs::read_to_string(&path).unwrap();
    assert!(first.contains("\"path\":\"/a\""), "{first}");
    for damaged in ["", "{}", "{\"path\": 1}"] {
        fs::write(&path, damaged).unwrap();
        let mut engine = Engine::new(&f.root(), squeezed(0.7, "/a"));
        let answer = engine.recall(&f.store, &all("auth")).unwrap();
        assert_eq!((answer.results.len(), &answer.notes[..]), (3, &[][..]), "{damaged}");
        // What is not complete is never half believed.
        assert!(!engine.catch_up(&f.store, usize::MAX).unwrap().pending);
    }
    fs::remove_file(&path).unwrap();
    let mut engine = Engine::new(&f.root(), squeezed(0.7, "/a"));
    assert!(!engine.catch_up(&f.store, usize::MAX).unwrap().pending);
    assert_eq!(fs::read_to_string(beside().unwrap()).unwrap(), first);
}
