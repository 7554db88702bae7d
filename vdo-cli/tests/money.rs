//! Providers and money at the terminal: budgets, spending, health, recordings, and keys that are seen nowhere.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::server::{Does, Server};
use support::{Place, finish, story};

/// A place with one project and one job, whose model is a server.
fn served(rule: impl Fn(&support::server::Asked) -> Does + Send + Sync + 'static) -> (Place, Server) {
    let server = Server::start(rule);
    let place = Place::new();
    place.project("calc");
    place.served(&server.base_url);
    place.job("calc", "Multiply");
    (place, server)
}

fn priced(place: &Place) {
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    assert!(toml.contains("[prices."), "{toml}");
}

#[test]
fn a_budget_is_set_shown_kept_to_and_dropped() {
    let (place, server) = served(support::server::Asked::reference);
    priced(&place);
    place.run("budget").exits(0).prints_nothing().says(&["no budget is set"]);
    let shown = place.run("budget set mock 0.000001/month").exits(0);
    assert!(shown.stdout.contains("mock") && shown.stdout.contains("░"), "{}", shown.stdout);
    place.run("run 2").exits(3).says(&["budget of provider:mock"]);
    assert_eq!(server.asked().len(), 0, "nothing was asked");
    assert_eq!(place.run("show 2 --json").exits(0).json()["status"], "budget_stopped");
    place.args(&["budget", "set", "mock", "5/month", "--alert", "1:warn", "--alert", "90:stop"]).exits(0);
    place.run("run 2").exits(0);
    let budgets = place.run("budget --json").exits(0).json();
    let spent = budgets[0]["sums"]["spent"].as_i64().unwrap();
    assert!(spent > 0 && budgets[0]["sums"]["reserved"] == 0, "{budgets}");
    let spend = place.run("spend --json").exits(0).json();
    assert_eq!(spend["total"]["cost"], spent);
    assert_eq!(spend["outlook"][0]["budget"], 5_000_000_000_i64);
    place.run("budget drop mock").exits(0);
    place.run("budget drop mock").exits(6);
    for wrong in
        ["budget set mock much", "budget set mock 5/year", "budget set model:x 5", "budget set mock 5 --alert 0"]
    {
        place.run(wrong).exits(2);
    }
}

#[test]
fn budgets_of_the_configuration_hold_and_one_that_reroutes_asks_the_other_provider() {
    let (place, server) = served(support::server::Asked::reference);
    let spare = Server::start(support::server::Asked::reference);
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    let toml = toml.replace("default = [", "default = [\"mock:model-1\", \"spare:model-1\"]\n# [");
    let more = format!(
        "\n[providers.spare]\nkind = \"openai-chat\"\nbase_url = \"{}\"\n[prices.\"spare:model-1\"]\ninput = \"1.00\"\noutput = \"2.00\"\n\
         [budgets]\nmock = {{ usd = 0.01, per = \"day\", hard = false, alerts = [{{ percent = 1, action = \"reroute\" }}] }}\n",
        spare.base_url
    );
    place.write("vdo.toml", &(toml + &more));
    place.run("run 2").exits(0);
    assert!(server.asked().len() == 1 && spare.asked().len() >= 2, "{:?} {:?}", server.tags(), spare.tags());
    let log = place.run("log 2").exits(0).stdout;
    assert!(log.contains("1 % of the $0.01 a day for provider:mock are spent"), "{log}");
    let calls = place.run("log 2 --journal --json").exits(0).json();
    let text = calls.to_string();
    assert!(text.contains("\"rerouted\"") && text.contains("provider:mock"), "{text}");
}

