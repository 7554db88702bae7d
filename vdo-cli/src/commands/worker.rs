//! `vdo worker`: runs the jobs of a store until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use vdo_core::engine::{Engine, EngineError, Observer, WorkerRules};
use vdo_core::id::JobId;
use vdo_core::job::JobStatus;
use vdo_core::port::StoreError;
use vdo_store::worker::{Ran, Until, Wanted, Worker, WorkerEvent, WorkerOptions};

use crate::app::{App, is_dead, owner};
use crate::args;
use crate::fail::{Fail, chain};
use crate::out::Out;
use crate::story;

/// Returns how a worker opens its store: one that stands still in the middle of a write holds the others up for half a lease at
/// the most, so that its jobs can be taken over when the lease is out.
pub(crate) fn options(args: &args::Worker) -> vdo_store::Options {
    let half = Duration::from_secs(args.lease) / 2;
    let options = vdo_store::Options::default();
    let stall = half.clamp(Duration::from_millis(500), options.stall_timeout);
    options.with_stall_timeout(stall)
}

/// Runs jobs until it is told to stop, or until nothing is left.
pub(crate) async fn worker(app: &App, args: &args::Worker) -> Result<(), Fail> {
    let lease = Duration::from_secs(args.lease);
    let mut rules = WorkerRules::default().with_retry(app.config.retries());
    if let Some(most) = args.per_project {
        rules = rules.with_per_project(most);
    }
    let parts = app.runner_parts(observer(app.out)).await?;
    let engine = parts.lease_ttl(lease).worker_rules(rules).build();
    let queue = vdo_store::worker::queue(&app.config.store_url()?, lease).await;
    let queue = queue.map_err(|error| Fail::failed(chain(&error)))?;
    let options = WorkerOptions::new(owner())
        .with_concurrency(usize::from(args.concurrency))
        .with_per_project(args.per_project)
        .with_lease(lease)
        .with_drain(Duration::from_secs(args.drain))
        .with_until(if args.until_idle { Until::Idle } else { Until::Asked });
    let (want, wanted) = watch::channel(Wanted::Work);
    let signals = tokio::spawn(signals(want, app.out));
    let heartbeat = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.heartbeat().await })
    };
    tell(app.out, &json!({"worker": "started", "owner": owner(), "lease_seconds": args.lease}), || {
        format!("worker started: {} at once; Ctrl-C drains", args.concurrency)
    });
    let handler = {
        let engine = engine.clone();
        move |job| {
            let engine = engine.clone();
            async move { attempt(&engine, job).await }
        }
    };
    let out = app.out;
    let worker = Worker::new(engine.store().clone(), queue, Arc::new(app.clock), options, handler)
        .with_observer(Arc::new(move |event| told(out, event)));
    let tally = worker.run(wanted).await;
    heartbeat.abort();
    signals.abort();
    let tally = tally?;
    for job in &tally.interrupted {
        // Somebody else may have taken over meanwhile: then it is his.
        let _ = engine.release(*job).await;
        tell(app.out, &json!({"worker": "gave_back", "job": job}), || {
            format!("job {job} is given back; it goes on later")
        });
    }
    app.alerts.finish(&app.out).await;
    tell(app.out, &json!({"worker": "ended", "jobs": tally.ended}), || {
        let ends: Vec<String> = tally.ended.iter().map(|(status, count)| format!("{count} {status}")).collect();
        format!("worker ended: {}", if ends.is_empty() { "no jobs".to_owned() } else { ends.join(", ") })
    });
    Ok(())
}

/// Runs a job and says what came of it.
async fn attempt(engine: &Engine, id: JobId) -> Ran {
    let result = match engine.run(id).await {
        Err(EngineError::Store(StoreError::Busy { owner, epoch, .. })) if is_dead(&owner) => {
            engine.run_after(id, Some(epoch)).await
        }
        other => other,
    };
    match result {
        Ok(job) => Ran::Ended(job.status),
        Err(EngineError::Store(StoreError::Fenced { .. })) => Ran::Lost,
        Err(
            error @ (EngineError::Store(StoreError::Busy { .. } | StoreError::Crowded { .. } | StoreError::NotFound(_))
            | EngineError::WaitsFor { .. }
            | EngineError::NotRunnable { .. }),
        ) => Ran::NotNow(chain(&error)),
        // Nothing was claimed: it is the configuration of this worker that does not fit.
        Err(error @ (EngineError::NoRoute(_) | EngineError::UnknownProvider { .. })) => Ran::Broke(chain(&error)),
        Err(error) => {
            let text = chain(&error);
            match engine.postpone(id, &error).await {
                Ok(job) if job.status == JobStatus::Failed => Ran::Ended(job.status),
                Ok(_) | Err(_) => Ran::Broke(text),
            }
        }
    }
}

/// Turns signals into what is wanted: the first drains, the second stops.
async fn signals(want: watch::Sender<Wanted>, out: Out) {
    for wanted in [Wanted::Drain, Wanted::Stop] {
        super::run::interrupted().await;
        if wanted == Wanted::Drain {
            out.say("no new jobs are taken; a second signal ends at once");
        }
        want.send_replace(wanted);
    }
    // The worker notices that nobody asks any more; it has been told all there is.
    std::future::pending::<()>().await;
}

fn observer(out: Out) -> Observer {
    Arc::new(move |event| {
        if out.json {
            let _ = out.value(event);
        } else if let Some(line) = story::line(&event.kind) {
            out.say(format!("{}: {line}", event.job));
        }
    })
}

fn told(out: Out, event: &WorkerEvent) {
    match event {
        WorkerEvent::Began(job) => tell(out, &json!({"worker": "began", "job": job}), || format!("{job}: begins")),
        WorkerEvent::Finished(job, Ran::Ended(status)) => {
            tell(out, &json!({"worker": "finished", "job": job, "status": status}), || format!("{job}: {status}"));
        }
        WorkerEvent::Finished(job, Ran::NotNow(why)) => {
            tell(out, &json!({"worker": "not_now", "job": job, "reason": why}), || format!("{job}: not now: {why}"));
        }
        WorkerEvent::Finished(job, Ran::Lost) => {
            tell(out, &json!({"worker": "lost", "job": job}), || format!("{job}: another worker took over"));
        }
        WorkerEvent::Finished(job, Ran::Broke(why)) => {
            tell(out, &json!({"worker": "broke", "job": job, "reason": why}), || format!("{job}: broke down: {why}"));
        }
        WorkerEvent::Draining(jobs) => {
            tell(out, &json!({"worker": "draining", "jobs": jobs}), || format!("draining: {jobs} under way"));
        }
        WorkerEvent::Trouble(why) => {
            tell(out, &json!({"worker": "trouble", "reason": why}), || format!("trouble, going on: {why}"));
        }
    }
}

/// Prints a line of JSON, or says it.
fn tell(out: Out, value: &serde_json::Value, line: impl FnOnce() -> String) {
    if out.json {
        let _ = out.value(value);
    } else {
        out.say(story::plain(&line(), 2000));
    }
}
