//! A request, as Messages wants it. Pure; borrows everything it can.
//!
//! What the model or the API version does not take is left out, with a warning.

use serde_json::Value;
use vdo_core::message::{CacheMark, Completion, PromptCache, ToolChoice};
use vdo_core::port::Capabilities;
use vdo_core::usage::ServiceTier;

use super::thinking::{self, Asked};
use super::turns;
use super::wire;
use crate::transport::strict::{self, Fields};
use crate::transport::warnings::Warnings;

/// The most tokens of a reply where neither the request nor the configuration says: the protocol demands a number.
const MAX_TOKENS: u64 = 8192;
/// The first version that takes no `temperature`, from any model.
const NO_SAMPLING: &str = "2026-10-21";
/// The most places up to which a prompt is cached.
const MARKS: usize = 4;

/// How the reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Whole.
    Whole,
    /// As it arrives.
    Streamed,
    /// Not at all: the tokens of the request are counted.
    Counted,
}

/// A request on the wire.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) request: wire::Request<'a>,
    /// What was left out.
    pub(super) warnings: Vec<String>,
}

impl Made<'_> {
    /// Returns the body.
    pub(super) fn body(&self, request: &Completion) -> Result<Vec<u8>, serde_json::Error> {
        let size: usize = request.texts().map(str::len).sum();
        let mut body = Vec::with_capacity(size + size / 8 + 512);
        serde_json::to_writer(&mut body, &self.request)?;
        Ok(body)
    }
}

/// Returns the request on the wire.
pub(super) fn convert<'a>(request: &'a Completion, model: &Capabilities, version: &str, mode: Mode) -> Made<'a> {
    let mut warnings = Warnings::default();
    let marks = request.settings.cache.as_ref().map(|cache| marks(cache, &mut warnings)).unwrap_or_default();
    let cache = request.settings.cache.as_ref().map(control);
    let mut turns = turns::of(&request.messages);
    if turns.last().is_some_and(turns::Turn::is_prefill) && !model.accepts.prefill {
        turns.pop();
        warnings.left_out("the beginning of the reply", "the model does not take one");
    }
    turns::mark(&mut turns, &marks, cache);
    let mut made = wire::Request { model: &request.model, ..wire::Request::default() };
    made.tools = tools(request, model);
    system(&mut made, request, cache.filter(|_| marks.contains(&CacheMark::System)));
    made.tool_choice = tool_choice(request, model, &made.tools, &mut warnings);
    let forced = made.tool_choice.as_ref().is_some_and(|choice| matches!(choice.r#type, "any" | "tool"));
    if mode != Mode::Counted {
        let limit = model.max_output.unwrap_or(u64::MAX);
        let max_tokens =
            request.max_output.map_or_else(|| model.max_output.unwrap_or(MAX_TOKENS), |max| max.min(limit));
        made.max_tokens = Some(max_tokens);
        let asked = Asked { max_tokens, forced, turns: &turns };
        let thought = thinking::of(&request.settings, &model.accepts, asked, &mut warnings);
        made.thinking = thought.thinking;
        made.output_config.effort = thought.effort;
        made.output_config.format = format(request, model, &mut warnings);
        made.stop_sequences =
            request.settings.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect();
        sampling(&mut made, request, model, version, &mut warnings);
        tier(&mut made, request, &mut warnings);
        made.stream = mode == Mode::Streamed;
    }
    if request.settings.verbosity.is_some() && mode != Mode::Counted {
        warnings.left_out("verbosity", "the protocol has no such setting");
    }
    // A mark moves with the conversation; but for that, a message is written alike in every request.
    let is_marked = marks.iter().any(|mark| matches!(mark, CacheMark::Message(_)));
    let form = if is_marked { turns::Form::List } else { turns::Form::Short };
    made.messages = turns.into_iter().map(|turn| turn.into_message(form)).collect();
    Made { request: made, warnings: warnings.0 }
}

/// Returns the places up to which the prompt is cached: the instructions, and the latest of the messages.
fn marks(cache: &PromptCache, warnings: &mut Warnings) -> Vec<CacheMark> {
    let mut messages: Vec<usize> = cache
        .marks
        .iter()
        .filter_map(|mark| match mark {
            CacheMark::System => None,
            CacheMark::Message(index) => Some(*index),
        })
        .collect();
    messages.sort_unstable();
    messages.dedup();
    let system = cache.marks.contains(&CacheMark::System);
    let surplus = messages.len().saturating_sub(MARKS - usize::from(system));
    if surplus > 0 {
        warnings.left_out(&format!("caching up to {surplus} of the messages"), "the protocol takes 4 such places");
    }
    let messages = messages.into_iter().skip(surplus).map(CacheMark::Message);
    system.then_some(CacheMark::System).into_iter().chain(messages).collect()
}

fn control(cache: &PromptCache) -> wire::CacheControl {
    wire::CacheControl { r#type: "ephemeral", ttl: cache.long.then_some("1h") }
}

fn tools<'a>(request: &'a Completion, model: &Capabilities) -> Vec<wire::Tool<'a>> {
    let tools = request.tools.iter().filter(|_| model.tools);
    let made = tools.map(|tool| wire::Tool {
        name: &tool.name,
        description: &tool.description,
        input_schema: &tool.input_schema,
        strict: model.accepts.strict && strict::is_closed(&tool.input_schema, Fields::AllRequired),
        cache_control: None,
    });
    made.collect()
}

