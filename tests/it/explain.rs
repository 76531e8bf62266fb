//! Why something happened, or nothing: asked of the real binary, with a server and without.

use serde_json::{Value, json};

use crate::harness::{Delivery, Said, World, ostler};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/twins.yaml");

fn explain(world: &World, what: &[&str]) -> Said {
    let mut arguments = vec!["explain"];
    arguments.extend(what);
    arguments.extend(["--data", "data", "--json"]);
    ostler(world.dir(), &arguments)
}

fn labelled(label: &str) -> Vec<u8> {
    let person = json!({"login": "ada", "id": 1, "type": "User"});
    let repository = json!({
        "id": 1, "name": "site", "full_name": "acme/site", "owner": {"login": "acme"}, "default_branch": "main",
    });
    let issue = json!({
        "number": 1, "title": "A title", "body": "A body", "user": person, "state": "open",
        "labels": [{"name": label}], "assignees": [], "html_url": "http://localhost/acme/site/issues/1",
    });
    json!({
        "action": "labeled", "issue": issue, "label": {"name": label}, "repository": repository, "sender": person,
    })
    .to_string()
    .into_bytes()
}

fn sentence(said: &Said) -> String {
    assert_eq!(said.code, 0, "{said:#?}");
    said.json()["explanation"]["sentence"].as_str().unwrap_or_else(|| panic!("{said:#?}")).to_owned()
}

#[tokio::test]
async fn a_label_that_nobody_wants_a_duplicate_and_a_wrong_signature_are_explained() {
    let mut world = World::start().await;
    let ids = ["9f0c1d1e-0000-4000-8000-00000000000a", "9f0c1d1e-0000-4000-8000-00000000000b"];
    let unwanted = Delivery::github("issues", ids[0], &labelled("wontfix"));
    let (_, answer) = world.answer(&unwanted).await;
    let event = answer["event_id"].as_str().unwrap().to_owned();
    world.answer(&unwanted).await;
    let forged = Delivery::github_with("another secret", "issues", ids[1], &labelled("ostler"));
    world.answer(&forged).await;
    let check = |world: &World| {
        let by_event = explain(world, &[&event]);
        let told = sentence(&by_event);
        assert!(told.contains("Nearest was") && told.contains("wontfix"), "{told}");
        let triggers = by_event.json()["explanation"]["triggers"].clone();
        let triggers = triggers.as_array().unwrap();
        let nearest = triggers.iter().find(|said| said["trigger"] == "github-labeled").unwrap();
        assert_eq!(
            (&nearest["condition"], &nearest["expected"], &nearest["actual"]),
            (&json!("label"), &json!(["ostler"]), &json!("wontfix"))
        );
        let said_no = |said: &&Value| said["condition"] == "on" || said["condition"] == "label";
        assert!(triggers.iter().all(|said| said_no(&said)), "{triggers:#?}");
        assert!(triggers.len() >= 4, "{triggers:#?}");
        let by_id = explain(world, &[ids[0]]);
        assert_eq!(sentence(&by_id), told, "the vendor's id leads to the same");
        assert_eq!(by_id.json()["also"][0]["what"], "duplicate", "{by_id:#?}");
        assert_eq!(sentence(&explain(world, &["github:acme/site#1"])), told);
        let forged = explain(world, &[ids[1]]);
        assert_eq!(forged.json()["explanation"]["refused"]["cause"], "wrong-signature", "{forged:#?}");
        let advice = forged.json()["explanation"]["advice"].as_str().unwrap().to_owned();
        assert!(advice.contains("X-Hub-Signature-256") && advice.contains("the one secret"), "{advice}");
        assert!(!forged.out.contains("twin-"), "it tells a secret: {}", forged.out);
        let nothing = explain(world, &["github:acme/site#77"]);
        assert_eq!(nothing.code, 1, "{nothing:#?}");
        let latest = explain(world, &[]).json();
        assert_eq!(latest["also"].as_array().unwrap().len(), 3, "{latest:#}");
    };
    check(&world);
    assert!(world.terminate().success());
    let arguments = ["explain", &event, "--data", "data", "--config", CONFIG, "--json"];
    let offline = world.ostler(&arguments);
    assert!(sentence(&offline).contains("wontfix"));
    let forged = world.ostler(&["explain", ids[1], "--data", "data", "--config", CONFIG, "--json"]);
    assert_eq!(forged.json()["explanation"]["refused"]["cause"], "wrong-signature", "{forged:#?}");
}

#[tokio::test]
async fn a_person_who_may_not_is_named_with_the_reason() {
    let world = World::start().await;
    let comment = json!({"repository": "acme/site", "number": 1, "body": "/ostler implement", "by": "eve"});
    world.act(json!({"comment": comment})).await;
    let runs = world.settle(1).await;
    let run = runs.iter().find(|run| run["status"] == "refused").unwrap_or_else(|| panic!("{runs:#?}"));
    let told = sentence(&explain(&world, &[run["id"].as_str().unwrap()]));
    assert!(told.contains("refused") && told.contains("eve"), "{told}");
}

#[tokio::test]
async fn a_kept_delivery_is_signed_and_sent() {
    let world = World::start().await;
    let to = format!("http://127.0.0.1:{}", world.port());
    let send = |more: &[&str]| {
        let mut arguments = vec!["send", "github/issues.labeled", "--to", &to, "--config", CONFIG];
        arguments.extend(more);
        world.ostler(&arguments)
    };
    let good = send(&["--set", "label.name=wontfix", "--id", "one"]);
    assert_eq!((good.code, &good.json()["answer"]["status"]), (0, &json!("ignored")), "{good:#?}");
    let again = send(&["--set", "label.name=wontfix", "--id", "one"]);
    assert_eq!(again.json()["answer"]["status"], "duplicate", "{again:#?}");
    let bad = send(&["--bad-signature"]);
    assert_eq!((bad.code, &bad.json()["status"]), (1, &json!(401)), "{bad:#?}");
    for kept in ["jira/issue_updated.unassigned", "slack/message"] {
        let sent = world.ostler(&["send", kept, "--to", &to, "--config", CONFIG]);
        assert_eq!(sent.json()["status"], 200, "{kept}: {sent:#?}");
    }
    let unknown = world.ostler(&["send", "github/nothing", "--config", CONFIG]);
    assert!(unknown.code == 1 && unknown.err.contains("github/issues.labeled"), "{unknown:#?}");
}
