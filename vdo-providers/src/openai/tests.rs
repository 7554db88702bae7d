//! The conversion both ways, without a server.

mod replies;
mod streams;

use serde_json::{Value, json};
use vdo_core::message::{
    Block, CacheMark, Completion, Effort, Message, OutputSchema, PromptCache, Reasoning, Role, Settings, ToolCall,
    ToolChoice, ToolSpec, Verbosity,
};
use vdo_core::models::{Model, ModelTable};
use vdo_core::port::{Accepts, Capabilities};
use vdo_core::usage::ServiceTier;

use super::convert::{self, Purpose};
use super::reply::Asked;

const GOLDEN: &str = include_str!("../../tests/data/openai-requests.json");

fn golden(name: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    cases.into_iter().find(|case| case["case"] == name).unwrap()["body"].clone()
}

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

fn reasoning(data: Value) -> Block {
    Block::Reasoning(Reasoning::new("openai", "", data))
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
        settings: Settings::default(),
    }
}

fn model(id: &str) -> Capabilities {
    ModelTable::embedded().find("openai", id).map(Model::capabilities).unwrap()
}

fn encoded(request: &Completion, purpose: Purpose) -> (Value, Vec<String>) {
    let (body, warnings) = convert::body(request, &model(&request.model), purpose).unwrap();
    (serde_json::from_slice(&body).unwrap(), warnings)
}

fn cached(marks: Vec<CacheMark>) -> Option<PromptCache> {
    Some(PromptCache { key: Some("job-1".to_owned()), long: true, marks })
}

#[test]
fn requests_are_those_that_openais_own_client_sends() {
    let mut request = conversation();
    request.settings = Settings {
        effort: Some(Effort::Low),
        show_reasoning: true,
        verbosity: Some(Verbosity::Low),
        parallel_tools: Some(false),
        cache: cached(vec![CacheMark::System, CacheMark::Message(0)]),
        ..Settings::default()
    };
    assert_eq!(encoded(&request, Purpose::Streamed), (golden("openai.responses.full"), Vec::new()));
    let mut plain = conversation();
    (plain.system, plain.tools, plain.output, plain.max_output) = (String::new(), Vec::new(), None, None);
    plain.messages.truncate(1);
    assert_eq!(encoded(&plain, Purpose::Count), (golden("openai.input_tokens"), Vec::new()));
}

#[test]
fn what_is_counted_is_what_takes_tokens() {
    let (body, _) = encoded(&conversation(), Purpose::Count);
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["input", "instructions", "model", "text", "tool_choice", "tools"]);
}

#[test]
fn what_the_model_or_the_interface_does_not_take_is_left_out_and_told() {
    let mut request = conversation();
    request.settings = Settings {
        temperature: Some(0.2),
        top_p: Some(0.5),
        stop: vec!["END".to_owned()],
        tool_choice: ToolChoice::Tool("nobody".to_owned()),
        effort: Some(Effort::None),
        show_reasoning: true,
        verbosity: Some(Verbosity::High),
        tier: ServiceTier::Batch,
        ..Settings::default()
    };
    // It always reasons and cannot be held to a schema.
    request.model = "gpt-5.5-pro".to_owned();
    let (body, warnings) = encoded(&request, Purpose::Whole);
    let model = "left out: the model does not take it";
    assert_eq!(
        warnings,
        [
            format!("the shape of the reply {model}"),
            format!("temperature and top_p {model}"),
            "stop texts left out: the server does not know it".to_owned(),
            format!("the choice of tools {model}"),
            format!("the effort of reasoning {model}"),
            "the batch tier left out: it is for files of requests".to_owned(),
        ]
    );
    assert_eq!((&body["reasoning"], &body["text"]), (&json!({ "summary": "auto" }), &json!({ "verbosity": "high" })));
    for field in ["temperature", "top_p", "stop", "service_tier"] {
        assert_eq!(body.get(field), None, "{field}");
    }
    // A model that does not reason is asked nothing about reasoning.
    request.model = "gpt-4.1".to_owned();
    request.settings.tool_choice = ToolChoice::Required;
    request.settings.tier = ServiceTier::Priority;
    let (body, warnings) = encoded(&request, Purpose::Whole);
    assert_eq!(warnings, ["stop texts left out: the server does not know it".to_owned(), format!("verbosity {model}")]);
    for (field, wanted) in [
        ("temperature", json!(0.2)),
        ("tool_choice", json!("required")),
        ("service_tier", json!("priority")),
        ("reasoning", Value::Null),
        ("include", Value::Null),
        ("stream", Value::Null),
        ("store", json!(false)),
    ] {
        assert_eq!(body.get(field).unwrap_or(&Value::Null), &wanted, "{field}");
    }
    request.settings.tool_choice = ToolChoice::Tool("get_weather".to_owned());
    let (body, _) = encoded(&request, Purpose::Whole);
    assert_eq!(body["tool_choice"], json!({ "type": "function", "name": "get_weather" }));
}

#[test]
fn a_level_of_reasoning_that_the_model_does_not_have_becomes_the_next_lower_one() {
    let mut request = conversation();
    for (model, asked, sent) in [
        ("gpt-6-luna", Effort::Max, "max"),
        ("gpt-5.4", Effort::Max, "xhigh"),
        ("gpt-5.4", Effort::Minimal, "low"),
        ("gpt-5-mini", Effort::Minimal, "minimal"),
        ("gpt-5.5-pro", Effort::Low, "medium"),
    ] {
        (request.model, request.settings.effort) = (model.to_owned(), Some(asked));
        let (body, warnings) = encoded(&request, Purpose::Whole);
        assert_eq!(body["reasoning"]["effort"], sent, "{model}");
        let told = warnings.iter().any(|warning| warning.starts_with("the effort of reasoning is"));
        assert_eq!(told, serde_json::to_value(asked).unwrap() != sent, "{warnings:?}");
    }
}

