//! What earlier passes found out, kept in a file beside the store.
//!
//! Owns that file, `memory.pass`. It is never the truth: all of it follows from the store, and it may
//! be lost, old or another store's, and may be replaced by anybody at any time. What is known of pairs of
//! wordings is good for any store; the rest only for the state of a store that its stamp names. Must not
//! compare wordings (`pairs` does) nor use what it keeps (`part` does).

use std::fs;
use std::io;
use std::path::PathBuf;

use cemem_core::Store;
use cemem_core::durable::{sweep, write_disposable};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cluster::Clusters;
use super::facts::Facts;
use super::node::{Node, NodeName, hash};

/// What the file begins with. What other code found out is found out again.
const HEAD: &[u8] = concat!("cemem pass 2 ", env!("CEMEM_INGEST_CODE"), "\n").as_bytes();
/// More is not read, in bytes: a million wordings take a quarter of it.
const LIMIT: u64 = 1 << 30;
/// Things that are written together.
const PIECE: usize = 2_048;

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

    /// Returns the file: its parts written each by itself, on all cores.
    fn packed(&self) -> io::Result<Vec<u8>> {
        let Self { stamp, words, nodes, compared, cluster_of, facts } = self;
        let parts = [
            pieces(nodes)?,
            pieces(&compared.same)?,
            pieces(&facts.candidates)?,
            pieces(&facts.lessons)?,
        ];
        let sizes: Sizes = parts.each_ref().map(|part| part.iter().map(Vec::len).collect());
        let first = (sizes, stamp, words, &compared.cuts, &compared.opposite, cluster_of);
        let first = pack(&first)?;
        let head = postcard::to_extend(&first.len(), HEAD.to_vec()).map_err(io::Error::other)?;
        let parts = [vec![head, first]].into_iter().chain(parts);
        Ok(parts.flatten().collect::<Vec<_>>().concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, after): (usize, _) =
            postcard::take_from_bytes(bytes.strip_prefix(HEAD)?).ok()?;
        let (first, after) = after.split_at_checked(size)?;
        let (sizes, stamp, words, cuts, opposite, cluster_of): First = unpack(first)?;
        let [nodes, same, candidates, lessons] = cut(sizes, after)?;
        let ((nodes, same), (candidates, lessons)) = rayon::join(
            || rayon::join(|| joined::<Node>(&nodes), || joined(&same)),
            || rayon::join(|| joined(&candidates), || joined(&lessons)),
        );
        let nodes = nodes?;
        let ids = nodes.iter().map(|node| node.id).collect();
        let compared = Compared { ids, cuts, same: same?, opposite };
        let facts = Facts { candidates: candidates?, lessons: lessons? };
        let n = nodes.len();
        let in_reach = |(a, b): &(u32, u32)| a < b && (*b as usize) < n;
        let is_whole = cluster_of.len() == n
            && cluster_of.iter().all(|cluster| (*cluster as usize) < n)
            && (nodes.iter().flat_map(|node| &node.words))
                .all(|word| (*word as usize) < words.len())
            && compared.same.iter().all(|same| in_reach(&same.pair))
            && compared.opposite.iter().all(in_reach);
        is_whole.then_some(Self { stamp, words, nodes, compared, cluster_of, facts })
    }
}

/// The sizes in bytes of the pieces of nodes, pairs that say the same, candidates and lessons.
type Sizes = [Vec<usize>; 4];
type Pieces<'a> = Vec<&'a [u8]>;
/// The first piece: the sizes of the others, stamp, words, words that were cut, opposites, clusters.
type First = (Sizes, String, Vec<String>, Vec<Cut>, Vec<(u32, u32)>, Vec<u32>);

/// Returns the pieces that have these sizes, if they are all there is.
fn cut(sizes: Sizes, mut bytes: &[u8]) -> Option<[Pieces<'_>; 4]> {
    let total = sizes.iter().flatten().try_fold(0_usize, |sum, size| sum.checked_add(*size))?;
    if total != bytes.len() {
        return None;
    }
    let mut next = |size: usize| {
        let (piece, after) = bytes.split_at(size);
        bytes = after;
        piece
    };
    Some(sizes.map(|part| part.into_iter().map(&mut next).collect()))
}

/// Packs a list in pieces.
fn pieces<T: Serialize + Sync>(list: &[T]) -> io::Result<Vec<Vec<u8>>> {
    list.par_chunks(PIECE).map(pack).collect()
}

/// Writes a piece with its checksum. Most of it is hashes: compressing it takes longer than all the rest
/// of keeping it, for a file two thirds as large.
fn pack<T: Serialize + ?Sized>(piece: &T) -> io::Result<Vec<u8>> {
    let mut bytes = postcard::to_stdvec(piece).map_err(io::Error::other)?;
    let sum = hash([&bytes[..]]);
    bytes.extend(sum);
    Ok(bytes)
}

/// Returns the list of which these are the pieces.
fn joined<T: for<'d> Deserialize<'d> + Send>(pieces: &[&[u8]]) -> Option<Vec<T>> {
    let pieces: Option<Vec<Vec<T>>> = pieces.par_iter().map(|piece| unpack(piece)).collect();
    let mut pieces = pieces?;
    let mut all = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    pieces.iter_mut().for_each(|piece| all.append(piece));
    Some(all)
}

fn unpack<T: for<'d> Deserialize<'d>>(piece: &[u8]) -> Option<T> {
    let (bytes, sum) = piece.split_last_chunk()?;
    if hash([bytes]) != *sum {
        return None;
    }
    let (value, after) = postcard::take_from_bytes(bytes).ok()?;
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
