//! Words for how bad a finding is, on the common scale.
//!
//! Owns the one table of such words. Must not know which tool wrote one: a format whose words mean
//! something else maps them itself.

use cemem_core::finding::Severity;

/// Returns the severity of a word, in any case: `ERROR`, `major`, `P2`, `convention`.
pub(super) fn of(word: &str) -> Option<Severity> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "critical" | "blocker" | "fatal" | "p0" | "security-critical" => Severity::Critical,
        "high" | "error" | "major" | "p1" | "security-high" | "failure" | "important" => {
            Severity::High
        }
        "medium" | "warning" | "warn" | "moderate" | "p2" | "security-medium" => Severity::Medium,
        "low" | "minor" | "style" | "refactor" | "convention" | "p3" | "security-low" => {
            Severity::Low
        }
        "info" | "information" | "informational" | "note" | "notice" | "hint" | "help" | "none"
        | "nitpick" | "nit" | "trivial" | "suggestion" | "p4" => Severity::Info,
        _ => return None,
    })
}

/// Returns the severity of a CVSS-like score, in the ranges GitHub uses.
pub(super) fn of_score(score: f64) -> Option<Severity> {
    match score {
        s if s >= 9.0 => Some(Severity::Critical),
        s if s >= 7.0 => Some(Severity::High),
        s if s >= 4.0 => Some(Severity::Medium),
        s if s > 0.0 => Some(Severity::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_scores() {
        assert_eq!(of("ERROR"), Some(Severity::High));
        assert_eq!(of(" p3 "), Some(Severity::Low));
        assert_eq!(of("UNKNOWN_SEVERITY"), None);
        assert_eq!(of_score(9.1), Some(Severity::Critical));
        assert_eq!(of_score(0.0), None);
        assert_eq!(of_score(f64::NAN), None);
    }
}
