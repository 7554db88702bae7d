//! Taking a model's edits in: what is good of them lands, and only the rest is asked for again.
//!
//! Invariant: what landed passed every rule, and no block lands twice.

use std::collections::BTreeSet;

use super::bench::{Bench, Rules, touched};
use super::planning::spoken;
use super::state::{Effects, Style};
use crate::content::BlobHash;
use crate::contents::Contents;
use crate::context::{self, bounded};
use crate::edit::{
    Applied, Edit, EditError, Existing, FileOp, Hunk, Known, ReadReply, Sequence, Whole, apply_good, read_any,
};
use crate::event::EventKind;
use crate::guard;
use crate::message::{Message, Reply, Stop};
use crate::path::RepoPath;
use crate::port::Outcome;
use crate::reply::MAX_REPLY_BYTES;
use crate::syntax::SyntaxFault;

/// After so many refused edits a file is asked for whole.
const MISSES: u32 = 2;
/// How often a fault of syntax is told before it is left to the checks.
const INSISTED: usize = 2;
/// Larger files are not shown again to be given whole, in bytes.
const MAX_WHOLE: usize = 60_000;

/// What became of the edits of a reply.
#[derive(Debug, Default)]
struct Landing {
    /// The files that changed.
    changed: BTreeSet<RepoPath>,
    /// Why the rest did not land.
    faults: Vec<String>,
    /// The files it was for.
    missed: BTreeSet<RepoPath>,
}

impl Landing {
    fn refused(faults: Vec<String>) -> Self {
        Self { faults, ..Self::default() }
    }
}

impl Bench {
    /// Reads the edits of a reply that consists of text.
    pub(super) fn read(&self, reply: &Reply) -> ReadReply {
        let whole = if reply.stop == Stop::End { Whole::Yes } else { Whole::Unknown };
        read_any(&reply.text(), Known(&|path| self.tree.get(path).is_some()), whole).1
    }

    /// Takes in a reply that consists of text.
    pub(super) fn take_text(&mut self, reply: &Reply, contents: &mut Contents, run: &Rules<'_>, effects: &mut Effects) {
        let length = reply.text().len();
        let mut landing = if length > MAX_REPLY_BYTES {
            Landing::refused(vec![format!("the reply has {length} bytes; at most {MAX_REPLY_BYTES} are read")])
        } else if reply.stop == Stop::Length {
            let fault = "the reply was cut off at the token limit; be shorter, or do one file at a time";
            Landing::refused(vec![fault.to_owned()])
        } else {
            self.land(self.read(reply), contents, run, effects)
        };
        if landing.faults.is_empty()
            && let Err(faults) = self.lacks()
        {
            landing.faults = faults;
        }
        if landing.faults.is_empty() {
            let outcome = if self.refusals == 0 { Outcome::Accepted } else { Outcome::Repaired };
            effects.outcomes.push((self.key.clone(), outcome));
            self.finish(effects);
        } else {
            self.refuse(reply, &landing, contents, run, effects);
        }
    }

    /// Carries out edits that came as one tool call: all of them or none. Returns what the model is told.
    pub(super) fn take_edits(
        &mut self,
        edits: &[Edit],
        contents: &mut Contents,
        run: &Rules<'_>,
        effects: &mut Effects,
    ) -> Result<String, String> {
        let before = self.tree.root_hash();
        let done = apply_good(edits, &self.tree, contents, Sequence::AtOnce, Existing::Refuse);
        let told: Vec<String> = done.faults.iter().map(ToString::to_string).collect();
        let laid = if told.is_empty() { self.settle(edits, done.applied, contents, run, effects) } else { Err(told) };
        if let Err(faults) = laid {
            let mut text = faults.join("; ");
            for path in edits.iter().flat_map(touched).collect::<BTreeSet<_>>() {
                if self.missed(path) >= MISSES && self.tree.get(path).is_some() {
                    text.push_str(&format!(
                        "; after {MISSES} refused edits, read {path} and give it whole with the tool write"
                    ));
                }
            }
            return Err(text);
        }
        let after = self.tree.root_hash();
        if after == before {
            return Ok("nothing changed".to_owned());
        }
        self.circles.tree_is(after);
        Ok("done".to_owned())
    }

    /// Counts a refused edit of a file.
    fn missed(&mut self, path: &RepoPath) -> u32 {
        let count = self.misses.entry(path.clone()).or_default();
        *count += 1;
        *count
    }

