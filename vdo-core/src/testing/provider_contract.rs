//! The contract that every provider backend keeps, whatever it talks to.
//!
//! A backend supplies a [`Stage`]: for each [`Situation`] a provider whose other side plays it. [`check`] then
//! holds the provider to what [`crate::port::Provider`] promises. It sleeps nowhere and needs no runtime of
//! its own.
//!
//! Invariant: a situation is played to every call, for as long as the provider lives.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::{join_all, poll_fn};
use serde_json::json;

use crate::failure::{Advice, FailureKind};
use crate::message::{Block, Completion, Message, Reasoning, Reply, Role, Stop, ToolCall, ToolSpec};
use crate::port::{Provider, ProviderError, StreamEvent};
use crate::usage::Usage;

/// The text of the reply in [`Situation::Text`].
pub const TEXT: &str = "Hello from the other side: äöü, 日本, 🙂.\n";
/// The text of the reply in [`Situation::Truncated`].
pub const TRUNCATED: &str = "one two thr";
/// The tool called in [`Situation::ToolCall`].
pub const TOOL: &str = "read";
/// The path the tool is called with.
pub const TOOL_PATH: &str = "src/main.rs";
/// What it reasons in [`Situation::Reasoning`].
pub const REASONING: &str = "Let me look: the file, 日本 first. ";
/// The usage reported in [`Situation::Usage`], unless [`Stage::usage`] says otherwise.
pub const USAGE: Usage = Usage {
    input: 700,
    cache_read: 300,
    cache_write: 200,
    cache_write_long: 0,
    output: 90,
    reasoning: 40,
    estimated: false,
};
/// The wait asked for in [`Situation::RateLimited`], in milliseconds.
pub const RETRY_AFTER_MS: u64 = 1500;
/// How many calls are made at once in [`Situation::Text`].
const AT_ONCE: usize = 32;

/// What the other side does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Situation {
    /// It answers [`TEXT`].
    Text,
    /// It calls [`TOOL`] twice: with `{"path": TOOL_PATH}` and with `{}`.
    ToolCall,
    /// It answers [`TRUNCATED`] and says that the token limit was reached.
    Truncated,
    /// It declines.
    Refused,
    /// It answers [`TEXT`] and reports [`Stage::usage`], in its own way of counting.
    Usage,
    /// It answers [`TEXT`] and reports no usage.
    NoUsage,
    /// It limits the rate and asks for a wait of [`RETRY_AFTER_MS`].
    RateLimited,
    /// It refuses the key.
    KeyRefused,
    /// It says that credit is used up.
    Money,
    /// It says that the request is too long.
    ContextTooLong,
    /// It reasons [`REASONING`] and calls [`TOOL`] with `{"path": TOOL_PATH}`; with the result of that, and its
    /// reasoning as it sent it, it answers [`TEXT`]. Reasoning of another format is in the conversation too.
    Reasoning,
    /// It begins to answer [`TEXT`], and the connection ends in the middle of it.
    BreaksOff,
    /// It never answers.
    Silent,
}

impl Situation {
    /// Every situation.
    pub const ALL: [Self; 13] = [
        Self::Text,
        Self::ToolCall,
        Self::Truncated,
        Self::Refused,
        Self::Usage,
        Self::NoUsage,
        Self::RateLimited,
        Self::KeyRefused,
        Self::Money,
        Self::ContextTooLong,
        Self::Reasoning,
        Self::BreaksOff,
        Self::Silent,
    ];
}

/// The other side, as the backend's tests play it.
#[async_trait]
pub trait Stage: fmt::Debug + Send + Sync {
    /// Returns a provider that meets `situation` on every call.
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider>;

    /// Returns whether the other side can play `situation`; what it cannot is not checked.
    ///
    /// Unless told otherwise it neither reasons nor breaks off: a backend without a connection of its own cannot.
    fn can_play(&self, situation: Situation) -> bool {
        !matches!(situation, Situation::Reasoning | Situation::BreaksOff)
    }

    /// Returns the usage that it reports in [`Situation::Usage`]: [`USAGE`], or what it can express of that.
    fn usage(&self) -> Usage {
        USAGE
    }

    /// Returns once the other side of [`Situation::Silent`] has been called, so that the call can be dropped.
    async fn called(&self) {}

    /// Returns once the other side of [`Situation::Silent`] has seen that the call was dropped.
    async fn dropped(&self) {}
}

/// A provider does not keep the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{situation:?}: {broken}")]
pub struct Violation {
    /// Where.
    pub situation: Situation,
    /// What it did instead of what it had to.
    pub broken: String,
}

