//! What is sent.

use super::*;

const GOLDEN: &str = include_str!("../../../tests/data/gemini-requests.json");

fn golden(case: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    cases.into_iter().find(|known| known["case"] == case).unwrap()["body"].clone()
}

fn counted(request: &Completion) -> Value {
    serde_json::to_value(convert::count(request, &able(), "models/m")).unwrap()
}

#[test]
fn requests_are_those_that_googles_own_client_sends() {
    assert_eq!(sent(&full(), &steered(ReasoningControl::Level)), (golden("gemini.full"), vec![]));
    let hello = ask(vec![Message::user("u")]);
    assert_eq!(sent(&hello, &able()), (golden("gemini.stream"), vec![]));
    assert_eq!(counted(&hello), golden("gemini.count"));
}

#[test]
fn a_request_with_instructions_or_tools_is_counted_whole() {
    let mut request = full();
    request.messages.truncate(1);
    let tools = golden("gemini.full")["tools"].clone();
    assert_eq!(
        counted(&request),
        json!({ "generateContentRequest": {
            "model": "models/m",
            "systemInstruction": { "role": "user", "parts": [{ "text": "S" }] },
            "tools": tools,
            "contents": [{ "role": "user", "parts": [{ "text": "u" }] }],
        } })
    );
}

#[test]
fn contents_alternate_and_signatures_stay_with_their_parts() {
    let foreign = Block::Reasoning(Reasoning::new("openai", "no", json!({ "thoughtSignature": "x" })));
    let request = ask(vec![
        Message::user("a"),
        Message::user(""),
        Message::user("b"),
        said(
            Role::Assistant,
            vec![
                foreign,
                kept("a summary is not sent", Value::Null),
                kept("thought", json!({ "thoughtSignature": "T", "thought": true })),
                signed("A"),
                Block::text("text"),
                signed("B"),
                call("1", json!("{broken")),
                call("2", json!("{\"x\":1}")),
                signed("C"),
            ],
        ),
        said(Role::User, vec![Block::text("note"), result("2", "no", true), result("gone", "", false)]),
    ]);
    let function = |id: &str, args: Value| json!({ "id": id, "name": "get_weather", "args": args });
    assert_eq!(
        sent(&request, &steered(ReasoningControl::Level)).0["contents"],
        json!([
            { "role": "user", "parts": [{ "text": "a" }, { "text": "b" }] },
            { "role": "model", "parts": [
                { "text": "thought", "thought": true, "thoughtSignature": "T" },
                { "text": "text", "thoughtSignature": "A" },
                { "functionCall": function("1", json!({ "invalid_json": "{broken" })), "thoughtSignature": "B" },
                { "functionCall": function("2", json!({ "x": 1 })) },
                { "text": "", "thoughtSignature": "C" },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "id": "2", "name": "get_weather", "response": { "error": "no" } } },
                { "functionResponse": { "id": "gone", "name": "unknown_tool", "response": { "output": "" } } },
                { "text": "note" },
            ] },
        ])
    );
}

#[test]
fn calls_from_elsewhere_get_a_stand_in_where_signatures_are_checked() {
    let request = ask(vec![
        Message::user("a"),
        said(Role::Assistant, vec![call("1", json!({})), call("2", json!({}))]),
        said(Role::User, vec![result("1", "x", false), result("2", "y", false)]),
    ]);
    let signatures = |model: &Capabilities| {
        let body = sent(&request, model).0;
        let parts = body["contents"][1]["parts"].as_array().unwrap().clone();
        parts.iter().map(|part| part.get("thoughtSignature").cloned()).collect::<Vec<_>>()
    };
    let stand_in = Some(json!("skip_thought_signature_validator"));
    assert_eq!(signatures(&steered(ReasoningControl::Level)), [stand_in, None]);
    assert_eq!(signatures(&steered(ReasoningControl::Budget)), [None, None]);
}

