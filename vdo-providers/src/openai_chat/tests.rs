//! The conversion both ways, without a server.

mod streams;

use serde_json::{Value, json};
use vdo_core::message::{
    Block, Completion, Effort, Message, OutputSchema, PromptCache, Reasoning, Reply, Role, Settings, Stop, ToolCall,
    ToolChoice, ToolSpec, Verbosity,
};
use vdo_core::money::NanoUsd;
use vdo_core::port::{Accepts, Capabilities, ProviderError, ReasoningControl};
use vdo_core::usage::{ServiceTier, Usage};

use super::convert::{self, Mode};
use super::reply::{self, Asked};
use super::streaming::Chunks;
use super::{Dialect, Profile};
use crate::transport::redact::Redactor;
use crate::transport::retry_after::Hints;

const GOLDEN: &str = include_str!("../../tests/data/openai-requests.json");

fn city_schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false })
}

fn plan_schema() -> Value {
    json!({
        "type": "object", "properties": { "plan": { "type": "array", "items": { "type": "string" } } },
        "required": ["plan"], "additionalProperties": false,
    })
}

fn call(id: &str, input: Value) -> Block {
    Block::ToolCall(ToolCall { id: id.to_owned(), name: "get_weather".to_owned(), input })
}

fn result(id: &str, content: &str, is_error: bool) -> Block {
    Block::ToolResult { id: id.to_owned(), content: content.to_owned(), is_error }
}

fn conversation() -> Completion {
    Completion {
        model: "gpt-6-luna".to_owned(),
        system: "S".to_owned(),
        messages: vec![
            Message::user("u"),
            Message { role: Role::Assistant, blocks: vec![call("call_1", json!({ "city": "Oslo" }))] },
            Message { role: Role::User, blocks: vec![result("call_1", "3C", false)] },
        ],
        tools: vec![ToolSpec { name: "get_weather".into(), description: "d".into(), input_schema: city_schema() }],
        output: Some(OutputSchema { name: "plan".into(), schema: plan_schema() }),
        max_output: Some(2000),
        settings: Default::default(),
    }
}

fn able(dialect: &Dialect) -> Capabilities {
    let supports = &dialect.supports;
    Capabilities {
        tools: supports.tools,
        json_schema: supports.json_schema,
        context: None,
        max_output: None,
        accepts: Accepts::default(),
    }
}

fn sent(request: &Completion, profile: Profile, mode: Mode) -> Value {
    let dialect = profile.dialect();
    serde_json::from_slice(&convert::body(request, &dialect, &able(&dialect), mode).unwrap().0).unwrap()
}

#[test]
fn requests_to_openai_are_those_its_own_client_sends() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let golden = cases.iter().find(|case| case["case"] == "openai.chat.full").unwrap();
    let mut request = conversation();
    request.settings = Settings {
        effort: Some(Effort::Low),
        parallel_tools: Some(false),
        cache: Some(PromptCache { key: Some("job-1".to_owned()), ..PromptCache::default() }),
        ..Settings::default()
    };
    let dialect = Profile::OpenAi.dialect();
    let model = Capabilities { accepts: level(), ..able(&dialect) };
    let (body, warnings) = convert::body(&request, &dialect, &model, Mode::Streamed).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), golden["body"]);
    assert_eq!(warnings, Vec::<String>::new());
}

fn level() -> Accepts {
    Accepts { reasoning: ReasoningControl::Level, ..Accepts::default() }
}

/// Settings that ask for everything there is.
fn everything() -> Settings {
    Settings {
        temperature: Some(0.2),
        top_p: Some(0.9),
        stop: vec!["END".to_owned()],
        tool_choice: ToolChoice::Tool("get_weather".to_owned()),
        parallel_tools: Some(false),
        effort: Some(Effort::Xhigh),
        show_reasoning: true,
        verbosity: Some(Verbosity::Low),
        cache: Some(PromptCache { key: Some("job-1".to_owned()), ..PromptCache::default() }),
        tier: ServiceTier::Flex,
    }
}