/// Holds a backend to the whole contract.
///
/// # Errors
/// [`Violation`]: the first promise that is not kept.
pub async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    for situation in Situation::ALL.into_iter().filter(|situation| stage.can_play(*situation)) {
        let provider = stage.provider(situation).await;
        let checked = match situation {
            Situation::Silent => check_cancelling(stage, provider.as_ref()).await,
            Situation::Reasoning => check_reasoning(provider.as_ref()).await,
            Situation::BreaksOff => check_breaking_off(provider.as_ref()).await,
            _ => check_situation(situation, stage.usage(), provider.as_ref()).await,
        };
        checked.map_err(|broken| Violation { situation, broken })?;
    }
    Ok(())
}

/// Returns a request that every provider can send.
#[must_use]
pub fn request() -> Completion {
    Completion {
        model: "contract-model".to_owned(),
        system: "You are tested.".to_owned(),
        messages: vec![
            Message::user("First question."),
            Message { role: Role::Assistant, blocks: vec![Block::text("First answer.")] },
            Message::user("Read the file.\n[vdo job=1 phase=build task=t1 attempt=1 turn=2]"),
        ],
        tools: vec![ToolSpec {
            name: TOOL.to_owned(),
            description: "Reads a file.".to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": { "path": { "type": "string" } },
                "additionalProperties": false,
            }),
        }],
        output: None,
        max_output: Some(500),
        settings: Default::default(),
    }
}

async fn check_situation(situation: Situation, usage: Usage, provider: &dyn Provider) -> Result<(), String> {
    let request = request();
    let whole = provider.complete(&request).await;
    let streamed = read_stream(provider, &request).await;
    match (whole, streamed) {
        (Ok(whole), Ok((text, streamed))) => {
            same("the streamed reply's text", &streamed.text(), &whole.text())?;
            same("the text events, joined,", &text, &whole.text())?;
            check_reply(situation, usage, &whole)?;
            check_reply(situation, usage, &streamed).map_err(|broken| format!("streamed: {broken}"))?;
        }
        (Err(whole), Err(streamed)) => {
            check_failure(situation, &whole)?;
            check_failure(situation, &streamed).map_err(|broken| format!("streamed: {broken}"))?;
        }
        (Ok(_), Err(error)) => return Err(format!("complete succeeds, but stream fails: {error}")),
        (Err(error), Ok(_)) => return Err(format!("stream succeeds, but complete fails: {error}")),
    }
    if situation == Situation::Text {
        check_many(provider, &request).await?;
        check_small_talk(provider, &request).await?;
    }
    Ok(())
}

fn check_reply(situation: Situation, usage: Usage, reply: &Reply) -> Result<(), String> {
    match situation {
        Situation::Text | Situation::NoUsage | Situation::Usage => {
            same("the text", &reply.text().as_str(), &TEXT)?;
            same("the stop", &reply.stop, &Stop::End)?;
            same("the number of parts", &reply.blocks.len(), &1)?;
        }
        Situation::ToolCall => {
            let calls: Vec<_> = reply.tool_calls().collect();
            let inputs: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.input.clone())).collect();
            same("the calls", &inputs, &vec![(TOOL, json!({ "path": TOOL_PATH })), (TOOL, json!({}))])?;
            same("the stop", &reply.stop, &Stop::ToolUse)?;
            let mut ids: Vec<_> = calls.iter().map(|call| call.id.as_str()).filter(|id| !id.is_empty()).collect();
            ids.dedup();
            same("the number of distinct ids", &ids.len(), &2)?;
        }
        Situation::Truncated => {
            same("the text", &reply.text().as_str(), &TRUNCATED)?;
            same("the stop", &reply.stop, &Stop::Length)?;
        }
        Situation::Refused => same("the stop", &reply.stop, &Stop::Refused)?,
        Situation::RateLimited
        | Situation::KeyRefused
        | Situation::Money
        | Situation::ContextTooLong
        | Situation::Reasoning
        | Situation::BreaksOff
        | Situation::Silent => return Err(format!("it replied: {:?}", reply.text())),
    }
    match situation {
        Situation::Usage => same("the usage", &reply.usage, &usage)?,
        Situation::NoUsage => {
            same("usage.estimated", &reply.usage.estimated, &true)?;
            if reply.usage.input == 0 || reply.usage.output == 0 {
                return Err("the estimate is zero".to_owned());
            }
        }
        _ => {}
    }
    if reply.model.is_empty() {
        return Err("the reply names no model".to_owned());
    }
    Ok(())
}

