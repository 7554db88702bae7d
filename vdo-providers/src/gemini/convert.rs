//! A request, as generateContent wants it. Pure; borrows everything it can.
//!
//! What the model does not take is left out, with a warning.

use serde::Serialize;
use serde_json::Value;
use vdo_core::message::{Completion, Effort, ToolChoice};
use vdo_core::port::{Capabilities, ReasoningControl};
use vdo_core::usage::ServiceTier;

use super::contents::{self, Signatures};
use super::wire;
use crate::transport::warnings::Warnings;

/// Schemas that are nested deeper are not sent.
const DEEPEST: usize = 32;
/// Words of JSON Schema that the protocol does not take.
const REFUSED: [&str; 6] = ["allOf", "not", "if", "then", "else", "patternProperties"];

/// A request on the wire.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) request: wire::Request<'a>,
    /// What was left out.
    pub(super) warnings: Vec<String>,
}

/// Returns the body of something that is sent for `request`.
pub(super) fn body(sent: &impl Serialize, request: &Completion) -> Result<Vec<u8>, serde_json::Error> {
    let size: usize = request.texts().map(str::len).sum();
    let mut body = Vec::with_capacity(size + size / 8 + 512);
    serde_json::to_writer(&mut body, sent)?;
    Ok(body)
}

/// Returns the request on the wire.
pub(super) fn convert<'a>(request: &'a Completion, model: &Capabilities) -> Made<'a> {
    let mut warnings = Warnings::default();
    let mut made = prompt(request, model, &mut warnings);
    made.tool_config = tool_config(request, model, &mut warnings);
    made.service_tier = tier(request, &mut warnings);
    made.generation_config = generation_config(request, model, &mut warnings);
    if request.settings.verbosity.is_some() {
        warnings.left_out("verbosity", "the protocol has no such setting");
    }
    if request.settings.parallel_tools == Some(false) && !made.tools.is_empty() {
        warnings.left_out("calling tools one at a time", "the protocol has no such setting");
    }
    Made { request: made, warnings: warnings.0 }
}

/// Returns the request for a count. `resource` is the model's name in full.
pub(super) fn count<'a>(request: &'a Completion, model: &Capabilities, resource: &'a str) -> wire::CountRequest<'a> {
    let made = prompt(request, model, &mut Warnings::default());
    if made.system_instruction.is_none() && made.tools.is_empty() {
        return wire::CountRequest::Contents(made.contents);
    }
    wire::CountRequest::GenerateContentRequest(Box::new(wire::Request { model: Some(resource), ..made }))
}

/// Returns what the model reads: instructions, tools and the conversation.
fn prompt<'a>(request: &'a Completion, model: &Capabilities, warnings: &mut Warnings) -> wire::Request<'a> {
    let signatures = match model.accepts.reasoning {
        ReasoningControl::Level | ReasoningControl::Always => Signatures::Checked,
        ReasoningControl::None | ReasoningControl::Budget => Signatures::Ignored,
    };
    let mut contents = contents::of(&request.messages, signatures);
    if contents.last().is_some_and(|last| last.role == "model") && !model.accepts.prefill {
        contents.pop();
        warnings.left_out("the beginning of the reply", "the model does not take one");
    }
    let functions: Vec<_> = request
        .tools
        .iter()
        .filter(|_| model.tools)
        .map(|tool| wire::Function {
            name: &tool.name,
            description: &tool.description,
            parameters_json_schema: &tool.input_schema,
        })
        .collect();
    let system = Some(request.system.as_str()).filter(|system| !system.trim().is_empty());
    wire::Request {
        system_instruction: system.map(|system| wire::Content {
            role: "user",
            parts: vec![wire::Part { text: Some(system), ..wire::Part::default() }],
        }),
        tools: if functions.is_empty() { Vec::new() } else { vec![wire::Tools { function_declarations: functions }] },
        contents,
        ..wire::Request::default()
    }
}

fn tool_config<'a>(
    request: &'a Completion,
    model: &Capabilities,
    warnings: &mut Warnings,
) -> Option<wire::ToolConfig<'a>> {
    if request.tools.is_empty() || !model.tools {
        return None;
    }
    let (mode, allowed_function_names) = match &request.settings.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Required | ToolChoice::Tool(_) if !model.accepts.forced_tools => {
            warnings.left_out("being made to call a tool", "the model does not take it");
            return None;
        }
        ToolChoice::Required => ("ANY", Vec::new()),
        ToolChoice::Tool(name) => ("ANY", vec![name.as_str()]),
    };
    Some(wire::ToolConfig { function_calling_config: wire::FunctionCalling { mode, allowed_function_names } })
}

