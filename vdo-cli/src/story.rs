//! Events as lines for people. One event is one line or none; whatever came from outside is made harmless.

use vdo_core::budget::{Action, Crossing, Period};
use vdo_core::check::{CheckReport, CommandOutcome, CommandSource, TestStatus, Verdict};
use vdo_core::compare::Comparison;
use vdo_core::conflict::How;
use vdo_core::event::{Drift, EventKind, PathList};
use vdo_core::findings::{Finder, Standing};
use vdo_core::id::Phase;
use vdo_core::money::NanoUsd;
use vdo_core::usage::Usage;

/// Returns the line that tells of an event, if people want to know of it.
pub(crate) fn line(event: &EventKind) -> Option<String> {
    let text = match event {
        EventKind::Created { .. }
        | EventKind::Phase { .. }
        | EventKind::CallSent { .. }
        | EventKind::TaskDone { .. } => return None,
        EventKind::Status { status, reason } => match reason {
            Some(reason) => entry(status.as_str(), reason),
            None => entry(status.as_str(), ""),
        },
        EventKind::Started { epoch: 1, .. } => return None,
        EventKind::Started { replayed, .. } => {
            entry("resume", &format!("{replayed} answered steps are in the journal and are not repeated"))
        }
        EventKind::Loaded { parents, files } if parents.is_empty() => {
            entry("load", &format!("a new project, {files} files"))
        }
        EventKind::Loaded { parents, files } => {
            let names: Vec<String> = parents.iter().map(ToString::to_string).collect();
            let verb = if parents.len() > 1 { "merges" } else { "extends" };
            entry("load", &format!("{verb} {}: {files} files", names.join(", ")))
        }
        EventKind::Merged { parent, files, conflicts: 0 } => {
            entry("merge", &format!("{parent} comes together cleanly: {files} files"))
        }
        EventKind::Merged { parent, conflicts, .. } => {
            let paths = if *conflicts == 1 { "path" } else { "paths" };
            entry("merge", &format!("{parent} leaves {conflicts} {paths} in conflict"))
        }
        EventKind::Conflict { path, reason } => entry("conflict", &format!("{path}: {reason}")),
        EventKind::Resolved { path, how: How::Model, author } => entry("resolved", &format!("{path} by {author}")),
        EventKind::Resolved { path, how, author } => {
            entry("resolved", &format!("{path}: {} by {author}", how.as_str()))
        }
        EventKind::Planned { summary, tasks } => {
            let names: Vec<String> = tasks.iter().map(|(id, title)| format!("{id} {title}")).collect();
            entry("plan", &format!("{summary} [{}]", names.join("; ")))
        }
        EventKind::Refused { step, faults } => entry(step.phase.as_str(), &format!("refused: {}", faults.join("; "))),
        EventKind::CallAnswered { .. } => return None,
        EventKind::CallFailed { step, failure, .. } => entry(step.phase.as_str(), &format!("call failed: {failure}")),
        EventKind::Edited { task, path, operation } => {
            let who = task.as_ref().map_or("repair".to_owned(), |task| format!("build {task}"));
            entry(&who, &format!("{operation} {path}"))
        }
        EventKind::PlanAmended { task, path } => entry("plan", &format!("amended: {task} also touches {path}")),
        EventKind::Drift { drift } if drift.is_none() => {
            entry("drift", "none any more: exactly the plan's files are touched")
        }
        EventKind::Drift { drift } => entry("drift", &drifted(drift)),
        // That all was well before is what people expect.
        EventKind::Checked { phase: Phase::Base, passed: true, .. } => return None,
        EventKind::Checked { phase, report, passed, comparison, from, .. } => {
            let from = from.map_or(String::new(), |job| format!(" (as job {job} recorded it)"));
            let changed = comparison.as_ref().map_or(String::new(), |comparison| compared(comparison));
            entry(phase.as_str(), &format!("{}{changed}{from}", checked(report, *passed)))
        }
        EventKind::Found { found } => match found.standing.reason() {
            Some(reason) => entry("finding", &format!("{} {}: {reason}", found.id, found.standing.as_str())),
            // The critic's word is told as a whole, and what mends it as a repair.
            None if found.by == Finder::Critic => return None,
            None if found.standing == Standing::Open => entry("finding", &found.to_string()),
            None => entry("finding", &format!("{} {}", found.id, found.standing.as_str())),
        },
        EventKind::Escalated { from, to, why } => entry("escalate", &format!("from {from} to {to}: {why}")),
        EventKind::Best { step: Some(step), failing, restored: true, .. } => {
            entry("best", &format!("back to the files of {step}, on which {failing} checks fail"))
        }
        EventKind::Best { failing, restored: true, .. } => {
            entry("best", &format!("back to the files before the repairs, on which {failing} checks fail"))
        }
        EventKind::Best { .. } => return None,
        EventKind::Attempt { attempt } => match &attempt.failure {
            Some(why) => entry(attempt.step.phase.as_str(), &format!("{} was given up: {why}", attempt.step)),
            None => return None,
        },
        EventKind::Critiqued { findings, .. } if findings.is_empty() => entry("critique", "no findings"),
        EventKind::Critiqued { findings, .. } => entry("critique", &findings.join("; ")),
        EventKind::Delivered { how, place, files } => entry("deliver", &format!("{how} {place} ({files} files)")),
        EventKind::Guarded { findings } => entry("guard", &findings.join("; ")),
        EventKind::Revised { number, cause, files, note } => {
            let note = note.as_ref().map_or(String::new(), |note| format!(": {note}"));
            entry(cause.as_str(), &format!("revision {number}, {files} files differ{note}"))
        }
        EventKind::Rebased { conflicts: 0, .. } => return None,
        EventKind::Rebased { onto, conflicts } => {
            let names: Vec<String> = onto.iter().map(ToString::to_string).collect();
            entry("rebase", &format!("onto {}: {conflicts} in conflict", names.join(" ")))
        }
        EventKind::Archived { was, .. } => entry("archive", &format!("hidden; it was {was}")),
        EventKind::Detached { from } => {
            let names: Vec<String> = from.iter().map(ToString::to_string).collect();
            entry("detach", &format!("stands on its own from here on; it was made from {}", names.join(" ")))
        }
        EventKind::Redacted { places } => entry("redact", &format!("a content was taken out of {places} places")),
        EventKind::Reconciled { step, number, cost } => {
            entry("money", &format!("call {step}#{number} cost {cost}, as was found out later"))
        }
        EventKind::BudgetCrossed(crossed) => entry("budget", &crossing(crossed)),
        EventKind::Note { text, .. } => entry("note", text),
        _ => return None,
    };
    Some(text)
}