fn check_failure(situation: Situation, error: &ProviderError) -> Result<(), String> {
    let wanted = match situation {
        Situation::RateLimited => FailureKind::RateLimited,
        Situation::KeyRefused => FailureKind::KeyRefused,
        Situation::Money => FailureKind::ProviderMoney,
        Situation::ContextTooLong => FailureKind::ContextTooLong,
        Situation::Text
        | Situation::ToolCall
        | Situation::Truncated
        | Situation::Refused
        | Situation::Usage
        | Situation::NoUsage
        | Situation::Reasoning
        | Situation::BreaksOff
        | Situation::Silent => return Err(format!("it failed: {:?}", error.to_failure().message)),
    };
    let failure = error.to_failure();
    same("the kind", &failure.kind, &wanted)?;
    if situation == Situation::RateLimited {
        same("the advice", &failure.advice, &Advice::RetrySame { after_ms: Some(RETRY_AFTER_MS) })?;
    }
    Ok(())
}

/// Reasoning is kept through a round of tools, whether the replies come whole or streamed.
async fn check_reasoning(provider: &dyn Provider) -> Result<(), String> {
    let fails = |error: ProviderError| format!("it failed: {:?}", error.to_failure().message);
    let whole = provider.complete(&request()).await.map_err(fails)?;
    let (_, streamed) = read_stream(provider, &request()).await.map_err(fails)?;
    same("the streamed parts", &streamed.blocks, &whole.blocks)?;
    same("the stop", &whole.stop, &Stop::ToolUse)?;
    let reasoned = |block: &Block| match block {
        Block::Reasoning(reasoning) => Some(reasoning.text.clone()),
        Block::Text { .. } | Block::ToolCall(_) | Block::ToolResult { .. } => None,
    };
    let texts: Vec<String> = whole.blocks.iter().filter_map(reasoned).collect();
    if texts.is_empty() {
        return Err("the reply has no reasoning".to_owned());
    }
    same("what can be read of the reasoning", &texts.concat().as_str(), &REASONING)?;
    let calls: Vec<_> = whole.tool_calls().cloned().collect();
    let inputs: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.input.clone())).collect();
    same("the calls", &inputs, &vec![(TOOL, json!({ "path": TOOL_PATH }))])?;
    let elsewhere = Reasoning::new("elsewhere", "from elsewhere", json!({ "signature": "x" }));
    let mut request = request();
    let blocks = std::iter::once(Block::Reasoning(elsewhere)).chain(whole.blocks).collect();
    request.messages.push(Message { role: Role::Assistant, blocks });
    let result = |call: ToolCall| Block::ToolResult { id: call.id, content: "fn main() {}".into(), is_error: false };
    request.messages.push(Message { role: Role::User, blocks: calls.into_iter().map(result).collect() });
    let whole = provider.complete(&request).await.map_err(fails)?;
    let (_, streamed) = read_stream(provider, &request).await.map_err(fails)?;
    for reply in [whole, streamed] {
        same("the text after the round of tools", &reply.text().as_str(), &TEXT)?;
        same("the stop after the round of tools", &reply.stop, &Stop::End)?;
    }
    Ok(())
}

/// A reply that breaks off is a failure of transport that may have been billed; one that had begun says so.
async fn check_breaking_off(provider: &dyn Provider) -> Result<(), String> {
    let Err(whole) = provider.complete(&request()).await else {
        return Err("half a reply passes for a whole one".to_owned());
    };
    let whole = whole.to_failure();
    same("the kind", &whole.kind, &FailureKind::Transport)?;
    same("failure.sent", &whole.sent, &true)?;
    same("failure.began of a reply that was to come whole", &whole.began, &false)?;
    let fails = |error: ProviderError| format!("it failed at once: {:?}", error.to_failure().message);
    let mut stream = provider.stream(&request()).await.map_err(fails)?;
    let mut text = String::new();
    let failure = loop {
        match stream.next().await {
            Some(Ok(StreamEvent::Text(more))) => text.push_str(&more),
            Some(Ok(StreamEvent::Done(_))) => return Err("half a stream passes for a whole one".to_owned()),
            Some(Err(error)) => break error.to_failure(),
            None => return Err("the stream ends without the whole reply or an error".to_owned()),
        }
    };
    same("the kind", &failure.kind, &FailureKind::Transport)?;
    same("sent and began", &(failure.sent, failure.began), &(true, true))?;
    if text.is_empty() || !TEXT.starts_with(&text) {
        return Err(format!("the text before it broke off is {text:?}"));
    }
    if stream.next().await.is_some() {
        return Err("something follows the failure".to_owned());
    }
    Ok(())
}

/// Many calls at once, from one provider, all get their reply.
async fn check_many(provider: &dyn Provider, request: &Completion) -> Result<(), String> {
    let replies = join_all((0..AT_ONCE).map(|_| provider.complete(request))).await;
    for reply in replies {
        let reply = reply.map_err(|error| format!("one of {AT_ONCE} calls at once failed: {error}"))?;
        same("the text of one of many calls", &reply.text().as_str(), &TEXT)?;
    }
    Ok(())
}

