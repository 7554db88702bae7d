//! `vdo run`: runs a job, or goes on with it, to its end.

use std::sync::Arc;

use vdo_core::engine::{Engine, EngineError, Observer};
use vdo_core::failure::FailureKind;
use vdo_core::job::{Job, JobStatus};
use vdo_core::port::{CallState, StoreError};

use crate::app::{App, is_dead};
use crate::args;
use crate::fail::Fail;
use crate::out::{Out, is_lively};
use crate::story;

/// Runs a job and says how it ended, by words and by exit code.
pub(crate) async fn run(app: &App, args: &args::Run) -> Result<(), Fail> {
    // A job that is not there is told before anything about providers is.
    app.engine()?.store().job(args.id).await?;
    let progress = Progress::new(app.out);
    let engine = app.runner(progress.observer()).await?;
    let job = drive(&engine, args.id).await;
    progress.finish();
    app.alerts.finish(&app.out).await;
    let job = job?;
    if !app.out.json {
        app.out.say(format!("{} {}: {}", job.id, job.status, story::spent(&job.usage, job.cost)));
        if let Some(branch) = &job.branch {
            app.out.say(format!("branch {branch}"));
        }
    }
    verdict(&engine, &job).await
}

/// Runs a job until it ends or somebody presses Ctrl-C; then its state is kept and its lease given back.
pub(crate) async fn drive(engine: &Engine, id: vdo_core::id::JobId) -> Result<Job, Fail> {
    let heartbeat = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.heartbeat().await })
    };
    let result = tokio::select! {
        result = attempt(engine, id) => result.map_err(Fail::from),
        _ = interrupted() => {
            // The run's future is dropped here, as by a crash; what was answered is in the journal.
            let _ = engine.release(id).await;
            Err(Fail::Interrupted(format!("interrupted; what was answered is kept, and vdo run {} goes on", id.number())))
        }
    };
    heartbeat.abort();
    result
}

/// Runs a job, taking over from a runner of this machine that is dead.
async fn attempt(engine: &Engine, id: vdo_core::id::JobId) -> Result<Job, EngineError> {
    match engine.run(id).await {
        Err(EngineError::Store(StoreError::Busy { owner, epoch, .. })) if is_dead(&owner) => {
            engine.run_after(id, Some(epoch)).await
        }
        other => other,
    }
}

pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            tokio::select! { _ = int.recv() => (), _ = term.recv() => () }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Turns how a job ended into an exit code.
pub(crate) async fn verdict(engine: &Engine, job: &Job) -> Result<(), Fail> {
    let reason = story::plain(job.reason.as_deref().unwrap_or_default(), 2000);
    let text = format!("job {} is {}: {reason}", job.id, job.status);
    match job.status {
        JobStatus::Completed => Ok(()),
        JobStatus::NeedsDecision | JobStatus::BudgetStopped => Err(Fail::Decision(text)),
        JobStatus::Failed => {
            let calls = engine.store().calls(job.id).await?;
            let last = calls.iter().max_by_key(|call| (call.ended, call.number));
            let failed = last
                .filter(|call| matches!(call.state, CallState::Failed | CallState::PossiblyBilled))
                .and_then(|call| Some((call, call.failure.as_ref()?)))
                .filter(|(_, failure)| job.reason.as_deref() == Some(failure.message.as_str()));
            let text = match failed {
                Some((call, _)) => {
                    let who = story::plain(&format!("{}:{}", call.provider, call.model), 200);
                    format!("job {} is {}: {who}: {reason}", job.id, job.status)
                }
                None => text,
            };
            let kind = failed.map(|(_, failure)| failure.kind);
            Err(match kind {
                Some(FailureKind::KeyRefused) => Fail::Key(text),
                Some(
                    FailureKind::Transport
                    | FailureKind::RateLimited
                    | FailureKind::Overloaded
                    | FailureKind::ProviderFault,
                ) => Fail::Unreachable(text),
                _ => Fail::Failed(text),
            })
        }
        JobStatus::Queued | JobStatus::Running | JobStatus::Cancelled | JobStatus::Archived => Err(Fail::Failed(text)),
    }
}

/// Shows a run as it goes: lines, a moving line below them on a terminal, or JSON.
pub(crate) struct Progress {
    out: Out,
    bar: Option<indicatif::ProgressBar>,
}

impl Progress {
    pub(crate) fn new(out: Out) -> Self {
        let lively = !out.json && !out.quiet && is_lively();
        let bar = lively.then(|| {
            let bar = indicatif::ProgressBar::new_spinner();
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Self { out, bar }
    }

    pub(crate) fn observer(&self) -> Observer {
        let (out, bar) = (self.out, self.bar.clone());
        Arc::new(move |event| {
            if out.json {
                let _ = out.value(event);
                return;
            }
            match (&bar, story::line(&event.kind)) {
                (Some(bar), Some(line)) => bar.suspend(|| out.say(line)),
                (None, Some(line)) => out.say(line),
                (_, None) => {}
            }
            if let (Some(bar), Some(doing)) = (&bar, story::doing(&event.kind)) {
                bar.set_message(doing);
            }
        })
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
