//! The loop of a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use vdo_core::failure::chain;
use vdo_core::id::JobId;
use vdo_core::port::{Agenda, AgendaQuery, QueueError, StoreError, Ticket};
use vdo_core::schedule::{Room, choose};

use super::{Ran, Tally, Until, Wanted, Worker, WorkerEvent};

/// How often the queue is asked for words while there is room.
const POLL: Duration = Duration::from_millis(100);
/// The shortest time between two looks through the store.
const PACE: Duration = Duration::from_millis(200);
/// How long a job that broke down is let alone; doubles each time.
const REST: Duration = Duration::from_secs(1);
/// After how many breakdowns in a row a worker that ends when idle no longer waits for a job.
const GIVE_UP: u32 = 3;

/// A worker at work.
struct Shift<'w> {
    worker: &'w Worker,
    runs: JoinSet<(JobId, Ran)>,
    /// What runs, with the ticket it came with.
    under_way: BTreeMap<JobId, Option<Ticket>>,
    /// What the last look found and nobody started yet.
    found: Agenda,
    looked: Option<Instant>,
    /// Whether something happened that another look may find the consequences of.
    stirred: bool,
    /// Jobs that broke down: how often in a row, and until when they are let alone.
    resting: BTreeMap<JobId, (u32, Instant)>,
    tally: Tally,
}

/// Works; see [`Worker::run`].
pub(super) async fn run(worker: &Worker, mut wanted: watch::Receiver<Wanted>) -> Result<Tally, StoreError> {
    if worker.store.backlog().is_none() {
        return Err(StoreError::Invalid("this store cannot say what is to be run".to_owned()));
    }
    let beats = tokio::spawn(beat(worker.clone()));
    let mut shift = Shift {
        worker,
        runs: JoinSet::new(),
        under_way: BTreeMap::new(),
        found: Agenda::default(),
        looked: None,
        stirred: true,
        resting: BTreeMap::new(),
        tally: Tally::default(),
    };
    // Words are pulled only once the queue knows who pulls.
    shift.trouble(worker.queue.beat(&worker.options.name).await);
    let result = shift.work(&mut wanted).await;
    shift.drain(&mut wanted).await;
    beats.abort();
    result.map(|()| shift.tally)
}

/// Tells the queue that the worker lives, for ever.
async fn beat(worker: Worker) {
    loop {
        worker.clock.sleep(worker.options.lease / 3).await;
        if let Err(error) = worker.queue.beat(&worker.options.name).await {
            worker.tell(WorkerEvent::Trouble(chain(&error)));
        }
    }
}

