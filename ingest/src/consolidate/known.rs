//! What earlier passes found out, kept in a file beside the store.
//!
//! Owns that file, `memory.pass`. It is never the truth: all of it follows from the store, and it may
//! be lost, old or another store's, and may be replaced by anybody at any time. What is known of pairs of
//! wordings is good for any store; the rest only for the state of a store that its stamp names. Must not
//! compare wordings (`pairs` does) nor use what it keeps (`part` does).

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use cemem_core::Store;
use cemem_core::durable::{sweep, write_disposable};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zstd::stream::{Decoder, Encoder};

use super::cluster::Clusters;
use super::facts::Facts;
use super::node::{Node, NodeName};

/// What the file begins with. What other code found out is found out again.
const HEAD: &[u8] = concat!("cemem pass 1 ", env!("CEMEM_INGEST_CODE"), "\n").as_bytes();
/// Compressed so, the file is half as large and written sooner.
const LEVEL: i32 = 1;
/// More is not read, in bytes: a million wordings take a third of it.
const LIMIT: u64 = 1 << 30;
/// Things that are packed together.
const PIECE: usize = 4_096;

/// What a pass leaves to the next one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// The state of the store that all of this is about; empty if it is about none.
    pub(crate) stamp: String,
    /// The words, by the number that they have in the features of the nodes.
    pub(crate) words: Vec<String>,
    /// All wordings, in their order.
    pub(crate) nodes: Vec<Node>,
    pub(crate) compared: Compared,
    /// The number of the cluster of each wording.
    pub(crate) cluster_of: Vec<u32>,
    pub(crate) facts: Facts,
}

/// Which wordings were compared, and the pairs of them that are the same or opposite.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Compared {
    /// The wordings by [`Node::id`], in their order.
    pub(crate) ids: Vec<NodeName>,
    pub(crate) cuts: Vec<Cut>,
    /// Ordered by position.
    pub(crate) same: Vec<Same>,
    /// By position, the lower one first, in order.
    pub(crate) opposite: Vec<(u32, u32)>,
}

/// Two wordings that say the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Same {
    /// Positions, the lower one first.
    pub(crate) pair: (u32, u32),
    /// How alike they are, 0..=1.
    pub(crate) alike: f32,
    /// Whether they brought two clusters together; `None` if that was not tried with what is there now.
    pub(crate) joined: Option<bool>,
}

/// A word that more wordings hold than lead it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cut {
    pub(crate) class: u8,
    pub(crate) word: String,
    /// The position of the last wording that leads it.
    pub(crate) last: u32,
}

impl Known {
    /// Returns what is known of a store; nothing where the file is missing, damaged or another version's.
    pub(crate) fn beside(store: &Store) -> Self {
        let read = || {
            let path = place(store)?;
            // A pipe in its place would be waited for.
            path.metadata().ok().filter(|file| file.is_file() && file.len() < LIMIT)?;
            Self::from_bytes(&fs::read(path).ok()?)
        };
        read().unwrap_or_default()
    }

    /// Keeps it for the next pass. Where that cannot be done, the next pass takes longer.
    pub(crate) fn keep_beside(&self, store: &Store) {
        if let (Some(path), Ok(packed)) = (place(store), self.packed()) {
            // Of writers that were killed.
            sweep(&path);
            drop(write_disposable(&path, &packed));
        }
    }

    /// Returns the file: its parts packed each by itself, on all cores.
    fn packed(&self) -> io::Result<Vec<u8>> {
        let Self { stamp, words, nodes, compared, cluster_of, facts } = self;
        let rest = (stamp, words, &compared.cuts, &compared.opposite, cluster_of);
        let file = (
            pack(&rest)?,
            pieces(nodes)?,
            pieces(&compared.same)?,
            pieces(&facts.candidates)?,
            pieces(&facts.lessons)?,
        );
        postcard::to_extend(&file, HEAD.to_vec()).map_err(io::Error::other)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ((rest, nodes, same, candidates, lessons), after): (File<'_>, _) =
            postcard::take_from_bytes(bytes.strip_prefix(HEAD)?).ok()?;
        let (stamp, words, cuts, opposite, cluster_of): Rest = unpack(rest)?;
        let nodes: Vec<Node> = joined(&nodes)?;
        let ids = nodes.iter().map(|node| node.id).collect();
        let compared = Compared { ids, cuts, same: joined(&same)?, opposite };
        let facts = Facts { candidates: joined(&candidates)?, lessons: joined(&lessons)? };
        let n = nodes.len();
        let in_reach = |(a, b): &(u32, u32)| a < b && (*b as usize) < n;
        let is_whole = after.is_empty()
            && cluster_of.len() == n
            && cluster_of.iter().all(|cluster| (*cluster as usize) < n)
            && (nodes.iter().flat_map(|node| &node.features.words))
                .all(|word| (*word as usize) < words.len())
            && compared.same.iter().all(|same| in_reach(&same.pair))
            && compared.opposite.iter().all(in_reach);
        is_whole.then_some(Self { stamp, words, nodes, compared, cluster_of, facts })
    }
}

/// The parts of the file, each packed by itself: what is not named here, then nodes, pairs that say the
/// same, candidates and lessons, in pieces.
type File<'a> = (&'a [u8], Pieces<'a>, Pieces<'a>, Pieces<'a>, Pieces<'a>);
type Pieces<'a> = Vec<&'a [u8]>;
/// Stamp, words, words that were cut, opposites, clusters.
type Rest = (String, Vec<String>, Vec<Cut>, Vec<(u32, u32)>, Vec<u32>);