/// Sets the instructions. What is cached up to their end includes the tools, which is all there is without any.
fn system<'a>(made: &mut wire::Request<'a>, request: &'a Completion, cache: Option<wire::CacheControl>) {
    if request.system.trim().is_empty() {
        if let Some(last) = made.tools.last_mut() {
            last.cache_control = cache;
        }
        return;
    }
    made.system = Some(match cache {
        None => wire::Content::Text(&request.system),
        cache_control => {
            let body = wire::Body::Text { r#type: "text", text: &request.system };
            wire::Content::Parts(vec![wire::Part { body, cache_control }])
        }
    });
}

fn tool_choice<'a>(
    request: &'a Completion,
    model: &Capabilities,
    tools: &[wire::Tool<'_>],
    warnings: &mut Warnings,
) -> Option<wire::ToolChoice<'a>> {
    if tools.is_empty() {
        return None;
    }
    let one_by_one = (request.settings.parallel_tools == Some(false)).then_some(true);
    let choice = |r#type, name| wire::ToolChoice { r#type, name, disable_parallel_tool_use: one_by_one };
    let auto = || one_by_one.map(|_| choice("auto", None));
    match &request.settings.tool_choice {
        ToolChoice::Auto => auto(),
        ToolChoice::None => Some(wire::ToolChoice { r#type: "none", name: None, disable_parallel_tool_use: None }),
        ToolChoice::Required | ToolChoice::Tool(_) if !model.accepts.forced_tools => {
            warnings.left_out("being made to call a tool", "the model does not take it");
            auto()
        }
        ToolChoice::Required => Some(choice("any", None)),
        ToolChoice::Tool(name) => Some(choice("tool", Some(name.as_str()))),
    }
}

/// Returns the shape of the reply, if the schema is of the kind that the protocol takes.
fn format<'a>(request: &'a Completion, model: &Capabilities, warnings: &mut Warnings) -> Option<wire::Format<'a>> {
    let output = request.output.as_ref().filter(|_| model.json_schema)?;
    let schema: &Value = &output.schema;
    if strict::is_closed(schema, Fields::SomeOptional) {
        return Some(wire::Format { r#type: "json_schema", schema });
    }
    let why = "the protocol takes only objects that name all their fields, of plain types";
    warnings.left_out(&format!("the schema {:?} of the reply", output.name), why);
    None
}

fn sampling(
    made: &mut wire::Request<'_>,
    request: &Completion,
    model: &Capabilities,
    version: &str,
    warnings: &mut Warnings,
) {
    let settings = &request.settings;
    let why = if version >= NO_SAMPLING {
        Some("the API version takes none")
    } else if !model.accepts.sampling {
        Some("the model does not take it")
    } else if matches!(made.thinking, Some(wire::Thinking::Enabled { .. } | wire::Thinking::Adaptive { .. })) {
        Some("the model reasons, and takes none then")
    } else {
        None
    };
    match (settings.temperature, why) {
        (Some(_), Some(why)) => warnings.left_out("temperature", why),
        (Some(temperature), None) => made.temperature = Some(temperature.clamp(0.0, 1.0)),
        (None, _) => {}
    }
    match (settings.top_p, why) {
        (Some(_), Some(why)) => warnings.left_out("top_p", why),
        (Some(_), None) if made.temperature.is_some() => warnings.left_out("top_p", "temperature is set"),
        (Some(top_p), None) => made.top_p = Some(top_p.clamp(0.0, 1.0)),
        (None, _) => {}
    }
}

fn tier(made: &mut wire::Request<'_>, request: &Completion, warnings: &mut Warnings) {
    match request.settings.tier {
        ServiceTier::Standard => {}
        // Served first where that was bought, else as usual.
        ServiceTier::Priority => made.service_tier = Some("auto"),
        ServiceTier::Fast => made.speed = Some("fast"),
        ServiceTier::Flex => warnings.left_out("the tier \"flex\"", "the provider has none"),
        ServiceTier::Batch => warnings.left_out("the tier \"batch\"", "single requests are not batched"),
    }
}
