//! The loop that drives one run: what is ready is written as an intent, done side by side, and taken in as it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::conflict::{ConflictRow, How};
use crate::engine::answers::{kept, replay};
use crate::engine::choice::{Tried, Turn};
use crate::engine::desk::{Desk, StepEnd};
use crate::engine::hear::usage_of;
use crate::engine::metrics::StepResult;
use crate::engine::signal::Signal;
use crate::engine::workers::Ending;
use crate::engine::{Engine, EngineError, History, StoreSource};
use crate::event::EventKind;
use crate::failure::{Failure, FailureKind};
use crate::id::{JobId, Phase, RevisionId, StepKey};
use crate::job::{Job, JobStatus};
use crate::port::changes::{CallOutcome, CallWrite, Changes, LeaseChange, StatusChange, StepWrite};
use crate::port::{CallRow, CallState, Lease, StepRow, StepState, StoreError};
use crate::prompt::Assignment;
use crate::route::Candidate;
use crate::run::{Answer, Ask, Brief, CheckWork, Effects, End, Finished, MergeBrief, Run, Style, Work};
use crate::tree::Manifest;

/// How many jobs of the lineage a model is told of.
const MAX_TOLD: usize = 20;

/// A step that is about to be done.
enum Launch {
    Ask(StepKey, Box<Ask>, Turn),
    Check(StepKey, Box<CheckWork>, StoreSource),
    Deliver(StepKey, Box<Finished>),
    /// The result goes nowhere but into the store: the job ends with what is written next.
    Keep(StepKey),
}

/// What came of steps that were ready.
enum Begun {
    /// Their intents are written.
    Launched(Vec<Launch>),
    /// Their reservations do not fit into the budget beside those of the calls under way. Nothing began.
    TooDear(Failure),
    /// They were chosen from what is no longer so. Nothing began; they are chosen again.
    Stale(Failure),
    /// The run stops without ending: no price, no candidate, a cap. Nothing began.
    Refused(Failure),
}

/// A run under way: the side that one owner changes.
pub(super) struct Drive<'d> {
    pub(super) desk: &'d Desk<'d>,
    pub(super) run: Run,
    /// The revisions of the parents.
    pub(super) pins: Vec<RevisionId>,
    /// The manifests of the further parents.
    pub(super) others: Vec<(JobId, Manifest)>,
    /// What the parents grew out of, once it is needed.
    pub(super) history: Option<History>,
    /// The conflicts as they are kept.
    conflicts: BTreeMap<u32, ConflictRow>,
    /// The steps of earlier tries.
    pub(super) journal: BTreeMap<StepKey, StepRow>,
    /// What the next commit writes.
    pub(super) pending: Changes,
    /// Answers of steps that asked no model, kept with their effects.
    local: BTreeMap<StepKey, Vec<u8>>,
    started: BTreeSet<StepKey>,
}

/// Drives `job`, which is that of `lease`, to its end, which is written.
pub(super) async fn drive(engine: &Engine, lease: Lease, job: Job, signal: Arc<Signal>) -> Result<(), EngineError> {
    let parts = &engine.parts;
    let fresh = lease.epoch == 1;
    let steps = if fresh { Vec::new() } else { parts.store.steps(lease.job).await? };
    let rows = if fresh { Vec::new() } else { parts.store.calls(lease.job).await? };
    let conflicts = if job.parents.len() > 1 { parts.store.conflicts(lease.job).await? } else { Vec::new() };
    let was_sent = |row: &CallRow| row.state == CallState::Sent;
    let partials = if rows.iter().any(was_sent) { parts.store.partials(lease.job).await? } else { Vec::new() };
    let brief = brief(engine, &job, &conflicts).await?;
    // Whoever ran this before died with these calls under way.
    let now = parts.clock.now();
    let mut given_up = Vec::new();
    let rows: Vec<CallRow> = rows
        .into_iter()
        .map(|row| {
            if !was_sent(&row) {
                return row;
            }
            let usage = row.usage.or_else(|| usage_of(&row, &partials));
            let row = CallRow { state: CallState::PossiblyBilled, usage, ended: Some(now), ..row };
            given_up.push(CallWrite::new(row.clone()));
            row
        })
        .collect();
    let desk = Desk::new(engine, lease, job, rows, signal);
    let mut pending = desk.changes();
    let replayed = steps.iter().filter(|step| step.answer.is_some()).count();
    pending.events.push(EventKind::Started {
        owner: parts.owner.clone(),
        epoch: desk.lease.epoch,
        replayed: u64::try_from(replayed).unwrap_or(u64::MAX),
    });
    pending.status = Some(StatusChange { status: JobStatus::Running, reason: None });
    pending.calls = given_up;
    let drive = Drive {
        desk: &desk,
        run: Run::new(brief),
        pins: Vec::new(),
        others: Vec::new(),
        history: None,
        conflicts: conflicts.into_iter().map(|row| (row.ordinal, row)).collect(),
        journal: steps.into_iter().map(|step| (step.key.clone(), step)).collect(),
        pending,
        local: BTreeMap::new(),
        started: BTreeSet::new(),
    };
    drive.go().await
}