/// Packs a list in pieces.
fn pieces<T: Serialize + Sync>(list: &[T]) -> io::Result<Vec<Vec<u8>>> {
    list.par_chunks(PIECE).map(pack).collect()
}

fn pack<T: Serialize + ?Sized>(piece: &T) -> io::Result<Vec<u8>> {
    let bytes = postcard::to_stdvec(piece).map_err(io::Error::other)?;
    let mut out = Encoder::new(Vec::new(), LEVEL)?;
    out.include_checksum(true)?;
    out.write_all(&bytes)?;
    out.finish()
}

/// Returns the list of which these are the pieces.
fn joined<T: for<'d> Deserialize<'d> + Send>(pieces: &[&[u8]]) -> Option<Vec<T>> {
    let pieces: Option<Vec<Vec<T>>> = pieces.par_iter().map(|piece| unpack(piece)).collect();
    Some(pieces?.into_iter().flatten().collect())
}

fn unpack<T: for<'d> Deserialize<'d>>(piece: &[u8]) -> Option<T> {
    let mut bytes = Vec::new();
    Decoder::new(piece).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    let (value, after) = postcard::take_from_bytes(&bytes).ok()?;
    after.is_empty().then_some(value)
}

/// Returns where it is kept: nowhere, if the store is in memory.
fn place(store: &Store) -> Option<PathBuf> {
    store.path().is_file().then(|| store.path().with_extension("pass"))
}

/// Returns the number of the cluster of each of `n` nodes.
pub(crate) fn numbers(clusters: &Clusters, n: usize) -> Vec<u32> {
    let mut cluster_of = vec![0; n];
    for (number, members) in (0..).zip(&clusters.clusters) {
        members.iter().for_each(|node| cluster_of[*node] = number);
    }
    cluster_of
}

#[cfg(test)]
mod tests {
    use super::super::node::{Class, Wording};
    use super::super::text::Words;
    use super::*;

    fn some() -> Known {
        let mut words = Words::default();
        let wording =
            |text: &str| Wording { class: Class::Fix, text: text.into(), apart: "".into() };
        let mut node = |text: &str| {
            let mut node = wording(text).node(Vec::new(), None).told(text, &mut words);
            node.text.clear();
            node
        };
        let nodes = ["größe", "log the size", "never log the size"].map(&mut node).to_vec();
        let compared = Compared {
            ids: nodes.iter().map(|node| node.id).collect(),
            cuts: vec![Cut { class: 2, word: "größe".into(), last: 1 }],
            same: vec![Same { pair: (0, 2), alike: 0.5, joined: Some(true) }],
            opposite: vec![(0, 1), (1, 2)],
        };
        let words = words.into_texts();
        Known { words, nodes, compared, cluster_of: vec![0, 1, 0], ..Known::default() }
    }

    fn bytes(known: &Known) -> Vec<u8> {
        known.packed().unwrap()
    }

    #[test]
    fn what_is_kept_is_read_and_what_is_not_whole_is_nothing() {
        let known = some();
        let bytes = bytes(&known);
        assert_eq!(Known::from_bytes(&bytes), Some(known));
        for cut in 0..bytes.len() {
            assert_eq!(Known::from_bytes(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(Known::from_bytes(&[&bytes[..], b"x"].concat()), None);
        let mut foreign = bytes.clone();
        foreign[HEAD.len() - 2] ^= 1;
        assert_eq!(Known::from_bytes(&foreign), None, "other code");
        let mut out_of_reach = some();
        out_of_reach.compared.same[0].pair = (0, 3);
        assert_eq!(Known::from_bytes(&self::bytes(&out_of_reach)), None);
        for broken in [
            Known { cluster_of: vec![0], ..some() },
            Known { words: some().words[..1].to_vec(), ..some() },
        ] {
            assert_eq!(Known::from_bytes(&self::bytes(&broken)), None);
        }
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        let store = Store::open(&path, cemem_core::Clock::System).unwrap();
        assert_eq!(Known::beside(&store), Known::default());
        some().keep_beside(&store);
        assert_eq!(Known::beside(&store), some());
        let whole = fs::read(path.with_extension("pass")).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            fs::write(path.with_extension("pass"), &damaged).unwrap();
            let read = Known::beside(&store);
            // Bits that mean nothing to a reader may turn; nothing else may come of it.
            assert!(read == Known::default() || read == some(), "{at}");
            fs::write(path.with_extension("pass"), &whole[..at]).unwrap();
            assert_eq!(Known::beside(&store), Known::default(), "{at}");
        }
    }
}