    /// Lays what is good of a reply over the tree.
    fn land(&mut self, read: ReadReply, contents: &mut Contents, run: &Rules<'_>, effects: &mut Effects) -> Landing {
        if read.edits.is_empty() && read.faults.is_empty() {
            if self.is_answered() || (run.style == Style::Tools && self.tree != self.base) {
                return Landing::default();
            }
            let mut fault = "the reply has no edits in the form that was asked for".to_owned();
            let open: Vec<&str> = self.unanswered().collect();
            if !open.is_empty() {
                fault.push_str(&format!(", and no answer to {}", open.join(", ")));
            }
            return Landing::refused(vec![fault]);
        }
        let edits: Vec<Edit> = read.edits.iter().filter_map(|edit| self.not_landed(edit)).collect();
        let lay =
            |tree: &_, contents: &_, edits: &[Edit]| apply_good(edits, tree, contents, read.sequence, Existing::Refuse);
        let done = lay(&self.tree, contents, &edits);
        // A block that was given once more says that it is applied already, which is as it should be.
        let again = self.refusals > 0;
        let stand = |fault: &&EditError| !(again && matches!(fault, EditError::AlreadyApplied { .. }));
        let faults: Vec<&EditError> = read.faults.iter().chain(done.faults.iter().filter(stand)).collect();
        let missed: BTreeSet<RepoPath> = faults.iter().filter_map(|fault| fault.path().cloned()).collect();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let bad: BTreeSet<(RepoPath, usize)> =
            done.faults.iter().filter_map(|fault| Some((fault.path()?.clone(), fault.block()?))).collect();
        let before = self.tree.clone();
        let mut good = edits.clone();
        let mut settled = self.settle(&good, done.applied.clone(), contents, run, effects);
        if settled.is_err() && !told.is_empty() {
            // A file of which a part is missing may not be valid yet: files that are whole land by themselves.
            good.retain(|edit| !missed.contains(&edit.path));
            let done = lay(&self.tree, contents, &good);
            settled = self.settle(&good, done.applied, contents, run, effects).map_err(|_| Vec::new());
        }
        let mut landing = Landing { faults: told, missed, changed: BTreeSet::new() };
        match settled {
            Ok(()) => self.landed.extend(good.iter().flat_map(|edit| prints(edit, &bad))),
            Err(faults) => {
                landing.missed.extend(good.iter().map(|edit| edit.path.clone()));
                landing.faults.extend(faults);
            }
        }
        landing.changed =
            crate::diff::changed_paths(&before, &self.tree).into_iter().map(|(path, _, _)| path).collect();
        landing
    }

    /// Returns an edit without the blocks that landed already; `None` if nothing is left of it.
    fn not_landed(&self, edit: &Edit) -> Option<Edit> {
        let hunks = match &edit.op {
            FileOp::Replace(hunks) => hunks,
            _ if self.refusals > 0 && self.is_done(edit) => return None,
            _ => return Some(edit.clone()),
        };
        let new: Vec<Hunk> =
            hunks.iter().filter(|hunk| !self.landed.contains(&print(&edit.path, hunk))).cloned().collect();
        (!new.is_empty()).then(|| Edit { path: edit.path.clone(), op: FileOp::Replace(new) })
    }

    /// Tells whether what an edit asks for is so already.
    fn is_done(&self, edit: &Edit) -> bool {
        let here = self.tree.get(&edit.path);
        match &edit.op {
            FileOp::Create(text) | FileOp::Write(text) => {
                here.is_some_and(|entry| entry.blob == BlobHash::of(text.as_bytes()))
            }
            FileOp::Delete => here.is_none() && self.base.get(&edit.path).is_some(),
            FileOp::Move(to) => here.is_none() && self.tree.get(to).is_some(),
            FileOp::Replace(_) => false,
        }
    }

