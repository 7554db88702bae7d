//! Sending spans to an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//!
//! What is in the spans is decided where they are made (`vdo_core::engine`): no prompts, replies, files or keys. Sending happens
//! in batches on a thread of its own and never holds up a run; what a collector does not take is lost.
//!
//! Invariant: no request goes anywhere but to the configured address; redirects are not followed.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::Url;
use reqwest::header::HeaderMap;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;
use vdo_core::failure::chain;

use crate::transport::client::{LazyClient, Settings};

/// The most one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Spans cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none.
    #[error("{address:?} is no address of a collector: {reason}; expected one such as http://127.0.0.1:4318")]
    Address {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// What sends them could not be set up.
    #[error("sending spans cannot be set up: {0}")]
    Setup(String),
    /// The last of them may not have arrived.
    #[error("the last spans may not have arrived: {0}")]
    Last(String),
}

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
}

impl Spans {
    /// Begins to send spans to the collector at `address`, as the service `vdo` of this version. Requests run on `runtime`.
    ///
    /// # Errors
    /// [`OtlpError::Address`], [`OtlpError::Setup`].
    pub fn to(address: &str, version: &str, runtime: Handle) -> Result<Self, OtlpError> {
        let url = traces(address)?;
        let settings = Settings {
            headers: HeaderMap::new(),
            connect_timeout: TIMEOUT,
            proxy: None,
            tls: url.starts_with("https:"),
        };
        let client = Client { client: LazyClient::new(settings), runtime };
        let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(url).build();
        let exporter = exporter.map_err(|error| OtlpError::Setup(chain(&error)))?;
        let resource = Resource::builder_empty()
            .with_service_name("vdo")
            .with_attribute(KeyValue::new("service.version", version.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// Returns what takes the spans of a subscriber in. Which spans are sent is up to its filter.
    #[must_use]
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> OpenTelemetryLayer<S, SdkTracer> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("vdo"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
    }

    /// Sends what is left. Blocks, and needs the runtime to be alive; not to be called on one of its threads.
    ///
    /// # Errors
    /// [`OtlpError::Last`].
    pub fn stop(self) -> Result<(), OtlpError> {
        self.provider.shutdown_with_timeout(TIMEOUT).map_err(|error| OtlpError::Last(error.to_string()))
    }
}

/// Returns where a collector takes traces.
fn traces(address: &str) -> Result<String, OtlpError> {
    let refuse = |reason: String| OtlpError::Address { address: address.to_owned(), reason };
    let url = Url::parse(address.trim()).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it begins with neither http:// nor https://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The address is shown in errors.
        let (address, reason) = ("(hidden)".to_owned(), "it has a user name or password in it".to_owned());
        return Err(OtlpError::Address { address, reason });
    }
    Ok(format!("{}/v1/traces", url.as_str().trim_end_matches('/').trim_end_matches("/v1/traces")))
}

/// Carries requests over the runtime of the process, as the thread that asks has none.
#[derive(Debug)]
struct Client {
    client: LazyClient,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let post = self.client.get()?.request(head.method, head.uri.to_string()).headers(head.headers);
        let post = post.timeout(TIMEOUT).body(body);
        let sent = self.runtime.spawn(async move {
            let mut answer = post.send().await.map_err(reqwest::Error::without_url)?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
                let room = MAX_ANSWER.saturating_sub(body.len());
                body.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            }
            Ok::<_, HttpError>(response.body(Bytes::from(body))?)
        });
        sent.await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_address_of_a_collector() {
        for address in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"] {
            assert_eq!(traces(address).as_deref(), Ok("http://127.0.0.1:4318/v1/traces"));
        }
        assert_eq!(traces("https://otel.example.com/x").as_deref(), Ok("https://otel.example.com/x/v1/traces"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_never_shown() {
        assert!(matches!(traces("127.0.0.1:4318"), Err(OtlpError::Address { .. })));
        assert!(matches!(traces("grpc://127.0.0.1:4317"), Err(OtlpError::Address { .. })));
        let error = traces("https://me:secret-word@otel.example.com").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret-word"));
    }
}
