//! The `vdo` command: parses, calls the library, prints.
//!
//! Only this crate reads the environment, the home folder and the command line. It decides nothing that
//! another face would have to decide again.

mod alerts;
mod app;
mod args;
mod bill;
mod commands;
mod config;
#[cfg(feature = "failpoints")]
mod crash;
mod fail;
mod gauge;
mod graph;
mod out;
mod providers;
mod story;
mod telemetry;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::app::App;
use crate::args::{Cli, Command};
use crate::fail::Fail;
use crate::out::Out;
use crate::telemetry::Telemetry;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // git takes an exit code up to 128 as a merge that was made.
            let driver = std::env::args_os().nth(1).is_some_and(|command| command == "merge-file");
            let code = if driver && error.use_stderr() { commands::merge_file::NO_MERGE } else { exit_code(&error) };
            return ExitCode::from(code);
        }
    };
    let out = Out { json: cli.global.json, quiet: cli.global.quiet };
    let without_runtime = matches!(cli.command, Command::MergeFile(_) | Command::Context(_) | Command::Apply(_));
    if without_runtime {
        telemetry::log(cli.global.verbose);
    }
    if let Command::MergeFile(args) = &cli.command {
        return ended(commands::merge_file::run(&out, args));
    }
    if let Command::Context(args) = &cli.command {
        return ended(commands::context::run(&out, args));
    }
    if let Command::Apply(args) = &cli.command {
        return ended(commands::apply::run(&out, args));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Out { json: false, quiet: false }.say(format!("vdo: the runtime cannot be started: {error}"));
            return ExitCode::from(1);
        }
    };
    let result = Telemetry::start(&cli.global, runtime.handle()).and_then(|telemetry| {
        let result = runtime.block_on(dispatch(cli, out));
        telemetry.stop();
        result
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    ended(result)
}

fn exit_code(error: &clap::Error) -> u8 {
    u8::try_from(error.exit_code()).unwrap_or(2)
}

fn ended(result: Result<(), Fail>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) => {
            if !matches!(fail, Fail::Code(_)) {
                Out { json: false, quiet: false }.say(format!("vdo: {}", story::plain(&fail.to_string(), 4000)));
            }
            ExitCode::from(fail.code())
        }
    }
}

async fn dispatch(cli: Cli, out: Out) -> Result<(), Fail> {
    let global = &cli.global;
    match &cli.command {
        Command::Completions { shell } => {
            let mut buffer = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "vdo", &mut buffer);
            out.bytes(&buffer)
        }
        Command::Sandbox(args) => commands::sandbox::run(args).await,
        Command::Context(args) => commands::context::run(&out, args),
        Command::Apply(args) => commands::apply::run(&out, args),
        Command::MergeFile(args) => commands::merge_file::run(&out, args),
        Command::Scan(args) => commands::scan::scan(&out, args).await,
        Command::Schema(args) => commands::schema::print(&out, args),
        Command::Models(args) => commands::models::show(&App::without_store(global, out)?, args),
        Command::Providers(args) => commands::providers::providers(&App::open(global, out).await?, args).await,
        Command::Spend(args) => commands::spend::spend(&App::open(global, out).await?, args).await,
        Command::Budget(args) => commands::budget::budget(&App::open(global, out).await?, args).await,
        Command::Stats => commands::stats::show(&App::open(global, out).await?).await,
        Command::Doctor => commands::doctor::doctor(&App::without_store(global, out)?).await,
        Command::Demo(args) => commands::demo::demo(&App::without_store(global, out)?, args).await,
        Command::New(args) => commands::new::new(&App::open(global, out).await?, args).await,
        Command::Run(args) => commands::run::run(&App::open(global, out).await?, args).await,
        Command::Worker(args) => {
            let app = App::open_with(global, out, commands::worker::options(args)).await?;
            commands::worker::worker(&app, args).await
        }
        Command::Approve(args) => commands::jobs::approve(&App::open(global, out).await?, args).await,
        Command::Cancel(args) => commands::jobs::cancel(&App::open(global, out).await?, args).await,
        Command::Conflicts(args) => commands::conflicts::show(&App::open(global, out).await?, args).await,
        Command::Resolve(args) => commands::conflicts::resolve(&App::open(global, out).await?, args).await,
        Command::Rollback(args) => commands::revise::rollback(&App::open(global, out).await?, args).await,
        Command::Correct(args) => commands::revise::correct(&App::open(global, out).await?, args).await,
        Command::Rebase(args) => commands::revise::rebase(&App::open(global, out).await?, args).await,
        Command::Archive(args) => commands::revise::archive(&App::open(global, out).await?, args).await,
        Command::Detach(args) => commands::removal::detach(&App::open(global, out).await?, args).await,
        Command::Purge(args) => commands::removal::purge(&App::open(global, out).await?, args).await,
        Command::Redact(args) => commands::removal::redact(&App::open(global, out).await?, args).await,
        Command::Lineage(args) => commands::lineage::show(&App::open(global, out).await?, args).await,
        Command::Gc(args) => commands::gc::gc(&App::open(global, out).await?, args).await,
        Command::Export(args) => commands::transfer::export(&App::without_store(global, out)?, args).await,
        Command::Import(args) => commands::transfer::import(&App::without_store(global, out)?, args).await,
        Command::Backup(args) => commands::transfer::backup(&App::without_store(global, out)?, args).await,
        Command::Jobs(args) => commands::jobs::list(&App::open(global, out).await?, args).await,
        Command::Show(args) => commands::jobs::show(&App::open(global, out).await?, args).await,
        Command::Files(args) => commands::trees::files(&App::open(global, out).await?, args).await,
        Command::Cat(args) => commands::trees::cat(&App::open(global, out).await?, args).await,
        Command::Log(args) => commands::log::show(&App::open(global, out).await?, args).await,
        Command::Blame(args) => commands::trees::blame(&App::open(global, out).await?, args).await,
        Command::Diff(args) => commands::diff::diff(&App::open(global, out).await?, args).await,
        Command::Deploy(args) => commands::deploy::deploy(&App::open(global, out).await?, args).await,
    }
}
