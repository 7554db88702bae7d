//! What is sent.

use super::*;

const GOLDEN: &str = include_str!("../../../tests/data/anthropic-requests.json");

fn golden(case: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    cases.into_iter().find(|known| known["case"] == case).unwrap()["body"].clone()
}

#[test]
fn requests_are_those_that_anthropics_own_client_sends() {
    let model = steered(ReasoningControl::Level);
    assert_eq!(sent(&full(), &model, VERSION, Mode::Streamed), (golden("anthropic.full"), vec![]));
    let count = ask(vec![Message::user("u")]);
    assert_eq!(sent(&count, &model, VERSION, Mode::Counted), (golden("anthropic.count"), vec![]));
}

#[test]
fn messages_alternate_and_say_something() {
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "sig", "extra": 1 });
    let hidden = json!({ "type": "redacted_thinking", "data": "xyz" });
    let foreign = Block::Reasoning(Reasoning::new("openai", "no", json!({ "id": 1 })));
    let request = ask(vec![
        Message::user("a"),
        Message::user(" \n"),
        Message::user("b"),
        said(
            Role::Assistant,
            vec![
                foreign,
                reasoning(thought.clone()),
                reasoning(json!({ "type": "thinking", "thinking": "unsigned", "signature": "" })),
                reasoning(hidden.clone()),
                Block::text(""),
                call("call|1", json!("{broken")),
                call("2", json!("{\"x\":1}")),
            ],
        ),
        said(Role::User, vec![Block::text("note"), result("call|1", "no", true)]),
        said(Role::Assistant, vec![Block::text(" ")]),
        said(Role::User, vec![result("2", "", false), Block::text("go on")]),
    ]);
    let (body, warnings) = sent(&request, &able(), VERSION, Mode::Whole);
    let id = body["messages"][1]["content"][2]["id"].clone();
    assert_eq!(
        body,
        json!({
            "model": "claude-opus-5-5",
            "max_tokens": 2000,
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
                { "role": "assistant", "content": [
                    thought,
                    hidden,
                    { "type": "tool_use", "id": id, "name": "get_weather", "input": { "invalid_json": "{broken" } },
                    { "type": "tool_use", "id": "2", "name": "get_weather", "input": { "x": 1 } },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": id, "content": "no", "is_error": true },
                    { "type": "tool_result", "tool_use_id": "2", "content": "" },
                    { "type": "text", "text": "note" },
                    { "type": "text", "text": "go on" },
                ] },
            ],
        })
    );
    assert!(id.as_str().unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_prompt_is_cached_up_to_its_marks_four_at_most() {
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "sig" });
    let mut request = ask(vec![
        Message::user("0"),
        said(Role::Assistant, vec![Block::text("1"), reasoning(thought.clone())]),
        Message::user("2"),
        Message::user("3"),
        said(Role::Assistant, vec![Block::text("4")]),
        Message::user("5"),
    ]);
    request.tools = full().tools;
    let marks = [5, 1, 2, 2, 0, 3].map(CacheMark::Message);
    let marks = marks.into_iter().chain([CacheMark::System, CacheMark::Message(99)]).collect();
    request.settings.cache = Some(PromptCache { marks, ..PromptCache::default() });
    let (body, warnings) = sent(&request, &able(), VERSION, Mode::Whole);
    let short = json!({ "type": "ephemeral" });
    // There are no instructions, so what comes before the messages ends with the tools.
    assert_eq!((&body["tools"][0]["cache_control"], body.get("system")), (&short, None));
    let text = |text: &str| json!({ "type": "text", "text": text });
    let marked = |text: &str| json!({ "type": "text", "text": text, "cache_control": short });
    assert_eq!(
        body["messages"],
        json!([
            { "role": "user", "content": [text("0")] },
            { "role": "assistant", "content": [text("1"), thought] },
            { "role": "user", "content": [text("2"), marked("3")] },
            { "role": "assistant", "content": [text("4")] },
            { "role": "user", "content": [marked("5")] },
        ])
    );
    assert_eq!(warnings, ["caching up to 3 of the messages is left out: the protocol takes 4 such places"]);
    // Reasoning cannot carry a mark; the part before it can.
    let marks = vec![CacheMark::Message(1)];
    request.settings.cache = Some(PromptCache { marks, long: true, key: None });
    let (body, _) = sent(&request, &able(), VERSION, Mode::Whole);
    let long = json!({ "type": "text", "text": "1", "cache_control": { "type": "ephemeral", "ttl": "1h" } });
    assert_eq!(body["messages"][1]["content"], json!([long, thought]));
}

