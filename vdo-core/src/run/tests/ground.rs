//! What every request stands on, and what became of the plan's files.

use super::*;
use crate::event::{Drift, PathList};
use crate::path::RepoPath;
use crate::rules::MAX_FILE;
use crate::summary::Summary;

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

fn scanned(rules: &[&str]) -> Scanned {
    let summary = Summary { version: 1, about: "a shop that sells tea".to_owned(), files: 3, ..Summary::default() };
    let summary = Box::new(summary);
    Scanned { rules: rules.iter().map(|rule| path(rule)).collect(), summary, ..Scanned::default() }
}

fn drifts(hand: &Hand) -> Vec<Drift> {
    let told = hand.events.iter().filter_map(|event| match event {
        EventKind::Drift { drift } => Some(drift.clone()),
        _ => None,
    });
    told.collect()
}

fn list(names: &[&str]) -> PathList {
    PathList { count: names.len() as u64, first: names.iter().map(|name| path(name)).collect() }
}

#[test]
fn rules_come_first_and_whole_to_everybody_and_the_summary_to_planner_and_builder() {
    let files = [
        APP[0],
        APP[1],
        ("AGENTS.md", "Rule one.\n"),
        ("web/AGENTS.md", "Rule two.\n"),
        ("web/page.js", "let a = 1;\n"),
        ("api/AGENTS.md", "Rule three.\n"),
    ];
    let rules = scanned(&["AGENTS.md", "api/AGENTS.md", "web/AGENTS.md"]);
    let mut hand = Hand::start_scanned(brief(), &files, rules);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["web/page.js"]}])));
    hand.say("build/t1/1/1", &edit("web/page.js", "let a = 1;", "let a = 2;"));
    hand.check("test/-/1/1", 1, "a is 2");
    hand.say("repair/-/1/1", &edit("web/page.js", "let a = 2;", "let a = 3;"));
    hand.check("test/-/2/1", 0, "");
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    let at = |asked: &str, text: &str| asked.find(text);
    for (who, asked) in ["planner", "builder", "repairer", "critic"].iter().zip(&hand.asked) {
        let (one, two) = (at(asked, "Rule one.").unwrap(), at(asked, "Rule two.").unwrap());
        assert!(one < two && two < at(asked, "## The job").unwrap(), "{who}: {asked}");
        assert_eq!(at(asked, "Rule three.").is_some(), *who == "planner", "{who}: {asked}");
        let summary = at(asked, "a shop that sells tea");
        assert_eq!(summary.is_some(), matches!(*who, "planner" | "builder"), "{who}: {asked}");
        assert!(
            summary.is_none_or(|summary| two < summary && summary < at(asked, "page.js\\n```").unwrap()),
            "{who}: {asked}"
        );
    }
    let builder = &hand.asked[1];
    assert!(at(builder, "## The files as they are").unwrap() < at(builder, "## Your task").unwrap(), "{builder}");
    assert_eq!(drifts(&hand), []);
}

#[test]
fn a_job_that_changes_its_rules_is_still_held_to_the_old_ones() {
    let mut hand =
        Hand::start_scanned(brief(), &[APP[0], ("AGENTS.md", "Never weaken a test.\n")], scanned(&["AGENTS.md"]));
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["AGENTS.md"]}])));
    hand.say("build/t1/1/1", &edit("AGENTS.md", "Never weaken a test.", "Do as you like."));
    hand.check("test/-/1/1", 0, "");
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    let critic = hand.asked.last().unwrap();
    assert!(critic.contains("AGENTS.md\\n```\\nNever weaken a test.\\n```"), "{critic}");
}

#[test]
fn huge_rules_are_cut_and_that_is_told() {
    let long = "x".repeat(MAX_FILE + 1);
    let hand = Hand::start_scanned(brief(), &[APP[0], ("AGENTS.md", &long)], scanned(&["AGENTS.md"]));
    let notes: Vec<&String> = hand
        .events
        .iter()
        .filter_map(|event| if let EventKind::Note { text, .. } = event { Some(text) } else { None })
        .collect();
    assert_eq!(notes, ["AGENTS.md has 65537 bytes; its first 65536 are sent as rules"]);
}

#[test]
fn drift_from_the_plan_is_told_after_building_and_when_it_changes() {
    let mut hand = Hand::start(brief(), APP);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["app.py", "base.html"]}])));
    hand.say("build/t1/1/1", &(edit("app.py", "bye = 0", "bye = 2") + "extra.py\n```\nx\n```\n"));
    let first = Drift { planned: 2, touched: 2, unplanned: list(&["extra.py"]), untouched: list(&["base.html"]) };
    assert_eq!(drifts(&hand), std::slice::from_ref(&first));
    hand.check("test/-/1/1", 1, "no link");
    hand.say("repair/-/1/1", &edit("base.html", "<nav></nav>", "<nav>bye</nav>"));
    hand.check("test/-/2/1", 0, "");
    hand.say("critique/-/1/1", r#"{"findings": []}"#);
    hand.check("sandbox/-/1/1", 0, "");
    let last = Drift { planned: 2, touched: 3, unplanned: list(&["extra.py"]), untouched: list(&[]) };
    assert_eq!(drifts(&hand), [first, last]);
}
