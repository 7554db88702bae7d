//! The command line: what can be said, and nothing of what it does.

pub(crate) mod money;
mod sandbox;
mod upkeep;
mod worker;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vdo_core::edit::Format;
use vdo_core::id::{JobId, RevisionRef, TaskId};
use vdo_core::job::MergePolicy;
use vdo_core::money::NanoUsd;

pub(crate) use sandbox::Sandbox;
pub(crate) use upkeep::{Backup, Export, Gc, Import};
pub(crate) use worker::Worker;

/// Turns job descriptions into verified changes to a codebase.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 usage,
/// 3 needs a decision or the budget stopped it, 4 key missing or refused, 5 provider unreachable, 6 not found, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "vdo", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The store: sqlite:PATH. Default: a file in the user's data folder.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The configuration. Default: vdo.toml in this folder, then the user's file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Sets one configuration value: providers.mock.base_url=URL
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,
    /// Prints JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Says nothing but results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Says more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the main job offline, with scripted answers and everything else real.
    Demo(Demo),
    /// Makes a job and prints its id.
    New(New),
    /// Runs a job, or goes on with it, to its end.
    Run(Run),
    /// Runs the jobs of the store, as one of any number of processes.
    Worker(Worker),
    /// Accepts a result that waits for a decision.
    Approve(OneJob),
    /// Asks a job to stop.
    Cancel(OneJob),
    /// Shows what the merge of a job left to decide.
    Conflicts(OneJob),
    /// Decides a path that a merge left in conflict. With the last one the job can be run again.
    Resolve(Resolve),
    /// Makes the files of an older revision or attempt a job's newest, or takes back a task; undone by another rollback.
    Rollback(Rollback),
    /// Takes the files of a folder in as a job's newest revision, and runs the job's checks on them.
    Correct(Correct),
    /// Carries a job over to its parent as it is now, by a three-way merge.
    Rebase(Rebase),
    /// Hides a job; its data stays, and what builds on it goes on.
    Archive(Archive),
    /// Makes the children of a job stand on their own, so that it can be purged.
    Detach(OneJob),
    /// Takes a job away for good; branches and deployed folders stay as they are.
    Purge(Purge),
    /// Takes a leaked file or text out of the whole store, and says what it cannot reach.
    Redact(Redact),
    /// Takes away what nothing needs any more: contents without a file, and old journals.
    Gc(Gc),
    /// Writes a project, all that grew out of one root, to one file that can be looked through.
    Export(Export),
    /// Takes in what an export or a backup has, with new ids where the store has jobs.
    Import(Import),
    /// Writes the whole store to one file, while others use it.
    Backup(Backup),
    /// Lists jobs, newest first.
    Jobs(Jobs),
    /// Shows a job.
    Show(OneJob),
    /// Lists a job's files and where each comes from.
    Files(OneRevision),
    /// Shows what a job grew out of: its chain, the graph, and the project it is part of.
    Lineage(OneRevision),
    /// Prints a file of a job.
    Cat(Cat),
    /// Tells which job, task and model each line of a file comes from.
    Blame(Cat),
    /// Shows what happened in a job.
    Log(Log),
    /// Shows what differs between two jobs, or what one job changed.
    Diff(Diff),
    /// Hands a job's whole codebase over.
    Deploy(Deploy),
    /// Ranks the files of a folder for a query, the ones that matter first.
    Context(Context),
    /// Shows what a folder holds: its architecture, counts, rules, and how it is checked.
    Scan(Scan),
    /// Makes the edits of a model's reply in a folder: all of them, or none and the reasons.
    Apply(Apply),
    /// Merges three files, as a git merge driver does: 0 clean, 1 conflicts, 129 no merge made.
    MergeFile(MergeFile),
    /// Prints the JSON Schema of what goes over the wire or into a file.
    Schema(Schema),
    /// Runs a command in the sandbox.
    Sandbox(Sandbox),
    /// Shows how the providers are doing: whether they are there, how fast, and what they still allow.
    Providers(money::Providers),
    /// Shows the table of models: windows, prices and what they take.
    Models(money::Models),
    /// Shows what was spent, on what, and where that goes.
    Spend(money::Spend),
    /// Shows and sets how much may be spent on what.
    Budget(money::BudgetArgs),
    /// Shows how jobs went and what models were worth.
    Stats,
    /// Tells what works here and what is missing.
    Doctor,
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder to work in; made if it is not there. Default: a new one for temporary files.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// A short name.
    pub(crate) title: String,
    /// What is to be done; - reads it from standard input.
    #[arg(short, long, value_name = "TEXT|-")]
    pub(crate) description: Option<String>,
    /// The job it extends: 1, #1, 1@2.
    #[arg(long, value_name = "ID", conflicts_with = "repo")]
    pub(crate) extends: Option<RevisionRef>,
    /// The jobs it merges, two or more, in their order: 2 3, #2, 2@1. Without -d, nothing but the merge is done.
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with_all = ["extends", "repo"])]
    pub(crate) merge: Vec<RevisionRef>,
    /// What a merge may do by itself. fail: one conflict ends the job as failed. clean: a clean merge is delivered without
    /// running the checks, conflicts wait for a person. verified: a clean merge must pass the checks, conflicts go to a model
    /// first. ask: a person decides each conflict and accepts the result. Default: verified.
    #[arg(long, value_name = "POLICY", requires = "merge")]
    pub(crate) policy: Option<MergePolicy>,
    /// The folder or git repository it extends, imported as it is now.
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: Option<PathBuf>,
    /// The most it may cost, in USD.
    #[arg(long, value_name = "USD")]
    pub(crate) budget: Option<NanoUsd>,
    /// A command that shows whether the result works. Can be given more than once.
    #[arg(long = "check", value_name = "COMMAND")]
    pub(crate) checks: Vec<String>,
    /// A second job with the same key is the first one.
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) idempotency_key: Option<String>,
    /// How much sooner than others workers run it, -128 to 127; every minute of waiting counts as one.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i8,
    /// Runs it at once.
    #[arg(long)]
    pub(crate) run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The job.
    pub(crate) id: JobId,
}