impl Shift<'_> {
    async fn work(&mut self, wanted: &mut watch::Receiver<Wanted>) -> Result<(), StoreError> {
        while *wanted.borrow_and_update() == Wanted::Work {
            self.take_in_ended().await;
            let begun = self.fill().await;
            if !begun && self.worker.options.until == Until::Idle && self.is_idle().await {
                return Ok(());
            }
            let next = Instant::now() + if self.free() > 0 { POLL } else { self.worker.options.sweep() };
            tokio::select! {
                Some(ended) = self.runs.join_next(), if !self.runs.is_empty() => self.ended(ended).await,
                // Nobody is left who could ask: the worker ends.
                changed = wanted.changed() => if changed.is_err() { return Ok(()) },
                () = sleep_until(next) => {}
            }
        }
        Ok(())
    }

    fn free(&self) -> usize {
        self.worker.options.concurrency.saturating_sub(self.runs.len())
    }

    /// Starts what there is room for; says whether anything was.
    async fn fill(&mut self) -> bool {
        let mut begun = false;
        while self.free() > 0 {
            let ticket = match self.worker.queue.pull(&self.worker.options.name).await {
                Ok(ticket) => ticket,
                Err(error) => {
                    self.trouble(Err(error));
                    None
                }
            };
            self.look(ticket.as_ref()).await;
            let room = Room { free: self.free(), per_project: self.worker.options.per_project };
            let chosen = choose(&self.found, room);
            let is_called = ticket.is_some();
            let mut ticket = ticket;
            begun |= !chosen.is_empty();
            for job in &chosen {
                let own = ticket.take_if(|ticket| ticket.job == *job);
                self.begin(*job, own);
            }
            // What it named cannot be run now, or was less urgent than what was found: the next look finds it again.
            if let Some(ticket) = ticket {
                self.hand_in(&ticket).await;
            }
            if !is_called && chosen.is_empty() {
                break;
            }
        }
        begun
    }

    fn begin(&mut self, job: JobId, ticket: Option<Ticket>) {
        if let Some(at) = self.found.waiting.iter().position(|one| one.job == job) {
            let one = self.found.waiting.remove(at);
            let until = self.worker.clock.now().after(self.worker.options.lease);
            let running = vdo_core::port::Running { job, root: one.root, merges: one.merges, until };
            self.found.running.push(running);
        }
        self.worker.tell(WorkerEvent::Began(job));
        self.under_way.insert(job, ticket);
        let future = (self.worker.handler)(job);
        self.runs.spawn(async move { (job, future.await) });
    }

    /// Looks through the store if it is time to, and looks the ticket's job up otherwise.
    async fn look(&mut self, ticket: Option<&Ticket>) {
        let Some(backlog) = self.worker.store.backlog() else { return };
        let now = self.worker.clock.now();
        let since = self.looked.map_or(Duration::MAX, |looked| looked.elapsed());
        let due = self.found.next_due.is_some_and(|due| due <= now);
        let whole = since >= self.worker.options.sweep() || ((self.stirred || due) && since >= PACE);
        let only = ticket.map(|ticket| ticket.job);
        if !whole && only.is_none_or(|job| self.found.waiting.iter().any(|one| one.job == job)) {
            return;
        }
        let limit = u32::try_from(self.worker.options.concurrency.saturating_mul(4)).unwrap_or(u32::MAX).max(32);
        let only = only.filter(|_| !whole);
        let agenda = match backlog.agenda(AgendaQuery { now, limit, only }).await {
            Ok(agenda) => agenda,
            Err(error) => {
                self.worker.tell(WorkerEvent::Trouble(chain(&error)));
                return;
            }
        };
        if whole {
            self.looked = Some(Instant::now());
            self.stirred = false;
            self.found = agenda;
        } else {
            self.found.waiting.extend(agenda.waiting);
        }
        let (under_way, resting) = (&self.under_way, &self.resting);
        let rests = |job: &JobId| resting.get(job).is_some_and(|(_, until)| *until > Instant::now());
        self.found.waiting.retain(|one| !under_way.contains_key(&one.job) && !rests(&one.job));
    }

    /// Returns whether there is nothing to do anywhere, as a look of its own says.
    async fn is_idle(&mut self) -> bool {
        if !self.runs.is_empty() {
            return false;
        }
        let Some(backlog) = self.worker.store.backlog() else { return true };
        let query = AgendaQuery { now: self.worker.clock.now(), limit: 1000, only: None };
        let Ok(agenda) = backlog.agenda(query).await else { return false };
        let given_up = |job: &JobId| self.resting.get(job).is_some_and(|(times, _)| *times >= GIVE_UP);
        agenda.running.is_empty() && agenda.next_due.is_none() && agenda.waiting.iter().all(|one| given_up(&one.job))
    }

    async fn take_in_ended(&mut self) {
        while let Some(ended) = self.runs.try_join_next() {
            self.ended(ended).await;
        }
    }

    async fn ended(&mut self, ended: Result<(JobId, Ran), tokio::task::JoinError>) {
        self.stirred = true;
        let Ok((job, ran)) = ended else {
            // A run that panicked is known by what is missing; its lease runs out like that of a dead worker.
            return self.forget_panicked().await;
        };
        let ticket = self.under_way.remove(&job).flatten();
        self.found.running.retain(|one| one.job != job);
        match &ran {
            Ran::Ended(status) => {
                self.resting.remove(&job);
                *self.tally.ended.entry(status.as_str()).or_default() += 1;
            }
            Ran::Lost => {}
            // Somebody else has it, or it has to wait for others: not again before the next look is due.
            Ran::NotNow(_) => {
                let until = Instant::now() + self.worker.options.sweep();
                let times = self.resting.get(&job).map_or(0, |(times, _)| *times);
                self.resting.insert(job, (times, until));
            }
            Ran::Broke(_) => {
                let times = self.resting.get(&job).map_or(0, |(times, _)| *times);
                let until = Instant::now() + REST.saturating_mul(1 << times.min(6));
                self.resting.insert(job, (times.saturating_add(1), until));
            }
        }
        self.worker.tell(WorkerEvent::Finished(job, ran));
        if let Some(ticket) = ticket {
            self.hand_in(&ticket).await;
        }
    }

    async fn forget_panicked(&mut self) {
        if self.runs.is_empty() {
            for (job, ticket) in std::mem::take(&mut self.under_way) {
                let text = "its run panicked; the job is left to its lease".to_owned();
                self.worker.tell(WorkerEvent::Finished(job, Ran::Broke(text)));
                self.resting.insert(job, (GIVE_UP, Instant::now() + self.worker.options.lease));
                if let Some(ticket) = ticket {
                    self.hand_in(&ticket).await;
                }
            }
        }
    }

    async fn hand_in(&self, ticket: &Ticket) {
        // One that was lost to another puller is that one's affair.
        self.trouble(self.worker.queue.ack(&self.worker.options.name, ticket).await.map(drop));
    }

    fn trouble(&self, result: Result<(), QueueError>) {
        if let Err(error) = result {
            self.worker.tell(WorkerEvent::Trouble(chain(&error)));
        }
    }

    /// Lets what runs end within the time for that, or until it is asked to stop; drops the rest.
    async fn drain(&mut self, wanted: &mut watch::Receiver<Wanted>) {
        if !self.runs.is_empty() {
            self.worker.tell(WorkerEvent::Draining(self.runs.len()));
        }
        let end = Instant::now() + self.worker.options.drain;
        while !self.runs.is_empty() && *wanted.borrow_and_update() < Wanted::Stop {
            tokio::select! {
                ended = timeout_at(end, self.runs.join_next()) => match ended {
                    Ok(Some(ended)) => self.ended(ended).await,
                    Ok(None) | Err(_) => break,
                },
                changed = wanted.changed() => if changed.is_err() { break },
            }
        }
        // Waits until the futures are really gone, and with them their requests and sandboxes.
        self.runs.abort_all();
        let mut ended = BTreeSet::new();
        while let Some(last) = self.runs.join_next().await {
            if let Ok((job, ran)) = last {
                ended.insert(job);
                self.ended(Ok((job, ran))).await;
            }
        }
        for (job, ticket) in std::mem::take(&mut self.under_way) {
            self.tally.interrupted.push(job);
            if let Some(ticket) = ticket {
                self.hand_in(&ticket).await;
            }
        }
    }
}