async fn brief(engine: &Engine, job: &Job, conflicts: &[ConflictRow]) -> Result<Brief, EngineError> {
    let parts = &engine.parts;
    let mut ancestors: Vec<(JobId, String, String)> = Vec::new();
    // The nearest first: a job is made after its parents.
    let mut open: BTreeSet<JobId> = job.parents.iter().map(|link| link.job).collect();
    while let Some(id) = open.pop_last().filter(|_| ancestors.len() < MAX_TOLD) {
        let ancestor = parts.store.job(id).await?;
        open.extend(ancestor.parents.iter().map(|link| link.job));
        ancestors.push((id, ancestor.spec.title, ancestor.spec.description));
    }
    let mut merges = Vec::new();
    for link in job.parents.iter().filter(|_| job.parents.len() > 1) {
        let parent = parts.store.job(link.job).await?;
        merges.push((link.job, parent.spec.title, parent.spec.description));
    }
    let decided = conflicts.iter().filter_map(|row| Some((row, row.decision.as_ref()?)));
    let by_people = decided.filter(|(_, decision)| decision.how != How::Model);
    let style = |phase| match parts.routes.of(phase).first() {
        Some(route) if parts.providers.get(&route.provider).is_some_and(|p| p.capabilities(&route.model).tools) => {
            Style::Tools
        }
        _ => Style::Text,
    };
    let repair = style(Phase::Repair);
    let format =
        |phase| parts.routes.of(phase).first().map_or(parts.formats.other, |route| parts.formats.of(&route.model));
    let can_repair = |route: &&Candidate| {
        let provider = parts.providers.get(&route.provider);
        provider.is_some_and(|p| repair == Style::Text || p.capabilities(&route.model).tools)
    };
    Ok(Brief {
        assignment: Assignment {
            job: job.id,
            title: job.spec.title.clone(),
            description: job.spec.description.clone(),
            ancestors,
            merges,
        },
        merge: MergeBrief {
            policy: job.spec.merge,
            can_ask: !parts.routes.of(Phase::Merge).is_empty(),
            decisions: by_people.map(|(row, by)| (row.ordinal, (row.path.clone(), by.how, by.entry))).collect(),
        },
        checks: job.spec.checks.clone(),
        build: style(Phase::Build),
        repair,
        build_format: format(Phase::Build),
        repair_format: format(Phase::Repair),
        repairers: parts.routes.of(Phase::Repair).iter().filter(can_repair).map(ToString::to_string).collect(),
        limits: parts.limits.clone(),
        prompts: parts.prompts.clone(),
    })
}

