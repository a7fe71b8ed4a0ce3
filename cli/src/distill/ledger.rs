//! Prices, caps, what was spent.
//!
//! Owns the decision whether a model may be paid for. The cap is zero unless a person sets another:
//! asking then works only where it costs nothing. Must not ask anybody.

use std::fs;

use cemem_core::durable::open_private;
use cemem_core::store::Spend;
use cemem_core::{Store, Timestamp};

use crate::command_error::CommandError;
use crate::config::HttpConfig;
use crate::context::Context;

/// Bytes of a token, at the least: what a request costs is never estimated too low.
const BYTES_PER_TOKEN: u64 = 2;

/// What one request may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    /// Millionths of the currency for a token sent, which is its price for a million of them.
    input: f64,
    /// The same for a token received.
    output: f64,
}

impl Prices {
    /// Returns the prices that are set; `free` where it costs nothing unless they are.
    pub(super) fn of(config: &HttpConfig, model: &str, free: bool) -> Result<Self, CommandError> {
        let valid = |price: f64| price.is_finite() && price >= 0.0;
        match (config.price_in, config.price_out) {
            (Some(input), Some(output)) if valid(input) && valid(output) => {
                Ok(Self { input, output })
            }
            (None, None) if free => Ok(Self { input: 0.0, output: 0.0 }),
            _ => Err(CommandError::user(format!("the price of `{model}` is not known")).hint(
                "set `price_in` and `price_out` (for a million tokens) and `monthly_cap` \
                       under [distill.http] in config.toml; docs/distillers.md explains",
            )),
        }
    }

    /// Returns what these tokens cost, in millionths.
    pub(super) fn cost(self, tokens_in: u64, tokens_out: u64) -> u64 {
        // Casts of floats saturate.
        (tokens_in as f64 * self.input + tokens_out as f64 * self.output).ceil() as u64
    }
}

/// Returns how many tokens a text has at most, about.
pub(super) fn at_most(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX) / BYTES_PER_TOKEN + 16
}

/// A request that may be paid for.
pub(super) struct Reserved {
    row: i64,
    spend: Spend,
}

impl Reserved {
    /// Enters a request that costs `tokens` at the most, before it is sent; an error unless the cap
    /// allows it. Others who ask at the same time, in whatever project, take turns here.
    pub(super) fn new(
        context: &Context,
        store: &mut Store,
        config: &HttpConfig,
        asked: Asked<'_>,
    ) -> Result<Self, CommandError> {
        let lock = context.home.0.join("spend.lock");
        let turn = open_private(&lock)?;
        turn.lock().map_err(|error| CommandError::User {
            message: format!("cannot lock `{}`", lock.display()),
            source: Some(Box::new(error)),
            hint: None,
        })?;
        check(context, store, config, asked.cost)?;
        let spend = Spend {
            ts: store.clock().now(),
            who: asked.who.to_owned(),
            model: asked.model.to_owned(),
            tokens_in: asked.tokens.0,
            tokens_out: asked.tokens.1,
            cost_micros: asked.cost,
            outcome: "asked".to_owned(),
        };
        Ok(Self { row: store.record_spend(&spend)?, spend })
    }

    /// Enters what it did cost, and how it ended.
    pub(super) fn settle(
        self,
        store: &mut Store,
        tokens: (u64, u64),
        cost_micros: u64,
        outcome: String,
    ) -> Result<(), CommandError> {
        let (tokens_in, tokens_out) = tokens;
        let spend = Spend { tokens_in, tokens_out, cost_micros, outcome, ..self.spend };
        Ok(store.settle_spend(self.row, &spend)?)
    }
}

/// Who is asked, and what that costs at the most.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) who: &'a str,
    pub(super) model: &'a str,
    /// Sent and received.
    pub(super) tokens: (u64, u64),
    /// In millionths.
    pub(super) cost: u64,
}

/// Returns an error unless `most` millionths may still be spent this month.
fn check(
    context: &Context,
    store: &Store,
    config: &HttpConfig,
    most: u64,
) -> Result<(), CommandError> {
    if most == 0 {
        return Ok(());
    }
    let cap = (config.monthly_cap.max(0.0) * 1e6) as u64;
    let spent = spent(context, store)?;
    if spent.saturating_add(most) <= cap {
        return Ok(());
    }
    let shown = |micros: u64| format!("{:.4}", micros as f64 / 1e6);
    Err(CommandError::user(format!(
        "asking may cost {}, {} of {} are spent this month",
        shown(most),
        shown(spent),
        shown(cap)
    ))
    .hint(
        "to allow it, raise `monthly_cap` under [distill.http] in config.toml; it is 0 unless set",
    ))
}

/// Returns what was spent this month over all projects, in millionths.
fn spent(context: &Context, store: &Store) -> Result<u64, CommandError> {
    let since = month_start(context.clock.now());
    let mut sum = store.spent_since(since)?.cost_micros;
    let projects = context.home.0.join("projects");
    for entry in fs::read_dir(projects).into_iter().flatten().flatten() {
        let path = entry.path().join("memory.db");
        if path == store.path() || !path.is_file() {
            continue;
        }
        // A store that cannot be read must not hide what was spent in it: better not to ask.
        let other = Store::open_to_read(&path, context.clock)?;
        sum = sum.saturating_add(other.spent_since(since)?.cost_micros);
    }
    Ok(sum)
}

/// Returns the start of the calendar month, UTC.
fn month_start(now: Timestamp) -> Timestamp {
    let date = now.date();
    let month = date.get(..7).unwrap_or_default();
    Timestamp::parse(&format!("{month}-01T00:00:00Z")).unwrap_or(Timestamp(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_must_be_known_where_it_may_cost() {
        let config = |price: Option<f64>| HttpConfig {
            price_in: price,
            price_out: price,
            ..HttpConfig::default()
        };
        assert!(Prices::of(&config(None), "m", false).is_err());
        assert!(Prices::of(&config(Some(f64::NAN)), "m", true).is_err());
        assert!(Prices::of(&config(Some(-1.0)), "m", true).is_err());
        assert_eq!(Prices::of(&config(None), "m", true).unwrap().cost(9, 9), 0);
        assert_eq!(Prices::of(&config(Some(2.5)), "m", false).unwrap().cost(1000, 1), 2503);
    }

    #[test]
    fn a_month_begins_on_its_first_day() {
        let now = Timestamp::parse("2026-05-17T12:34:56Z").unwrap();
        assert_eq!(month_start(now), Timestamp::parse("2026-05-01T00:00:00Z").unwrap());
    }
}