#[test]
fn a_conversation_that_goes_on_is_sent_alike_up_to_where_it_was() {
    let mut request = full();
    let body = |request: &mut Completion| {
        let last = CacheMark::Message(request.messages.len() - 1);
        let marks = vec![CacheMark::System, last];
        request.settings.cache = Some(PromptCache { marks, ..PromptCache::default() });
        let made = convert::convert(request, &able(), VERSION, Mode::Whole);
        let body = String::from_utf8(made.body(request).unwrap()).unwrap();
        // The mark itself moves, and is no part of what is cached.
        body.replace(",\"cache_control\":{\"type\":\"ephemeral\"}", "")
    };
    let mut before = body(&mut request);
    for _ in 0..3 {
        request.messages.push(said(Role::Assistant, vec![Block::text("more")]));
        request.messages.push(Message::user("and more"));
        let after = body(&mut request);
        let same = before.find("],\"tool_choice\"").unwrap();
        assert_eq!(before[..same], after[..same]);
        before = after;
    }
}

#[test]
fn tools_are_forced_where_the_model_takes_that() {
    let choose = |choice: ToolChoice, parallel_tools, model: &Capabilities| {
        let mut request = full();
        request.settings = Settings { tool_choice: choice, parallel_tools, ..Settings::default() };
        let (body, warnings) = sent(&request, model, VERSION, Mode::Whole);
        (body.get("tool_choice").cloned().unwrap_or_default(), warnings.len())
    };
    let free = Capabilities { accepts: Accepts { forced_tools: false, ..Accepts::default() }, ..able() };
    let none = Capabilities { tools: false, ..able() };
    let tool = || ToolChoice::Tool("get_weather".to_owned());
    for (choice, parallel, model, wanted, warned) in [
        (ToolChoice::Auto, None, &able(), json!(null), 0),
        (ToolChoice::Auto, Some(true), &able(), json!(null), 0),
        (ToolChoice::None, Some(false), &able(), json!({ "type": "none" }), 0),
        (ToolChoice::Required, None, &able(), json!({ "type": "any" }), 0),
        (ToolChoice::Required, Some(false), &able(), json!({ "type": "any", "disable_parallel_tool_use": true }), 0),
        (tool(), None, &able(), json!({ "type": "tool", "name": "get_weather" }), 0),
        (tool(), None, &free, json!(null), 1),
        (ToolChoice::Required, Some(false), &free, json!({ "type": "auto", "disable_parallel_tool_use": true }), 1),
        (tool(), None, &none, json!(null), 0),
    ] {
        assert_eq!(choose(choice.clone(), parallel, model), (wanted, warned), "{choice:?} {parallel:?}");
    }
}

#[test]
fn what_a_model_or_version_does_not_take_is_left_out_with_a_warning() {
    let mut request = full();
    request.messages.push(said(Role::Assistant, vec![Block::text("It is \n")]));
    request.settings = Settings { temperature: Some(1.5), top_p: Some(0.5), ..Settings::default() };
    request.settings.tier = ServiceTier::Flex;
    let (body, warnings) = sent(&request, &able(), OLD, Mode::Whole);
    assert_eq!((&body["temperature"], body.get("top_p")), (&json!(1.0), None));
    assert_eq!(body["messages"][3], json!({ "role": "assistant", "content": "It is" }));
    assert_eq!(
        warnings,
        ["top_p is left out: temperature is set", "the tier \"flex\" is left out: the provider has none"]
    );
    let strict = Capabilities {
        accepts: Accepts { sampling: false, prefill: false, strict: false, ..Accepts::default() },
        json_schema: false,
        max_output: Some(900),
        ..able()
    };
    request.settings.tier = ServiceTier::Fast;
    let (body, warnings) = sent(&request, &strict, OLD, Mode::Whole);
    for field in ["temperature", "top_p", "output_config"] {
        assert_eq!(body.get(field), None, "{field}");
    }
    assert_eq!((body["messages"].as_array().unwrap().len(), &body["speed"]), (3, &json!("fast")));
    assert_eq!((body["tools"][0].get("strict"), &body["max_tokens"]), (None, &json!(900)));
    assert_eq!(
        warnings,
        [
            "the beginning of the reply is left out: the model does not take one",
            "temperature is left out: the model does not take it",
            "top_p is left out: the model does not take it",
        ]
    );
    let (_, warnings) = sent(&request, &able(), VERSION, Mode::Whole);
    assert_eq!(warnings[0], "temperature is left out: the API version takes none");
}

