//! The conversation, as turns that alternate. Pure.

use serde_json::Value;
use vdo_core::message::{Block, CacheMark, Message, Role};

use super::wire::{Body, CacheControl, Content, Message as WireMessage, Part};
use crate::transport::calls::{as_object, portable_id};

/// The format of reasoning that can be sent back.
pub(super) const FORMAT: &str = "anthropic";

/// What one side says before the other does.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    role: Role,
    /// The parts, each with the number of the message it comes from.
    parts: Vec<(usize, Part<'a>)>,
}

/// How a single text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a text.
    Short,
    /// As a list of one part.
    List,
}

/// Returns the turns of a conversation: messages of one side in a row are one, and what says nothing is none.
pub(super) fn of(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let parts = message.blocks.iter().filter_map(|block| body(message.role, block));
        let mut parts: Vec<_> = parts.map(|body| (index, Part { body, cache_control: None })).collect();
        if parts.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == message.role => last.parts.append(&mut parts),
            _ => turns.push(Turn { role: message.role, parts }),
        }
    }
    for turn in &mut turns {
        // Results have to come before anything else that is said to them. The sort keeps what is equal in order.
        turn.parts.sort_by_key(|(_, part)| !matches!(part.body, Body::ToolResult { .. }) && turn.role == Role::User);
    }
    if let Some(last) = turns.last_mut()
        && last.is_prefill()
        && let Some((_, Part { body: Body::Text { text, .. }, .. })) = last.parts.last_mut()
    {
        // A reply that goes on after a space is refused.
        *text = text.trim_end();
    }
    turns
}

fn body(role: Role, block: &Block) -> Option<Body<'_>> {
    match (role, block) {
        // Texts that show nothing are refused.
        (_, Block::Text { text }) => (!text.trim().is_empty()).then_some(Body::Text { r#type: "text", text }),
        (Role::User, Block::ToolResult { id, content, is_error }) => {
            Some(Body::ToolResult { r#type: "tool_result", tool_use_id: portable_id(id), content, is_error: *is_error })
        }
        (Role::Assistant, Block::ToolCall(call)) => Some(Body::ToolUse {
            r#type: "tool_use",
            id: portable_id(&call.id),
            name: &call.name,
            input: as_object(&call.input),
        }),
        (Role::Assistant, Block::Reasoning(reasoning)) if reasoning.format == FORMAT => {
            can_go_back(&reasoning.data).then_some(Body::Kept(&reasoning.data))
        }
        (_, Block::ToolResult { .. } | Block::ToolCall(_) | Block::Reasoning(_)) => None,
    }
}

/// Returns whether reasoning is of a kind that is taken back: hidden, or signed.
fn can_go_back(block: &Value) -> bool {
    let filled = |name: &str| block.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    match block.get("type").and_then(Value::as_str) {
        Some("thinking") => filled("signature"),
        Some("redacted_thinking") => filled("data"),
        _ => false,
    }
}

/// Marks up to where the prompt is cached: at the last part of each message that can carry a mark.
pub(super) fn mark(turns: &mut [Turn<'_>], marks: &[CacheMark], cache: Option<CacheControl>) {
    for mark in marks {
        let CacheMark::Message(wanted) = mark else { continue };
        let parts = turns.iter_mut().flat_map(|turn| &mut turn.parts);
        let can_carry = |part: &Part<'_>| !matches!(part.body, Body::Kept(_));
        let last = parts.filter(|(index, part)| index == wanted && can_carry(part)).last();
        if let Some((_, part)) = last {
            part.cache_control = cache;
        }
    }
}

impl<'a> Turn<'a> {
    /// Returns whether it is the beginning of a reply, if it is the last turn.
    pub(super) fn is_prefill(&self) -> bool {
        self.role == Role::Assistant
    }

    /// Returns whether it calls tools without the reasoning that led to that.
    pub(super) fn is_unreasoned_call(&self) -> bool {
        let calls = self.parts.iter().any(|(_, part)| matches!(part.body, Body::ToolUse { .. }));
        calls && !self.parts.first().is_some_and(|(_, part)| matches!(part.body, Body::Kept(_)))
    }

    /// Returns it on the wire; a single text as such, if `form` allows that.
    pub(super) fn into_message(self, form: Form) -> WireMessage<'a> {
        let role = match self.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut parts: Vec<_> = self.parts.into_iter().map(|(_, part)| part).collect();
        let content = match parts.as_mut_slice() {
            [Part { body: Body::Text { text, .. }, cache_control: None }] if form == Form::Short => Content::Text(text),
            _ => Content::Parts(parts),
        };
        WireMessage { role, content }
    }
}
