//! `vdo providers`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Serialize;
use vdo_core::failure::FailureKind;
use vdo_core::health::{Breaker, Figures, Health, LastError, Seen, Subject, What};
use vdo_core::id::Phase;
use vdo_core::message::RateLimits;
use vdo_core::port::{Accounts, Clock};
use vdo_core::route::{Candidate, Routes};
use vdo_core::time::Timestamp;

use crate::app::App;
use crate::args::money::{Providers, ProvidersAction};
use crate::commands::budget::accounts;
use crate::fail::Fail;
use crate::{gauge, providers as made, story};

/// How one provider, or one of its models, has been doing.
#[derive(Debug, Serialize)]
struct View<'h> {
    provider: &'h str,
    model: Option<&'h str>,
    /// `up`, `failing`, `open`, `half_open`, `resting`, `blocked` or `unknown`.
    state: &'static str,
    calls: u64,
    answered: u64,
    figures: Figures,
    errors: &'h BTreeMap<FailureKind, u64>,
    last_error: Option<&'h LastError>,
    /// When it is tried again, if it is not asked now.
    next_try: Option<Timestamp>,
    seen: Option<Timestamp>,
    limits: RateLimits,
    limits_at: Option<Timestamp>,
}

/// Shows the providers, probes them, or changes who is asked.
pub(crate) async fn providers(app: &App, args: &Providers) -> Result<(), Fail> {
    match &args.action {
        None => show(app).await,
        Some(ProvidersAction::Probe { names }) => {
            probe(app, names).await?;
            show(app).await
        }
        Some(ProvidersAction::Order { phase, candidates, strategy }) => {
            order(app, phase, candidates, strategy.as_deref()).await
        }
        Some(ProvidersAction::Reset) => {
            app.engine()?.set_routes(None).await?;
            app.out.say("the configuration says who is asked again");
            Ok(())
        }
    }
}

fn state(health: &Health, now: Timestamp) -> (&'static str, Option<Timestamp>) {
    if let Some(until) = health.blocked_until(now) {
        return ("blocked", Some(until));
    }
    if let Some(until) = health.rests(now) {
        return ("resting", Some(until));
    }
    match health.breaker {
        Breaker::Open { until, .. } => ("open", Some(until)),
        Breaker::HalfOpen { until, .. } => ("half_open", Some(until)),
        Breaker::Closed { failures: 0 } if health.seen.is_none() => ("unknown", None),
        Breaker::Closed { failures: 0 } => ("up", None),
        Breaker::Closed { .. } => ("failing", None),
    }
}

async fn show(app: &App) -> Result<(), Fail> {
    let engine = app.engine()?;
    let store = accounts(engine.store().as_ref())?;
    let now = app.clock.now();
    let mut known: BTreeMap<Subject, Health> = store.health().await?.into_iter().collect();
    // Whoever is configured is shown, asked or not.
    let (routes, changed) = (app.config.routes()?, app.changed_routes().await?);
    let current = changed.as_ref().unwrap_or(&routes);
    for candidate in current.all_candidates() {
        let subject = Subject { provider: candidate.provider.clone(), model: Some(candidate.model.clone()) };
        known.entry(subject).or_default();
    }
    let asked: BTreeSet<&str> = known.keys().map(|subject| subject.provider.as_str()).collect();
    let idle: Vec<String> =
        app.config.providers.keys().filter(|name| !asked.contains(name.as_str())).cloned().collect();
    for provider in idle {
        known.entry(Subject { provider, model: None }).or_default();
    }
    let views: Vec<View<'_>> = known.iter().map(|(subject, health)| view(subject, health, now)).collect();
    if app.out.json {
        let order = serde_json::json!({"providers": views, "routes": current, "changed": changed.is_some()});
        return app.out.value(&order);
    }
    app.out.line(format!(
        "{:<34} {:<9} {:>6} {:>6} {:>9} {:>9} {:>9} {:>6}  last error",
        "model", "state", "calls", "up", "p50", "p95", "first", "tok/s"
    ))?;
    for view in &views {
        app.out.line(line(view, now).trim_end())?;
    }
    if changed.is_some() {
        app.out.say("who is asked was changed by `vdo providers order`; `vdo providers reset` takes that back");
    }
    Ok(())
}

fn view<'h>(subject: &'h Subject, health: &'h Health, now: Timestamp) -> View<'h> {
    let (state, next_try) = state(health, now);
    View {
        provider: &subject.provider,
        model: subject.model.as_deref(),
        state,
        calls: health.calls,
        answered: health.answered,
        figures: health.figures(),
        errors: &health.errors,
        last_error: health.last_error.as_ref(),
        next_try: next_try.filter(|until| *until > now),
        seen: health.seen,
        limits: health.limits,
        limits_at: health.limits_at,
    }
}