#[test]
fn a_call_in_doubt_is_listed_settled_by_hand_or_by_the_providers_bill() {
    let whole = |asked: &support::server::Asked| match asked.number {
        // The first reply is cut, so that nobody knows whether it was billed.
        1 => Does::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\":".to_vec(),
        ),
        _ => asked.reference(),
    };
    let (place, _server) = served(whole);
    place.run("run 2").exits(0);
    let open = place.run("spend reconcile --json").exits(0).json();
    assert_eq!(open.as_array().unwrap().len(), 1);
    let row = &open[0]["call"];
    let reserved = row["reserved"].as_i64().unwrap();
    assert!(reserved > 0);
    let spend = |place: &Place| place.run("spend --json").exits(0).json()["total"].clone();
    assert_eq!(spend(&place)["reserved"], reserved);
    let (day, recorded) = (today(&place), spend(&place)["cost"].as_i64().unwrap());
    // The provider charged a nano-dollar and a bit more than we know of.
    let bill = format!(
        "usage_date_utc,model,cost_usd\n{day},model-1,{}.{:09}4\n",
        recorded / 1_000_000_000,
        recorded % 1_000_000_000 + 7
    );
    place.write("bill.csv", &bill);
    let compared = place.run("spend import bill.csv --provider mock --json").exits(0).json();
    assert_eq!((&compared[0]["difference"], &compared[0]["settled"]), (&json!(7), &json!(0)));
    let settled = place.run("spend import bill.csv --provider mock --settle --json").exits(0).json();
    assert_eq!((&settled[0]["difference"], &settled[0]["settled"]), (&json!(0), &json!(1)));
    assert_eq!((&spend(&place)["cost"], &spend(&place)["reserved"]), (&json!(recorded + 7), &json!(0)));
    assert_eq!(place.run("spend reconcile --json").exits(0).json(), json!([]));
    let step = format!("{}#{}", row["step"].as_str().unwrap(), row["number"]);
    place.args(&["spend", "reconcile", "2", &step, "--cost", "0"]).exits(1).says(&["not possibly billed"]);
    place.args(&["spend", "reconcile", "2", "nonsense", "--cost", "0"]).exits(2);
    place.run("spend import none.csv --provider mock").exits(2).says(&["none.csv"]);
}

fn today(place: &Place) -> String {
    let lines = place.run("spend --by day --json").exits(0).json();
    lines["lines"][0]["group"]["day"].as_str().unwrap().to_owned()
}

#[test]
fn spending_is_broken_down_and_rolled_up_over_a_lineage() {
    let (place, _server) = served(support::server::Asked::reference);
    place.run("run 2").exits(0);
    let by = |words: &str| place.run(&format!("spend --json {words}")).exits(0).json();
    let phases = by("--by phase");
    let names: Vec<&str> =
        phases["lines"].as_array().unwrap().iter().map(|line| line["group"]["phase"].as_str().unwrap()).collect();
    assert_eq!(names, ["build", "critique", "plan", "repair"]);
    let cost = |value: &Value| value["cost"].as_i64().unwrap();
    let sum: i64 = phases["lines"].as_array().unwrap().iter().map(cost).sum();
    let total = cost(&phases["total"]);
    assert_eq!(sum, total);
    assert_eq!(total, place.run("show 2 --json").exits(0).json()["cost_nanousd"].as_i64().unwrap());
    assert_eq!(cost(&by("--job 2")["total"]), total);
    assert_eq!(cost(&by("--job 1")["total"]), 0);
    assert_eq!(cost(&by("--job 1 --descendants")["total"]), total);
    assert_eq!(cost(&by("--job 2 --lineage")["total"]), total);
    assert_eq!(cost(&by("--since 2020-01-01 --until 2020-01-02")["total"]), 0);
    place.run("spend --by colour").exits(2).says(&["colour", "provider"]);
    place.run("spend --since yesterday").exits(2).says(&["yesterday"]);
    place.run("spend --job 9").exits(6);
    let stats = place.run("stats --json").exits(0).json();
    assert_eq!(stats["jobs"]["completed"], 2);
    assert_eq!(cost(&stats), total);
}

