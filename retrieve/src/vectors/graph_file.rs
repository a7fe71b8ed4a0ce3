//! A neighbour graph on disk, beside the vectors it is of.
//!
//! Owns the files: `graph.json`, replaced last, names a folder that never changes and says what must be in it. A
//! graph can always be made again, so whatever is missing, damaged or of another format is as good as none. Must
//! not decide when to save; whoever uses it has the [`lock`].

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cemem_core::durable::{IoResultExt as _, PathError, open_private, write_durable};
use hnsw_rs::api::AnnT as _;
use hnsw_rs::hnswio::HnswIo;
use serde::{Deserialize, Serialize};

use super::graph::{self, Graph, Links, Point};
use super::segment::checksum;
use super::{mmap, shelf};

/// Format of the manifest and of the points.
const VERSION: u32 = 1;
const MANIFEST: &str = "graph.json";
const LOCK: &str = "graph.lock";
/// Every folder of a graph begins so.
const PREFIX: &str = "graph-";
/// The library's name for its two files.
const NAME: &str = "links";
const FILES: [&str; 3] = ["links.hnsw.graph", "links.hnsw.data", POINTS];
/// Where the library writes the scale of the layers, after four bytes of magic and two of sizes.
const SCALE_AT: u64 = 6;
/// What the points are: key, hash and passage of each, little-endian.
const POINTS: &str = "points";
const POINT: usize = 20;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// The library writes numbers as the machine has them.
    layout: String,
    folder: String,
    /// Checksums of [`FILES`].
    sums: Vec<u64>,
}

fn layout(dim: usize) -> String {
    let order = if cfg!(target_endian = "little") { "le" } else { "be" };
    format!("{order}{}-{dim}-{}", usize::BITS, graph::PARAMETERS)
}

/// Opens the file that is locked by who reads, builds or saves graphs of these vectors. It lies beside their folder,
/// which others may remove.
///
/// # Errors
/// When it cannot be made.
pub fn lock(vectors: &Path) -> Result<File, PathError> {
    open_private(&vectors.with_file_name(LOCK))
}

/// Saves a graph of vectors of `dim` numbers. Only who has the [`lock`] may.
///
/// # Errors
/// When a file cannot be written; what was saved before is then still there.
pub fn save(graph: &Graph, vectors: &Path, dim: usize) -> Result<(), PathError> {
    let aside = vectors.join(format!("{PREFIX}aside"));
    shelf::clear(&aside)?;
    // Not with the folders above: where they are gone by now, so are the vectors.
    fs::create_dir(&aside).context("create folder", &aside)?;
    let done = write(graph, &aside).and_then(|()| {
        let sums =
            FILES.iter().map(|name| sum(&aside.join(name))).collect::<Result<Vec<_>, _>>()?;
        let whole = sums.iter().fold(0_u64, |whole, sum| whole.rotate_left(21) ^ sum);
        let folder = format!("{PREFIX}{whole:016x}");
        let place = vectors.join(&folder);
        shelf::clear(&place)?;
        fs::rename(&aside, &place).context("rename", &aside)?;
        let manifest = Manifest { version: VERSION, layout: layout(dim), folder, sums };
        let json = serde_json::to_vec(&manifest).expect("it is plain data");
        write_durable(&vectors.join(MANIFEST), &json)?;
        Ok(manifest.folder)
    });
    let current = done?;
    for entry in fs::read_dir(vectors).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name != current {
            // Where a reader holds a file open on a system that minds, the next one removes it.
            drop(shelf::clear(&entry.path()));
        }
    }
    Ok(())
}

/// Writes the files of a graph.
fn write(graph: &Graph, folder: &Path) -> Result<(), PathError> {
    // The points first, and written out in full: what grows meanwhile is in neither half. The library panics where
    // it cannot make its files.
    let mut bytes = Vec::new();
    for point in graph.points() {
        bytes.extend(point.key.to_le_bytes());
        bytes.extend(point.hash.to_le_bytes());
        bytes.extend(point.nth.to_le_bytes());
    }
    write_durable(&folder.join(POINTS), &bytes)?;
    let dumped = catch_unwind(AssertUnwindSafe(|| graph.links().file_dump(folder, NAME)));
    let fault = match dumped {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the graph cannot be written".to_owned()),
    };
    if let Some(fault) = fault {
        return Err(io::Error::other(fault)).context("write", folder);
    }
    mend_scale(&folder.join(FILES[0]))?;
    for name in FILES {
        let path = folder.join(name);
        File::open(&path).and_then(|file| file.sync_all()).context("write", &path)?;
    }
    Ok(())
}

/// Writes what the library reads again. It saves by how much the layers of a graph thin out, and takes that for a
/// factor when it loads: graphs that grow after each of a few loads would end with one layer.
fn mend_scale(links: &Path) -> Result<(), PathError> {
    let mend = || -> io::Result<()> {
        let mut file = File::options().read(true).write(true).open(links)?;
        let mut scale = [0; 8];
        file.seek(SeekFrom::Start(SCALE_AT))?;
        file.read_exact(&mut scale)?;
        let expected = 1.0 / f64::from(graph::NEIGHBOURS).ln();
        if (f64::from_ne_bytes(scale) - expected).abs() > 1e-9 {
            return Err(io::Error::other("the library writes graphs in another format"));
        }
        file.seek(SeekFrom::Start(SCALE_AT))?;
        file.write_all(&1.0_f64.to_ne_bytes())
    };
    mend().context("write", links)
}

