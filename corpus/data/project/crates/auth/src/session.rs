//! Sessions and their refresh tokens.

/// A login that ends when nobody refreshes it.
pub struct Session {
    /// When the token ends, UTC.
    pub expires_at: time::OffsetDateTime,
}

impl Session {
    /// Returns whether the token is too old.
    pub fn is_expired(&self) -> bool {
        time::OffsetDateTime::now_utc() > self.expires_at
    }
}