/// Says how far the files that were touched are from those of the plan.
fn drifted(drift: &Drift) -> String {
    let lists = [(&drift.unplanned, "touched though not planned"), (&drift.untouched, "planned and not touched")];
    let named = |list: &PathList| {
        let names: Vec<&str> = list.first.iter().take(5).map(|path| path.as_str()).collect();
        let more = list.count.saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    };
    let said = lists.into_iter().filter(|(list, _)| list.count > 0);
    said.map(|(list, what)| format!("{what}: {}", named(list))).collect::<Vec<_>>().join("; ")
}

/// Returns what is being done from now on, for a moving line.
pub(crate) fn doing(event: &EventKind) -> Option<String> {
    match event {
        EventKind::Phase { phase } => Some(phase.to_string()),
        EventKind::CallSent { step, provider, model, .. } => {
            Some(plain(&format!("{} asks {provider}:{model}", step.phase), 100))
        }
        _ => None,
    }
}

/// Returns a line with a label and a text of one line.
pub(crate) fn entry(label: &str, text: &str) -> String {
    format!("{label:<10} {}", plain(text, 220)).trim_end().to_owned()
}

/// Says what changed against the files before, as far as that is worth a word: what passed and passes is not.
fn compared(comparison: &Comparison) -> String {
    let parts = [
        (&comparison.broke, "broke"),
        (&comparison.red_before, "red before this job"),
        (&comparison.vanished, "vanished"),
        (&comparison.mended, "mended"),
        (&comparison.flaky, "flaky"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(list, _)| !list.is_empty())
        .map(|(list, what)| format!("{} {what}", list.count))
        .collect();
    if said.is_empty() { String::new() } else { format!("; {}", said.join(", ")) }
}

fn checked(report: &CheckReport, passed: bool) -> String {
    // A checker of the language that passed shows nothing.
    let is_told = |outcome: &&CommandOutcome| outcome.command.source != CommandSource::Language || !outcome.passed();
    let told = report.outcomes.iter().filter(is_told);
    let commands: Vec<&str> = told.map(|outcome| outcome.command.run.as_str()).collect();
    let count =
        |status| report.outcomes.iter().flat_map(|outcome| &outcome.tests).filter(|test| test.status == status).count();
    let (good, bad, flaky) = (count(TestStatus::Passed), count(TestStatus::Failed), count(TestStatus::Flaky));
    let verdict = match report.verdict() {
        _ if passed => "passed",
        Verdict::Unverified => "NO TEST RAN",
        Verdict::Passed | Verdict::Failed => "FAILED",
    };
    let tests = if good + bad + flaky > 0 { format!(", {good} tests passed, {bad} failed") } else { String::new() };
    let tests = if flaky > 0 { format!("{tests}, {flaky} flaky") } else { tests };
    let names: Vec<&str> = report
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.tests)
        .filter(|test| test.status == TestStatus::Failed)
        .map(|test| test.name.as_str())
        .take(3)
        .collect();
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let setup = if report.setup_failed.is_some() { " (the setup failed)" } else { "" };
    format!("{verdict} in {}{setup}{tests}{names} — {}", report.tier, commands.join(" && "))
}

/// Returns text on one line, without control characters, at most `limit` characters long.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            continue;
        }
        if blank && !line.is_empty() {
            line.push(' ');
        }
        blank = false;
        line.push(c);
        if line.chars().count() >= limit {
            line.push('…');
            break;
        }
    }
    line
}

/// Returns what calls took and cost, in a few words.
pub(crate) fn spent(usage: &Usage, cost: NanoUsd) -> String {
    format!("{} tokens in, {} out, {cost}", usage.total_input(), usage.output)
}

/// Says that a part of a budget is spent.
pub(crate) fn crossing(crossed: &Crossing) -> String {
    let then = match crossed.action {
        Action::Warn => "",
        Action::Reroute => "; others are asked where there are any",
        Action::Stop => "; nothing more is asked of it",
    };
    let per = match crossed.per {
        Period::Ever => String::new(),
        per => format!(" a {}", per.as_str()),
    };
    let Crossing { scope, limit, spent, percent, .. } = crossed;
    format!("{percent} % of the {limit}{per} for {scope} are spent ({spent}){then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_move_the_cursor_or_break_the_line() {
        assert_eq!(plain("a\u{1b}[31m b\n\tc\u{202e}d", 100), "a[31m b cd");
        assert_eq!(plain(&"x".repeat(10), 4), "xxxx…");
    }
}
