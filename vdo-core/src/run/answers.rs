//! Answering a finding instead of mending it: by the tool `answer`, or by a line `ANSWER f1: reason` in a reply of text.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use crate::context::bounded;
use crate::message::{Block, Reply, ToolCall, ToolSpec};

/// The tool's name.
pub(super) const NAME: &str = "answer";
/// The longest reason that is kept.
const MAX_REASON: usize = 2000;

/// Answers a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Answer {
    /// The finding's id: f1.
    finding: String,
    /// Why it is not so, or why nothing has to change.
    reason: String,
}

/// Returns the tool that answers a finding. It is on offer where there are findings.
#[must_use]
pub fn spec() -> ToolSpec {
    static SPEC: LazyLock<ToolSpec> = LazyLock::new(|| ToolSpec {
        name: NAME.to_owned(),
        description: "Answers a finding that is wrong, instead of changing something. The reviewer judges the answer."
            .to_owned(),
        input_schema: crate::schema::of::<Answer>(),
    });
    SPEC.clone()
}

impl Bench {
    /// Returns whether there are findings, and each has its answer: nothing has to be changed then.
    pub(super) fn is_answered(&self) -> bool {
        !self.asked.is_empty() && self.unanswered().next().is_none()
    }

    /// Returns the findings that have no answer.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().filter(|id| !self.answers.contains_key(*id)).map(String::as_str)
    }

    pub(super) fn answer(&mut self, call: &ToolCall) -> Result<String, String> {
        let Answer { finding, reason } =
            Answer::deserialize(&call.input).map_err(|error| format!("the arguments of answer do not fit: {error}"))?;
        self.keep_answer(&finding, &reason)?;
        Ok("noted".to_owned())
    }

    fn keep_answer(&mut self, finding: &str, reason: &str) -> Result<(), String> {
        let id = finding.trim().to_ascii_lowercase();
        if !self.asked.contains(&id) {
            let known: Vec<&str> = self.asked.iter().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("there is no finding {:?} to answer; there are: {known}", bounded(&id, 40)));
        }
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(format!("the answer to {id} has no reason"));
        }
        self.answers.insert(id, bounded(reason, MAX_REASON));
        Ok(())
    }

    /// Takes the lines that answer findings out of a reply of text. Other text stays as it is.
    pub(super) fn hear_answers(&mut self, mut reply: Reply) -> Reply {
        if self.asked.is_empty() {
            return reply;
        }
        for block in &mut reply.blocks {
            let Block::Text { text } = block else { continue };
            let mut rest = String::with_capacity(text.len());
            for line in text.split_inclusive('\n') {
                let answer = line.trim_start().strip_prefix("ANSWER ").and_then(|line| line.split_once(':'));
                let is_heard = answer.is_some_and(|(id, reason)| self.keep_answer(id, reason).is_ok());
                if !is_heard {
                    rest.push_str(line);
                }
            }
            *text = rest;
        }
        reply
    }
}
