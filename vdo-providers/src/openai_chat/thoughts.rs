//! Reasoning that comes beside the answer, under the names that servers have for it.

use serde_json::{Map, Value, json};
use vdo_core::message::{Block, Message, Reasoning};

use super::{FORMAT, wire};

/// The most details that are kept; more are not sent back.
const MOST_DETAILS: usize = 4096;

/// The reasoning of a reply, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    text: String,
    /// The items of `reasoning_details`, joined from their pieces.
    details: Vec<Map<String, Value>>,
}

impl Thoughts {
    /// Takes in what a message or a piece of one says of it.
    pub(super) fn take(&mut self, said: &mut wire::Said) {
        // A server that sends both says the same twice.
        if let Some(text) = said.reasoning_content.take().or(said.reasoning.take()) {
            self.text.push_str(text.as_str().unwrap_or_default());
        }
        for detail in said.reasoning_details.take().and_then(into_list).into_iter().flatten() {
            if let Value::Object(detail) = detail {
                self.take_detail(detail);
            }
        }
    }

    fn take_detail(&mut self, piece: Map<String, Value>) {
        let same = |known: &Map<String, Value>| {
            piece.get("index").is_some_and(|index| !index.is_null() && known.get("index") == Some(index))
                && known.get("type") == piece.get("type")
        };
        let known = self.details.last_mut().filter(|known| same(known));
        let Some(known) = known else {
            if self.details.len() < MOST_DETAILS {
                self.details.push(piece);
            }
            return;
        };
        for (field, value) in piece {
            match (known.get_mut(&field), value) {
                (Some(Value::String(text)), Value::String(more))
                    if matches!(field.as_str(), "text" | "summary" | "data" | "signature") =>
                {
                    text.push_str(&more);
                }
                (_, Value::Null) => {}
                (_, value) => {
                    known.insert(field, value);
                }
            }
        }
    }

    /// Returns whether any came.
    pub(super) fn is_some(&self) -> bool {
        !self.text.is_empty() || !self.details.is_empty()
    }

    /// Returns it as a part of a reply, if any came.
    pub(super) fn into_block(self) -> Option<Block> {
        let some = self.is_some();
        let data = if self.details.is_empty() { Value::Null } else { json!({ "reasoning_details": self.details }) };
        some.then(|| Block::Reasoning(Reasoning::new(FORMAT, self.text, data)))
    }
}

fn into_list(details: Value) -> Option<Vec<Value>> {
    match details {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// Returns the details that a message of the model came with: they go back unchanged.
pub(super) fn details(message: &Message) -> Option<&Value> {
    of(message).find_map(|reasoning| reasoning.data.get("reasoning_details"))
}

/// Returns the readable reasoning that a message of the model came with.
pub(super) fn text(message: &Message) -> Option<&str> {
    of(message).map(|reasoning| reasoning.text.as_str()).find(|text| !text.is_empty())
}

fn of(message: &Message) -> impl Iterator<Item = &Reasoning> {
    message.blocks.iter().filter_map(|block| match block {
        Block::Reasoning(reasoning) if reasoning.format == FORMAT => Some(reasoning),
        Block::Reasoning(_) | Block::Text { .. } | Block::ToolCall(_) | Block::ToolResult { .. } => None,
    })
}
