//! Figures as a scraper reads them: the OpenMetrics text format, version 1.0.
//!
//! Pure. Invariant: whatever models are called, every sample is one line of that format.

use std::fmt::{self, Write as _};

use super::histogram::Histogram;
use super::{CallFigures, Figures};

/// The media type of [`Figures::to_text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels of a sample, by name.
type Labels<'a> = &'a [(&'a str, &'a str)];

pub(super) fn text(figures: &Figures) -> String {
    let mut page = Page(String::new());
    page.gauge("vdo_runs_active", "Runs under way.", figures.running);
    page.family("vdo_runs", "counter", "Runs that ended, by the status of the job then.");
    for (status, count) in &figures.runs {
        page.sample("vdo_runs_total", &[("status", status)], count);
    }
    page.family("vdo_run_seconds", "histogram", "How long runs took.");
    page.histogram("vdo_run_seconds", &[], &figures.run_took);
    page.family("vdo_steps", "counter", "Steps that were done, by phase and result.");
    for ((phase, result), count) in &figures.steps {
        page.sample("vdo_steps_total", &[("phase", phase.as_str()), ("result", result.as_str())], count);
    }
    page.family("vdo_step_seconds", "histogram", "How long steps took, retries and waiting included.");
    for (phase, took) in &figures.step_took {
        page.histogram("vdo_step_seconds", &[("phase", phase.as_str())], took);
    }
    calls(&mut page, figures);
    if let Some(store) = &figures.store {
        for (name, help, count) in [
            ("vdo_store_commits", "Writes that the store accepted.", store.commits),
            ("vdo_store_transactions", "Transactions that the store committed.", store.transactions),
            ("vdo_store_statements", "SQL statements in these transactions.", store.statements),
            ("vdo_store_rows", "Rows that were written.", store.rows),
        ] {
            page.family(name, "counter", help);
            page.sample(&format!("{name}_total"), &[], count);
        }
    }
    page.0.push_str("# EOF\n");
    page.0
}

fn calls(page: &mut Page, figures: &Figures) {
    let all = || {
        figures
            .calls
            .iter()
            .map(|(who, calls)| ([("provider", who.provider.as_str()), ("model", who.model.as_str())], calls))
    };
    page.family("vdo_calls", "counter", "Calls to models by the state they came into; every call is sent first.");
    for (who, calls) in all() {
        for (state, count) in &calls.states {
            page.sample("vdo_calls_total", &with(&who, ("state", state)), count);
        }
    }
    page.family("vdo_call_seconds", "histogram", "How long calls to models took.");
    for (who, calls) in all() {
        page.histogram("vdo_call_seconds", &who, &calls.took);
    }
    page.family("vdo_tokens", "counter", "Tokens that calls took; those of the reasoning are part of the output.");
    for (who, calls) in all() {
        for (kind, count) in kinds(calls) {
            page.sample("vdo_tokens_total", &with(&who, ("kind", kind)), count);
        }
    }
    type Count = fn(&CallFigures) -> u64;
    let counts: [(&str, &str, Count); 3] = [
        ("vdo_call_retries", "Calls that were not the first of their step.", |calls| calls.retries),
        ("vdo_calls_unpriced", "Calls that were answered at an unknown price.", |calls| calls.unpriced),
        ("vdo_cost_nanousd", "What calls cost, in billionths of a US dollar, as far as known.", |calls| {
            u64::try_from(calls.cost.0).unwrap_or(0)
        }),
    ];
    for (name, help, count) in counts {
        page.family(name, "counter", help);
        for (who, calls) in all() {
            page.sample(&format!("{name}_total"), &who, count(calls));
        }
    }
}

fn kinds(calls: &CallFigures) -> [(&'static str, u64); 6] {
    let usage = &calls.usage;
    [
        ("input", usage.input),
        ("cache_read", usage.cache_read),
        ("cache_write", usage.cache_write),
        ("cache_write_long", usage.cache_write_long),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    ]
}

fn with<'a>(who: &[(&'a str, &'a str)], label: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    who.iter().copied().chain([label]).collect()
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl fmt::Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push_str(if at == 0 { "{" } else { "," });
            self.line(format_args!("{label}=\""));
            escape(&mut self.0, text);
            self.0.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.line(format_args!("{end} {value}\n"));
    }

    fn histogram(&mut self, name: &str, labels: Labels<'_>, took: &Histogram) {
        for (bound, count) in took.up_to() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |ms| format!("{:?}", ms as f64 / 1000.0));
            self.sample(&format!("{name}_bucket"), &with(labels, ("le", &bound)), count);
        }
        self.sample(&format!("{name}_count"), labels, took.count());
        self.sample(&format!("{name}_sum"), labels, format_args!("{:?}", took.sum().as_secs_f64()));
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(text);
    }
}

/// Writes the value of a label.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