#[test]
fn what_a_model_does_not_take_is_left_out_with_a_warning() {
    let mut request = full();
    request.messages.push(said(Role::Assistant, vec![Block::text("It is")]));
    request.settings.top_p = Some(0.5);
    request.settings.tier = ServiceTier::Batch;
    request.settings.parallel_tools = Some(false);
    request.output = Some(OutputSchema {
        name: "odd".into(),
        schema: json!({ "type": "object", "properties": { "not": { "allOf": [] } } }),
    });
    let bare = Capabilities {
        max_output: Some(900),
        accepts: Accepts { sampling: false, prefill: false, forced_tools: false, ..Accepts::default() },
        ..able()
    };
    let (body, warnings) = sent(&request, &bare);
    assert_eq!(
        body["generationConfig"],
        json!({ "maxOutputTokens": 900, "stopSequences": ["END"], "responseMimeType": "application/json" })
    );
    assert_eq!((body.get("toolConfig"), body.get("serviceTier")), (None, None));
    assert_eq!(body["contents"].as_array().unwrap().len(), 3);
    assert_eq!(
        warnings,
        [
            "the beginning of the reply is left out: the model does not take one",
            "being made to call a tool is left out: the model does not take it",
            "the tier \"batch\" is left out: single requests are not batched",
            "temperature is left out: the model does not take it",
            "top_p is left out: the model does not take it",
            "the schema \"odd\" of the reply is left out: the protocol takes no combinations but anyOf and oneOf",
            "effort is left out: it is not known that the model takes one",
            "calling tools one at a time is left out: the protocol has no such setting",
        ]
    );
    // A field may be called what a word of JSON Schema is.
    request.output =
        Some(OutputSchema { name: "o".into(), schema: json!({ "properties": { "not": { "anyOf": [{}] } } }) });
    assert!(sent(&request, &able()).0["generationConfig"].get("responseJsonSchema").is_some());
    let mut deep = json!({ "type": "string" });
    for _ in 0..100 {
        deep = json!({ "items": deep });
    }
    request.output = Some(OutputSchema { name: "deep".into(), schema: deep });
    assert_eq!(sent(&request, &able()).0["generationConfig"].get("responseJsonSchema"), None);
    let none = Capabilities { tools: false, json_schema: false, ..able() };
    let (body, _) = sent(&full(), &none);
    assert_eq!((body.get("tools"), body.get("toolConfig")), (None, None));
    assert_eq!(body["generationConfig"].get("responseMimeType"), None);
}

#[test]
fn tools_are_chosen_as_asked() {
    for (choice, wanted) in [
        (ToolChoice::Auto, json!(null)),
        (ToolChoice::None, json!({ "functionCallingConfig": { "mode": "NONE" } })),
        (ToolChoice::Required, json!({ "functionCallingConfig": { "mode": "ANY" } })),
    ] {
        let mut request = full();
        request.settings.tool_choice = choice;
        assert_eq!(sent(&request, &able()).0.get("toolConfig").cloned().unwrap_or_default(), wanted);
    }
}

#[test]
fn reasoning_is_steered_as_the_model_is() {
    use ReasoningControl::{Always, Budget, Level, None as Never};
    let none = Value::Null;
    let level = |level: &str| json!({ "thinking_level": level });
    let budget = |budget: u64| json!({ "thinking_budget": budget });
    for (control, effort, show, max, wanted, warned) in [
        (Never, Some(Effort::High), true, None, none.clone(), 1),
        (Level, None, false, None, none.clone(), 0),
        (Level, None, true, None, json!({ "include_thoughts": true }), 0),
        (Level, Some(Effort::None), false, None, level("MINIMAL"), 1),
        (Always, Some(Effort::Minimal), false, None, level("MINIMAL"), 0),
        (Level, Some(Effort::Medium), false, None, level("MEDIUM"), 0),
        (Level, Some(Effort::High), false, None, level("HIGH"), 0),
        (Always, Some(Effort::Max), false, None, level("XHIGH"), 0),
        (Budget, Some(Effort::None), false, None, budget(0), 0),
        (Budget, Some(Effort::Minimal), false, None, budget(512), 0),
        (Budget, Some(Effort::Medium), true, None, json!({ "include_thoughts": true, "thinking_budget": 8192 }), 0),
        (Budget, Some(Effort::Max), false, None, budget(24_576), 0),
        (Budget, Some(Effort::Max), false, Some(1000), budget(750), 0),
    ] {
        let mut request = ask(vec![Message::user("u")]);
        request.max_output = max;
        request.settings = Settings { effort, show_reasoning: show, ..Settings::default() };
        let (body, warnings) = sent(&request, &steered(control));
        assert_eq!(body["generationConfig"]["thinkingConfig"], wanted, "{control:?} {effort:?}");
        assert_eq!(warnings.len(), warned, "{control:?} {effort:?}: {warnings:?}");
    }
}