#[test]
fn a_conversation_keeps_its_order_and_reasoning_goes_back_unchanged() {
    let thought =
        json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc", "status": null });
    let mut request = conversation();
    request.messages = vec![
        Message { role: Role::User, blocks: vec![Block::text("one"), Block::text(""), Block::text("two")] },
        Message {
            role: Role::Assistant,
            blocks: vec![
                reasoning(thought.clone()),
                // Nothing is stored on the other side: without its content it could not be found there.
                reasoning(json!({ "type": "reasoning", "id": "rs_2", "summary": [] })),
                Block::Reasoning(Reasoning::new("anthropic", "hm", thought.clone())),
                Block::text("a"),
                call("1", json!("{broken")),
                call("2", json!({ "x": 1 })),
            ],
        },
        Message {
            role: Role::User,
            blocks: vec![Block::text("note"), result("1", "no", true), result("2", "yes", false)],
        },
    ];
    let text = |text: &str| json!({ "type": "input_text", "text": text });
    let call = |id: &str, arguments: &str| json!({ "type": "function_call", "call_id": id, "name": "get_weather", "arguments": arguments });
    let output = |id: &str, output: &str| json!({ "type": "function_call_output", "call_id": id, "output": output });
    assert_eq!(
        encoded(&request, Purpose::Whole).0["input"],
        json!([
            { "role": "user", "content": [text("one"), text("two")] },
            thought,
            { "role": "assistant", "content": "a" },
            call("1", "{\"invalid_json\":\"{broken\"}"),
            call("2", "{\"x\":1}"),
            output("1", "Error: no"),
            output("2", "yes"),
            { "role": "user", "content": [text("note")] },
        ])
    );
}

#[test]
fn reasoning_goes_back_only_to_models_that_reason_and_before_what_came_of_it() {
    let thought = json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc" });
    let kinds = |model: &str, blocks: Vec<Block>| {
        let mut request = conversation();
        request.model = model.to_owned();
        request.messages = vec![Message { role: Role::Assistant, blocks }, Message::user("u")];
        let input = encoded(&request, Purpose::Whole).0["input"].clone();
        input.as_array().unwrap().iter().filter(|item| item["type"] == "reasoning").count()
    };
    let led = || vec![reasoning(thought.clone()), Block::text("a"), reasoning(thought.clone()), call("1", json!({}))];
    assert_eq!((kinds("gpt-6-luna", led()), kinds("gpt-4.1", led())), (2, 0));
    // The reply was cut while the model reasoned.
    let cut = vec![Block::text("a"), reasoning(thought.clone())];
    assert_eq!((kinds("gpt-6-luna", cut), kinds("gpt-6-luna", vec![reasoning(thought.clone())])), (0, 0));
}

#[test]
fn marks_that_cannot_be_set_leave_the_cache_to_the_other_side() {
    let options = |marks: Vec<CacheMark>| {
        let mut request = conversation();
        request.settings.cache = cached(marks);
        let body = encoded(&request, Purpose::Whole).0;
        (body["prompt_cache_options"].clone(), body["input"].to_string().contains("breakpoint"))
    };
    let implicit = json!({ "mode": "implicit", "ttl": "12h" });
    assert_eq!(options(Vec::new()), (implicit.clone(), false));
    assert_eq!(options(vec![CacheMark::System]), (implicit.clone(), false));
    assert_eq!(options(vec![CacheMark::Message(0)]), (json!({ "mode": "explicit", "ttl": "12h" }), true));
    // The result of a tool, a reply, and a message that is not there.
    for place in [2, 1, 9] {
        assert_eq!(
            options(vec![CacheMark::Message(0), CacheMark::Message(place)]),
            (implicit.clone(), false),
            "{place}"
        );
    }
}

#[test]
fn a_longer_conversation_begins_like_the_shorter_one() {
    let mut request = conversation();
    let before = encoded(&request, Purpose::Whole).0["input"].to_string();
    request.messages.push(Message { role: Role::Assistant, blocks: vec![call("call_2", json!({}))] });
    request.messages.push(Message { role: Role::User, blocks: vec![result("call_2", "4C", false)] });
    let after = encoded(&request, Purpose::Whole).0["input"].to_string();
    assert!(after.starts_with(before.trim_end_matches(']')), "{before}\n{after}");
}

#[test]
fn the_beginning_of_a_reply_is_taken_away_from_models_that_do_not_go_on_with_one() {
    let mut request = conversation();
    request.messages = vec![Message::user("u"), Message { role: Role::Assistant, blocks: vec![Block::text("{")] }];
    let accepts = Accepts { prefill: false, ..Accepts::default() };
    let model = Capabilities { accepts, ..model("gpt-4.1") };
    let (body, warnings) = convert::body(&request, &model, Purpose::Whole).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["input"].as_array().unwrap().len(), 1);
    assert_eq!(warnings, ["the beginning of the reply left out: the model does not take it"]);
}

fn asked() -> Asked {
    Asked { model: "m".to_owned(), messages: 3, input: 9 }
}