impl<'d> Drive<'d> {
    /// Runs until there is nothing more to do, and writes how it ended. What is awaited once in a while is boxed: a run spends its
    /// time waiting for models, and its future should not keep the room that the largest of these steps needs.
    async fn go(mut self) -> Result<(), EngineError> {
        let mut flying: FuturesUnordered<Pin<Box<dyn Future<Output = StepEnd> + Send + 'd>>> = FuturesUnordered::new();
        let mut stop: Option<Failure> = None;
        // Why a step has no answer that the others did not need so far.
        let mut later: Option<Failure> = None;
        loop {
            self.catch_up().await?;
            if self.desk.is_cancelled() {
                // What is under way sees the request too, and ends with its row written.
                stop = Some(Failure::new(FailureKind::Cancelled, "cancelled on request"));
            }
            if stop.is_none() && self.run.end().is_none() {
                let begun = match Box::pin(self.launch_ready(usize::MAX)).await? {
                    // Not all together, but perhaps one after the other.
                    Begun::TooDear(_) | Begun::Stale(_) if flying.is_empty() => Box::pin(self.launch_again()).await?,
                    begun => begun,
                };
                match begun {
                    Begun::Launched(launches) => {
                        for launch in launches {
                            match launch {
                                Launch::Keep(_) => return Ok(()),
                                Launch::Deliver(key, finished) => {
                                    return Box::pin(self.deliver(key, &finished)).await;
                                }
                                Launch::Ask(key, ask, call) => {
                                    let step = self.desk.perform_ask(key.clone(), *ask, call);
                                    flying.push(Box::pin(self.desk.counted(key, step)));
                                }
                                Launch::Check(key, work, source) => {
                                    let step = self.desk.perform_check(key.clone(), *work, source);
                                    flying.push(Box::pin(self.desk.counted(key, step)));
                                }
                            }
                        }
                    }
                    // What is under way frees its reservation once it is answered.
                    Begun::TooDear(_) | Begun::Stale(_) if !flying.is_empty() => {}
                    Begun::TooDear(failure) | Begun::Stale(failure) | Begun::Refused(failure) => stop = Some(failure),
                }
            }
            if self.desk.is_cancelled() && stop.is_none() {
                continue;
            }
            // Nobody waits any more for commands that are still running once the run has ended.
            if flying.is_empty() || (stop.is_none() && self.run.end().is_some()) {
                let is_waiting = self.run.end().is_none();
                return Box::pin(self.end(stop.or(later.filter(|_| is_waiting)))).await;
            }
            let mut ended = Vec::from_iter(flying.next().await);
            while let Some(Some(more)) = flying.next().now_or_never() {
                ended.push(more);
            }
            for end in ended {
                match end {
                    StepEnd::Answer(key, answer) => self.take(key, *answer)?,
                    StepEnd::Failed(failure) => stop = stop.or(Some(failure)),
                    StepEnd::Postponed(failure) => later = Some(failure),
                    StepEnd::Fatal(error) => return Err(error),
                }
            }
        }
    }

    /// Gives an answer to the machine; one of a step that asked no model is kept with its effects.
    fn take(&mut self, key: StepKey, answer: Answer) -> Result<(), EngineError> {
        if self.run.end().is_some() {
            return Ok(());
        }
        if let Some(bytes) = kept(&key, &answer).map_err(|error| EngineError::Internal(error.to_string()))? {
            self.local.insert(key.clone(), bytes);
        }
        self.run.answer(key, answer).map_err(|error| EngineError::Internal(error.to_string()))
    }

    /// Takes in everything that needs no new work: answers at hand, contents, the journal, and the steps that only look.
    async fn catch_up(&mut self) -> Result<(), EngineError> {
        loop {
            let missing: Vec<_> = self.run.missing().into_iter().collect();
            if !missing.is_empty() {
                let blobs = self.desk.parts().store.blobs(&missing).await?;
                self.run.supply(&blobs);
            }
            let effects = self.run.advance(self.desk.parts().syntax.as_ref());
            self.absorb(effects);
            if !self.run.missing().is_empty() {
                continue;
            }
            // Steps whose effects are written come before those that are only answered.
            let waiting: Vec<StepKey> =
                self.run.ready().into_iter().filter(|key| !self.started.contains(key)).collect();
            let state = |key: &StepKey| self.journal.get(key).filter(|row| row.answer.is_some()).map(|row| row.state);
            let known = [StepState::Applied, StepState::Answered]
                .into_iter()
                .find_map(|wanted| waiting.iter().find(|key| state(key) == Some(wanted)));
            let local =
                waiting.iter().find(|key| matches!(key.phase, Phase::Load | Phase::Scan) || is_merge_itself(key));
            let Some(key) = known.or(local).cloned() else { return Ok(()) };
            self.started.insert(key.clone());
            let begun = self.desk.parts().clock.now();
            let answer = match self.journal.get(&key).and_then(|row| row.answer.clone()) {
                Some(bytes) => replay(&key, &bytes)?,
                None => match self.run.work(&key) {
                    Ok(Work::Load) => Answer::Loaded(self.load().await?),
                    Ok(Work::Merge(work)) => Answer::Merged(self.merge(&work).await?),
                    Ok(Work::Scan(tree)) => Answer::Scanned(self.scan(tree).await?),
                    _ => return Err(EngineError::Internal(format!("step {key} is not what it was"))),
                },
            };
            if known.is_none() {
                self.desk.count_step(key.phase, StepResult::Answered, begun);
            }
            self.run.answer(key, answer).map_err(|error| EngineError::Internal(error.to_string()))?;
        }
    }