#[test]
fn settings_are_sent_where_server_and_model_know_them_and_told_where_not() {
    let fields = [
        "temperature",
        "top_p",
        "stop",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
        "verbosity",
        "prompt_cache_key",
        "service_tier",
    ];
    let sent = |profile: Profile, accepts: Accepts| {
        let mut request = conversation();
        request.settings = everything();
        let dialect = profile.dialect();
        let model = Capabilities { accepts, ..able(&dialect) };
        let (body, warnings) = convert::body(&request, &dialect, &model, Mode::Whole).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let sent: Vec<_> = fields.into_iter().filter(|field| body.get(*field).is_some()).collect();
        (sent, warnings, body)
    };
    let (all, warnings, body) = sent(Profile::OpenAi, level());
    assert_eq!((all.as_slice(), warnings), (fields.as_slice(), Vec::new()));
    assert_eq!(body["tool_choice"], json!({ "type": "function", "function": { "name": "get_weather" } }));
    assert_eq!(
        (&body["reasoning_effort"], &body["verbosity"], &body["service_tier"]),
        (&json!("xhigh"), &json!("low"), &json!("flex"))
    );
    let narrow = Accepts { sampling: false, forced_tools: false, ..Accepts::default() };
    let (some, warnings, body) = sent(Profile::OpenAi, narrow);
    assert_eq!(some, ["tool_choice", "parallel_tool_calls", "prompt_cache_key", "service_tier"]);
    assert_eq!(body["tool_choice"], "auto");
    let model = "left out: the model does not take it";
    let wanted = ["temperature and top_p", "stop texts", "the choice of tools", "the effort of reasoning", "verbosity"];
    assert_eq!(warnings, wanted.map(|what| format!("{what} {model}")));
    let (plain, warnings, _) = sent(Profile::Plain, level());
    assert_eq!(plain, ["temperature", "top_p", "stop"]);
    let server = "left out: the server does not know it";
    let wanted = ["the choice of tools", "parallel tools", "the effort of reasoning", "verbosity", "the flex tier"];
    let wanted = wanted.map(|what| format!("{what} {server}"));
    assert_eq!(warnings, [vec![format!("the shape of the reply {model}")], wanted.to_vec()].concat());
}

#[test]
fn plain_servers_are_sent_nothing_they_may_not_know() {
    assert_eq!(
        sent(&conversation(), Profile::Plain, Mode::Whole),
        json!({
            "model": "gpt-6-luna",
            "messages": [
                { "role": "system", "content": "S" },
                { "role": "user", "content": "u" },
                { "role": "assistant", "tool_calls": [{
                    "id": "call_1", "type": "function",
                    "function": { "name": "get_weather", "arguments": "{\"city\":\"Oslo\"}" },
                }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "3C" },
            ],
            "max_tokens": 2000,
            "tools": [{ "type": "function", "function": { "name": "get_weather", "description": "d", "parameters": city_schema() } }],
        })
    );
}

#[test]
fn profiles_differ_as_their_servers_do() {
    let vllm = sent(&conversation(), Profile::Vllm, Mode::Streamed);
    assert_eq!(vllm["parallel_tool_calls"], true);
    assert_eq!(vllm["response_format"]["json_schema"], json!({ "name": "plan", "schema": plan_schema() }));
    assert_eq!(vllm["stream_options"], json!({ "include_usage": true }));
    let mut open = conversation();
    open.output = Some(OutputSchema { name: "any".into(), schema: json!({ "type": "object" }) });
    let openai = sent(&open, Profile::OpenAi, Mode::Whole);
    assert_eq!(openai["response_format"]["json_schema"], json!({ "name": "any", "schema": { "type": "object" } }));
    let mut quiet = Profile::Plain.dialect();
    quiet.supports.stream_usage = false;
    quiet.supports.tools = false;
    let quiet = sent(&conversation(), Profile::Custom(quiet), Mode::Streamed);
    assert_eq!((quiet.get("stream_options"), quiet.get("tools"), &quiet["stream"]), (None, None, &json!(true)));
}

#[test]
fn a_model_is_not_asked_for_more_than_it_can() {
    let dialect = Profile::Vllm.dialect();
    let small = Capabilities {
        tools: false,
        json_schema: false,
        context: None,
        max_output: Some(500),
        accepts: Accepts::default(),
    };
    let (body, _) = convert::body(&conversation(), &dialect, &small, Mode::Whole).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["max_tokens"], 500);
    for field in ["tools", "parallel_tool_calls", "response_format"] {
        assert_eq!(body.get(field), None);
    }
}

#[test]
fn messages_keep_the_order_that_the_protocol_demands() {
    let mut request = conversation();
    request.system.clear();
    request.messages = vec![
        Message {
            role: Role::Assistant,
            blocks: vec![
                Block::text("a"),
                call("1", json!("{broken")),
                call("2", json!("{\"x\":1}")),
                Block::text("b"),
            ],
        },
        Message {
            role: Role::User,
            blocks: vec![Block::text("note"), result("1", "no", true), result("2", "yes", false)],
        },
        Message { role: Role::Assistant, blocks: Vec::new() },
    ];
    let function = |arguments: &str| json!({ "name": "get_weather", "arguments": arguments });
    assert_eq!(
        sent(&request, Profile::Plain, Mode::Whole)["messages"],
        json!([
            { "role": "assistant", "content": "a\n\nb", "tool_calls": [
                { "id": "1", "type": "function", "function": function("{\"invalid_json\":\"{broken\"}") },
                { "id": "2", "type": "function", "function": function("{\"x\":1}") },
            ] },
            { "role": "tool", "tool_call_id": "1", "content": "Error: no" },
            { "role": "tool", "tool_call_id": "2", "content": "yes" },
            { "role": "user", "content": "note" },
            { "role": "assistant", "content": "" },
        ])
    );
}

