//! The conversation, as contents whose roles alternate. Pure.

use std::collections::HashMap;

use vdo_core::message::{Block, Message, Reasoning, Role};

use super::wire::{Content, FunctionCall, FunctionResponse, Outcome, Part};
use crate::transport::calls::as_object;

/// The format of reasoning that can be sent back.
pub(super) const FORMAT: &str = "gemini";
/// What stands in place of a signature on a call that came from elsewhere; servers that check take it.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";
/// The name of a tool whose call is not in the conversation. One has to be given.
const UNKNOWN_TOOL: &str = "unknown_tool";

/// Whether the model checks that calls carry the signature they came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    /// It does.
    Checked,
    /// It does not.
    Ignored,
}

/// Returns the contents of a conversation: messages of one side in a row are one, and what says nothing is none.
pub(super) fn of(messages: &[Message], signatures: Signatures) -> Vec<Content<'_>> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut contents: Vec<Content<'_>> = Vec::with_capacity(messages.len());
    for message in messages {
        let (role, parts) = match message.role {
            Role::User => ("user", user_parts(message, &names)),
            Role::Assistant => {
                for block in &message.blocks {
                    if let Block::ToolCall(call) = block {
                        names.insert(&call.id, &call.name);
                    }
                }
                ("model", model_parts(message, signatures))
            }
        };
        match contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => contents.push(Content { role, parts }),
        }
    }
    for content in &mut contents {
        // Results have to come before anything else that is said to them. The sort keeps what is equal in order.
        content.parts.sort_by_key(|part| content.role == "user" && part.function_response.is_none());
    }
    contents
}

fn user_parts<'a>(message: &'a Message, names: &HashMap<&str, &'a str>) -> Vec<Part<'a>> {
    let parts = message.blocks.iter().filter_map(|block| match block {
        Block::Text { text } => (!text.is_empty()).then(|| Part { text: Some(text), ..Part::default() }),
        Block::ToolResult { id, content, is_error } => {
            let response = if *is_error { Outcome::Error(content) } else { Outcome::Output(content) };
            let name = names.get(id.as_str()).copied().unwrap_or(UNKNOWN_TOOL);
            Some(Part { function_response: Some(FunctionResponse { id, name, response }), ..Part::default() })
        }
        Block::ToolCall(_) | Block::Reasoning(_) => None,
    });
    parts.collect()
}

/// A signature belongs to the part that follows it.
fn model_parts(message: &Message, signatures: Signatures) -> Vec<Part<'_>> {
    let mut parts = Vec::with_capacity(message.blocks.len());
    let mut signature = None;
    let mut called = false;
    for block in &message.blocks {
        match block {
            Block::Reasoning(reasoning) if reasoning.format == FORMAT => {
                let Some(signed) = signature_of(reasoning) else { continue };
                if reasoning.data.get("thought").is_some() {
                    let text = Some(reasoning.text.as_str());
                    parts.push(Part { text, thought: true, thought_signature: Some(signed), ..Part::default() });
                } else {
                    parts.extend(signature.replace(signed).map(bare));
                }
            }
            Block::Text { text } if !text.is_empty() => {
                parts.push(Part { text: Some(text), thought_signature: signature.take(), ..Part::default() });
            }
            Block::ToolCall(call) => {
                // Of several calls at once, the first carries the signature.
                let stand_in = (!called && signatures == Signatures::Checked).then_some(NO_SIGNATURE);
                called = true;
                let args = as_object(&call.input);
                parts.push(Part {
                    function_call: Some(FunctionCall { id: &call.id, name: &call.name, args }),
                    thought_signature: signature.take().or(stand_in),
                    ..Part::default()
                });
            }
            Block::Text { .. } | Block::ToolResult { .. } | Block::Reasoning(_) => {}
        }
    }
    parts.extend(signature.map(bare));
    parts
}

fn signature_of(reasoning: &Reasoning) -> Option<&str> {
    reasoning.data.get("thoughtSignature")?.as_str().filter(|signature| !signature.is_empty())
}

/// Returns the part of a signature that came without anything else.
fn bare(signature: &str) -> Part<'_> {
    Part { text: Some(""), thought_signature: Some(signature), ..Part::default() }
}
