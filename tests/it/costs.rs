//! Money, over the real binary: many runs at once on little of it, deaths of the process between, and what is told.

use std::time::Duration;

use ostler::money::{Money, Price, Usage};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Random, State, World, alone};

/// How many runs are under way at once.
const RUNS: usize = 20;
/// What all of them may spend.
const LINE: Money = Money::micros(1_000_000);

/// A world whose model is so dear that twenty runs do not get far on a dollar, with a workflow that is an agent and
/// nothing else.
fn world(more: &str) -> World {
    let mut world = World::without_bot(&[]);
    let slots = format!(
        "max_concurrent_agents: {RUNS}, max_concurrent_per_repository: {RUNS}, max_concurrent_per_user: {RUNS}"
    );
    let prices = "prices: {claude-sonnet-4-5: {input: 30, output: 150, cache_write: 37.5, cache_read: 3}}";
    let change = |text: String| {
        let text = text.replace("system: {status: false}", &format!("system: {{status: false, {slots}}}"));
        format!("{text}\n{prices}\nlimits: {{monthly_budget: 1.00{more}}}\n")
    };
    let handler = "on: github.comment.created\ncommand: spend\nrun: spend\nbreaker: off\n";
    world.configure(change, &[("spend", handler)]);
    world.write_workflow(
        "spend",
        "name: Spend\nsteps:\n  - {name: work, type: agent, agent: spender, description: Slugs keep the dash}\n",
    );
    let roles = world.dir().join("prompts/agents");
    std::fs::create_dir_all(&roles).unwrap();
    let role = "---\ndescription: Spends\ntools: [bash, read, search, edit, finish]\nlimits: {max_output_tokens: 200}\n---\n\
                You spend.\n";
    std::fs::write(roles.join("spender.md"), role).unwrap();
    world
}

async fn ask(world: &World, number: usize) {
    let body = format!("/ostler spend {number}");
    world.act(json!({"comment": {"repository": "acme/site", "number": 1, "body": body, "by": "ada"}})).await;
}

/// What the model has answered for, at the price of the configuration.
fn billed(state: &State) -> Money {
    let rate = |dollars: f64| Money::from_dollars(dollars).unwrap();
    let price =
        Price { input: rate(30.0), output: rate(150.0), cache_write: rate(37.5), cache_read: rate(3.0) };
    let bills = state.0["model"]["bills"].as_array().unwrap();
    let usage = |bill: &Value| {
        let count = |key: &str| bill[key].as_u64().unwrap();
        Usage {
            input: count("input_tokens"),
            output: count("output_tokens"),
            cache_write: count("cache_creation_input_tokens"),
            cache_read: count("cache_read_input_tokens"),
        }
    };
    bills.iter().map(|bill| price.of(&usage(bill))).sum()
}

fn money(value: &Value) -> Money {
    serde_json::from_value(value.clone()).unwrap()
}

/// Every way to tell the costs apart adds up to the whole, and nothing of it is unknown.
async fn assert_adds_up(world: &World) {
    let whole = world.ask("costs").await;
    for by in ["day", "user", "role", "repository", "workflow", "model"] {
        let costs = world.ask(&format!("costs?by={by}")).await;
        let rows = costs["rows"].as_array().unwrap();
        for amount in ["spent", "reserved"] {
            let sum: Money = rows.iter().map(|row| money(&row[amount])).sum();
            assert_eq!(sum, money(&whole[amount]), "{amount} by {by}: {costs:#}");
        }
        let calls: u64 = rows.iter().map(|row| row["calls"].as_u64().unwrap()).sum();
        assert_eq!(calls, whole["calls"].as_u64().unwrap(), "{costs:#}");
        assert!(rows.iter().all(|row| row["name"].is_string()), "{costs:#}");
    }
}

/// How many runs the month's line has stopped.
fn stopped(runs: &[Value]) -> usize {
    let reason =
        |run: &&Value| run["reason"].as_str().is_some_and(|reason| reason.contains("monthly_budget"));
    runs.iter().filter(reason).count()
}

#[tokio::test]
async fn twenty_runs_at_once_do_not_spend_more_than_their_one_dollar() {
    let _alone = alone().await;
    let mut world = world("");
    world.restart();
    // All of them wait for an answer at once: what none has paid for yet counts all the same.
    let call = json!({"method": "POST", "path": "^/anthropic/v1/messages$"});
    world.fault(json!({"match": call, "fault": {"delay_ms": 700}, "times": 1_000_000})).await;
    for number in 0..RUNS {
        ask(&world, number).await;
    }
    let runs = world.settle(RUNS).await;
    let costs = world.ask("costs").await;
    let (spent, billed) = (money(&costs["spent"]), billed(&world.state().await));
    println!("{} calls, {spent} spent, {} of {RUNS} runs stopped", costs["calls"], stopped(&runs));
    assert_eq!(spent, billed, "the book says what the model answered for");
    assert_eq!(money(&costs["reserved"]), Money::ZERO, "{costs:#}");
    assert!(spent <= LINE, "{spent}");
    assert!(stopped(&runs) > 0, "the line was never met: {runs:#?}");
    let told: Money = runs.iter().map(|run| money(&run["cost"])).sum();
    assert_eq!(told, spent, "what runs say that they cost");
    assert_adds_up(&world).await;
    let kept = world.ask("costs?by=user").await;
    assert_eq!(
        (kept["rows"][0]["name"].as_str(), kept["dearest"].as_array().map(Vec::len)),
        (Some("ada"), Some(10))
    );
    // What the running server says, the command says without it too.
    assert!(world.terminate().success());
    let config = world.dir().join("ostler.yaml");
    let data = world.dir().join("data");
    let place = ["--config", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let said = world.ostler(&[&["costs", "--by", "user", "--json"], &place[..]].concat());
    let alone: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&alone["rows"], &alone["dearest"]), (&kept["rows"], &kept["dearest"]));
    let said = world.ostler(&[&["costs"], &place[..]].concat());
    assert!(said.out.contains("of $1.0000") && said.out.contains("the dearest runs"), "{}", said.out);
    println!("{}", said.out);
    println!("{}", world.ostler(&[&["costs", "--by", "role"], &place[..]].concat()).out);
}