#[test]
fn schemas_are_sent_where_the_protocol_takes_them() {
    let mut request = full();
    request.settings = Settings::default();
    let open = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    request.tools[0].input_schema = open.clone();
    request.output = Some(OutputSchema { name: "any".into(), schema: open });
    let (body, warnings) = sent(&request, &able(), VERSION, Mode::Whole);
    assert_eq!((body["tools"][0].get("strict"), body.get("output_config")), (None, None));
    assert_eq!(warnings.len(), 1);
    let optional =
        json!({ "type": "object", "properties": { "a": {} }, "required": [], "additionalProperties": false });
    request.output = Some(OutputSchema { name: "any".into(), schema: optional.clone() });
    let (body, warnings) = sent(&request, &able(), VERSION, Mode::Whole);
    assert_eq!(body["output_config"], json!({ "format": { "type": "json_schema", "schema": optional } }));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn reasoning_is_steered_as_the_model_is() {
    use ReasoningControl::{Always, Budget, Level, None as Never};
    let adaptive = |show: bool| {
        if show { json!({ "type": "adaptive", "display": "summarized" }) } else { json!({ "type": "adaptive" }) }
    };
    let enabled = |budget: u64| json!({ "type": "enabled", "budget_tokens": budget });
    let none = Value::Null;
    for (control, effort, show, max, thinking, level, warned) in [
        (Never, Some(Effort::High), true, 2000, none.clone(), none.clone(), 1),
        (Never, Some(Effort::None), false, 2000, none.clone(), none.clone(), 0),
        (Level, None, false, 2000, none.clone(), none.clone(), 0),
        (Level, None, true, 2000, adaptive(true), none.clone(), 0),
        (Level, Some(Effort::None), true, 2000, json!({ "type": "disabled" }), none.clone(), 0),
        (Level, Some(Effort::Minimal), false, 2000, adaptive(false), json!("low"), 0),
        (Level, Some(Effort::Xhigh), true, 2000, adaptive(true), json!("xhigh"), 0),
        (Always, Some(Effort::None), false, 2000, adaptive(false), json!("low"), 1),
        (Always, Some(Effort::Max), false, 2000, adaptive(false), json!("max"), 0),
        (Budget, None, true, 2000, none.clone(), none.clone(), 0),
        (Budget, Some(Effort::None), false, 2000, none.clone(), none.clone(), 0),
        (Budget, Some(Effort::Low), false, 10_000, enabled(2048), none.clone(), 0),
        (Budget, Some(Effort::Max), false, 10_000, enabled(7500), none.clone(), 0),
        (Budget, Some(Effort::High), false, 1025, enabled(1024), none.clone(), 0),
        (Budget, Some(Effort::High), false, 1024, none.clone(), none.clone(), 1),
        (Budget, Some(Effort::High), false, 0, none.clone(), none.clone(), 1),
    ] {
        let mut request = ask(vec![Message::user("u")]);
        request.max_output = Some(max);
        request.settings = Settings { effort, show_reasoning: show, ..Settings::default() };
        let (body, warnings) = sent(&request, &steered(control), VERSION, Mode::Whole);
        let found = |name: &str| body.get(name).cloned().unwrap_or_default();
        assert_eq!(
            (found("thinking"), found("output_config")["effort"].clone()),
            (thinking, level),
            "{control:?} {effort:?} {max}"
        );
        assert_eq!(warnings.len(), warned, "{control:?} {effort:?} {max}: {warnings:?}");
    }
}

#[test]
fn reasoning_gives_way_to_what_it_does_not_go_with() {
    let mut request = full();
    request.max_output = Some(10_000);
    request.settings = Settings { effort: Some(Effort::High), temperature: Some(0.5), ..Settings::default() };
    let budget = steered(ReasoningControl::Budget);
    // The calls in the conversation came from elsewhere, without reasoning that could be sent.
    let (body, warnings) = sent(&request, &budget, OLD, Mode::Whole);
    assert_eq!((body.get("thinking"), &body["temperature"]), (None, &json!(0.5)));
    assert_eq!(warnings, ["reasoning is left out: the last calls of tools came without theirs"]);
    let signed = json!({ "type": "thinking", "thinking": "hm", "signature": "sig" });
    request.messages[1].blocks.insert(0, reasoning(signed));
    let (body, warnings) = sent(&request, &budget, OLD, Mode::Whole);
    assert_eq!((&body["thinking"]["budget_tokens"], body.get("temperature")), (&json!(7500), None));
    assert_eq!(warnings, ["temperature is left out: the model reasons, and takes none then"]);
    request.settings =
        Settings { effort: Some(Effort::High), tool_choice: ToolChoice::Required, ..Settings::default() };
    let (body, warnings) = sent(&request, &steered(ReasoningControl::Level), VERSION, Mode::Whole);
    assert_eq!((body.get("thinking"), &body["tool_choice"]), (None, &json!({ "type": "any" })));
    assert_eq!(warnings, ["reasoning is left out: the model is made to call a tool"]);
}
