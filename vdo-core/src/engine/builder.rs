//! Putting an engine together from its parts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use super::{Engine, WorkerRules};
use crate::edit::Formats;
use crate::event::Event;
use crate::id::{JobId, StepKey};
use crate::job::Job;
use crate::message::Settings;
use crate::pace::Pace;
use crate::port::{Checker, Clock, Deployer, Provider, Scanner, Store};
use crate::prompt::Prompts;
use crate::route::{RetryPolicy, Routes};
use crate::run::Limits;
use crate::spend::Prices;
use crate::syntax::{NoSyntax, Syntax};

/// Told of every event, right after it was written. Must not block.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// A piece of a reply as it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delta<'a> {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: &'a StepKey,
    /// The call's number within the step. A greater one begins anew: what came before is void.
    pub number: u32,
    /// The piece.
    pub text: &'a str,
}

/// Told of replies as they arrive. Must not block.
pub type Listener = Arc<dyn Fn(&Delta<'_>) + Send + Sync>;

/// Says where a finished job goes, besides the store: its root job is given.
pub type Deliveries = Arc<dyn Fn(&Job) -> Option<Arc<dyn Deployer>> + Send + Sync>;

/// The parts of an engine and how it works. Made with [`Engine::builder`].
#[derive(Clone)]
pub struct EngineBuilder {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) scanner: Arc<dyn Scanner>,
    pub(super) checker: Arc<dyn Checker>,
    pub(super) syntax: Arc<dyn Syntax>,
    pub(super) providers: BTreeMap<String, Arc<dyn Provider>>,
    pub(super) routes: Routes,
    pub(super) prices: Prices,
    pub(super) deliveries: Option<Deliveries>,
    pub(super) observer: Option<Observer>,
    pub(super) listener: Option<Listener>,
    pub(super) streams: bool,
    pub(super) owner: String,
    pub(super) lease_ttl: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) patience: Duration,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    pub(super) prompts: Prompts,
    pub(super) formats: Formats,
    pub(super) workers: Option<WorkerRules>,
    pub(super) paces: BTreeMap<String, Pace>,
}

impl EngineBuilder {
    /// Adds a provider under its own name.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.insert(provider.name().to_owned(), provider);
        self
    }

    /// Sets who runs check commands, instead of the one given at first.
    #[must_use]
    pub fn checker(mut self, checker: Arc<dyn Checker>) -> Self {
        self.checker = checker;
        self
    }

    /// Sets who is asked in which phase.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// Sets what tokens cost. Default: nothing is known, and jobs with a budget are refused.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Sets the grammars. Default: none, so no edit is refused for its syntax.
    #[must_use]
    pub fn syntax(mut self, syntax: Arc<dyn Syntax>) -> Self {
        self.syntax = syntax;
        self
    }

    /// Sets where finished jobs go besides the store. Default: nowhere.
    #[must_use]
    pub fn deliveries(mut self, deliveries: Deliveries) -> Self {
        self.deliveries = Some(deliveries);
        self
    }

    /// Sets who is told of events. Default: nobody.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets who is told of replies as they arrive, and has them streamed. Default: nobody.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listener = Some(listener);
        self.streaming(true)
    }

    /// Sets whether replies are streamed, so that it is seen how long the first output takes. A reply that breaks off is then
    /// asked for again, but of nobody else. Default: no.
    #[must_use]
    pub fn streaming(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// Sets the name under which this engine holds leases; it should name host and process. Default: `"embedded"`.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets how long a lease lasts without a sign of life. Default: 60 seconds.
    #[must_use]
    pub fn lease_ttl(mut self, ttl: Duration) -> Self {
        self.lease_ttl = ttl;
        self
    }

    /// Sets how often a candidate is asked again after a failure that may pass. Default: 2.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retry.retries = retries;
        self
    }

    /// Sets how often and how long apart a candidate is asked again.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how long a step goes on asking and waiting until it fails. Default: ten minutes.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how replies are made: effort, tier and the like. What a model does not take is left out, with a warning.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets the caps on a run.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets which model is asked for edits in which format.
    #[must_use]
    pub fn formats(mut self, formats: Formats) -> Self {
        self.formats = formats;
        self
    }

    /// Sets how many calls a provider's key takes at once and per minute, over all engines on the store. Default: any number.
    #[must_use]
    pub fn pace(mut self, provider: impl Into<String>, pace: Pace) -> Self {
        self.paces.insert(provider.into(), pace);
        self
    }

    /// Has runs kept to the rules of workers: what failed for a reason that passes is tried again later, what killed its workers
    /// is put aside. Default: a run is what a person asked for, and its end is the end.
    #[must_use]
    pub fn worker_rules(mut self, rules: WorkerRules) -> Self {
        self.workers = Some(rules);
        self
    }

    /// Sets the wordings.
    #[must_use]
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
    }

    /// Makes the engine.
    #[must_use]
    pub fn build(self) -> Engine {
        let active = Arc::new(Mutex::new(BTreeMap::new()));
        Engine { parts: Arc::new(self), active, watch: Arc::default(), metrics: Arc::default() }
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("store", &self.store)
            .field("providers", &self.providers.keys())
            .field("routes", &self.routes)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts building an engine from the parts that have no default.
    pub fn builder(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        scanner: Arc<dyn Scanner>,
        checker: Arc<dyn Checker>,
    ) -> EngineBuilder {
        EngineBuilder {
            store,
            clock,
            scanner,
            checker,
            syntax: Arc::new(NoSyntax),
            providers: BTreeMap::new(),
            routes: Routes::default(),
            prices: Prices::default(),
            deliveries: None,
            observer: None,
            listener: None,
            streams: false,
            owner: "embedded".to_owned(),
            lease_ttl: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            patience: Duration::from_secs(600),
            settings: Settings::default(),
            limits: Limits::default(),
            prompts: Prompts::default(),
            formats: Formats::default(),
            workers: None,
            paces: BTreeMap::new(),
        }
    }
}
