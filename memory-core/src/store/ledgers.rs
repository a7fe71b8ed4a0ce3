//! What distillers found and cost, and what somebody declared settled.
//!
//! Owns the tables `phrasing`, `settlement` and `spend`. Must not judge any of it.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::{Store, bump_revision, sort_error};
use crate::clock::Timestamp;
use crate::id::LessonId;
use crate::phrasing::Phrasing;

/// Work that somebody declared settled although nothing was learned from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// When.
    pub ts: Timestamp,
    /// Who, `user`.
    pub actor: String,
    /// The commit that was checked out; empty outside git.
    pub head: String,
    /// Why there is nothing to learn (after redaction).
    pub why: String,
    /// What waited and is settled by it.
    pub covers: Vec<LessonId>,
    /// Fingerprints of findings that were open and are settled by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Up to when what was said is settled, where it bears a date later than [`Self::ts`]: some clocks
    /// run ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Timestamp>,
}

impl Settlement {
    /// Returns whether what was said at this time was there to be settled.
    #[must_use]
    pub fn reaches(&self, said: Timestamp) -> bool {
        self.ts.max(self.through.unwrap_or(self.ts)) >= said
    }
}

/// What asking a model cost, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// When.
    pub ts: Timestamp,
    /// Which distiller.
    pub who: String,
    /// The model, as the provider names it; may be empty.
    pub model: String,
    /// Tokens sent.
    pub tokens_in: u64,
    /// Tokens received.
    pub tokens_out: u64,
    /// Cost in millionths of the currency the prices are given in.
    pub cost_micros: u64,
    /// How it ended, `ok`, `timeout`.
    pub outcome: String,
}

/// Sums over spends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SpendTotals {
    /// How often a model was asked.
    pub calls: u64,
    /// Tokens sent.
    pub tokens_in: u64,
    /// Tokens received.
    pub tokens_out: u64,
    /// Millionths of the currency the prices are given in.
    pub cost_micros: u64,
}

impl Store {
    /// Stores phrasings, in one transaction; of the same candidates the newest stays.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_phrasings(&mut self, phrasings: &[Phrasing]) -> Result<()> {
        if phrasings.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let encode = |p: &Phrasing| {
            serde_json::to_string(p).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
        };
        self.write(|tx| {
            let work = || -> rusqlite::Result<()> {
                for phrasing in phrasings {
                    tx.prepare_cached(
                        "INSERT INTO phrasing (key, ts, body) VALUES (?1, ?2, ?3)
                         ON CONFLICT (key) DO UPDATE SET ts = excluded.ts, body = excluded.body
                         WHERE excluded.ts >= ts",
                    )?
                    .execute(params![
                        phrasing.key(),
                        phrasing.ts.0,
                        encode(phrasing)?
                    ])?;
                }
                bump_revision(tx)
            };
            work().map_err(|e| sort_error(&path, e))
        })
    }

    /// Returns every phrasing, ordered by key.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn phrasings(&self) -> Result<Vec<Phrasing>> {
        self.json_rows("SELECT body FROM phrasing ORDER BY key")
    }

    /// Records that work is settled.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn record_settlement(&mut self, settlement: &Settlement) -> Result<()> {
        let body = serde_json::to_string(settlement).map_err(|e| self.corrupt(e))?;
        let path = self.path.clone();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO settlement (ts, actor, head, body) VALUES (?1, ?2, ?3, ?4)",
                params![settlement.ts.0, settlement.actor, settlement.head, body],
            )
            .map_err(|e| sort_error(&path, e))?;
            Ok(())
        })
    }

    /// Returns every settlement, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read or a row cannot be decoded.
    pub fn settlements(&self) -> Result<Vec<Settlement>> {
        self.json_rows("SELECT body FROM settlement ORDER BY id")
    }

    /// Records what asking a model costs, at the most, before it is asked: a process that dies then must
    /// not forget it. Returns the row, for [`Self::settle_spend`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn record_spend(&mut self, spend: &Spend) -> Result<i64> {
        let path = self.path.clone();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO spend (ts, who, model, tokens_in, tokens_out, cost_micros, outcome)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    spend.ts.0,
                    spend.who,
                    spend.model,
                    whole(spend.tokens_in),
                    whole(spend.tokens_out),
                    whole(spend.cost_micros),
                    spend.outcome,
                ],
            )
            .map_err(|e| sort_error(&path, e))?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Replaces what a request may cost by what it did.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn settle_spend(&mut self, row: i64, spend: &Spend) -> Result<()> {
        let path = self.path.clone();
        self.write(|tx| {
            tx.execute(
                "UPDATE spend SET tokens_in = ?2, tokens_out = ?3, cost_micros = ?4, outcome = ?5
                 WHERE id = ?1",
                params![
                    row,
                    whole(spend.tokens_in),
                    whole(spend.tokens_out),
                    whole(spend.cost_micros),
                    spend.outcome,
                ],
            )
            .map_err(|e| sort_error(&path, e))?;
            Ok(())
        })
    }

    /// Returns what was spent since then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn spent_since(&self, since: Timestamp) -> Result<SpendTotals> {
        if self.is_older_than(2) {
            return Ok(SpendTotals::default());
        }
        // `total` is a float, which does not overflow where a sum of integers would fail.
        self.conn
            .query_row(
                "SELECT count(*), total(tokens_in), total(tokens_out), total(cost_micros)
                 FROM spend WHERE ts >= ?1",
                [since.0],
                |r| {
                    let sum = |column: usize| r.get::<_, f64>(column).map(|v| v as u64);
                    let calls = r.get::<_, i64>(0)?.cast_unsigned();
                    Ok(SpendTotals {
                        calls,
                        tokens_in: sum(1)?,
                        tokens_out: sum(2)?,
                        cost_micros: sum(3)?,
                    })
                },
            )
            .map_err(|e| self.sql(e))
    }

    fn json_rows<T: serde::de::DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>> {
        if self.is_older_than(2) {
            return Ok(Vec::new());
        }
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut stmt = self.conn.prepare_cached(sql)?;
            let rows = stmt.query_map([], |r| r.get(0))?;
            rows.collect()
        };
        let bodies = read().map_err(|e| self.sql(e))?;
        bodies.iter().map(|b| serde_json::from_str(b).map_err(|e| self.corrupt(e))).collect()
    }
}

/// SQLite's integers have a sign.
fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
