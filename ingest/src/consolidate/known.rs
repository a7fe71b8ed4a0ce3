//! What earlier passes found out about pairs of wordings, kept in a file beside the store.
//!
//! Owns that file, `memory.pairs`. It is never the truth: what it says follows from the wordings it
//! names and from nothing else, so it may be lost, old or another store's, and may be replaced by
//! anybody at any time. Must not compare wordings: `pairs` does.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use cemem_core::Store;
use cemem_core::durable::{sweep, write_durable};
use zstd::stream::{Decoder, Encoder};

/// What the file begins with. Pairs that other code compared are compared again.
const HEAD: &[u8] = concat!("cemem pairs 1 ", env!("CEMEM_INGEST_CODE"), "\n").as_bytes();
/// Compressed so, the file is a quarter as large and written sooner.
const LEVEL: i32 = 1;
/// More is not read, in bytes: a million wordings take a tenth of it.
const LIMIT: u64 = 1 << 30;

/// What tells a wording from all others: a hash of all it is.
pub(crate) type WordingId = [u8; 16];

/// Which wordings were compared, and the pairs of them that are the same or opposite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// In the order of the pass.
    pub(crate) wordings: Vec<WordingId>,
    pub(crate) cuts: Vec<Cut>,
    /// By position, the lower one first.
    pub(crate) same: Vec<(u32, u32)>,
    pub(crate) opposite: Vec<(u32, u32)>,
}

/// A word that more wordings hold than lead it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cut {
    pub(crate) class: u8,
    pub(crate) word: String,
    /// The position of the last wording that leads it.
    pub(crate) last: u32,
}

impl Known {
    /// Returns what is known of the wordings of a store; nothing where the file is missing, damaged or
    /// another version's.
    pub(crate) fn beside(store: &Store) -> Self {
        let read = || {
            let path = place(store)?;
            // A pipe in its place would be waited for.
            path.metadata().ok().filter(fs::Metadata::is_file)?;
            let mut bytes = Vec::new();
            let unpacked = Decoder::new(fs::File::open(path).ok()?).ok()?;
            unpacked.take(LIMIT).read_to_end(&mut bytes).ok()?;
            Self::from_bytes(&bytes)
        };
        read().unwrap_or_default()
    }

    /// Keeps it for the next pass. Where that cannot be done, the next pass takes longer.
    pub(crate) fn keep_beside(&self, store: &Store) {
        if let (Some(path), Ok(packed)) = (place(store), self.packed()) {
            // Of writers that were killed.
            sweep(&path);
            drop(write_durable(&path, &packed));
        }
    }

    fn packed(&self) -> io::Result<Vec<u8>> {
        let mut out = Encoder::new(Vec::new(), LEVEL)?;
        out.include_checksum(true)?;
        out.write_all(&self.to_bytes())?;
        out.finish()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEAD.to_vec();
        put_len(&mut out, self.wordings.len());
        out.extend(self.wordings.as_flattened());
        put_len(&mut out, self.cuts.len());
        for cut in &self.cuts {
            out.push(cut.class);
            out.extend(cut.last.to_le_bytes());
            put_len(&mut out, cut.word.len());
            out.extend(cut.word.as_bytes());
        }
        for pairs in [&self.same, &self.opposite] {
            put_len(&mut out, pairs.len());
            out.extend(
                pairs.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()]).flatten(),
            );
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes.strip_prefix(HEAD)?);
        let n = rest.number()? as usize;
        let wordings = rest.some(n.checked_mul(16)?)?.as_chunks().0.to_vec();
        let cuts = (0..rest.number()?).map(|_| rest.cut()).collect::<Option<_>>()?;
        let (same, opposite) = (rest.pairs(n)?, rest.pairs(n)?);
        rest.0.is_empty().then_some(Self { wordings, cuts, same, opposite })
    }
}

/// Returns where it is kept: nowhere, if the store is in memory.
fn place(store: &Store) -> Option<PathBuf> {
    store.path().is_file().then(|| store.path().with_extension("pairs"))
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    // A store with more wordings than this is not compared at all.
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

/// Bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn some(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u32> {
        self.some(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn cut(&mut self) -> Option<Cut> {
        let class = self.some(1)?[0];
        let (last, len) = (self.number()?, self.number()?);
        let word = str::from_utf8(self.some(len as usize)?).ok()?.to_owned();
        Some(Cut { class, word, last })
    }

    /// Returns pairs of positions among `n`.
    fn pairs(&mut self, n: usize) -> Option<Vec<(u32, u32)>> {
        let len = self.number()? as usize;
        let (chunks, _) = self.some(len.checked_mul(8)?)?.as_chunks::<4>();
        let numbers = chunks.as_chunks::<2>().0.iter();
        let pairs = numbers.map(|[a, b]| (u32::from_le_bytes(*a), u32::from_le_bytes(*b)));
        pairs.map(|(a, b)| (a < b && (b as usize) < n).then_some((a, b))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Known {
        Known {
            wordings: vec![[1; 16], [2; 16], [7; 16]],
            cuts: vec![Cut { class: 2, word: "größe".into(), last: 1 }],
            same: vec![(0, 2)],
            opposite: vec![(0, 1), (1, 2)],
        }
    }

    #[test]
    fn what_is_kept_is_read_and_what_is_not_whole_is_nothing() {
        let known = some();
        let bytes = known.to_bytes();
        assert_eq!(Known::from_bytes(&bytes), Some(known));
        for cut in 0..bytes.len() {
            assert_eq!(Known::from_bytes(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(Known::from_bytes(&[&bytes[..], b"x"].concat()), None);
        let mut foreign = bytes;
        foreign[HEAD.len() - 2] ^= 1;
        assert_eq!(Known::from_bytes(&foreign), None, "other code");
        let out_of_reach = Known { same: vec![(0, 3)], ..some() };
        assert_eq!(Known::from_bytes(&out_of_reach.to_bytes()), None);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        let store = Store::open(&path, cemem_core::Clock::System).unwrap();
        assert_eq!(Known::beside(&store), Known::default());
        some().keep_beside(&store);
        assert_eq!(Known::beside(&store), some());
        let whole = fs::read(path.with_extension("pairs")).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            fs::write(path.with_extension("pairs"), &damaged).unwrap();
            let read = Known::beside(&store);
            // Bits that mean nothing to a reader may turn; nothing else may come of it.
            assert!(read == Known::default() || read == some(), "{at}");
            fs::write(path.with_extension("pairs"), &whole[..at]).unwrap();
            assert_eq!(Known::beside(&store), Known::default(), "{at}");
        }
    }
}
