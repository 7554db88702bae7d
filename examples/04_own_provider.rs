//! Writes a provider of one's own, holds it to the contract of providers, and lets it carry out a job.
//!
//! This one answers by a rule: a function from the request to a reply. A provider for a local model, a queue or a
//! company's gateway has the same shape: send one request, return the whole reply, classify what went wrong.
//!
//! Run it with `cargo run -p vdo-examples --bin 04_own_provider`.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use serde_json::json;
use vdo_core::check::{CheckReport, CommandOutcome, Exit, Tier};
use vdo_core::engine::Engine;
use vdo_core::job::{JobSpec, JobStatus, Stamp};
use vdo_core::message::{Block, Completion, Reply, Stop, ToolCall};
use vdo_core::port::{
    Capabilities, CheckError, CheckRequest, Checked, Checker, Health, Provider, ProviderError, ReplyStream,
    StreamEvent, TokenCount,
};
use vdo_core::route::Routes;
use vdo_core::testing::MemoryStore;
use vdo_core::testing::provider_contract::{self as contract, Situation, Stage};
use vdo_core::testing::scripted::RequestTag;
use vdo_core::usage::Usage;
use vdo_providers::clock::TokioClock;
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

/// What a rule says to a request, now or later.
type Said = Pin<Box<dyn Future<Output = Result<Reply, ProviderError>> + Send>>;

/// A provider that answers by a rule. It remembers nothing and counts nothing: that is the engine's part.
struct RuleProvider {
    name: String,
    rule: Box<dyn Fn(&Completion) -> Said + Send + Sync>,
}

impl RuleProvider {
    fn new(name: &str, rule: impl Fn(&Completion) -> Said + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), rule: Box::new(rule) }
    }
}

impl fmt::Debug for RuleProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for RuleProvider {
    fn name(&self) -> &str {
        &self.name
    }

    /// Without tools, builders are asked for edits as text.
    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities { tools: false, json_schema: false, context: None, max_output: None, accepts: Default::default() }
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        (self.rule)(request).await
    }

    /// A provider that cannot stream sends the whole reply as one part.
    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let reply = self.complete(request).await?;
        let events = [StreamEvent::Text(reply.text()), StreamEvent::Done(Box::new(reply))];
        Ok(Box::pin(stream::iter(events.map(Ok))))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        Ok(Health { models: vec!["rules".to_owned()] })
    }
}

/// Makes a reply. Usage that nobody reported is estimated and says so; it is never 0.
fn reply(request: &Completion, blocks: Vec<Block>, stop: Stop) -> Reply {
    let usage = Usage::estimate(request, &blocks);
    Reply { blocks, stop, usage, model: request.model.clone(), request_id: None, about: Default::default() }
}

/// Says a text.
fn says(request: &Completion, text: &str) -> Said {
    let reply = reply(request, vec![Block::text(text)], Stop::End);
    Box::pin(async { Ok(reply) })
}