    /// Adds effects to what is written next, unless an earlier try wrote them.
    fn absorb(&mut self, effects: Effects) {
        let written = |key: &StepKey| self.journal.get(key).is_some_and(|row| row.state == StepState::Applied);
        if effects.applied.iter().any(written) {
            return;
        }
        for key in effects.applied {
            let answer = self.local.remove(&key).map(Into::into);
            self.pending.steps.push(StepWrite { key, state: StepState::Applied, request_hash: None, answer });
        }
        self.pending.blobs.extend(effects.blobs);
        self.pending.events.extend(effects.events);
        self.pending.checks.extend(effects.checks);
        for (row, step) in effects.conflicts {
            self.keep_conflict(row, step);
        }
        for (step, outcome) in effects.outcomes {
            if let Some(number) = self.desk.answered_by(&step) {
                self.pending.outcomes.push(CallOutcome { step, number, outcome });
            }
        }
    }

    /// Adds a conflict to what is written next, with the times and the author that the machine does not know.
    fn keep_conflict(&mut self, mut row: ConflictRow, step: Option<StepKey>) {
        let now = self.pending.at;
        row.created = self.conflicts.get(&row.ordinal).map_or(now, |known| known.created);
        if let Some(decision) = &mut row.decision {
            decision.at = now;
            decision.author = step.and_then(|step| self.desk.author_of(&step)).unwrap_or_default();
            let (path, how, author) = (row.path.clone(), decision.how, decision.author.clone());
            self.pending.events.push(EventKind::Resolved { path, how, author });
        }
        self.conflicts.insert(row.ordinal, row.clone());
        self.pending.conflicts.push(row);
    }

    /// Adds a step's intent to what is written next. The inner error says why it may not begin.
    async fn announce(&mut self, key: StepKey) -> Result<Result<Launch, Failure>, EngineError> {
        self.started.insert(key.clone());
        Ok(Ok(match self.run.work(&key).map_err(|error| EngineError::Internal(error.to_string()))? {
            Work::Ask(ask) => {
                let turn = match self.desk.next_turn(&key, &ask, &Tried::default()) {
                    Ok(turn) => turn,
                    Err(failure) => return Ok(Err(failure.with_phase(key.phase))),
                };
                let state = StepState::Intent;
                let mut intent = StepWrite { key: key.clone(), state, request_hash: None, answer: None };
                if let Turn::Call(call) = &turn {
                    intent.request_hash = Some(call.row.request_hash);
                    self.pending.calls.push(call.sent());
                    self.pending.events.push(call.sent_event());
                }
                self.pending.steps.push(intent);
                Launch::Ask(key, ask, turn)
            }
            Work::Check(work) => {
                let source = self.source(work.tree.clone());
                Launch::Check(key, work, source)
            }
            Work::Deliver(finished) => {
                let ends = self.stage_result(&key, &finished).await?;
                if ends { Launch::Keep(key) } else { Launch::Deliver(key, finished) }
            }
            Work::Load | Work::Merge(_) | Work::Scan(_) => {
                return Err(EngineError::Internal(format!("step {key} was not taken in")));
            }
        }))
    }

    /// Writes the intent of one step, chosen again as often as others come in between.
    async fn launch_again(&mut self) -> Result<Begun, EngineError> {
        let mut begun = self.launch_ready(1).await?;
        for _ in 0..5 {
            match begun {
                Begun::Stale(_) => begun = self.launch_ready(1).await?,
                begun => return Ok(begun),
            }
        }
        Ok(begun)
    }