fn sum(path: &Path) -> Result<u64, PathError> {
    Ok(checksum(&mmap::map(path)?))
}

/// Reads the graph saved beside vectors of `dim` numbers, if there is a sound one. Only who has the [`lock`] may: the
/// library has things to say, on the standard output, where its files go away.
#[must_use]
pub fn load(vectors: &Path, dim: usize) -> Option<Graph> {
    let manifest: Manifest =
        serde_json::from_slice(&fs::read(vectors.join(MANIFEST)).ok()?).ok()?;
    let folder = vectors.join(&manifest.folder);
    let is_ours = manifest.version == VERSION
        && manifest.layout == layout(dim)
        && manifest.folder.starts_with(PREFIX)
        && !manifest.folder.contains(['/', '\\']);
    if !is_ours || manifest.sums.len() != FILES.len() {
        return None;
    }
    // Checked whole before: the library ends the process at some kinds of damage.
    for (name, expected) in FILES.iter().zip(&manifest.sums) {
        if sum(&folder.join(name)).ok()? != *expected {
            return None;
        }
    }
    let bytes = fs::read(folder.join(POINTS)).ok()?;
    let (points, rest) = bytes.as_chunks::<POINT>();
    let points: Vec<Point> = points.iter().map(point).collect();
    let mut links = catch_unwind(|| read(&folder)).ok()??;
    links.set_extend_candidates(false);
    (rest.is_empty() && links.get_nb_point() == points.len()).then(|| Graph::of(links, points))
}

fn read(folder: &Path) -> Option<Links> {
    // The graph borrows from what it was read with: some hundred bytes, once or twice a process.
    let reader: &'static mut HnswIo = Box::leak(Box::new(HnswIo::new(folder, NAME)));
    reader.load_hnsw().ok()
}

fn point(bytes: &[u8; POINT]) -> Point {
    let [key, hash] = [0, 8]
        .map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes of twenty")));
    let nth = u32::from_le_bytes(bytes[16..].try_into().expect("four bytes of twenty"));
    Point { key, hash, nth }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::vectors::exact::Exact;
    use crate::vectors::graph::tests::{WORDY, filled};
    use crate::vectors::graph::{Graph, Laid};
    use crate::vectors::{Shelf, VectorIndex as _};

    fn nearest(graph: Graph, shelf: &Shelf, query: &[f32]) -> Vec<u32> {
        let laid = Laid::new(&Arc::new(graph), shelf);
        let hits = laid.over(shelf).search(query, 10, &|_| true);
        hits.iter().map(|hit| hit.row).collect()
    }

    #[test]
    fn what_was_saved_answers_alike_and_grows() {
        let (dir, shelf, vectors) = filled(300);
        save(&Graph::build(&shelf), dir.path(), WORDY).unwrap();
        let again = load(dir.path(), WORDY).unwrap();
        assert_eq!(again.grow(&shelf), 0);
        let built = nearest(Graph::build(&shelf), &shelf, &vectors[7]);
        assert_eq!(nearest(again, &shelf, &vectors[7]), built);
        assert!(load(dir.path(), WORDY + 1).is_none());
        // A second save leaves one folder.
        save(&Graph::build(&shelf), dir.path(), WORDY).unwrap();
        let folders = fs::read_dir(dir.path()).unwrap().flatten().filter(|e| e.path().is_dir());
        assert_eq!(folders.count(), 1);
    }

    #[test]
    fn a_graph_that_was_read_grows_as_well_as_one_that_was_not() {
        let (dir, shelf, vectors) = filled(1500);
        let (_first, half, _) = filled(500);
        let graph = Graph::build(&half);
        for _ in 0..3 {
            save(&graph, dir.path(), WORDY).unwrap();
            drop(load(dir.path(), WORDY).unwrap());
        }
        let again = load(dir.path(), WORDY).unwrap();
        assert_eq!(again.grow(&shelf), 1000);
        save(&again, dir.path(), WORDY).unwrap();
        let again = Arc::new(load(dir.path(), WORDY).unwrap());
        let laid = Laid::new(&again, &shelf);
        let mut same = 0;
        for query in vectors.iter().step_by(50) {
            let truth = Exact(&shelf).search(query, 10, &|_| true);
            let found = laid.over(&shelf).search(query, 10, &|_| true);
            same += truth.iter().filter(|t| found.iter().any(|f| f.row == t.row)).count();
        }
        assert!(same >= 285, "{same} of 300");
    }

    #[test]
    fn damage_is_as_good_as_none() {
        let (dir, shelf, _) = filled(100);
        save(&Graph::build(&shelf), dir.path(), WORDY).unwrap();
        let manifest = fs::read(dir.path().join(MANIFEST)).unwrap();
        let folder: Manifest = serde_json::from_slice(&manifest).unwrap();
        for name in FILES {
            let path = dir.path().join(&folder.folder).join(name);
            let sound = fs::read(&path).unwrap();
            let mut flipped = sound.clone();
            flipped[sound.len() / 2] ^= 1;
            for damaged in [&sound[..sound.len() / 2], &flipped[..], &[]] {
                fs::write(&path, damaged).unwrap();
                assert!(load(dir.path(), WORDY).is_none(), "{name}");
            }
            fs::write(&path, &sound).unwrap();
        }
        assert!(load(dir.path(), WORDY).is_some());
        for json in ["", "{}", "[1]", &"{".repeat(1_000)] {
            fs::write(dir.path().join(MANIFEST), json).unwrap();
            assert!(load(dir.path(), WORDY).is_none(), "{json}");
        }
    }
}