#[tokio::test]
async fn killed_again_and_again_the_book_never_says_less_than_was_answered() {
    let _alone = alone().await;
    let mut random = Random::new();
    let mut world = world("");
    world.restart();
    for number in 0..RUNS {
        ask(&world, number).await;
    }
    for _ in 0..4 {
        sleep(random.pause(2_000)).await;
        world.kill();
        world.restart();
        world.redeliver().await;
        let costs = world.ask("costs").await;
        // What is answered while both are asked for is reserved already.
        assert!(money(&costs["spent"]) + money(&costs["reserved"]) <= LINE, "{costs:#}");
    }
    let runs = world.settle(RUNS).await;
    let (costs, billed) = (world.ask("costs").await, billed(&world.state().await));
    let (spent, reserved) = (money(&costs["spent"]), money(&costs["reserved"]));
    println!("{billed} answered for, {spent} spent, {reserved} reserved, {} runs stopped", stopped(&runs));
    assert!(billed <= spent + reserved, "{billed} answered for, {costs:#}");
    assert!(spent <= billed, "{billed} answered for, {costs:#}");
    assert!(spent + reserved <= LINE, "{costs:#}");
    assert!(stopped(&runs) > 0, "the line was never met: {runs:#?}");
    assert_adds_up(&world).await;
}

#[tokio::test]
async fn each_level_of_the_budget_is_told_once_whatever_happens_between() {
    let _alone = alone().await;
    let mut random = Random::new();
    let mut world = world(", alerts: {channel: general}");
    world.restart();
    for number in 0..RUNS {
        ask(&world, number).await;
    }
    world.settle(RUNS).await;
    let told = |state: &State| -> Vec<String> {
        let messages = state.messages().into_iter();
        messages
            .filter(|(_, text)| text.contains("budget is used up"))
            .map(|(_, text)| text.to_owned())
            .collect()
    };
    for _ in 0..3 {
        sleep(random.pause(3_000)).await;
        world.kill();
        world.restart();
    }
    let state = world.until("all three levels are told", |state| told(state).len() >= 3).await;
    let messages = told(&state);
    for level in ["50 % of", "80 % of", "The month's budget is used up"] {
        assert_eq!(messages.iter().filter(|text| text.contains(level)).count(), 1, "{level}: {messages:#?}");
    }
    sleep(Duration::from_secs(7)).await;
    assert_eq!(told(&world.state().await).len(), 3);
    println!("{messages:#?}");
}

#[tokio::test]
async fn an_account_without_credit_ends_the_step_at_once() {
    let mut world = World::without_bot(&[]);
    world.restart();
    let error = json!({"type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."});
    let answer = json!({"status": 400, "body": {"type": "error", "error": error}});
    let call = json!({"method": "POST", "path": "^/anthropic/v1/messages$"});
    world.fault(json!({"match": call, "fault": answer, "times": 100})).await;
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let runs = world.settle(1).await;
    assert_eq!(runs[0]["status"], "failed", "{runs:#?}");
    let reason = runs[0]["reason"].as_str().unwrap();
    assert!(reason.contains("credit balance is too low") && reason.contains("(exhausted)"), "{reason}");
    assert_eq!(world.state().await.model_calls(), 1, "it is asked once");
    let costs = world.ask("costs").await;
    assert_eq!((&costs["spent"], &costs["reserved"]), (&json!(0.0), &json!(0.0)), "{costs:#}");
}

#[tokio::test]
async fn what_a_run_has_cost_is_told_on_the_ticket_the_pull_request_and_in_the_chat() {
    let world = World::start().await;
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let runs = world.settle(1).await;
    let cost = money(&runs[0]["cost"]).to_string();
    let state = world.state().await;
    assert!(
        state.answers_on("SHOP-7").iter().any(|text| text.contains(&cost)),
        "{:?}",
        state.answers_on("SHOP-7")
    );
    assert!(
        state.pulls("acme/shop")[0]["body"].to_string().contains(&cost),
        "{}",
        state.pulls("acme/shop")[0]
    );
    assert!(state.messages().iter().any(|(_, text)| text.contains(&cost)), "{:?}", state.messages());
    println!("{:?} {:?}", state.answers_on("SHOP-7"), state.messages());
}
