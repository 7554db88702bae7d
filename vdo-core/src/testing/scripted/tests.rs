use futures_util::{FutureExt, StreamExt};
use serde_json::json;

use super::*;
use crate::message::Message;
use crate::time::Timestamp;

fn request(text: &str) -> Completion {
    Completion {
        model: "scripted".to_owned(),
        system: "You are a builder.".to_owned(),
        messages: vec![Message::user(text)],
        tools: Vec::new(),
        output: None,
        max_output: None,
        settings: Default::default(),
    }
}

fn tagged(phase: &str, task: &str, attempt: u32, turn: u32) -> Completion {
    request(&format!("Do it.\n[vdo job=1 phase={phase} task={task} attempt={attempt} turn={turn}]"))
}

fn script(answers: serde_json::Value) -> Script {
    Script::new(Answers::parse(&json!({ "answers": answers }).to_string()).unwrap())
}

fn text(script: &mut Script, request: &Completion) -> String {
    script.answer(request).unwrap().outcome.unwrap().text()
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing to wait for")
}

#[test]
fn the_example_of_the_command_contract_parses() {
    let answers = Answers::parse(
        r#"{"answers":[
            {"when":{"phase":"plan","contains":["goodbye"],"task":"t1"},"reply":{"text":"…"},
             "usage":{"input":1200,"output":300},"delay_ms":0,"repeat":false},
            {"reply":{"tool_calls":[{"name":"edit","input":{}}]}},
            {"reply":{"error":{"kind":"rate_limited","retry_after_ms":50}}}]}"#,
    )
    .unwrap();
    let again: Answers = serde_json::from_value(serde_json::to_value(&answers).unwrap()).unwrap();
    assert_eq!(again, answers);
    assert_eq!(answers.answers.len(), 3);
}