    /// Writes the intents of steps that are ready, together with what is pending.
    async fn launch_ready(&mut self, most: usize) -> Result<Begun, EngineError> {
        self.desk.engine.refresh(false).await?;
        let ready = self.run.ready().into_iter().filter(|key| !self.started.contains(key));
        let ready: Vec<StepKey> = ready.take(most).collect();
        let mut launches = Vec::new();
        let before = self.pending.clone();
        let mut refused = None;
        for key in ready {
            match self.announce(key).await? {
                Ok(launch) => launches.push(launch),
                Err(failure) => refused = Some(failure),
            }
        }
        if let Some(failure) = refused {
            self.pending = before;
            return Ok(Begun::Refused(failure));
        }
        if launches.is_empty() && before.steps.is_empty() && before.events.is_empty() {
            return Ok(Begun::Launched(launches));
        }
        let changes = std::mem::replace(&mut self.pending, self.desk.changes());
        match self.desk.write(changes).await {
            Ok(_) => {
                // A request to stop that came with this write finds its calls announced, but not sent.
                let is_cancelled = self.desk.is_cancelled();
                for launch in &launches {
                    if let Launch::Ask(_, _, Turn::Call(call)) = launch {
                        self.desk.remember(&call.row);
                        if is_cancelled {
                            self.desk.withdraw(&call.row, &mut self.pending);
                        }
                    }
                }
                launches.retain(|launch| !is_cancelled || matches!(launch, Launch::Deliver(..) | Launch::Keep(_)));
                Ok(Begun::Launched(launches))
            }
            Err(EngineError::Store(
                error @ (StoreError::Budget { .. }
                | StoreError::OverBudget(_)
                | StoreError::Trial { .. }
                | StoreError::Paced { .. }),
            )) => {
                self.desk.engine.watch_pace(&error);
                self.pending = before;
                for launch in launches {
                    if let Launch::Ask(_, _, Turn::Call(_)) = launch {
                        self.desk.uncount_call();
                    }
                    let (Launch::Ask(key, ..) | Launch::Check(key, ..) | Launch::Deliver(key, ..) | Launch::Keep(key)) =
                        launch;
                    self.started.remove(&key);
                }
                self.desk.engine.refresh(true).await?;
                let failure = Failure::new(FailureKind::Budget, error.to_string());
                Ok(if matches!(error, StoreError::Budget { .. }) {
                    Begun::TooDear(failure)
                } else {
                    Begun::Stale(failure)
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Writes how the run ended, with whatever is pending, and gives the lease back.
    async fn end(mut self, stop: Option<Failure>) -> Result<(), EngineError> {
        let ending = match (stop, self.run.end()) {
            (Some(failure), _) => Ending::of(stopped(&failure), &failure, self.desk),
            (None, Some(End::Failed(failure))) => Ending::of(JobStatus::Failed, failure, self.desk),
            (None, Some(End::NeedsDecision(reason))) => Ending::final_one(JobStatus::NeedsDecision, reason),
            (None, Some(End::Completed) | None) => {
                return Err(EngineError::Internal(format!("the run stands still in phase {}", self.run.phase())));
            }
        };
        let (status, reason) = (ending.status, Some(ending.reason));
        let mut changes = std::mem::replace(&mut self.pending, self.desk.changes());
        changes.calls.extend(self.desk.give_up());
        changes.status = Some(StatusChange { status, reason: reason.clone() });
        changes.events.push(EventKind::Status { status, reason });
        changes.retry = Some(ending.retry);
        changes.lease = LeaseChange::Release;
        self.desk.write(changes).await?;
        Ok(())
    }
}

fn stopped(failure: &Failure) -> JobStatus {
    match failure.kind {
        FailureKind::Budget => JobStatus::BudgetStopped,
        FailureKind::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Failed,
    }
}

/// Returns whether a step merges a parent in, rather than asking about a conflict.
fn is_merge_itself(key: &StepKey) -> bool {
    key.phase == Phase::Merge && key.task.is_none()
}