/// What is known of a request to a router.
const ASKED: Asked<'_> = Asked { model: "m", messages: 3, cost: true };

fn parsed(body: &Value) -> Result<Reply, ProviderError> {
    reply::parse(body.to_string().as_bytes(), ASKED, || 9, &Redactor::default())
}

fn said(message: Value, finish: &str) -> Reply {
    parsed(&json!({ "id": "r", "model": "m", "choices": [{ "message": message, "finish_reason": finish }] })).unwrap()
}

#[test]
fn replies_end_for_the_reason_that_their_content_shows() {
    let calls = json!([{ "id": "1", "function": { "name": "f", "arguments": "{}" } }]);
    for (message, finish, stop) in [
        (json!({ "content": "x" }), "stop", Stop::End),
        (json!({ "content": "x" }), "eos", Stop::End),
        (json!({ "content": "x" }), "tool_calls", Stop::End),
        (json!({ "content": "x" }), "length", Stop::Length),
        (json!({ "content": "x" }), "content_filter", Stop::Refused),
        (json!({ "content": null, "refusal": "no" }), "stop", Stop::Refused),
        (json!({ "content": "x", "tool_calls": calls }), "stop", Stop::ToolUse),
        (json!({ "content": "x", "tool_calls": calls }), "tool_calls", Stop::ToolUse),
        (json!({ "content": "x", "tool_calls": calls }), "length", Stop::Length),
        (json!({ "function_call": { "name": "f", "arguments": "{}" } }), "function_call", Stop::ToolUse),
    ] {
        assert_eq!(said(message.clone(), finish).stop, stop, "{message} {finish}");
    }
}

#[test]
fn tool_calls_are_read_in_every_form_that_servers_send() {
    let call = |id: Value, arguments: Value| json!({ "id": id, "function": { "name": "f", "arguments": arguments } });
    let reply = said(
        json!({ "content": [{ "type": "text", "text": "a" }, { "type": "image" }, { "text": "b" }], "tool_calls": [
            call(json!("one"), json!("{\"a\":1}")),
            call(json!(null), json!({ "a": 1 })),
            call(json!("one"), json!("\"{\\\"a\\\":1}\"")),
            call(json!(""), json!("")),
            call(json!("five"), json!("{broken")),
        ] }),
        "stop",
    );
    assert_eq!(reply.text(), "ab");
    let calls: Vec<_> = reply.tool_calls().map(|call| (call.id.as_str(), call.input.clone())).collect();
    assert_eq!(
        calls,
        [
            ("one", json!({ "a": 1 })),
            ("call_3_2", json!({ "a": 1 })),
            ("call_3_3", json!({ "a": 1 })),
            ("call_3_4", json!({})),
            ("five", json!("{broken")),
        ]
    );
}

