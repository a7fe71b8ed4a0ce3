//! Criterion benches of cemem; the suites stand in `suites/`, one binary each.

pub mod filled;
pub mod measured;
