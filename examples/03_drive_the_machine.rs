//! Drives a run by hand: no engine, no runtime, no store. The run is a machine without I/O that says what it wants.
//!
//! Half way its state is written out as JSON, read back, and the run goes on from there. A host that has its own
//! scheduler, database or protocol uses VDO this way.
//!
//! Run it with `cargo run -p vdo-examples --bin 03_drive_the_machine`.

use std::error::Error;

use vdo_core::check::{CheckReport, CommandOutcome, Exit, Tier};
use vdo_core::content::{Blob, Entry};
use vdo_core::contents::Contents;
use vdo_core::edit::Format;
use vdo_core::event::EventKind;
use vdo_core::id::{JobId, StepKey};
use vdo_core::message::{Block, Reply, Stop};
use vdo_core::port::{FileFacts, Scanned};
use vdo_core::prompt::{Assignment, Prompts};
use vdo_core::run::{Answer, Ask, Brief, CheckWork, End, Finished, Limits, Loaded, MergeBrief, Run, Style, Work};
use vdo_core::syntax::NoSyntax;
use vdo_core::tree::FileTree;
use vdo_core::usage::Usage;

/// What the host has: contents, and what it was told.
struct Host {
    tree: FileTree,
    contents: Contents,
    told: Vec<String>,
    result: Option<Finished>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut host = Host::with_file("greeting.txt", "hello\n")?;
    let mut run = Run::new(brief()?);

    // As far as the first check, and then the host "restarts": only the JSON survives.
    while !matches!(next_work(&run)?, Some((_, Work::Check(_)))) {
        host.step(&mut run)?;
    }
    let stored = serde_json::to_string(&run)?;
    println!("-- stored in phase {} as {} bytes of JSON --", run.phase(), stored.len());
    drop(run);

    let mut run: Run = serde_json::from_str(&stored)?;
    run.check_version()?;
    while run.end().is_none() {
        host.step(&mut run)?;
    }

    assert_eq!(run.end(), Some(&End::Completed));
    assert_eq!(
        host.told,
        [
            "load/-/1/1",
            "scan/-/1/1",
            "plan/-/1/1",
            "build/t1/1/1",
            "test/-/1/1",
            "base/-/1/1",
            "critique/-/1/1",
            "sandbox/-/1/1",
            "deliver/-/1/1"
        ]
    );
    let finished = host.result.ok_or("nothing was delivered")?;
    let entry = finished.tree.get(&"greeting.txt".parse()?).ok_or("greeting.txt is gone")?;
    assert_eq!(host.contents.text(entry.blob), Some("hello, world\n"));
    Ok(())
}

/// Returns the first step that is ready, and what it consists of. Several may be: a host can do them side by side.
fn next_work(run: &Run) -> Result<Option<(StepKey, Work)>, Box<dyn Error>> {
    let Some(key) = run.ready().into_iter().next() else { return Ok(None) };
    let work = run.work(&key)?;
    Ok(Some((key, work)))
}

impl Host {
    fn with_file(path: &str, text: &str) -> Result<Self, Box<dyn Error>> {
        let blob = Blob::new(text.as_bytes());
        let tree = FileTree::from_iter([(path.parse()?, Entry::file(blob.hash()))]);
        let mut contents = Contents::default();
        contents.add(&blob);
        Ok(Self { tree, contents, told: Vec::new(), result: None })
    }

    /// Does one step, then lets the run take everything in that it can.
    fn step(&mut self, run: &mut Run) -> Result<(), Box<dyn Error>> {
        self.settle(run)?;
        let (key, work) = next_work(run)?.ok_or_else(|| format!("the run stands still: {:?}", run.end()))?;
        self.told.push(key.to_string());
        let answer = match work {
            Work::Load => Answer::Loaded(Loaded { parents: Vec::new(), tree: self.tree.clone() }),
            Work::Merge(_) => return Err("this job has no parents to merge".into()),
            Work::Scan(tree) => Answer::Scanned(self.scan(&tree)),
            Work::Ask(ask) => Answer::Reply(model(&key, &ask)?),
            Work::Check(work) => Answer::Checked(self.check(&work)),
            Work::Deliver(finished) => {
                self.result = Some(*finished);
                Answer::Delivered
            }
        };
        run.answer(key, answer)?;
        self.settle(run)
    }

