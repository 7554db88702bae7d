//! `vdo sandbox`: runs one command in the sandbox and exits as it does.

use std::io::Write as _;

use vdo_workspace::sandbox::{Exit, IndexSettings, Invocation, Limits, Net, Sandbox, SandboxConfig, Toolchains};

use crate::app::{environment, require};
use crate::args;
use crate::fail::{Fail, chain};

/// The sandbox itself failed; the report says how.
const SANDBOX_FAILED: u8 = 125;

/// Runs a command.
pub(crate) async fn run(args: &args::Sandbox) -> Result<(), Fail> {
    let environment = environment();
    let index = IndexSettings::from_environment(&environment);
    let mut limits = Limits::default().with_time(std::time::Duration::from_secs(args.timeout));
    if let Some(memory) = args.memory {
        limits = limits.with_memory(memory);
    }
    if let Some(disk) = args.disk {
        limits = limits.with_disk(disk);
    }
    let mut invocation = Invocation::new(args.command.iter())
        .with_limits(limits)
        .with_toolchains(Toolchains::resolve(&environment).await)
        .with_tier(require(args.tier, args.reason.clone())?);
    if args.net == "prepare" {
        invocation = invocation.with_net(Net::Prepare { allow: index.hosts() }).with_index(index);
    }
    if let Some(work) = &args.work {
        if !work.is_dir() {
            return Err(Fail::usage(format!("--work {}: there is no such folder", work.display())));
        }
        invocation = invocation.with_work(work);
    }
    if let Some(harvest) = &args.harvest {
        invocation = invocation.with_harvest(harvest);
    }
    let result = tokio::select! {
        result = async { Sandbox::new(SandboxConfig::default()).run(invocation).await } => result,
        // Dropping the run ends everything in it.
        _ = tokio::signal::ctrl_c() => return Err(Fail::Code(130)),
    };
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            write_report(args, &serde_json::json!({"error": chain(&error)}))?;
            let _ = writeln!(std::io::stderr().lock(), "vdo: {}", chain(&error));
            return Err(Fail::Code(SANDBOX_FAILED));
        }
    };
    write_report(args, &serde_json::to_value(&report).map_err(|error| Fail::failed(error.to_string()))?)?;
    std::io::stdout().lock().write_all(report.stdout.text.as_bytes())?;
    std::io::stderr().lock().write_all(report.stderr.text.as_bytes())?;
    match report.exit {
        Exit::Code(0) => Ok(()),
        Exit::Code(code) => Err(Fail::Code(u8::try_from(code).unwrap_or(1))),
        Exit::Signal(signal) => Err(Fail::Code(u8::try_from(128 + signal).unwrap_or(255))),
        Exit::TimedOut => Err(Fail::Code(124)),
    }
}

fn write_report(args: &args::Sandbox, report: &serde_json::Value) -> Result<(), Fail> {
    let Some(file) = &args.report else { return Ok(()) };
    let text = serde_json::to_string_pretty(report).map_err(|error| Fail::failed(error.to_string()))?;
    vdo_workspace::beside::write(file, (text + "\n").as_bytes())
        .map_err(|error| Fail::failed(format!("--report {}: {error}", file.display())))
}
