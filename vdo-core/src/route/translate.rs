//! A conversation that one model began and another goes on with.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::message::{Block, Message, Role};

/// The longest id of a tool call that every provider takes.
const LONGEST: usize = 40;

/// Returns the conversation as `reader`, written `provider:model`, can be sent it.
///
/// Reasoning goes back only to the model it came from. Ids of tool calls that not every provider takes (other characters than
/// letters, digits, `_` and `-`, more than 40 of them, none, or twice the same in one reply) are replaced, in calls and results
/// alike. What comes out depends on the messages before it only, so a longer conversation begins with the same bytes.
#[must_use]
pub fn translate<'m>(messages: &'m [Message], reader: &str) -> Cow<'m, [Message]> {
    let foreign = |block: &Block| match block {
        Block::Reasoning(reasoning) => !reasoning.author.is_empty() && reasoning.author != reader,
        Block::ToolCall(call) => !is_plain(&call.id),
        Block::ToolResult { id, .. } => !is_plain(id),
        Block::Text { .. } => false,
    };
    if !messages.iter().flat_map(|message| &message.blocks).any(foreign) {
        return Cow::Borrowed(messages);
    }
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut count = 0_usize;
    let mut translated = messages.to_vec();
    for message in &mut translated {
        message.blocks.retain(|block| match block {
            Block::Reasoning(reasoning) => reasoning.author.is_empty() || reasoning.author == reader,
            Block::Text { .. } | Block::ToolCall(_) | Block::ToolResult { .. } => true,
        });
        for block in &mut message.blocks {
            match block {
                Block::ToolCall(call) => {
                    count += 1;
                    if is_plain(&call.id) {
                        ids.remove(&call.id);
                    } else {
                        let plain = format!("call_{count}");
                        ids.insert(std::mem::replace(&mut call.id, plain.clone()), plain);
                    }
                }
                Block::ToolResult { id, .. } => {
                    if let Some(plain) = ids.get(id) {
                        id.clone_from(plain);
                    }
                }
                Block::Text { .. } | Block::Reasoning(_) => {}
            }
        }
    }
    // A message of which only reasoning was there would be empty.
    translated.retain(|message| !message.blocks.is_empty() || message.role == Role::User);
    Cow::Owned(translated)
}

fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::{Reasoning, ToolCall};

    fn call(id: &str) -> Block {
        Block::ToolCall(ToolCall { id: id.to_owned(), name: "read".to_owned(), input: json!({}) })
    }

    fn result(id: &str) -> Block {
        Block::ToolResult { id: id.to_owned(), content: "x".to_owned(), is_error: false }
    }

    fn thought(author: &str) -> Block {
        let (format, text, author) = ("anthropic".to_owned(), "hm".to_owned(), author.to_owned());
        Block::Reasoning(Reasoning { format, text, data: json!({"signature": "s"}), author })
    }

    fn talk(turns: Vec<(Role, Vec<Block>)>) -> Vec<Message> {
        turns.into_iter().map(|(role, blocks)| Message { role, blocks }).collect()
    }

    #[test]
    fn a_conversation_of_ones_own_is_sent_back_as_it_is() {
        let own =
            talk(vec![(Role::Assistant, vec![thought("a:m"), call("toolu_1")]), (Role::User, vec![result("toolu_1")])]);
        assert!(matches!(translate(&own, "a:m"), Cow::Borrowed(_)));
    }

    #[test]
    fn foreign_reasoning_is_left_out_and_odd_ids_are_replaced_with_their_results() {
        let odd = "functions.read:0|".repeat(4);
        let mixed = talk(vec![
            (Role::User, vec![Block::text("do")]),
            (Role::Assistant, vec![thought("a:m"), call(&odd), call("ok-1")]),
            (Role::User, vec![result(&odd), result("ok-1")]),
            (Role::Assistant, vec![thought("a:m")]),
            (Role::Assistant, vec![thought("b:m"), call("")]),
            (Role::User, vec![result("")]),
        ]);
        let wanted = talk(vec![
            (Role::User, vec![Block::text("do")]),
            (Role::Assistant, vec![call("call_1"), call("ok-1")]),
            (Role::User, vec![result("call_1"), result("ok-1")]),
            (Role::Assistant, vec![thought("b:m"), call("call_3")]),
            (Role::User, vec![result("call_3")]),
        ]);
        assert_eq!(translate(&mixed, "b:m").as_ref(), wanted);
        let shorter = translate(&mixed[..3], "b:m");
        assert_eq!(shorter.as_ref(), &wanted[..3], "the beginning does not depend on what follows");
    }
}
