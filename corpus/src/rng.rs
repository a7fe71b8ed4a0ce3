//! A small seeded random number generator (SplitMix64).
//!
//! Owns every random choice of this crate. Must stay as it is: another sequence is another corpus,
//! and measured figures would no longer compare.

/// Deterministic stream of numbers; the same seed gives the same stream on every machine.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Starts the stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Starts the stream of a name (FNV-1a of its bytes).
    #[must_use]
    pub fn named(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash)
    }

    /// Returns the next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in `0..n`; `n` must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).expect("usize fits in u64 on every supported platform");
        usize::try_from(self.next_u64() % n).expect("smaller than n, which was a usize")
    }

    /// Returns one of `items`, which must not be empty.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Returns true once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns an index in `0..n` where small indexes are much likelier, as words are in text.
    pub fn zipf(&mut self, n: usize) -> usize {
        // The product of two uniform draws is a cheap stand-in for a Zipf law.
        let (a, b) = (self.below(n), self.below(n));
        a * b / n
    }

    /// Returns a random UUID (version 4).
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.next_u64(), self.next_u64());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        )
    }

    /// Returns `n` characters of the alphabet engines use for call ids.
    pub fn token(&mut self, n: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";
        (0..n).map(|_| char::from(ALPHABET[self.below(ALPHABET.len())])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_never_changes() {
        // Reference values of SplitMix64 with seed 0.
        let mut rng = Rng::new(0);
        assert_eq!(rng.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(rng.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn draws_stay_in_range_and_zipf_leans_low() {
        let mut rng = Rng::named("range");
        let low = (0..2_000).filter(|_| rng.zipf(100) < 25).count();
        assert!(low > 1_000, "{low} of 2000 draws in the lowest quarter");
        assert!((0..2_000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.uuid().len(), 36);
    }
}