fn tier(request: &Completion, warnings: &mut Warnings) -> Option<&'static str> {
    match request.settings.tier {
        ServiceTier::Standard => None,
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Fast => {
            warnings.left_out("the tier \"fast\"", "the provider has none");
            None
        }
        ServiceTier::Batch => {
            warnings.left_out("the tier \"batch\"", "single requests are not batched");
            None
        }
    }
}

fn generation_config<'a>(
    request: &'a Completion,
    model: &Capabilities,
    warnings: &mut Warnings,
) -> wire::GenerationConfig<'a> {
    let settings = &request.settings;
    let mut sampled = |what: &str, value: Option<f64>| {
        if value.is_some() && !model.accepts.sampling {
            warnings.left_out(what, "the model does not take it");
        }
        value.filter(|_| model.accepts.sampling)
    };
    let temperature = sampled("temperature", settings.temperature);
    let top_p = sampled("top_p", settings.top_p);
    let limit = model.max_output.unwrap_or(u64::MAX);
    let max_output_tokens = request.max_output.map(|asked| asked.min(limit));
    let schema = request.output.as_ref().filter(|_| model.json_schema);
    let calls = model.tools && !request.tools.is_empty();
    if schema.is_some() && calls && model.accepts.reasoning == ReasoningControl::Budget {
        warnings.left_out("the shape of the reply", "the model does not take one together with tools");
    }
    let schema = schema.filter(|_| !calls || model.accepts.reasoning != ReasoningControl::Budget);
    let taken = schema.filter(|output| takes(&output.schema, 0));
    if let (Some(output), None) = (schema, taken) {
        let why = "the protocol takes no combinations but anyOf and oneOf";
        warnings.left_out(&format!("the schema {:?} of the reply", output.name), why);
    }
    wire::GenerationConfig {
        temperature,
        top_p,
        max_output_tokens,
        stop_sequences: settings.stop.iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect(),
        response_mime_type: schema.map(|_| "application/json"),
        response_json_schema: taken.map(|output| &output.schema),
        thinking_config: thinking(request, model, max_output_tokens, warnings),
    }
}

/// Returns whether the protocol takes a schema.
fn takes(schema: &Value, depth: usize) -> bool {
    depth < DEEPEST
        && match schema {
            Value::Object(words) => words.iter().all(|(word, value)| match word.as_str() {
                // Names of fields here, not words of JSON Schema.
                "properties" | "$defs" | "definitions" => {
                    value.as_object().is_none_or(|fields| fields.values().all(|field| takes(field, depth + 1)))
                }
                "enum" | "const" | "default" | "example" | "examples" => true,
                word => !REFUSED.contains(&word) && takes(value, depth + 1),
            }),
            Value::Array(items) => items.iter().all(|item| takes(item, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
}

fn thinking(
    request: &Completion,
    model: &Capabilities,
    max_output: Option<u64>,
    warnings: &mut Warnings,
) -> Option<wire::ThinkingConfig> {
    let effort = request.settings.effort;
    let shown = wire::ThinkingConfig { include_thoughts: request.settings.show_reasoning, ..Default::default() };
    let config = match model.accepts.reasoning {
        ReasoningControl::None => {
            if effort.is_some_and(|effort| effort != Effort::None) {
                warnings.left_out("effort", "it is not known that the model takes one");
            }
            return None;
        }
        ReasoningControl::Level | ReasoningControl::Always => {
            let effort = warnings.effort(effort, &model.accepts);
            if effort == Some(Effort::None) {
                warnings.left_out("switching reasoning off", "the model can only be told to reason little");
            }
            wire::ThinkingConfig { thinking_level: effort.map(level), ..shown }
        }
        ReasoningControl::Budget => {
            // A quarter is left for the reply itself.
            let most = max_output.map_or(u64::MAX, |max| max - max.div_ceil(4));
            let effort = warnings.effort(effort, &model.accepts);
            wire::ThinkingConfig { thinking_budget: effort.map(|effort| budget(effort).min(most)), ..shown }
        }
    };
    (config != wire::ThinkingConfig::default()).then_some(config)
}

fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High => "HIGH",
        Effort::Xhigh | Effort::Max => "XHIGH",
    }
}

/// No model of the family takes more than the last.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal => 512,
        Effort::Low => 1024,
        Effort::Medium => 8192,
        Effort::High | Effort::Xhigh | Effort::Max => 24_576,
    }
}
