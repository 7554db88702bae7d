//! Spans of runs, steps and calls, for whoever listens through `tracing`.
//!
//! Names and fields are kept as they are: people's dashboards name them. Calls have the attributes of OpenTelemetry's conventions for
//! generative models, and `otel.name`, `otel.kind` and `otel.status_code` as `tracing-opentelemetry` reads them. Never in a
//! span: what was asked, what was answered, files, keys, and what an error said.
//!
//! Invariant: without a listener nothing is made, neither a text nor a span.

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::metrics::StepResult;
use crate::id::StepKey;
use crate::job::JobStatus;
use crate::message::Reply;
use crate::port::{CallRow, Lease};
use crate::run::Answer;

/// The span of one run of a job: `run`.
pub(super) fn run(lease: &Lease) -> Span {
    info_span!(
        "run",
        "vdo.job" = lease.job.number(),
        "vdo.epoch" = lease.epoch,
        "vdo.status" = Empty,
        "otel.status_code" = Empty,
    )
}

/// Says how a run ended; none if a store or a port ended it.
pub(super) fn ended(span: &Span, status: Option<JobStatus>) {
    span.record("vdo.status", status.map_or("error", JobStatus::as_str));
    if matches!(status, None | Some(JobStatus::Failed)) {
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of a step that asks a model or runs commands, within that of its run: `step`.
pub(super) fn step(key: &StepKey) -> Span {
    info_span!(
        "step",
        "otel.name" = format_args!("step {}", key.phase),
        "vdo.step" = %key,
        "vdo.phase" = key.phase.as_str(),
        "vdo.result" = Empty,
    )
}

/// Says what became of a step.
pub(super) fn done(span: &Span, result: StepResult) {
    span.record("vdo.result", result.as_str());
}

/// The span of one call, within that of its step: `call`.
pub(super) fn call(row: &CallRow, max_output: Option<u64>) -> Span {
    info_span!(
        "call",
        "otel.name" = format_args!("chat {}", row.model),
        "otel.kind" = "client",
        "gen_ai.operation.name" = "chat",
        "gen_ai.provider.name" = row.provider.as_str(),
        "gen_ai.request.model" = row.model.as_str(),
        "gen_ai.request.max_tokens" = max_output,
        "gen_ai.response.model" = Empty,
        "gen_ai.response.id" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "gen_ai.usage.cache_read.input_tokens" = Empty,
        "gen_ai.usage.cache_creation.input_tokens" = Empty,
        "vdo.call.number" = row.number,
        "vdo.call.state" = Empty,
        "vdo.cost_nanousd" = Empty,
        "error.type" = Empty,
        "otel.status_code" = Empty,
    )
}

/// Says what came of a call, and ends its span.
pub(super) fn called(span: Span, row: &CallRow, answer: Option<&Answer>) {
    if span.is_disabled() {
        return;
    }
    span.record("vdo.call.state", row.state.as_str());
    if let Some(Answer::Reply(Reply { model, request_id, .. })) = answer {
        span.record("gen_ai.response.model", model.as_str());
        if let Some(id) = request_id {
            span.record("gen_ai.response.id", id.as_str());
        }
    }
    if let Some(usage) = row.usage {
        span.record("gen_ai.usage.input_tokens", usage.total_input());
        span.record("gen_ai.usage.output_tokens", usage.output);
        span.record("gen_ai.usage.cache_read.input_tokens", usage.cache_read);
        span.record(
            "gen_ai.usage.cache_creation.input_tokens",
            usage.cache_write.saturating_add(usage.cache_write_long),
        );
    }
    if let Some(cost) = row.cost {
        span.record("vdo.cost_nanousd", cost.0);
    }
    if let Some(failure) = &row.failure {
        // A plain name: it is written without failing.
        if let Ok(serde_json::Value::String(kind)) = serde_json::to_value(failure.kind) {
            span.record("error.type", kind.as_str());
        }
        span.record("otel.status_code", "ERROR");
    }
}
