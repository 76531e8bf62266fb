//! Who is admitted, and what a run turns out to be about.

use serde_json::json;

use crate::event::{Account, Command, TaskRef, Thread};
use crate::plugin::forge::Permission;
use crate::step::scene::Scene;

#[tokio::test]
async fn a_writer_starts_a_run_about_the_task() {
    let mut scene = Scene::new().await;
    scene.mention("Totals, as asked");
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(outputs["task"]["id"], "SHOP-7");
    assert_eq!(outputs["task"]["title"], "Totals, as asked", "the text that was asked about stands");
    assert_eq!(outputs["task"]["repository_url"], "https://forge.example/acme/shop");
    assert_eq!(outputs["repository"]["default_branch"], "main");
    assert_eq!(outputs["person"]["account"], "github:ada");
    assert_eq!(outputs["system"]["help"], "help text");
    assert!(scene.world.done("").is_empty());
}

#[tokio::test]
async fn a_reader_is_refused_and_told_once() {
    let mut scene = Scene::new().await;
    scene.mention("x");
    *scene.world.permission.lock().unwrap() = Permission::Triage;
    for _ in 0..2 {
        let error = scene.perform().await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), ("refused", false));
    }
    assert_eq!(
        scene.world.done(""),
        [
            "comment jira:SHOP-7 Nothing was started: Ada may not write to acme/shop; somebody who may can ask instead."
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_told_where_the_request_was_made() {
    let mut scene = Scene::new().await;
    *scene.world.permission.lock().unwrap() = Permission::Read;
    scene.on_change();
    scene.perform().await.unwrap_err();
    assert!(scene.world.done("comment !4 Nothing was started")[0].contains("Ada"));

    let mut scene = Scene::new().await;
    *scene.world.permission.lock().unwrap() = Permission::Read;
    scene.started().event.thread =
        Some(Thread { channel: "C1".to_owned(), channel_name: None, message: Some("17.1".to_owned()) });
    scene.perform().await.unwrap_err();
    assert_eq!(scene.world.done("message C1 17.1 Nothing").len(), 1);
}

#[tokio::test]
async fn programs_guests_strangers_and_nobody_are_refused() {
    for spoil in [0, 1, 2, 3, 4] {
        let mut scene = Scene::new().await;
        let started = scene.started();
        let actor = started.event.actor.as_mut().unwrap();
        match spoil {
            0 => actor.bot = true,
            1 => actor.external = true,
            2 => actor.account = Account::new("slack", "U0EVE"),
            3 => started.event.actor = None,
            _ => started.repository = None,
        }
        assert_eq!(scene.perform().await.unwrap_err().code, "refused", "case {spoil}");
    }
}

#[tokio::test]
async fn a_person_is_known_by_any_of_their_accounts() {
    let mut scene = Scene::new().await;
    scene.started().event.actor.as_mut().unwrap().account = Account::new("slack", "U0ADA");
    let accounts = vec![Account::new("slack", "U0ADA"), Account::new("github", "Ada")];
    scene.access().people.insert("ada".to_owned(), accounts);
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(outputs["person"]["forge_account"], "github:ada");
}

#[tokio::test]
async fn a_listed_account_needs_no_rights_on_the_forge() {
    let mut scene = Scene::new().await;
    *scene.world.permission.lock().unwrap() = Permission::None;
    let actor = scene.started().event.actor.as_mut().unwrap();
    actor.account = Account::new("github", "renovate");
    actor.bot = true;
    scene.access().allow.push(Account::new("github", "renovate"));
    scene.perform().await.unwrap();
}

#[tokio::test]
async fn a_pull_request_is_continued_on_its_branch() {
    let mut scene = Scene::new().await;
    scene.on_change();
    let outcome = scene.perform().await.unwrap();
    assert_eq!(outcome.work.branch.as_deref(), Some("totals"));
    assert_eq!(outcome.work.change, Some(4));
    assert_eq!(outcome.outputs["change"]["head_branch"], "totals");
    assert_eq!(outcome.outputs["task"]["reference"], "github:acme/shop#4");
}

#[tokio::test]
async fn forks_closed_and_moved_pull_requests_are_not_continued() {
    for (spoil, code) in [(0, "fork"), (1, "fork"), (2, "closed"), (3, "branch_moved")] {
        let mut scene = Scene::new().await;
        scene.on_change();
        {
            let mut change = scene.world.change.lock().unwrap();
            match spoil {
                0 => change.head_repository = Some("eve/shop".parse().unwrap()),
                1 => change.head_repository = None,
                2 => change.open = false,
                _ => change.head_sha = "b".repeat(40),
            }
        }
        scene.started().event.change.as_mut().unwrap().head_sha = Some("a".repeat(40));
        assert_eq!(scene.perform().await.unwrap_err().code, code);
    }
}

fn command(text: &str) -> Command {
    Command {
        name: "implement".to_owned(),
        args: text.split_whitespace().map(str::to_owned).collect(),
        flags: Default::default(),
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn a_command_without_a_task_makes_one_once() {
    let mut scene = Scene::new().await;
    let started = scene.started();
    started.task = None;
    started.event.command = Some(command("round the totals up"));
    *scene.world.lose.lock().unwrap() = 1;
    assert!(scene.perform().await.unwrap_err().retryable, "the answer was lost");
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(outputs["task"]["title"], "round the totals up");
    scene.perform().await.unwrap();
    assert_eq!(scene.world.done(""), ["task round the totals up"]);
}

#[tokio::test]
async fn a_command_names_a_task() {
    for (text, reference) in [("SHOP-12 now", "jira:SHOP-12"), ("github:acme/shop#3", "github:acme/shop#3")] {
        let mut scene = Scene::new().await;
        let started = scene.started();
        started.task = None;
        started.event.command = Some(command(text));
        let outputs = scene.perform().await.unwrap().outputs;
        assert_eq!(outputs["task"]["reference"], json!(reference));
        assert!(scene.world.done("").is_empty());
    }
    assert_eq!(TaskRef::new("jira", "SHOP-12").short(), "SHOP-12");
}