    /// Makes a tree the bench's own if it keeps every rule.
    fn settle(
        &mut self,
        edits: &[Edit],
        applied: Applied,
        contents: &mut Contents,
        run: &Rules<'_>,
        effects: &mut Effects,
    ) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        let mut amended = BTreeSet::new();
        for path in edits.iter().flat_map(touched) {
            if let Some(what) = guard::refusal(path).filter(|_| !run.names(path)) {
                faults.push(format!(
                    "{path} is {what}, and the plan does not name it: it is not this task's to write; leave it alone"
                ));
            }
            if self.foreign.contains(path) && !self.allowed.contains(path) {
                faults.push(format!(
                    "{path} belongs to another task that is being carried out at the same time; leave it alone"
                ));
            } else if !self.allowed.contains(path) && applied.touched.contains_key(path) {
                amended.insert(path.clone());
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        for blob in &applied.blobs {
            contents.add(blob);
        }
        faults.extend(self.dropped(edits, &applied, run));
        faults.extend(self.broken(&applied, contents, run, effects));
        if !faults.is_empty() {
            return Err(faults);
        }
        if let (Some(task), false) = (&self.key.task, amended.is_empty()) {
            effects
                .events
                .extend(amended.iter().map(|path| EventKind::PlanAmended { task: task.clone(), path: path.clone() }));
        }
        self.allowed.extend(amended);
        effects.events.extend(self.gutted(edits, &applied, contents, run));
        self.tree = applied.tree;
        effects.blobs.extend(applied.blobs);
        Ok(())
    }

    /// Says which files would no longer be valid in their language that were so far.
    ///
    /// A grammar can be wrong where a compiler is not: what a model insists on lands, if commands will judge it.
    fn broken(
        &mut self,
        applied: &Applied,
        contents: &Contents,
        run: &Rules<'_>,
        effects: &mut Effects,
    ) -> Vec<String> {
        let syntax = run.syntax;
        let mut faults = Vec::new();
        for (path, entry) in &applied.touched {
            let Some(text) = entry.and_then(|entry| contents.text(entry.blob)) else { continue };
            let old = self.tree.get(path).and_then(|entry| contents.text(entry.blob)).unwrap_or_default();
            let (now, before) = (syntax.faults(path, text), syntax.faults(path, old));
            if now.len() <= before.len() {
                continue;
            }
            let is_new = |fault: &&SyntaxFault| !before.iter().any(|old| old.text == fault.text);
            let Some(first) = now.iter().find(is_new).or(now.first()) else { continue };
            let told =
                format!("{path}, line {}: the result is not valid: {}: {}", first.line, first.message, first.text);
            let turns = self.doubts.entry(format!("{path}: {}", first.text)).or_default();
            turns.insert(self.key.turn);
            if run.is_judged && turns.len() > INSISTED {
                let text = format!("{told}; the model insists, and the checks will tell");
                effects.events.push(EventKind::Note { text, tier: None });
            } else {
                faults.push(told);
            }
        }
        faults
    }

    /// Says what is wrong with a reply and asks for what is missing.
    fn refuse(
        &mut self,
        reply: &Reply,
        landing: &Landing,
        contents: &Contents,
        run: &Rules<'_>,
        effects: &mut Effects,
    ) {
        effects.outcomes.push((self.key.clone(), Outcome::Refused));
        effects.events.push(EventKind::Refused { step: self.key.clone(), faults: landing.faults.clone() });
        self.refusals += 1;
        if self.refusals > run.refusals {
            self.failed = Some(format!(
                "no reply could be used after {} attempts; the last: {}",
                self.refusals,
                landing.faults.join("; ")
            ));
            return;
        }
        let list: String = landing.faults.iter().map(|fault| format!("- {}\n", bounded(fault, 1500))).collect();
        let mut text = if landing.changed.is_empty() {
            format!(
                "Nothing was changed, because:\n{list}Answer again with all edits of this task that are missing, mended.\n"
            )
        } else {
            let names: Vec<&str> = landing.changed.iter().map(|path| path.as_str()).collect();
            let names = bounded(&names.join(", "), 600);
            format!(
                "These files were changed, and stay so: {names}. The rest was not done, because:\n{list}\
                 Answer with what is missing only, mended; give nothing again that was done.\n"
            )
        };
        for path in &landing.missed {
            if self.missed(path) >= MISSES {
                self.ask_whole(&mut text, path, contents);
            }
        }
        self.messages.push(spoken(reply));
        self.messages.push(Message::user(text));
        self.next_turn(run);
    }

    /// Asks for a file whole whose edits were refused again and again, and shows it as it is.
    fn ask_whole(&self, text: &mut String, path: &RepoPath, contents: &Contents) {
        let Some(body) = self.tree.get(path).and_then(|entry| contents.text(entry.blob)) else { return };
        if body.len() > MAX_WHOLE {
            return;
        }
        text.push_str(&format!(
            "Give {path} whole instead of editing it: its path on a line of its own and below it every line of it between ``` fences. \
             This is how it is now:\n"
        ));
        context::file(text, path, body);
    }
}

/// Names a block, to know it again.
fn print(path: &RepoPath, hunk: &Hunk) -> String {
    BlobHash::of(format!("{path}\0{}\0{}", hunk.find, hunk.replace).as_bytes()).short()
}

/// Names the blocks of an edit that landed: those that are not among the bad ones.
fn prints(edit: &Edit, bad: &BTreeSet<(RepoPath, usize)>) -> Vec<String> {
    let FileOp::Replace(hunks) = &edit.op else { return Vec::new() };
    hunks
        .iter()
        .filter(|hunk| !bad.contains(&(edit.path.clone(), hunk.block)))
        .map(|hunk| print(&edit.path, hunk))
        .collect()
}
