//! A stream kept as a file, so that it can be read like one: recognised by its start, then read from
//! its start.
//!
//! Owns the copy, its bound and the name under which it is stored: the same bytes have the same name,
//! whenever and from wherever they come. Must not choose where the file lies.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// Longest stream that is taken.
pub const MAX_STREAM: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes held at a time.
const PIECE: usize = 256 * 1024;
/// Hex digits of a name.
const NAME_LEN: usize = 24;

/// A stream that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is called in the store: `stdin/` and the first digits of its hash.
    pub name: String,
}

/// Copies `from` into `to`, in bounded memory.
///
/// # Errors
/// When one of them fails, or the stream is longer than [`MAX_STREAM`].
pub fn spool(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<Spooled> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let n = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        bytes += n as u64;
        if bytes > MAX_STREAM {
            return Err(io::Error::other(format!("longer than {MAX_STREAM} bytes")));
        }
        hash.update(&piece[..n]);
        to.write_all(&piece[..n])?;
    }
    to.flush()?;
    let mut hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    hex.truncate(NAME_LEN);
    Ok(Spooled { bytes, name: format!("stdin/{hex}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a call, and an interruption before each.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(1);
            to[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn the_name_follows_the_bytes_however_they_arrive() {
        let text = b"[{\"path\": \"src/a.rs\"}]\n";
        let (mut at_once, mut slowly) = (Vec::new(), Vec::new());
        let one = spool(&mut &text[..], &mut at_once).unwrap();
        let two = spool(&mut Slow(text, false), &mut slowly).unwrap();
        assert_eq!(one, two);
        assert_eq!((at_once.as_slice(), slowly.as_slice()), (&text[..], &text[..]));
        assert_eq!(one.bytes, text.len() as u64);
        let other = spool(&mut &text[1..], &mut Vec::new()).unwrap();
        assert_ne!(one.name, other.name);
        assert!(one.name.starts_with("stdin/") && one.name.len() == 30, "{}", one.name);
    }

    #[test]
    fn a_stream_that_fails_is_an_error_and_not_its_first_half() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _to: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        assert!(spool(&mut b"{}".chain(Broken), &mut Vec::new()).is_err());
    }
}
