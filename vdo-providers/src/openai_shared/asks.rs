//! What of a request's settings is sent, and why the rest is not.
//!
//! Two things decide: what the interface or server knows, and what the model takes. What is left out is told.

use serde::Serialize;
use vdo_core::message::{Completion, Effort, Message, PromptCache, Role, ToolChoice, Verbosity};
use vdo_core::port::{Accepts, Capabilities, ReasoningControl};
use vdo_core::usage::ServiceTier;

/// Which settings an interface or server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knows {
    pub(crate) sampling: bool,
    pub(crate) stop: bool,
    pub(crate) tool_choice: bool,
    pub(crate) parallel_tools: bool,
    pub(crate) effort: bool,
    pub(crate) summary: bool,
    pub(crate) verbosity: bool,
    pub(crate) cache: bool,
    pub(crate) tiers: bool,
}

/// Which tools have to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice<'a> {
    /// As the model likes, at least one, or none.
    Word(&'static str),
    /// This one.
    Tool(&'a str),
}

/// The settings that are sent.
#[derive(Debug, Default)]
pub(crate) struct Asks<'a> {
    pub(crate) tools: bool,
    pub(crate) schema: bool,
    pub(crate) messages: &'a [Message],
    pub(crate) max_output: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) stop: &'a [String],
    pub(crate) choice: Option<Choice<'a>>,
    pub(crate) parallel_tools: Option<bool>,
    pub(crate) effort: Option<Effort>,
    pub(crate) summary: bool,
    pub(crate) verbosity: Option<Verbosity>,
    pub(crate) cache: Option<&'a PromptCache>,
    pub(crate) tier: Option<&'static str>,
    /// What is left out.
    pub(crate) warnings: Vec<String>,
}

const MODEL: &str = "the model does not take it";
const SERVER: &str = "the server does not know it";

impl<'a> Asks<'a> {
    /// Returns what can be sent of a request.
    pub(crate) fn of(request: &'a Completion, knows: &Knows, model: &Capabilities) -> Self {
        let settings = &request.settings;
        let accepts = &model.accepts;
        let mut asks = Self {
            tools: model.tools && !request.tools.is_empty(),
            schema: model.json_schema && request.output.is_some(),
            messages: &request.messages,
            max_output: match (request.max_output, model.max_output) {
                (Some(asked), Some(most)) => Some(asked.min(most)),
                (asked, _) => asked,
            },
            ..Self::default()
        };
        asks.left_out("tools", !request.tools.is_empty() && !model.tools, MODEL);
        asks.left_out("the shape of the reply", request.output.is_some() && !model.json_schema, MODEL);
        let sampled = settings.temperature.is_some() || settings.top_p.is_some();
        let sampling = asks.takes("temperature and top_p", sampled, knows.sampling, accepts.sampling);
        asks.temperature = settings.temperature.filter(|_| sampling);
        asks.top_p = settings.top_p.filter(|_| sampling);
        // OpenAI's models that reason take neither.
        if asks.takes("stop texts", !settings.stop.is_empty(), knows.stop, accepts.sampling) {
            asks.stop = &settings.stop;
        }
        asks.choose(request, knows, accepts.forced_tools);
        let wanted = settings.parallel_tools.filter(|_| asks.tools);
        asks.parallel_tools = wanted.filter(|_| asks.takes("parallel tools", true, knows.parallel_tools, true));
        asks.reason(request, knows, accepts);
        asks.cache = settings.cache.as_ref().filter(|_| knows.cache);
        asks.tier(settings.tier, knows.tiers);
        asks.end_with_user(accepts.prefill);
        asks
    }

    fn left_out(&mut self, what: &str, is_left: bool, why: &str) {
        if is_left {
            self.warnings.push(format!("{what} left out: {why}"));
        }
    }

    /// Returns whether a setting that is asked for is sent; tells if it is not.
    fn takes(&mut self, what: &str, asked: bool, knows: bool, accepts: bool) -> bool {
        self.left_out(what, asked && !(knows && accepts), if knows { MODEL } else { SERVER });
        asked && knows && accepts
    }

    fn choose(&mut self, request: &'a Completion, knows: &Knows, forced: bool) {
        if !self.tools {
            return;
        }
        let named = |name: &String| request.tools.iter().any(|tool| tool.name == *name);
        let choice = match &request.settings.tool_choice {
            ToolChoice::Auto => Choice::Word("auto"),
            ToolChoice::None => Choice::Word("none"),
            ToolChoice::Required => Choice::Word("required"),
            ToolChoice::Tool(name) => Choice::Tool(name),
        };
        let accepted = match &request.settings.tool_choice {
            ToolChoice::Auto | ToolChoice::None => true,
            ToolChoice::Required => forced,
            ToolChoice::Tool(name) => forced && named(name),
        };
        let usual = Choice::Word("auto");
        let sent = self.takes("the choice of tools", choice != usual, knows.tool_choice, accepted);
        self.choice = knows.tool_choice.then_some(if sent { choice } else { usual });
    }

    fn reason(&mut self, request: &Completion, knows: &Knows, accepts: &Accepts) {
        let settings = &request.settings;
        let control = accepts.reasoning;
        let nearest = settings.effort.and_then(|effort| accepts.efforts.nearest(effort));
        let steered = matches!(control, ReasoningControl::Level | ReasoningControl::Always);
        let off = settings.effort == Some(Effort::None);
        let takes = steered && nearest.is_some() && !(off && control == ReasoningControl::Always);
        // Not to reason is what a model does that cannot.
        let asked = settings.effort.is_some() && !(off && control == ReasoningControl::None);
        if self.takes("the effort of reasoning", asked, knows.effort, takes) {
            self.effort = nearest;
            let (sent, asked) = (name(nearest), name(settings.effort));
            if sent != asked {
                self.warnings.push(format!("the effort of reasoning is {sent} instead of {asked}: {MODEL}"));
            }
        }
        self.summary = settings.show_reasoning && knows.summary && steered;
        // It came together with reasoning by levels.
        if self.takes("verbosity", settings.verbosity.is_some(), knows.verbosity, steered) {
            self.verbosity = settings.verbosity;
        }
    }

    fn tier(&mut self, tier: ServiceTier, knows: bool) {
        let name = match tier {
            ServiceTier::Standard => return,
            ServiceTier::Flex => "flex",
            ServiceTier::Priority => "priority",
            ServiceTier::Fast => "fast",
            ServiceTier::Batch => return self.left_out("the batch tier", true, "it is for files of requests"),
        };
        if self.takes(&format!("the {name} tier"), true, knows, true) {
            self.tier = Some(name);
        }
    }

    /// Takes the beginning of a reply away from models that do not go on with one.
    fn end_with_user(&mut self, prefill: bool) {
        if let (false, Some((last, rest))) = (prefill, self.messages.split_last())
            && last.role == Role::Assistant
            && !rest.is_empty()
        {
            self.messages = rest;
            self.left_out("the beginning of the reply", true, MODEL);
        }
    }
}

fn name(effort: Option<Effort>) -> String {
    serde_json::to_value(effort).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Returns the tier that a reply was made at; the standard one where nothing else is said.
pub(crate) fn tier_of(name: Option<&str>) -> ServiceTier {
    match name {
        Some("flex") => ServiceTier::Flex,
        Some("priority") => ServiceTier::Priority,
        Some("fast") => ServiceTier::Fast,
        Some("batch") => ServiceTier::Batch,
        Some(_) | None => ServiceTier::Standard,
    }
}

/// `prompt_cache_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct CacheOptions {
    pub(crate) mode: &'static str,
    pub(crate) ttl: &'static str,
}