#[test]
fn faults_in_the_file_are_named_with_their_place() {
    let fault = |text: &str| Answers::parse(text).unwrap_err().to_string();
    let unknown = fault("{\"answers\":[\n  {\"reply\":{\"text\":\"x\"},\"delay\":1}]}");
    assert!(unknown.starts_with("line 2, column ") && unknown.contains("unknown field `delay`"), "{unknown}");
    assert!(fault(r#"{"answers":[{"reply":{"txt":"x"}}]}"#).contains("unknown variant `txt`"));
    assert!(fault(r#"{"answers":[{"when":{"stage":"x"},"reply":{"text":"x"}}]}"#).contains("unknown field `stage`"));
    assert!(fault(r#"{"answers":[{"reply":{"error":{"kind":"slow"}}}]}"#).contains("unknown variant `slow`"));
    assert!(fault(r#"{"answers":[{"reply":{"text":"x"},"usage":{"in":1}}]}"#).contains("unknown field `in`"));
    assert!(fault(r#"{"answers":[{}]}"#).contains("missing field `reply`"));
    let phase = fault(r#"{"answers":[{"reply":{"text":"x"}},{"when":{"phase":"planing"},"reply":{"text":"x"}}]}"#);
    assert!(phase.starts_with("answer 2: no phase is called \"planing\"; there are load, "), "{phase}");
    assert!(fault("").starts_with("line 1, column 0"));
}

#[test]
fn the_first_unused_answer_whose_conditions_hold_is_given() {
    let mut script = script(json!([
        { "when": { "phase": "plan" }, "reply": { "text": "plan" } },
        { "when": { "phase": "build", "task": "t2" }, "reply": { "text": "t2" } },
        { "when": { "phase": "build", "attempt": 2 }, "reply": { "text": "second try" } },
        { "when": { "phase": "build", "turn": 3 }, "reply": { "text": "third turn" } },
        { "when": { "phase": "build" }, "reply": { "text": "first" } },
        { "when": { "phase": "build" }, "reply": { "text": "again" }, "repeat": true },
    ]));
    let build = tagged("build", "t1", 1, 1);
    assert_eq!(text(&mut script, &build), "first");
    assert_eq!(text(&mut script, &build), "again");
    assert_eq!(text(&mut script, &build), "again");
    assert_eq!(text(&mut script, &tagged("build", "t1", 1, 3)), "third turn");
    assert_eq!(text(&mut script, &tagged("build", "t2", 1, 1)), "t2");
    assert_eq!(text(&mut script, &tagged("build", "t1", 2, 1)), "second try");
    assert_eq!(text(&mut script, &tagged("plan", "-", 1, 1)), "plan");
    let error = script.answer(&tagged("plan", "-", 1, 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no scripted answer fits phase plan, attempt 1, turn 1 (1 of 6 answers are left); \
         the request starts: Do it.\n[vdo job=1 phase=plan task=- attempt=1 turn=1]"
    );
}

#[test]
fn every_text_of_contains_has_to_occur_somewhere_in_the_request() {
    let answers =
        json!([{ "when": { "contains": ["builder", "goodbye"] }, "reply": { "text": "yes" }, "repeat": true }]);
    let mut script = script(answers);
    assert_eq!(text(&mut script, &request("say goodbye")), "yes");
    assert!(script.answer(&request("say hello")).is_err());
    let mut result = request("");
    result.messages.push(Message {
        role: crate::message::Role::User,
        blocks: vec![Block::ToolResult { id: "1".into(), content: "def goodbye".into(), is_error: false }],
    });
    assert_eq!(text(&mut script, &result), "yes");
}

#[test]
fn conditions_on_a_tag_fail_where_there_is_none() {
    let mut script = script(json!([{ "when": { "turn": 1 }, "reply": { "text": "x" } }]));
    assert!(script.answer(&request("no tag here")).unwrap_err().phase.contains("no tag"));
}

#[test]
fn a_tag_is_found_behind_tool_results_and_with_fields_unknown_to_us() {
    let mut request = tagged("build", "t1", 1, 1);
    request.messages.push(Message {
        role: crate::message::Role::User,
        blocks: vec![
            Block::ToolResult { id: "1".into(), content: "ok".into(), is_error: false },
            Block::text("[vdo job=7 phase=build task=t1 attempt=1 turn=2 mood=good]\n"),
        ],
    });
    let tag = RequestTag::of(&request).unwrap();
    assert_eq!((tag.job.as_deref(), tag.phase.as_deref(), tag.turn), (Some("7"), Some("build"), Some(2)));
    assert_eq!(RequestTag::parse("[vdo phase=x] and more"), None);
}

#[test]
fn tool_calls_get_ids_that_are_stable_and_unique_in_the_conversation() {
    let answers = json!([{
        "reply": { "tool_calls": [{ "name": "read", "input": { "path": "a" } }, { "name": "read", "id": "mine" }] },
        "repeat": true
    }]);
    let mut one = script(answers);
    let mut request = request("go");
    let ids = |script: &mut Script, request: &Completion| -> Vec<String> {
        let reply = script.answer(request).unwrap().outcome.unwrap();
        assert_eq!(reply.stop, Stop::ToolUse);
        reply.tool_calls().map(|call| call.id.clone()).collect()
    };
    assert_eq!(ids(&mut one, &request), ["call_1_1", "mine"]);
    assert_eq!(ids(&mut one, &request), ["call_1_1", "mine"]);
    request.messages.push(Message::user("more"));
    assert_eq!(ids(&mut one, &request), ["call_2_1", "mine"]);
}

#[test]
fn errors_become_what_a_provider_would_say() {
    let failure = |error: serde_json::Value| {
        let answer = script(json!([{ "reply": { "error": error } }])).answer(&request("x")).unwrap();
        answer.outcome.map_err(|error| serde_json::to_value(error.to_failure()).unwrap())
    };
    for kind in [
        "rate_limited",
        "overloaded",
        "provider_fault",
        "transport",
        "key_refused",
        "provider_money",
        "context_too_long",
        "bad_request",
        "bad_answer",
    ] {
        assert_eq!(failure(json!({ "kind": kind })).unwrap_err()["kind"], kind);
    }
    let limited = failure(json!({ "kind": "rate_limited", "retry_after_ms": 50, "message": "slow down" })).unwrap_err();
    assert_eq!(limited["advice"], json!({ "retry_same": { "after_ms": 50 } }));
    assert_eq!(limited["message"], "rate limited: slow down");
    assert_eq!(failure(json!({ "kind": "transport", "sent": true })).unwrap_err()["sent"], true);
    assert_eq!(failure(json!({ "kind": "refused" })).unwrap().stop, Stop::Refused);
}

#[test]
fn usage_is_as_written_or_an_estimate() {
    let mut script = script(json!([
        { "reply": { "text": "x" }, "usage": { "input": 1200, "output": 300 } },
        { "reply": { "text": "x" } },
    ]));
    let usage = |script: &mut Script| script.answer(&request("go")).unwrap().outcome.unwrap().usage;
    assert_eq!(usage(&mut script), Usage { input: 1200, output: 300, ..Usage::default() });
    let estimate = usage(&mut script);
    assert!(estimate.estimated && estimate.input > 0 && estimate.output > 0);
}

#[derive(Debug, Default)]
struct Slept(Mutex<Vec<Duration>>);

#[async_trait]
impl Clock for Slept {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

#[test]
fn delays_go_to_the_clock_and_requests_are_kept() {
    let answers = || Answers::from(vec![ScriptedAnswer::text("a b").with_delay_ms(70).repeating()]);
    let clock = Arc::new(Slept::default());
    let provider = ScriptedProvider::new("demo", answers()).with_clock(clock.clone());
    let events: Vec<_> = now(async { provider.stream(&request("one")).await.unwrap().collect().await });
    let pieces = events.len();
    assert!(matches!(events.last(), Some(Ok(StreamEvent::Done(reply))) if reply.text() == "a b"));
    assert_eq!(pieces, 3);
    assert_eq!(*clock.0.lock().unwrap(), [Duration::from_millis(70)]);
    assert_eq!(provider.requests(), [request("one")]);
    let silent = ScriptedProvider::new("demo", answers()).without_recording();
    assert!(now(silent.complete(&request("x"))).is_ok());
    assert_eq!(silent.requests(), []);
}

#[test]
fn the_schema_of_the_file_names_its_parts() {
    let schema = serde_json::to_value(schemars::schema_for!(Answers)).unwrap();
    assert_eq!(schema["required"], json!(["answers"]));
    assert!(schema["$defs"]["ScriptedErrorKind"].to_string().contains("rate_limited"));
}
