//! What is said on standard error of the work under way, and the spans that a collector is sent.
//!
//! Only sets up who listens; what is told is decided where it happens. Invariant: without `[telemetry] otlp`, nothing is sent.

use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::args::Global;
use crate::config::Config;
use crate::fail::Fail;
use crate::out;

/// Those who listen, until the process ends.
#[derive(Debug)]
#[must_use]
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    spans: Option<vdo_providers::otlp::Spans>,
}

impl Telemetry {
    /// Sets up who listens. A configuration that cannot be read is left for the command to report.
    ///
    /// # Errors
    /// [`Fail::Usage`] if spans are to be sent and cannot be.
    pub(crate) fn start(global: &Global, runtime: &Handle) -> Result<Self, Fail> {
        let collector = Config::load(global).ok().and_then(|config| config.telemetry.otlp);
        let collector = collector.filter(|address| !address.trim().is_empty());
        start(global.verbose, collector, runtime)
    }

    /// Sends what is left.
    pub(crate) fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(Err(error)) = self.spans.map(vdo_providers::otlp::Spans::stop) {
            tracing::warn!("{error}");
        }
    }
}

#[cfg(feature = "otel")]
fn start(verbose: u8, collector: Option<String>, runtime: &Handle) -> Result<Telemetry, Fail> {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    let refuse = |error| Fail::usage(format!("[telemetry] otlp: {error}"));
    let spans = collector.map(|address| {
        vdo_providers::otlp::Spans::to(&address, env!("CARGO_PKG_VERSION"), runtime.clone()).map_err(refuse)
    });
    let spans = spans.transpose()?;
    let ours = || Targets::new().with_target("vdo_core", LevelFilter::INFO);
    let layer = spans.as_ref().map(|spans| spans.layer().with_filter(ours()));
    // The layer comes first, as it is made for the bare registry.
    let _ = Registry::default().with(layer).with(texts(verbose)).try_init();
    Ok(Telemetry { spans })
}

#[cfg(not(feature = "otel"))]
fn start(verbose: u8, collector: Option<String>, _: &Handle) -> Result<Telemetry, Fail> {
    log(verbose);
    match collector {
        None => Ok(Telemetry {}),
        Some(_) => Err(Fail::usage(
            "[telemetry] otlp is set, but this vdo cannot send spans; use one that was built with the feature otel, or unset it",
        )),
    }
}

/// Sets up the texts on standard error alone, for commands that need no runtime.
pub(crate) fn log(verbose: u8) {
    let _ = Registry::default().with(texts(verbose)).try_init();
}

/// Returns what writes texts.
fn texts<S>(verbose: u8) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let level = match verbose {
        0 => "warn",
        1 => "vdo=info,vdo_core=info,vdo_store=info,vdo_providers=info,vdo_workspace=info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("VDO_LOG").unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(out::is_lively()).with_filter(filter)
}
