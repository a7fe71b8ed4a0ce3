//! UTC timestamps in milliseconds and the clock they come from.
//!
//! Owns the only call to the system clock outside the binary. Must not format for people in local
//! time: every timestamp that leaves cemem is ISO 8601 in UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the time of an ISO 8601 text such as `2026-01-22T05:17:14.270Z`; `None` if it is not
    /// one. A text without an offset is read as UTC; a bare date is its midnight.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(t) = jiff::Timestamp::from_str(text) {
            return Some(Self(t.as_millisecond()));
        }
        let civil = jiff::civil::DateTime::from_str(text).ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| Self(z.timestamp().as_millisecond()))
    }

    /// Returns the calendar date, `2026-01-22`.
    #[must_use]
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            // Outside the years jiff knows: show the number rather than fail.
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        // The other form of `Display`, so that whatever was written can be read.
        let outside = || text.strip_suffix("ms").and_then(|n| n.parse().ok()).map(Self);
        Self::parse(&text)
            .or_else(outside)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not an ISO 8601 time")))
    }
}

/// Where "now" comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Always this moment: for tests and reproducible output.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn now(self) -> Timestamp {
        match self {
            Self::Fixed(t) => t,
            Self::System => Timestamp(jiff::Timestamp::now().as_millisecond()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_engines_write() {
        let t = Timestamp::parse("2026-01-22T05:17:14.270Z").unwrap();
        assert_eq!(t.to_string(), "2026-01-22T05:17:14.270Z");
        assert_eq!(Timestamp::parse("2026-01-22T06:17:14.270+01:00"), Some(t));
        assert_eq!(Timestamp::parse("2026-01-22").unwrap().date(), "2026-01-22");
        assert_eq!(Timestamp::parse("2026-02-24 22:35:49Z").unwrap().date(), "2026-02-24");
        assert_eq!(Timestamp::parse("yesterday"), None);
        for any in [i64::MIN, -1, 0, 99_999_999_999_999_000, i64::MAX].map(Timestamp) {
            let json = serde_json::to_string(&any).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), any, "{json}");
        }
    }
}