#[test]
fn providers_tell_how_they_are_and_who_is_asked_can_be_changed() {
    let (place, server) = served(|asked| match asked.number {
        1 => Does::Status(500, String::new(), "{\"error\":{\"message\":\"oops\"}}".to_owned()),
        _ => asked.reference(),
    });
    place.run("run 2").exits(0);
    let view = place.run("providers --json").exits(0).json();
    let model = &view["providers"][0];
    assert_eq!(
        (&model["provider"], &model["model"], &model["state"]),
        (&json!("mock"), &json!("model-1"), &json!("up"))
    );
    assert_eq!(
        (&model["errors"]["provider_fault"], &model["last_error"]["kind"]),
        (&json!(1), &json!("provider_fault"))
    );
    assert_eq!(model["calls"].as_u64().unwrap(), server.asked().len() as u64);
    assert!(model["figures"]["p50_ms"].is_u64() && model["figures"]["availability"].as_u64().unwrap() < 1000);
    let text = place.run("providers").exits(0).stdout;
    assert!(text.contains("mock:model-1") && text.contains("oops"), "{text}");

    place.run("providers order plan gone:x").exits(2).says(&["[providers.gone]"]);
    place.run("providers order nophase mock:model-1").exits(2);
    place.run("providers order default mock:model-2 mock:model-1 --strategy cheapest").exits(0);
    let changed = place.run("providers --json").exits(0).json();
    assert_eq!((&changed["changed"], &changed["routes"]["default"][0]), (&json!(true), &json!("mock:model-2")));
    place.job("calc", "Again");
    // The first is not priced, which counts for nothing without a budget.
    place.run("run 3").exits(0);
    let calls = place.run("log 3 --journal --json").exits(0).json().to_string();
    assert!(calls.contains("\"strategy\":\"cheapest\""), "{calls}");
    place.run("providers reset").exits(0);
    assert_eq!(place.run("providers --json").exits(0).json()["changed"], false);
    place.run("providers probe gone").exits(6);
    let dead = "[providers.dead]\nkind = \"openai-chat\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    place.write("vdo.toml", &(toml + dead));
    place.run("providers probe dead").exits(0).says(&["dead: ", "cannot connect"]);
    let view = place.run("providers --json").exits(0).json();
    let dead = view["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "dead").unwrap().clone();
    assert_eq!(dead["last_error"]["kind"], "transport");
}

#[test]
fn a_recorded_job_is_replayed_without_its_provider_and_checks_what_it_is_asked() {
    // Nothing that a test prints, such as how long it took, is in what is asked.
    let (place, server) = served(|asked| {
        Does::Say(match asked.field("phase").as_deref() {
            Some("plan") => story::plan_to_create("notes.txt"),
            Some("build") => story::whole("notes.txt", "noted\n"),
            _ => r#"{"findings": []}"#.to_owned(),
        })
    });
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    place.write("vdo.toml", &toml.replace("[providers.mock]", "[providers.mock]\nrecord = \"cassette.jsonl\""));
    place.run("run 2").exits(0);
    let asked = server.asked().len();
    let replayed = "[providers.mock]\nkind = \"replay\"\ncassette = \"cassette.jsonl\"\n";
    let start = toml.find("[providers.mock]").unwrap();
    let end = toml[start + 1..].find("\n[").map_or(toml.len(), |at| start + 2 + at);
    place.write("vdo.toml", &format!("{}{replayed}{}", &toml[..start], &toml[end..]));
    // In a store of its own, the same job has the same number and is asked the same.
    let other = |words: &str| place.run(&format!("{words} --store sqlite:other.db"));
    place.args(&["new", "Multiply", "--repo", &place.text("calc"), "--store", "sqlite:other.db"]).exits(0);
    other("run 2").exits(0);
    assert_eq!(server.asked().len(), asked, "nobody was asked again");
    let hash = |ran: support::Ran| ran.exits(0).json()["checks"][0]["tree_hash"].clone();
    assert_eq!(hash(other("show 2 --json")), hash(place.run("show 2 --json")));
    place.args(&["new", "Divide", "--repo", &place.text("calc"), "--store", "sqlite:other.db"]).exits(0);
    other("run 3").exits(1).says(&["Divide"]);
}

#[test]
fn failures_are_rehearsed_and_the_job_gets_through() {
    let (place, server) = served(support::server::Asked::reference);
    let words = "run 2 --set rehearse.share=0.5 --set rehearse.seed=4 --set rehearse.retry_after_ms=20";
    place.run(words).exits(0);
    let calls = place.run("log 2 --journal --json").exits(0).json().to_string();
    assert!(calls.contains("a rehearsed failure: nothing was sent"), "{calls}");
    assert!(calls.matches("\"state\":\"failed\"").count() + calls.matches("\"state\":\"possibly_billed\"").count() > 0);
    assert!(!server.asked().is_empty());
    place.job("calc", "Again");
    place.run("run 3 --set rehearse.share=7").exits(2).says(&["0 to 1"]);
}

#[test]
fn models_are_shown_checked_and_laid_over() {
    let place = Place::new();
    let all = place.run("models --json").exits(0).json();
    assert!(all["models"].as_array().unwrap().len() >= 42 && all["date"].is_string());
    assert!(place.run("models opus-5-5").exits(0).stdout.contains("claude-opus-5-5"));
    place.run("models nothing-like-it").exits(6);
    assert!(place.run("models --check").exits(0).stdout.contains("gpt-5.1-codex"));
    place.write(
        "mine.json",
        r#"{"models": {"anthropic/claude-opus-5-5": {"input": "1.5"}, "local/own": {"input": "0", "output": "0"}}}"#,
    );
    place.write("vdo.toml", "models = \"mine.json\"\n");
    let own = place.run("models own --json").exits(0).json();
    assert_eq!(own["models"][0]["id"], "own");
    let opus = place.run("models opus-5-5 --json").exits(0).json();
    assert_eq!(opus["models"][0]["price"]["rates"]["input"], 1_500_000);
    place.write("mine.json", r#"{"models": {"anthropic/claude-opus-5-5": {"input": "much"}}}"#);
    place.run("models").exits(2).says(&["mine.json", "claude-opus-5-5", "input"]);
}

const KEY: &str = "sk-live-0f9e8d7c6b5a4938271605f4e3d2c1b0";

#[test]
fn a_key_is_in_no_output_log_event_error_recording_or_byte_of_the_store() {
    for (kind, code) in [("openai-chat", 401), ("openai", 500), ("anthropic", 529), ("gemini", 400)] {
        // A server that repeats the key in everything it says.
        let server = Server::start(move |asked| {
            let body =
                format!("{{\"error\":{{\"message\":\"your key {KEY} and Bearer {KEY} are odd\",\"type\":\"x\"}}}}");
            if asked.number > 1 {
                Does::Status(200, String::new(), format!("<html>{KEY}</html>"))
            } else {
                Does::Status(code, format!("x-request-id: {KEY}\r\nretry-after: 0\r\n"), body)
            }
        });
        let place = Place::new();
        place.project("calc");
        let base =
            if kind.starts_with("openai") { server.base_url.clone() } else { server.base_url.replace("/v1", "") };
        place.write(
            "vdo.toml",
            &format!("[providers.p]\nkind = \"{kind}\"\nbase_url = \"{base}\"\nkey_env = \"P_KEY\"\nrecord = \"cassette.jsonl\"\n[routes]\ndefault = [\"p:m\"]\n"),
        );
        place.job("calc", "T");
        let mut said = String::new();
        for words in [
            "-v -v run 2 --json",
            "-v -v run 2",
            "log 2 --json",
            "log 2 --journal --json",
            "show 2 --json",
            "providers probe",
            "providers --json",
            "spend --json",
            "doctor",
        ] {
            let mut command = place.vdo(words.split_whitespace());
            command.env("P_KEY", KEY);
            let ran = finish(command);
            said.push_str(&ran.stdout);
            said.push_str(&ran.stderr);
        }
        assert!(said.contains("p:m") && !server.asked().is_empty(), "{said}");
        assert!(!said.contains(KEY), "{kind}: {said}");
        let kept = support::tree(&place.path(""));
        assert!(kept.keys().any(|path| path.ends_with("vdo.db")) && kept.keys().any(|path| path.contains("cassette")));
        let found: Vec<&String> = kept.iter().filter(|(_, bytes)| holds(bytes, KEY)).map(|(path, _)| path).collect();
        assert_eq!(found, Vec::<&String>::new(), "{kind}");
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_webhook_is_told_of_what_is_spent_and_the_post_is_signed() {
    let hook = Server::start(|_| Does::Status(204, String::new(), String::new()));
    let (place, _server) = served(support::server::Asked::reference);
    let toml = std::fs::read_to_string(place.path("vdo.toml")).unwrap();
    let url = hook.base_url.replace("/v1", "/hook");
    let more = format!(
        "[budgets]\nmock = {{ usd = 0.002 , hard = false }}\n[alerts]\nwebhook = \"{url}\"\nsecret_env = \"HOOK_SECRET\"\n"
    );
    place.write("vdo.toml", &(toml + &more));
    place.run("run 2").exits(4).says(&["HOOK_SECRET"]);
    let mut command = place.vdo(["run", "2"]);
    command.env("HOOK_SECRET", "shared secret");
    finish(command).exits(0);
    let posts = hook.asked();
    let percents: Vec<i64> = posts.iter().map(|post| post.body["percent"].as_i64().unwrap()).collect();
    let mut sorted = percents.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [50, 80, 95]);
    assert!(
        posts.iter().all(|post| post.body["scope"] == "provider:mock" && post.body["job"] == 2),
        "{:?}",
        posts[0].body
    );
}
