//! What suites tell that are not criterion's: how long calls took, and the memory of a process.
//!
//! Owns percentiles and the reading of resident memory. Must not print.

use std::fs;
use std::time::Duration;

/// How long calls took.
pub struct Times(Vec<Duration>);

impl Times {
    /// Takes the times in any order.
    #[must_use]
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the number of calls.
    #[must_use]
    pub fn n_calls(&self) -> usize {
        self.0.len()
    }

    /// Returns in milliseconds what this share of the calls did not exceed: 0.5 the median, 1.0 the slowest;
    /// not a number if there were none.
    #[must_use]
    pub fn ms(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share) as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Returns the resident memory of a process in MB; not a number where the system does not tell.
#[must_use]
pub fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kb.map_or(f64::NAN, |kb| kb / 1024.0)
}
