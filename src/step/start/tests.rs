//! Who is admitted, and what a run turns out to be about.

use serde_json::json;

use crate::event::{Account, Command, TaskRef, Thread};
use crate::id::{EventId, RunId};
use crate::plugin::forge::Permission;
use crate::step::scene::{Memory, Scene};

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
    assert!(outputs["system"]["help"].as_str().unwrap().contains("`help`"), "{outputs}");
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
    scene.access().people.0.insert("ada".to_owned(), accounts);
    let outputs = scene.perform().await.unwrap().outputs;
    assert_eq!(outputs["person"]["forge_account"], "github:ada");
}

#[tokio::test]
async fn a_linked_account_that_may_only_read_starts_nothing() {
    for may in [Permission::Read, Permission::Triage, Permission::None] {
        let mut scene = Scene::new().await;
        scene.started().event.actor.as_mut().unwrap().account = Account::new("slack", "U0ADA");
        let accounts = vec![Account::new("slack", "U0ADA"), Account::new("github", "ada")];
        scene.access().people.0.insert("ada".to_owned(), accounts);
        *scene.world.permission.lock().unwrap() = may;
        let refused = scene.perform().await.unwrap_err();
        assert_eq!(refused.code, "refused");
        assert!(refused.message.contains("Ada may not write to acme/shop"), "{}", refused.message);
    }
}

