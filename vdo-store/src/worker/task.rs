//! Words as apalis keeps them, on either database.
//!
//! Pure but for the time of the clock, which apalis takes from the machine as well.

use apalis_core::backend::TaskResult;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId;
use vdo_core::id::JobId;
use vdo_core::port::{Ticket, Wake};

/// What the words are filed under.
pub(super) const QUEUE: &str = "vdo";

/// Returns what a word is told apart by, so that a second one adds nothing.
fn key(job: JobId) -> String {
    format!("job-{}", job.number())
}

/// Returns a priority as apalis has it, which knows none below zero.
fn priority(priority: i8) -> usize {
    usize::try_from(i32::from(priority) + 128).unwrap_or(0)
}

/// Returns the task that a word is.
pub(super) fn task(wake: &Wake) -> Task<Vec<u8>> {
    // Whole seconds, and never too early. What is due at once lies behind by one, so that databases that compare with `<` see it.
    let due = wake.not_before.map_or(0, |at| u64::try_from(at.0).unwrap_or(0).div_ceil(1000));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    TaskBuilder::new(wake.job.number().to_string().into_bytes())
        .priority(priority(wake.priority))
        .run_at_timestamp(due.max(now.saturating_sub(1)))
        .idempotency_key(key(wake.job))
        .build()
}

/// Reads the ticket that a task is.
pub(super) fn ticket(task: &Task<Vec<u8>>) -> Option<Ticket> {
    let job = std::str::from_utf8(&task.args).ok()?.parse().ok().and_then(JobId::new)?;
    Some(Ticket { job, token: task.task_id()?.to_string() })
}

/// Returns what apalis is told of a task that is done.
pub(super) fn done(ticket: &Ticket) -> TaskResult<serde_json::Value> {
    let task_id = TaskId::from_string(ticket.token.clone());
    TaskResult { task_id, attempt: 1, status: Status::Done, result: Ok(serde_json::Value::Null) }
}
