//! Edits as text: what lands, what is asked for again, and when a file is asked for whole.

use super::*;

const TWO: &[(&str, &str)] = &[("a.py", "one = 1\ntwo = 2\nthree = 3\n"), ("b.py", "x = 1\n")];

fn building(brief: Brief) -> Hand {
    let mut hand = Hand::start(brief, TWO);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["a.py", "b.py"]}])));
    hand
}

#[test]
fn only_the_blocks_that_failed_are_asked_for_again_and_none_lands_twice() {
    let mut hand = building(brief());
    let good = edit("a.py", "one = 1", "one = 1\nnew = 0");
    hand.say(
        "build/t1/1/1",
        &format!("{good}{}{}", edit("a.py", "tow = 2", "two = 4"), edit("b.py", "x = 1", "x = 2")),
    );
    assert_eq!(hand.ready(), ["build/t1/1/2"]);
    // The good block comes again; it quotes what is still there, and must not land once more.
    hand.say("build/t1/1/2", &format!("{good}{}", edit("a.py", "two = 2", "two = 4")));
    let asked = hand.asked.last().unwrap();
    assert!(
        asked.contains("These files were changed, and stay so: a.py, b.py") && asked.contains("block 2"),
        "{asked}"
    );
    assert_eq!(hand.ready(), ["test/-/1/1"]);
    assert_eq!(
        (hand.text("a.py").as_str(), hand.text("b.py").as_str()),
        ("one = 1\nnew = 0\ntwo = 4\nthree = 3\n", "x = 2\n")
    );
    assert_eq!(hand.refusals().len(), 1);
}

#[test]
fn after_two_refused_edits_a_file_is_asked_for_whole() {
    let mut hand = building(brief());
    hand.say("build/t1/1/1", &edit("a.py", "tow = 2", "two = 4"));
    hand.say("build/t1/1/2", &edit("a.py", "tvo = 2", "two = 4"));
    assert!(!hand.asked.last().unwrap().contains("Give a.py whole"));
    hand.say("build/t1/1/3", "a.py\n```\none = 1\ntwo = 4\nthree = 3\n```\n");
    let asked = hand.asked.last().unwrap();
    assert!(asked.contains("Give a.py whole") && asked.contains("one = 1\\ntwo = 2"), "{asked}");
    assert_eq!(hand.ready(), ["test/-/1/1"]);
    assert_eq!(hand.text("a.py"), "one = 1\ntwo = 4\nthree = 3\n");
}

#[test]
fn a_model_is_asked_in_its_own_format_and_understood_in_any() {
    let mut brief = brief();
    brief.build_format = Format::V4a;
    let mut hand = building(brief);
    let ask = hand.would_ask("build/t1/1/1");
    assert!(ask.system.contains("*** Begin Patch") && !ask.system.contains("SEARCH"), "{}", ask.system);
    assert_eq!(ask.edit_format, Some("v4a"));
    hand.say("build/t1/1/1", "--- a/a.py\n+++ b/a.py\n@@ -2 +2 @@\n-two = 2\n+two = 4\n");
    assert_eq!(hand.ready(), ["test/-/1/1"]);
    assert_eq!(hand.text("a.py"), "one = 1\ntwo = 4\nthree = 3\n");
}

#[test]
fn models_that_write_patches_have_a_tool_that_takes_one_whole() {
    let mut brief = brief();
    (brief.build, brief.build_format) = (Style::Tools, Format::V4a);
    let mut hand = building(brief);
    assert!(hand.would_ask("build/t1/1/1").tools.iter().any(|tool| tool.name == "apply_patch"));
    let patch = |lost: &str| json!({"patch": format!("*** Begin Patch\n*** Update File: a.py\n@@\n-two = 2\n+two = 4\n*** Update File: b.py\n@@\n-{lost}\n+x = 2\n*** End Patch\n")});
    hand.call("build/t1/1/1", &[("apply_patch", patch("y = 1"))]);
    assert_eq!(hand.ready(), ["build/t1/1/2"]);
    hand.call("build/t1/1/2", &[("apply_patch", patch("x = 1")), ("done", json!({}))]);
    assert_eq!((hand.text("a.py").as_str(), hand.text("b.py").as_str()), ("one = 1\ntwo = 4\nthree = 3\n", "x = 2\n"));
}

#[test]
fn code_that_is_left_out_never_lands() {
    let mut hand = building(brief());
    hand.say("build/t1/1/1", "a.py\n```\none = 5\n# ... rest of the code ...\n```\n");
    assert!(hand.refusals()[0][0].contains("leaves code out"), "{:?}", hand.refusals());
    hand.say("build/t1/1/2", &edit("a.py", "one = 1", "one = 5"));
    assert_eq!(hand.text("a.py"), "one = 5\ntwo = 2\nthree = 3\n");
}

#[test]
fn a_change_of_what_the_project_needs_is_looked_at_before_the_tests() {
    let files = [("a.py", "import x\n"), ("requirements.txt", "x==1\n")];
    let mut hand = Hand::start(brief(), &files);
    hand.say("plan/-/1/1", &plan(json!([{"id": "t1", "title": "x", "modify": ["requirements.txt"]}])));
    let key = "build/t1/1/1".parse().unwrap();
    let text = edit("requirements.txt", "x==1", "x==1\ny==2");
    hand.run.answer(key, Answer::Reply(reply(vec![Block::text(text)]))).unwrap();
    hand.advance();
    assert!(hand.ready().contains(&"scan/-/2/1".to_owned()), "{:?}", hand.ready());
}