#[test]
fn usage_falls_into_disjoint_fields() {
    let usage = |usage: Value| {
        let body = json!({ "choices": [{ "message": { "content": "x" } }], "usage": usage });
        parsed(&body).unwrap().usage
    };
    let counted = Usage { input: 60, output: 20, ..Usage::default() };
    assert_eq!(usage(json!({ "prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80 })), counted);
    assert_eq!(usage(json!({ "prompt_tokens": 60, "completion_tokens": 20, "prompt_tokens_details": null })), counted);
    assert_eq!(usage(json!({ "prompt_tokens": 60.0, "completion_tokens": 19.5, "total_tokens": null })), counted);
    let full = json!({
        "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
        "prompt_tokens_details": { "cached_tokens": 30, "cache_write_tokens": 10, "cache_write_tokens_details": { "ttl_30m_tokens": 6, "ttl_12h_tokens": 4 } },
        "completion_tokens_details": { "reasoning_tokens": 15 },
    });
    let split = Usage {
        input: 60,
        cache_read: 30,
        cache_write: 6,
        cache_write_long: 4,
        output: 20,
        reasoning: 15,
        estimated: false,
    };
    assert_eq!(usage(full), split);
    let more_cached =
        usage(json!({ "prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": { "cached_tokens": 30 } }));
    assert_eq!((more_cached.input, more_cached.cache_read), (0, 30));
    let deepseek = usage(json!({ "prompt_tokens": 100, "completion_tokens": 1, "prompt_cache_hit_tokens": 90 }));
    assert_eq!((deepseek.input, deepseek.cache_read), (10, 90));
    let beside = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22, "completion_tokens_details": { "reasoning_tokens": 7 } });
    assert_eq!((usage(beside.clone()).output, usage(beside).reasoning), (12, 7));
    for missing in [json!(null), json!({}), json!({ "prompt_tokens": 0, "completion_tokens": 0 })] {
        let estimate = usage(missing);
        assert!(estimate.estimated && estimate.input > 0 && estimate.output > 0, "{estimate:?}");
    }
}

#[test]
fn answers_that_are_no_replies_are_refused() {
    for body in [json!({}), json!([]), json!("x"), json!({ "choices": [] }), json!({ "choices": "x" })] {
        assert!(matches!(parsed(&body), Err(ProviderError::BadAnswer { .. })), "{body}");
    }
    let billed = parsed(&json!({ "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 1 } }));
    assert!(matches!(billed, Err(ProviderError::BadAnswer { usage: Some(Usage { input: 5, output: 1, .. }), .. })));
    let within = parsed(&json!({ "error": { "code": 429, "message": "slow down" }, "choices": null }));
    assert!(matches!(within, Err(ProviderError::RateLimited { .. })));
    let choice = parsed(&json!({ "choices": [{ "error": { "code": 502, "message": "upstream" } }] }));
    assert!(matches!(choice, Err(ProviderError::Fault { status: 502, .. })));
}

#[test]
fn reasoning_beside_the_answer_is_kept_and_goes_back_only_where_it_has_to() {
    let said = |message: Value| {
        parsed(&json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] })).unwrap()
    };
    let calls = json!([{ "id": "1", "function": { "name": "get_weather", "arguments": "{}" } }]);
    let reasoning = |text: &str, data: Value| Block::Reasoning(Reasoning::new("openai-chat", text, data));
    for name in ["reasoning_content", "reasoning"] {
        assert_eq!(
            said(json!({ name: "hm", "content": "x" })).blocks,
            [reasoning("hm", Value::Null), Block::text("x")]
        );
    }
    let details = json!([{ "type": "reasoning.encrypted", "data": "abc", "index": 0 }]);
    let reply = said(json!({ "reasoning": "hm", "reasoning_details": details, "tool_calls": calls }));
    assert_eq!(reply.blocks[0], reasoning("hm", json!({ "reasoning_details": details })));
    let mut request = conversation();
    request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks });
    let back = sent(&request, Profile::OpenRouter, Mode::Whole)["messages"][4].clone();
    assert_eq!((&back["reasoning_details"], back.get("reasoning_content")), (&details, None));
    let mut wants = Profile::Plain.dialect();
    wants.supports.reasoning_content = true;
    assert_eq!(sent(&request, Profile::Custom(wants), Mode::Whole)["messages"][4]["reasoning_content"], "hm");
    let foreign = Reasoning::new("anthropic", "hm", json!({ "signature": "s" }));
    request.messages[3].blocks[0] = Block::Reasoning(foreign);
    let back = sent(&request, Profile::Custom(wants), Mode::Whole)["messages"][4].clone();
    assert_eq!((back.get("reasoning_content"), back.get("reasoning_details")), (None, None));
}

#[test]
fn routers_say_what_a_call_cost_and_others_are_not_believed() {
    let body = json!({
        "choices": [{ "message": { "content": "x" }, "finish_reason": "stop" }], "service_tier": "priority",
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.000_123_4, "cost_details": null },
    });
    let about = |cost: bool| {
        let asked = Asked { cost, ..ASKED };
        reply::parse(body.to_string().as_bytes(), asked, || 9, &Redactor::default()).unwrap().about
    };
    assert_eq!((about(true).billed, about(false).billed), (Some(NanoUsd(123_400)), None));
    assert_eq!(about(true).tier, ServiceTier::Priority);
    assert!(Profile::OpenRouter.dialect().supports.cost && !Profile::Vllm.dialect().supports.cost);
}

#[test]
fn what_was_used_is_known_of_replies_that_failed() {
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5 });
    for body in [
        json!({ "error": { "code": 502, "message": "m" }, "usage": usage }),
        json!({ "choices": [{ "error": { "code": 502, "message": "m" } }], "usage": usage }),
        json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": "error" }], "usage": usage }),
    ] {
        let failure = parsed(&body).unwrap_err().to_failure();
        assert_eq!(failure.usage, Some(Usage { input: 10, output: 5, ..Usage::default() }), "{body}");
    }
}