    /// Supplies the contents the run wants to look at, and takes what its answers brought about. A host that wants to
    /// survive a crash writes the effects, and the answers before them, to a journal here.
    fn settle(&mut self, run: &mut Run) -> Result<(), Box<dyn Error>> {
        loop {
            let mut blobs = Vec::new();
            for hash in run.missing() {
                blobs.push(Blob::new(self.contents.get(hash).ok_or_else(|| format!("no content {hash}"))?));
            }
            run.supply(&blobs);
            let effects = run.advance(&NoSyntax);
            for blob in &effects.blobs {
                self.contents.add(blob);
            }
            for event in &effects.events {
                if let EventKind::Phase { phase } = event {
                    println!("phase {phase}");
                }
            }
            if run.missing().is_empty() {
                return Ok(());
            }
        }
    }

    fn scan(&self, tree: &FileTree) -> Scanned {
        let size = |entry: &Entry| self.contents.get(entry.blob).map_or(0, |bytes| bytes.len() as u64);
        let fact = |(path, entry): (_, &Entry)| FileFacts::new(path, entry.blob, size(entry));
        Scanned {
            files: tree.0.iter().map(|(path, entry)| fact((path.clone(), entry))).collect(),
            ..Scanned::default()
        }
    }

    /// "Runs" the only command this host knows: it looks for a word. A real one uses a `Checker`.
    fn check(&self, work: &CheckWork) -> CheckReport {
        let found = work.tree.0.values().any(|entry| {
            let text = self.contents.text(entry.blob).unwrap_or_default();
            text.contains("world")
        });
        let outcome = |command: &vdo_core::check::CheckCommand| CommandOutcome {
            command: command.clone(),
            exit: Exit::Code(i32::from(!found)),
            rerun: None,
            output: String::new(),
            tests: Vec::new(),
            duration_ms: 0,
        };
        CheckReport {
            tier: Tier::T2,
            tree_hash: work.tree.root_hash(),
            outcomes: work.commands.iter().map(outcome).collect(),
            setup_failed: None,
        }
    }
}

/// Answers as a model would. The request is all there is: instructions, conversation, tools, the shape of the reply.
fn model(key: &StepKey, ask: &Ask) -> Result<Reply, Box<dyn Error>> {
    let text = match key.phase.as_str() {
        "plan" => {
            r#"{"summary": "Greet more.", "tasks": [{"id": "t1", "title": "World", "modify": ["greeting.txt"]}]}"#
        }
        "build" => "greeting.txt\n<<<<<<< SEARCH\nhello\n=======\nhello, world\n>>>>>>> REPLACE\n",
        "critique" => r#"{"findings": []}"#,
        other => return Err(format!("nothing to say in phase {other} ({} messages)", ask.messages.len()).into()),
    };
    Ok(Reply {
        blocks: vec![Block::text(text)],
        stop: Stop::End,
        usage: Usage::default(),
        model: "by-hand".to_owned(),
        request_id: None,
        about: Default::default(),
    })
}

fn brief() -> Result<Brief, Box<dyn Error>> {
    Ok(Brief {
        assignment: Assignment {
            job: JobId::new(1).ok_or("0 is no job")?,
            title: "Greet the world".to_owned(),
            description: "The greeting has to name whom it greets.".to_owned(),
            ancestors: Vec::new(),
            merges: Vec::new(),
        },
        merge: MergeBrief::default(),
        checks: vec!["grep -q world greeting.txt".to_owned()],
        build: Style::Text,
        repair: Style::Text,
        build_format: Format::SearchReplace,
        repair_format: Format::SearchReplace,
        repairers: Vec::new(),
        limits: Limits::default(),
        prompts: Prompts::default(),
    })
}