/// The rule that carries out the job below: it reads the last line of the request, which says where in the run it is.
fn greeter(request: &Completion) -> Said {
    let tag = RequestTag::of(request).unwrap_or_default();
    match tag.phase.as_deref() {
        Some("plan") => {
            let task = json!({"id": "t1", "title": "Write it", "create": ["greeting.txt"]});
            says(request, &json!({"summary": "One file.", "tasks": [task]}).to_string())
        }
        Some("build") => says(request, "greeting.txt\n```\nhello\n```\n"),
        Some("critique") => says(request, r#"{"findings": []}"#),
        _ => {
            let message = format!("no rule for phase {tag}");
            Box::pin(async { Err(ProviderError::BadRequest { status: 400, message }) })
        }
    }
}

/// Plays the other side of the contract: for each situation a provider whose rule meets it.
#[derive(Debug)]
struct Rules;

#[async_trait]
impl Stage for Rules {
    async fn provider(&self, situation: Situation) -> Arc<dyn Provider> {
        Arc::new(RuleProvider::new("rules", move |request| meet(situation, request)))
    }
}

fn meet(situation: Situation, request: &Completion) -> Said {
    let message = "as the contract asks".to_owned();
    let failed = match situation {
        Situation::Text | Situation::NoUsage => return says(request, contract::TEXT),
        // Nobody answers: the engine drops the future when it has waited long enough.
        Situation::Silent => return Box::pin(std::future::pending()),
        Situation::Usage => {
            let reply =
                Reply { usage: contract::USAGE, ..reply(request, vec![Block::text(contract::TEXT)], Stop::End) };
            return Box::pin(async { Ok(reply) });
        }
        Situation::ToolCall => {
            let call = |id: &str, input| {
                Block::ToolCall(ToolCall { id: id.to_owned(), name: contract::TOOL.to_owned(), input })
            };
            let calls = vec![call("1", json!({"path": contract::TOOL_PATH})), call("2", json!({}))];
            let reply = reply(request, calls, Stop::ToolUse);
            return Box::pin(async { Ok(reply) });
        }
        Situation::Truncated => {
            let reply = reply(request, vec![Block::text(contract::TRUNCATED)], Stop::Length);
            return Box::pin(async { Ok(reply) });
        }
        Situation::Refused => {
            let reply = reply(request, vec![Block::text("I will not.")], Stop::Refused);
            return Box::pin(async { Ok(reply) });
        }
        Situation::RateLimited => {
            let retry_after = Some(Duration::from_millis(contract::RETRY_AFTER_MS));
            ProviderError::RateLimited { retry_after, message }
        }
        Situation::KeyRefused => ProviderError::KeyRefused { message },
        Situation::Money => ProviderError::Money { message },
        Situation::ContextTooLong => ProviderError::ContextTooLong { message },
        // A situation this example does not know yet shows as a failure of the contract.
        _ => ProviderError::BadRequest { status: 400, message },
    };
    Box::pin(async { Err(failed) })
}

/// Trusts every tree; for this example only. A real one runs the commands in a sandbox (see `01_run_a_job`).
#[derive(Debug)]
struct Trusting;

#[async_trait]
impl Checker for Trusting {
    async fn check(&self, request: CheckRequest<'_>) -> Result<Checked, CheckError> {
        let outcome = |command: &vdo_core::check::CheckCommand| CommandOutcome {
            command: command.clone(),
            exit: Exit::Code(0),
            rerun: None,
            output: String::new(),
            tests: Vec::new(),
            duration_ms: 0,
        };
        let tree_hash = request.source.tree().root_hash();
        let outcomes = request.commands.iter().map(outcome).collect();
        let report = CheckReport { tier: Tier::T0, tree_hash, outcomes, setup_failed: None };
        Ok(Checked { report, files: Vec::new() })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    contract::check(&Rules).await?;
    let played = Situation::ALL.into_iter().filter(|situation| Rules.can_play(*situation)).count();
    println!("the provider keeps the contract in {played} situations");

    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::builder(store, Arc::new(TokioClock), Arc::new(scanner), Arc::new(Trusting))
        .provider(Arc::new(RuleProvider::new("writer", greeter)))
        .provider(Arc::new(RuleProvider::new("reader", greeter)))
        .routes(Routes { default: vec!["writer:rules".parse()?, "reader:rules".parse()?], ..Routes::default() })
        .build();
    let job = engine.create(JobSpec::new("Greet", "Write a greeting.").with_check("test -s greeting.txt")).await?;
    let job = engine.run(job).await?;

    let calls = engine.store().calls(job.id).await?;
    let asked: Vec<String> = calls.iter().map(|call| format!("{} by {}", call.step.phase, call.provider)).collect();
    println!("job {} is {}: {}", job.id, job.status, asked.join(", "));
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None));
    assert_eq!(asked, ["plan by writer", "build by writer", "critique by reader"], "another one reviews");
    assert_eq!(job.stamps, [Stamp::LowerTier], "a result that was not confined says so");
    Ok(())
}