/// What is asked besides completions: names, counts, a probe.
async fn check_small_talk(provider: &dyn Provider, request: &Completion) -> Result<(), String> {
    if provider.name().is_empty() {
        return Err("it has no name".to_owned());
    }
    let count = provider.count_tokens(request).await.map_err(|error| format!("count_tokens fails: {error}"))?;
    if count.tokens == 0 {
        return Err("count_tokens counts zero".to_owned());
    }
    provider.probe().await.map_err(|error| format!("probe fails: {error}"))?;
    Ok(())
}

/// A call that is dropped leaves the provider usable and is seen by the other side.
async fn check_cancelling(stage: &dyn Stage, provider: &dyn Provider) -> Result<(), String> {
    let request = request();
    {
        let mut call = provider.complete(&request);
        let mut called = stage.called();
        // The call makes progress only while it is polled, so both are, until the other side has it.
        let early = poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => called.as_mut().poll(context).map(|()| None),
        })
        .await;
        if let Some(reply) = early {
            return Err(format!("a call that nobody answers ended: {reply:?}"));
        }
    }
    stage.dropped().await;
    Ok(())
}

/// Reads a stream to its end; returns the text that came before the whole reply, and the reply.
async fn read_stream(provider: &dyn Provider, request: &Completion) -> Result<(String, Reply), ProviderError> {
    let mut stream = provider.stream(request).await?;
    let mut text = String::new();
    let mut done = None;
    while let Some(event) = stream.next().await {
        if done.is_some() {
            return Err(broken("an event follows the whole reply"));
        }
        match event? {
            StreamEvent::Text(more) => text.push_str(&more),
            StreamEvent::Done(reply) => done = Some(*reply),
        }
    }
    done.map(|reply| (text, reply)).ok_or_else(|| broken("the stream ends without the whole reply or an error"))
}

fn broken(what: &str) -> ProviderError {
    ProviderError::BadAnswer { message: format!("contract: {what}"), usage: None }
}

fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;
    use crate::port::Clock;
    use crate::testing::scripted::{
        Answers, ScriptedAnswer, ScriptedError, ScriptedErrorKind, ScriptedProvider, ScriptedReply, ScriptedToolCall,
        ScriptedUsage,
    };
    use crate::time::Timestamp;

    #[derive(Debug)]
    struct Script;

    #[derive(Debug)]
    struct Never;

    #[async_trait]
    impl Clock for Never {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        async fn sleep(&self, _duration: Duration) {
            std::future::pending().await
        }
    }

    #[async_trait]
    impl Stage for Script {
        async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
            let error = |kind| ScriptedAnswer::new(ScriptedReply::Error(ScriptedError::new(kind)));
            let call = |input| ScriptedToolCall { id: None, name: TOOL.to_owned(), input };
            let answer = match situation {
                Situation::Text | Situation::NoUsage => ScriptedAnswer::text(TEXT),
                Situation::ToolCall => ScriptedAnswer::new(ScriptedReply::ToolCalls(vec![
                    call(json!({ "path": TOOL_PATH })),
                    call(json!({})),
                ])),
                Situation::Truncated => ScriptedAnswer::text(TRUNCATED).with_stop(Stop::Length),
                Situation::Refused => error(ScriptedErrorKind::Refused),
                Situation::Usage => ScriptedAnswer::text(TEXT).with_usage(ScriptedUsage {
                    input: 700,
                    cache_read: 300,
                    cache_write: 200,
                    cache_write_long: 0,
                    output: 90,
                    reasoning: 40,
                    estimated: false,
                }),
                Situation::RateLimited => ScriptedAnswer::new(ScriptedReply::Error(ScriptedError {
                    retry_after_ms: Some(RETRY_AFTER_MS),
                    ..ScriptedError::new(ScriptedErrorKind::RateLimited)
                })),
                Situation::KeyRefused => error(ScriptedErrorKind::KeyRefused),
                Situation::Money => error(ScriptedErrorKind::ProviderMoney),
                Situation::ContextTooLong => error(ScriptedErrorKind::ContextTooLong),
                Situation::Silent | Situation::Reasoning | Situation::BreaksOff => {
                    ScriptedAnswer::text(TEXT).with_delay_ms(1)
                }
            };
            let answers = Answers::from(vec![answer.repeating()]);
            Arc::new(ScriptedProvider::new("scripted", answers).with_clock(Arc::new(Never)))
        }
    }

    #[test]
    fn the_scripted_provider_keeps_the_contract() {
        assert_eq!(check(&Script).now_or_never(), Some(Ok(())));
    }
}
