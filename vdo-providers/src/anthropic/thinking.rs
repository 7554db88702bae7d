//! How much the model is told to reason. Pure.

use vdo_core::message::{Effort, Settings};
use vdo_core::port::{Accepts, ReasoningControl};

use super::turns::Turn;
use super::wire::Thinking;
use crate::transport::warnings::Warnings;

/// The least tokens that reasoning can be given.
const LEAST: u64 = 1024;

/// What the rest of the request says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a, 'b> {
    /// The most tokens of the reply, reasoning included.
    pub(super) max_tokens: u64,
    /// Whether the model is made to call a tool.
    pub(super) forced: bool,
    /// The conversation.
    pub(super) turns: &'b [Turn<'a>],
}

/// What is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Thought {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
}

/// Returns what the settings come to for a model that is steered this way.
pub(super) fn of(settings: &Settings, accepts: &Accepts, asked: Asked<'_, '_>, warnings: &mut Warnings) -> Thought {
    let control = accepts.reasoning;
    let mut thought = match control {
        ReasoningControl::None => {
            if settings.effort.is_some_and(|effort| effort != Effort::None) {
                warnings.left_out("effort", "it is not known that the model takes one");
            }
            Thought::default()
        }
        ReasoningControl::Level | ReasoningControl::Always => by_level(settings, accepts, warnings),
        ReasoningControl::Budget => Thought { thinking: by_budget(settings, accepts, asked, warnings), effort: None },
    };
    let on = matches!(thought.thinking, Some(Thinking::Adaptive { .. } | Thinking::Enabled { .. }));
    let prefilled = asked.turns.last().is_some_and(Turn::is_prefill);
    if on && control != ReasoningControl::Always && (asked.forced || prefilled) {
        thought.thinking = None;
        let why = if asked.forced { "the model is made to call a tool" } else { "the reply is begun" };
        warnings.left_out("reasoning", why);
    }
    thought
}

fn by_level(settings: &Settings, accepts: &Accepts, warnings: &mut Warnings) -> Thought {
    let display = settings.show_reasoning.then_some("summarized");
    let adaptive = |effort| Thought { thinking: Some(Thinking::Adaptive { display }), effort };
    match warnings.effort(settings.effort, accepts) {
        None if settings.show_reasoning => adaptive(None),
        None => Thought::default(),
        Some(Effort::None) => Thought { thinking: Some(Thinking::Disabled), effort: None },
        Some(Effort::Minimal | Effort::Low) => adaptive(Some("low")),
        Some(Effort::Medium) => adaptive(Some("medium")),
        Some(Effort::High) => adaptive(Some("high")),
        Some(Effort::Xhigh) => adaptive(Some("xhigh")),
        Some(Effort::Max) => adaptive(Some("max")),
    }
}

fn by_budget(
    settings: &Settings,
    accepts: &Accepts,
    asked: Asked<'_, '_>,
    warnings: &mut Warnings,
) -> Option<Thinking> {
    let wanted = match warnings.effort(settings.effort, accepts)? {
        Effort::None => return None,
        Effort::Minimal => LEAST,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::Xhigh => 32_768,
        Effort::Max => u64::MAX,
    };
    // A quarter is left for the reply itself; reasoning has to be given less than the whole.
    let most = asked.max_tokens - asked.max_tokens.div_ceil(4);
    let budget_tokens = wanted.min(most).max(LEAST);
    if budget_tokens >= asked.max_tokens {
        warnings.left_out("reasoning", "the reply may not be long enough for it");
        return None;
    }
    // What came from elsewhere has no reasoning that could be shown, which is refused within a round of tools.
    let last = asked.turns.iter().rfind(|turn| turn.is_prefill());
    if last.is_some_and(Turn::is_unreasoned_call) {
        warnings.left_out("reasoning", "the last calls of tools came without theirs");
        return None;
    }
    Some(Thinking::Enabled { budget_tokens })
}