#[tokio::test]
async fn a_check_of_a_fork_is_not_gone_on_with_whoever_ran_it() {
    for (listed, code) in [(true, "fork"), (false, "refused")] {
        let mut scene = Scene::new().await;
        scene.on_change();
        scene.world.change.lock().unwrap().head_repository = Some("eve/shop".parse().unwrap());
        let event = &mut scene.started().event;
        event.kind = crate::event::EventKind::new("github.check_run.completed");
        let checker = Account::new("github", "acme-ci[bot]");
        let actor = event.actor.as_mut().unwrap();
        (actor.account, actor.bot) = (checker.clone(), true);
        if listed {
            scene.access().allow.push(checker);
        }
        assert_eq!(scene.perform().await.unwrap_err().code, code);
    }
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

#[tokio::test]
async fn the_team_is_told_where_what_is_known_best_says() {
    let team = |outputs: &serde_json::Value| outputs["task"]["team_channel"].as_str().map(str::to_owned);
    let mut scene = Scene::new().await;
    assert_eq!(
        team(&scene.perform().await.unwrap().outputs).as_deref(),
        Some("#general"),
        "the default is last"
    );

    let mut scene = Scene::new().await;
    scene.started().channel = Some("#shop-dev".to_owned());
    assert_eq!(team(&scene.perform().await.unwrap().outputs).as_deref(), Some("#shop-dev"));

    scene.started().event.thread =
        Some(Thread { channel: "C1".to_owned(), channel_name: None, message: None });
    assert_eq!(team(&scene.perform().await.unwrap().outputs).as_deref(), Some("C1"));

    *scene.world.team.lock().unwrap() = Some("payments".to_owned());
    assert_eq!(team(&scene.perform().await.unwrap().outputs).as_deref(), Some("payments"));
}

/// Another run that the same person asks for, with a memory of its own.
fn asked_again(scene: &mut Scene) {
    scene.context.run = RunId::of(EventId::at("2026-11-21T09:00:00Z".parse().unwrap()), "t");
    scene.context.journal = std::sync::Arc::new(Memory::default());
}

#[tokio::test]
async fn a_stranger_is_refused_once_under_each_task_however_often_they_ask() {
    let mut scene = Scene::new().await;
    scene.mention("x");
    *scene.world.permission.lock().unwrap() = Permission::Read;
    for _ in 0..3 {
        asked_again(&mut scene);
        assert_eq!(scene.perform().await.unwrap_err().code, "refused");
    }
    assert_eq!(scene.world.done("comment").len(), 1);
    // Somebody else is told too, and so is the same person elsewhere.
    scene.started().event.actor.as_mut().unwrap().account = Account::new("github", "eve");
    asked_again(&mut scene);
    scene.perform().await.unwrap_err();
    scene.started().event.subject = crate::event::Subject::new("jira", "SHOP-8");
    asked_again(&mut scene);
    scene.perform().await.unwrap_err();
    assert_eq!(scene.world.done("comment").len(), 3);
}

/// Lets the run be one that answers.
fn answering(scene: &mut Scene, step: serde_json::Value) {
    scene.mention("x");
    scene.started().trigger = crate::router::ANSWER.to_owned();
    let workflow = json!({ "id": "answer", "name": "Answer", "steps": [step] });
    std::sync::Arc::make_mut(&mut scene.context.definition).workflow =
        serde_json::from_value(workflow).unwrap();
}

fn reply_step() -> serde_json::Value {
    json!({ "name": "reply", "kind": { "system": { "action": "reply" } } })
}

async fn reply(scene: &mut Scene) {
    let kind = crate::run::decide::JobKind::System { action: "reply".to_owned() };
    scene.context.job.step = crate::id::StepPath::root("reply");
    scene.context.job.kind = kind;
    scene.context.job.inputs = json!({ "text": "hello" }).as_object().unwrap().clone();
    scene.context.journal = std::sync::Arc::new(Memory::default());
    scene.perform().await.unwrap();
    scene.context.job.step = crate::id::StepPath::root("@start");
    scene.context.job.kind = crate::run::decide::JobKind::Start;
}

#[tokio::test]
async fn a_writer_is_answered_each_time_and_a_stranger_not_at_all() {
    let mut scene = Scene::new().await;
    answering(&mut scene, reply_step());
    for _ in 0..2 {
        asked_again(&mut scene);
        scene.perform().await.unwrap();
        reply(&mut scene).await;
    }
    assert_eq!(scene.world.done("comment jira:SHOP-7 hello").len(), 2, "once by each of two runs");

    let mut scene = Scene::new().await;
    answering(&mut scene, reply_step());
    *scene.world.permission.lock().unwrap() = Permission::Read;
    assert_eq!(scene.perform().await.unwrap_err().code, "refused");
    assert!(scene.world.done("").is_empty(), "a refused question is not worth a comment");
}

#[tokio::test]
async fn who_belongs_here_by_the_sources_word_only_is_answered_once_under_each_task() {
    for spoil in [0, 1] {
        let mut scene = Scene::new().await;
        answering(&mut scene, reply_step());
        match spoil {
            0 => scene.started().repository = None,
            _ => scene.started().event.actor.as_mut().unwrap().account = Account::new("jira", "5b10"),
        }
        for _ in 0..3 {
            asked_again(&mut scene);
            scene.perform().await.unwrap();
            reply(&mut scene).await;
        }
        assert_eq!(scene.world.done("comment jira:SHOP-7 hello").len(), 1, "case {spoil}");
        scene.started().event.actor.as_mut().unwrap().external = true;
        assert_eq!(scene.perform().await.unwrap_err().code, "refused");
    }
}

#[tokio::test]
async fn a_workflow_called_answer_that_does_more_asks_for_more() {
    let mut scene = Scene::new().await;
    let agent = json!({ "action": { "capability": "communication", "action": "send_message" } });
    answering(&mut scene, json!({ "name": "tell", "kind": agent }));
    scene.started().repository = None;
    assert_eq!(scene.perform().await.unwrap_err().code, "refused");
    assert!(scene.world.done("").is_empty());
}

/// Lets the trigger name who may, and gives how the start ends.
async fn named(scene: &mut Scene, who: serde_json::Value) -> Result<(), String> {
    scene.started().who = Some(serde_json::from_value(who).unwrap());
    match scene.perform().await {
        Ok(_) => Ok(()),
        Err(error) => {
            assert_eq!((error.code.as_str(), error.retryable), ("refused", false), "{error}");
            Err(error.message)
        }
    }
}

#[tokio::test]
async fn a_trigger_that_names_a_role_asks_for_that_role() {
    for (has, wants, may) in [
        (Permission::Write, "maintain", false),
        (Permission::Maintain, "maintain", true),
        (Permission::Admin, "maintain", true),
        (Permission::Triage, "triage", true),
        (Permission::None, "read", false),
    ] {
        let mut scene = Scene::new().await;
        scene.mention("x");
        *scene.world.permission.lock().unwrap() = has;
        assert_eq!(named(&mut scene, json!({"role": wants})).await.is_ok(), may, "{has:?} for {wants}");
        assert_eq!(
            scene.world.done("comment jira:SHOP-7 Nothing was started: this is for").len(),
            usize::from(!may)
        );
    }
}

#[tokio::test]
async fn a_trigger_that_names_a_team_asks_who_is_in_it() {
    let payments = || json!({"team": ["acme/ops", "acme/payments"]});
    let mut scene = Scene::new().await;
    let why = named(&mut scene, payments()).await.unwrap_err();
    assert!(why.contains("the team acme/ops or the team acme/payments, and Ada is not among them"), "{why}");
    scene.world.teams.lock().unwrap().as_mut().unwrap().push("acme/payments ada".to_owned());
    named(&mut scene, payments()).await.unwrap();
    // Whoever does not get to see who is in it cannot say that somebody is.
    *scene.world.teams.lock().unwrap() = None;
    let why = named(&mut scene, payments()).await.unwrap_err();
    assert!(why.contains("does not let Ostler see who is in the team acme/ops"), "{why}");
    named(&mut scene, json!({"team": ["acme/ops"], "role": "write"})).await.unwrap();
}

#[tokio::test]
async fn what_the_event_says_is_not_asked_and_the_list_of_the_house_is_another() {
    let mut scene = Scene::new().await;
    *scene.world.permission.lock().unwrap() = Permission::None;
    scene.access().allow.push(Account::new("github", "ada"));
    named(&mut scene, json!({"users": ["bob"], "role": "read"})).await.unwrap_err();
    named(&mut scene, json!({"users": ["github:ada"]})).await.unwrap();
    named(&mut scene, json!({"association": ["member"]})).await.unwrap_err();
    scene.started().event.association = Some(crate::event::Association::Member);
    named(&mut scene, json!({"association": ["member"]})).await.unwrap();
    scene.started().event.actor.as_mut().unwrap().bot = true;
    named(&mut scene, json!({"association": ["member"], "role": "read"})).await.unwrap_err();
}

#[tokio::test]
async fn somebody_without_an_account_on_the_forge_is_told_how_to_have_one() {
    let mut scene = Scene::new().await;
    scene.started().event.actor.as_mut().unwrap().account = Account::new("slack", "U0EVE");
    let why = named(&mut scene, json!({"role": "read"})).await.unwrap_err();
    assert!(why.contains("`slack:U0EVE` under `identity`"), "{why}");
}

#[tokio::test]
async fn what_routing_refused_is_told_once_under_each_task() {
    let mut scene = Scene::new().await;
    answering(&mut scene, reply_step());
    scene.started().trigger = crate::router::REFUSED.to_owned();
    scene.started().inputs = json!({"text": "Nothing was started: no."}).as_object().unwrap().clone();
    for _ in 0..2 {
        asked_again(&mut scene);
        assert_eq!(scene.perform().await.unwrap_err().code, "refused");
    }
    assert_eq!(scene.world.done(""), ["comment jira:SHOP-7 Nothing was started: no."]);
}

#[tokio::test]
async fn of_the_commands_a_person_reads_those_that_are_theirs() {
    let list = Scene::new().await.steps.parts().policy.rules.help();
    let answer = async |scene: &mut Scene| {
        answering(scene, reply_step());
        scene.started().inputs = json!({"text": list}).as_object().unwrap().clone();
        let outputs = scene.perform().await.map_err(|error| error.code)?.outputs;
        Ok::<_, String>(outputs["system"]["answer"].as_str().unwrap().to_owned())
    };
    let mut scene = Scene::new().await;
    let read = answer(&mut scene).await.unwrap();
    assert!(read.contains("`implement`") && !read.contains("`deploy`"), "{read}");
    scene.world.teams.lock().unwrap().as_mut().unwrap().push("acme/payments ada".to_owned());
    assert!(answer(&mut scene).await.unwrap().contains("`deploy`"));
    // Whoever may use one command is answered, whatever they may not do.
    *scene.world.permission.lock().unwrap() = Permission::Read;
    let read = answer(&mut scene).await.unwrap();
    assert!(!read.contains("`implement`") && read.contains("`deploy`"), "{read}");
    scene.world.teams.lock().unwrap().as_mut().unwrap().clear();
    assert_eq!(answer(&mut scene).await.unwrap_err(), "refused");
}