fn line(view: &View<'_>, now: Timestamp) -> String {
    let dash = || "–".to_owned();
    let millis = |ms: Option<u64>| match ms {
        None => dash(),
        Some(ms) if ms < 10_000 => format!("{ms} ms"),
        Some(ms) => format!("{} s", ms / 1000),
    };
    let figures = &view.figures;
    let up = figures.availability.map_or_else(dash, |up| format!("{}.{}%", up / 10, up % 10));
    let name = match view.model {
        Some(model) => format!("{}:{model}", view.provider),
        None => view.provider.to_owned(),
    };
    let mut notes = Vec::new();
    if let Some(error) = view.last_error {
        notes.push(format!("{} ago: {}", ago(error.at, now), story::plain(&error.message, 80)));
    }
    if let Some(until) = view.next_try {
        notes.push(format!("tried again in {} s", until.since(now).as_secs().max(1)));
    }
    if let Some(left) = view.limits.requests {
        let of = left.limit.map_or(String::new(), |limit| format!(" of {limit}"));
        notes.push(format!("{}{of} requests left", left.remaining));
    }
    format!(
        "{:<34} {:<9} {:>6} {:>6} {:>9} {:>9} {:>9} {:>6}  {}",
        story::plain(&name, 34),
        view.state,
        view.calls,
        up,
        millis(figures.p50_ms),
        millis(figures.p95_ms),
        millis(figures.first_p50_ms),
        figures.tokens_per_second.map_or_else(dash, gauge::count),
        notes.join("; ")
    )
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Asks providers for their lists of models, side by side, and notes what came of it.
async fn probe(app: &App, names: &[String]) -> Result<(), Fail> {
    if let Some(unknown) = names.iter().find(|name| !app.config.providers.contains_key(*name)) {
        return Err(Fail::NotFound(format!("there is no provider {unknown}; [providers.{unknown}] would name it")));
    }
    let engine = app.engine()?;
    let store: &dyn Accounts = accounts(engine.store().as_ref())?;
    let wanted = app.config.providers.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let mut probes = tokio::task::JoinSet::new();
    let mut seen: Vec<(Subject, Seen)> = Vec::new();
    for (name, config) in wanted {
        let subject = Subject { provider: name.clone(), model: None };
        match made::provider(name, config, &app.config, &[]) {
            Ok(provider) => {
                let clock = app.clock;
                probes.spawn(async move {
                    let begun = Instant::now();
                    let what = match provider.probe().await {
                        Ok(_) => What::Reached,
                        Err(error) => {
                            let failure = error.to_failure();
                            let duration_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
                            What::Failed { kind: failure.kind, after_ms: None, message: failure.message, duration_ms }
                        }
                    };
                    (subject, Seen { at: clock.now(), what })
                });
            }
            Err(fail) => {
                let (kind, message) = (FailureKind::KeyRefused, fail.to_string());
                let what = What::Failed { kind, after_ms: None, message, duration_ms: 0 };
                seen.push((subject, Seen { at: app.clock.now(), what }));
            }
        }
    }
    while let Some(done) = probes.join_next().await {
        seen.extend(done.ok());
    }
    for (subject, one) in &seen {
        let text = match &one.what {
            What::Failed { message, .. } => story::plain(message, 300),
            _ => "answers and takes the key".to_owned(),
        };
        app.out.say(format!("{}: {text}", subject.provider));
    }
    Ok(store.see(seen).await?)
}

/// Changes who is asked in a phase.
async fn order(app: &App, phase: &str, candidates: &[String], strategy: Option<&str>) -> Result<(), Fail> {
    let mut routes: Routes = match app.changed_routes().await? {
        Some(routes) => routes,
        None => app.config.routes()?,
    };
    let candidates: Vec<Candidate> = candidates
        .iter()
        .map(|text| text.parse().map_err(|error| Fail::usage(format!("{error}"))))
        .collect::<Result<_, _>>()?;
    if let Some(unknown) = candidates.iter().find(|one| !app.config.providers.contains_key(&one.provider)) {
        let name = &unknown.provider;
        return Err(Fail::usage(format!("{unknown} names a provider that is not configured; add [providers.{name}]")));
    }
    let strategy = strategy.map(str::parse).transpose().map_err(Fail::usage)?;
    if phase == "default" {
        routes.default = candidates;
        routes.strategy = strategy.unwrap_or(routes.strategy);
    } else {
        let phase: Phase = phase.parse().map_err(|error| Fail::usage(format!("{error}")))?;
        routes.phases.insert(phase, candidates);
        routes.strategies.extend(strategy.map(|strategy| (phase, strategy)));
    }
    app.engine()?.set_routes(Some(routes.clone())).await?;
    if app.out.json {
        return app.out.value(&routes);
    }
    app.out.say("from the next call on, in every process on this store");
    Ok(())
}