#[derive(Debug, Args)]
pub(crate) struct OneJob {
    /// The job.
    pub(crate) id: JobId,
}

#[derive(Debug, Args)]
pub(crate) struct OneRevision {
    /// The job, or one of its revisions: 1, #1, 1@2.
    pub(crate) id: RevisionRef,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The job.
    pub(crate) id: JobId,
    /// The path in conflict.
    pub(crate) path: String,
    /// What to take: ours, theirs or base (if the file is not there on that side, it is removed), delete, or a file with the
    /// result (./ours for a file of that name, - for standard input).
    #[arg(long, value_name = "ours|theirs|base|delete|FILE")]
    pub(crate) take: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The job; or, as 3@1, the revision whose files come back.
    pub(crate) id: RevisionRef,
    /// The revision whose files come back. Default: the one before the newest.
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Takes back what this task of the plan did, and nothing that came later; refused where later changes build on it.
    #[arg(long, value_name = "TASK", conflicts_with_all = ["to", "attempt"])]
    pub(crate) task: Option<TaskId>,
    /// The files as this attempt left them: a step of vdo log ID --attempts.
    #[arg(long, value_name = "STEP", conflicts_with = "to")]
    pub(crate) attempt: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Correct {
    /// The job.
    pub(crate) id: JobId,
    /// The folder with the corrected files: all of them. A file that is missing there is deleted; what ignore files leave out
    /// stays as it was.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// What was wrong.
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rebase {
    /// The job.
    pub(crate) id: JobId,
    /// The parent's revision it is carried over to: 2@3. Default: the newest of every parent.
    #[arg(long, value_name = "ID@N")]
    pub(crate) onto: Option<RevisionRef>,
    /// Carries over everything that grew out of the job, too, parents first; stops at the first that needs a decision.
    #[arg(long)]
    pub(crate) descendants: bool,
    /// Gives up a rebase that waits for decisions: the job stays what it was.
    #[arg(long, conflicts_with_all = ["onto", "descendants"])]
    pub(crate) abort: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The job.
    pub(crate) id: JobId,
    /// Shows it again, as it stood.
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// The job.
    pub(crate) id: JobId,
    /// With everything that grew out of it.
    #[arg(long)]
    pub(crate) subtree: bool,
    /// Does it without asking. Without it, and without a terminal, what would go is listed and nothing changes.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Redact {
    /// The job, or one of its revisions, that has the file.
    pub(crate) id: Option<RevisionRef>,
    /// The file: its content goes, wherever it is.
    pub(crate) path: Option<String>,
    /// The hash of a content.
    #[arg(long, value_name = "HASH")]
    pub(crate) blob: Option<String>,
    /// A file with a text, or - for standard input, so that a secret is in no command line: every content that has it goes, and
    /// it is taken out of answers, reports, events and descriptions.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Archived jobs too.
    #[arg(long, conflicts_with = "status")]
    pub(crate) all: bool,
    /// Only those with this status.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// The job, or one of its revisions.
    pub(crate) id: RevisionRef,
    /// The file.
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The job.
    pub(crate) id: JobId,
    /// Waits for more until the job is over.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Shows the journal and the ledger instead of the events.
    #[arg(long)]
    pub(crate) journal: bool,
    /// Shows every task and repair instead, with the model, the outcome and the size of what it did.
    #[arg(long, conflicts_with_all = ["journal", "follow"])]
    pub(crate) attempts: bool,
    /// Only events after this number.
    #[arg(long, default_value_t = 0)]
    pub(crate) after: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The one job; what it changed, if it is the only one.
    pub(crate) a: RevisionRef,
    /// The other job.
    pub(crate) b: Option<RevisionRef>,
    /// What this attempt of the one job changed, whatever became of it: a step of vdo log ID --attempts, or a task.
    #[arg(long, value_name = "STEP", conflicts_with = "b")]
    pub(crate) attempt: Option<String>,
    /// Counts lines instead.
    #[arg(long)]
    pub(crate) stat: bool,
    /// The patch, as `git apply` takes it; with --stat both. Default without --stat.
    #[arg(long)]
    pub(crate) patch: bool,
    /// Writes into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The job, or one of its revisions.
    pub(crate) id: RevisionRef,
    /// Where to: dir:PATH
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The folder or git repository.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// How many tokens the summary may have; JSON has all of it.
    #[arg(long, value_name = "TOKENS", default_value_t = 2000)]
    pub(crate) tokens: usize,
    /// The folder for what is kept between scans. Default: one in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Keeps nothing, and looks at everything anew.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The folder. Default: this one.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) root: PathBuf,
    /// search-replace, unified-diff, v4a, whole or str-replace. Default: what the reply looks like.
    #[arg(long, value_name = "NAME")]
    pub(crate) format: Option<Format>,
    /// Prints the change as a patch and writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The reply is known to be whole: a mark missing at its very end is forgiven.
    #[arg(long)]
    pub(crate) complete: bool,
    /// The file with the reply; standard input for -.
    pub(crate) reply: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Context {
    /// The folder. Default: this one.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// How many tokens of context the selection may have.
    #[arg(long, value_name = "TOKENS", default_value_t = 16_000)]
    pub(crate) budget: u64,
    /// How many files are printed at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// The folder for what is kept between scans. Default: one in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Keeps nothing, and looks at everything anew.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
    /// Tells below each file, in a line that begins with #, what its score is made of.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Leaves a signal out of the score: text, title, path, titles, … As often as wanted.
    #[arg(long, value_name = "SIGNAL", value_parser = signal)]
    pub(crate) without: Vec<vdo_core::context::rank::Signal>,
    /// Reads the query from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    pub(crate) query_file: Option<PathBuf>,
    /// What is looked for; standard input for -. The first line is its title and counts more.
    #[arg(required_unless_present = "query_file")]
    pub(crate) query: Option<String>,
}

fn signal(name: &str) -> Result<vdo_core::context::rank::Signal, String> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
#[command(after_help = "As a git merge driver, two lines of configuration:\n  \
    git config merge.vdo.driver 'vdo merge-file --path %P --marker-size %L -o %A %O %A %B'\n  \
    echo '* merge=vdo' >> .gitattributes")]
pub(crate) struct MergeFile {
    /// The path in the repository: it tells the language. Default: the name of OURS.
    #[arg(long, value_name = "P")]
    pub(crate) path: Option<String>,
    /// A name at the markers; up to three times: ours, base, theirs.
    #[arg(short = 'L', value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// How many signs a marker has. Default: 7, or more if the text has such lines.
    #[arg(long, value_name = "N", value_parser = marker_size)]
    pub(crate) marker_size: Option<usize>,
    /// Where the merge goes. Default: standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// What both sides grew out of.
    pub(crate) base: PathBuf,
    /// One side.
    pub(crate) ours: PathBuf,
    /// The other side.
    pub(crate) theirs: PathBuf,
}

fn marker_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=200) => Ok(size),
        _ => Err("a marker has 1 to 200 signs".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what.
    pub(crate) what: SchemaOf,
}

/// What a schema is printed of.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The tools offered to models.
    Tools,
    /// A plan, as a model writes it.
    Plan,
    /// A reply, as the journal keeps it.
    Reply,
    /// A critique, as a model writes it.
    Findings,
    /// The answers file of the scripted provider.
    Answers,
    /// An event.
    Events,
    /// A row of the ledger.
    Journal,
    /// What `vdo scan --json` prints.
    Scan,
}
