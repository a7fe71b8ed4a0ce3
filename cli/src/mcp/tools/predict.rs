//! `predict`: what a change is about to repeat.

use cemem_retrieve::predict::Risk;
use cemem_retrieve::{Mode, Note, fenced};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{self, EvidenceOut};
use super::{Effect, MemoryTool, Reply};
use crate::command_error::CommandError;
use crate::commands::predict;
use crate::mcp::memory::Memory;
use crate::ui::one_line;

/// Most risks of an answer.
const MOST: usize = 20;
/// Rows of evidence told of each.
const ROWS: usize = 3;

pub(super) struct Predict;

/// What is about to be done: any of the three, at least one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// A unified diff, as `git diff` prints it.
    #[serde(default)]
    diff: String,
    /// The plan, in words.
    #[serde(default)]
    plan: String,
    /// Files it touches, relative to the project.
    #[serde(default)]
    paths: Vec<String>,
    /// At most this many risks (default 5).
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 20))]
    limit: usize,
}

fn five() -> usize {
    5
}

/// What is likely to go wrong again.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// How many things went wrong before, as far as this memory knows.
    n_known: usize,
    /// How many of them are likely to go wrong again.
    n_likely: usize,
    /// None of them is likely to go wrong again. That is an answer, not a failure.
    nothing_likely: bool,
    /// The likely ones, most likely first, as many as `limit` says.
    risks: Vec<RiskOut>,
    /// What keeps the answer from being better.
    notes: Vec<String>,
}

/// One thing that may go wrong again.
#[derive(Debug, Serialize, JsonSchema)]
struct RiskOut {
    /// Its name: a lesson's id, an analyzer's rule, a failed check.
    key: String,
    /// What kind of thing it is: a type of lesson, `finding` or `fail_fix`.
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong, or what to do instead; where it was, if nobody has read the words for it yet.
    title: String,
    /// How likely it goes wrong again with this change, 0 to 1.
    probability: f32,
    /// How likely it is with any change, 0 to 1.
    base_rate: f32,
    /// How often it came up since the first time.
    history: String,
    /// What ties it to this change.
    ties: String,
    /// Whose word it is: user, human_review, analyzer, agent.
    trust: String,
    /// How it was fixed last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    fix: Option<String>,
    /// When it came up: the latest times.
    evidence: Vec<EvidenceOut>,
}

impl RiskOut {
    fn of(risk: &Risk) -> Self {
        let hazard = &risk.hazard;
        Self {
            key: one_line(&hazard.key),
            kind: hazard.source.as_str().to_owned(),
            title: one_line(&hazard.title),
            probability: risk.probability,
            base_rate: risk.signals.base,
            history: predict::history(risk),
            ties: predict::ties(risk),
            trust: hazard.trust.to_string(),
            fix: predict::fix(risk),
            evidence: hazard.past.iter().rev().take(ROWS).map(EvidenceOut::of).collect(),
        }
    }

    fn line(&self) -> String {
        let fix =
            self.fix.as_ref().map_or_else(String::new, |fix| format!(" Fixed last time: {fix}"));
        format!(
            "[{}] {} ({} trust), probability {:.2}, base rate {:.2}, {}: {}{} ({})",
            self.key,
            self.kind,
            self.trust,
            self.probability,
            self.base_rate,
            self.history,
            self.title,
            fix,
            self.ties
        )
    }
}

impl MemoryTool for Predict {
    type In = Input;
    type Out = Output;
    const NAME: &'static str = "predict";
    const TITLE: &'static str = "Predict repeated mistakes";
    const DESCRIPTION: &'static str = "Say which past mistakes, recurring review findings and fixed failures \
        of this project a change is likely to repeat, each with its probability, the rate at which it comes \
        up anyway, the evidence, and how it was fixed last time. Call it with your plan before you begin and \
        with the diff before you finish; \"nothing likely\" is an answer too.";
    const EFFECT: Effect = Effect::Reads;

    fn call(memory: &mut Memory, input: Input) -> Result<Reply<Output>, CommandError> {
        let said = |text: &str| !text.trim().is_empty();
        if !said(&input.diff) && !said(&input.plan) && !input.paths.iter().any(|path| said(path)) {
            return Err(CommandError::user("there is no change to look at")
                .hint("pass `diff`, `plan` or `paths`"));
        }
        memory.check_engine()?;
        let context = &memory.context;
        let paths = shape::paths(context, input.paths);
        let mut notes = Vec::new();
        let mut given = |text, name| {
            Some(predict::bounded(text, name, &mut notes)).filter(|text: &&str| said(text))
        };
        let (diff, plan) = (given(&input.diff, "diff"), given(&input.plan, "plan"));
        let change = predict::change(diff, plan, &paths)?;
        let store = context.store_to_read()?;
        let prediction =
            predict::foresee(context, &mut memory.engine, &store, Mode::Full, &change)?;
        let likely = predict::likely(&prediction, None);
        let limit = input.limit.clamp(1, MOST);
        let risks: Vec<RiskOut> = likely.iter().take(limit).map(|risk| RiskOut::of(risk)).collect();
        let (n_known, n_likely) = (prediction.n_known, likely.len());
        let text = if risks.is_empty() {
            format!("{}.\n", predict::nothing(context, &change, &prediction))
        } else {
            let lines: Vec<String> = risks.iter().map(RiskOut::line).collect();
            let first = match risks.len() {
                n if n < n_likely => format!(", the first {n}"),
                _ => String::new(),
            };
            let block = fenced(&lines);
            format!("{n_likely} of {n_known} known things may go wrong again{first}:\n{block}")
        };
        notes.extend(predict::remarks(&change));
        notes.extend(shape::notes(&prediction.notes));
        memory.is_behind |= prediction.notes.iter().any(Note::is_unfinished);
        let text = notes.iter().fold(text, |text, note| format!("{text}Note: {note}\n"));
        let nothing_likely = risks.is_empty();
        Ok(Reply { data: Output { n_known, n_likely, nothing_likely, risks, notes }, text })
    }
}
