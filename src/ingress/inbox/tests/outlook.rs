//! What would be done is told, and nothing is done.

use serde_json::Map;

use super::*;
use crate::ingress::{Outlook, Rerun, rehearse};
use crate::router::own::Order;
use crate::run::Ending;
use crate::run::plan::{Does, Planned};

/// Everything that a store says it has.
async fn whole(store: &dyn Store) -> String {
    let census = store.query(Query::Census).await.unwrap();
    let values = store.query(Query::Values(String::new())).await.unwrap();
    let told = store.tail(0, usize::MAX).await.unwrap();
    format!("{census:?} {values:?} {told:?}")
}

fn event(office: &Office, source: &str, name: &str) -> Option<Event> {
    let source = &office.sources[&SourceName::new(source)];
    rehearse::event(
        source.as_ref(),
        &kept(source.name().as_str(), name).delivery().unwrap(),
        office.clock.now(),
    )
    .ok()
}

fn order(workflow: &str) -> Order {
    Order { workflow: workflow.to_owned(), inputs: Map::new(), repository: None, task: None }
}

fn step<'a>(outlook: &'a Outlook, name: &str) -> &'a Planned {
    let steps = || outlook.plans.iter().flat_map(|plan| &plan.steps);
    steps().find(|planned| planned.step.name() == name).unwrap_or_else(|| {
        panic!("no {name} among {:?}", steps().map(|planned| planned.step.as_str()).collect::<Vec<_>>())
    })
}

#[tokio::test]
async fn a_replay_is_foreseen_and_nothing_is_stored() {
    let office = Office::new();
    let answer = office.send_kept("github", "issues.labeled").await;
    let before = whole(&*office.store).await;
    let event = answer.event_id.unwrap().to_string();
    let outlook = office.inbox.foresee_replay(&event).await.unwrap();
    assert_eq!(outlook.sentence, "It starts standard-development.");
    assert_eq!(outlook.plans.len(), 1);
    let anyway = Rerun { anyway: true, ..Rerun::default() };
    let again = office.inbox.foresee_rerun(answer.runs[0], &anyway).await.unwrap();
    assert_eq!(again.plans[0].steps.len(), outlook.plans[0].steps.len());
    assert_eq!(whole(&*office.store).await, before);
    let unfinished = office.inbox.foresee_rerun(answer.runs[0], &Rerun::default()).await.unwrap_err();
    assert!(matches!(unfinished, OrderError::Unfinished { .. }), "{unfinished}");
}

#[tokio::test]
async fn standard_development_is_shown_with_who_does_what_and_how_it_is_undone() {
    let office = Office::new();
    let about = event(&office, "github", "issue_comment.created");
    let policy = policy(Registry::default());
    let outlook =
        Outlook::of_order(&order("standard-development"), about, &policy, office.clock.now()).unwrap();
    let plan = &outlook.plans[0];
    assert_eq!(
        (plan.trigger.as_str(), plan.ending),
        ("comment-command", Some(Ending::Succeeded)),
        "{plan:#?}"
    );
    let agents = plan.steps.iter().filter(|planned| matches!(planned.does, Does::Agent { .. }));
    assert!(agents.count() > 0, "an agent works: {plan:#?}");
    let pull = plan.steps.iter().find(|planned| {
        matches!(&planned.does, Does::Act { action, .. } if action.ends_with("create_pull_request"))
    });
    let Some(Planned { does: Does::Act { provider, effect, .. }, .. }) = pull else {
        panic!("no pull request: {plan:#?}")
    };
    assert_eq!(provider.as_ref().map(SourceName::as_str), Some("github"));
    assert_eq!(*effect, crate::spec::Repeat::Findable);
    assert_eq!(step(&outlook, "@start").does, Does::Begin);
}

#[tokio::test]
async fn whatever_a_kept_delivery_starts_can_be_foreseen_to_its_end() {
    let mut foreseen = 0;
    for source in ["github", "gitlab", "jira", "linear", "slack"] {
        for file in std::fs::read_dir(deliveries().join(source)).unwrap() {
            let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            let office = Office::new();
            let Some(event) = event(&office, source, &name) else { continue };
            let policy = office.inbox.policy();
            let routing = router::route(event.clone(), &policy.rules, &policy.standing);
            for start in routing.starts.iter().filter(|start| !start.answers()) {
                let about = Some(event.clone());
                let outlook = Outlook::of_order(&order(&start.workflow), about, &policy, office.clock.now());
                let outlook = outlook.unwrap_or_else(|error| panic!("{source}/{name}: {error}"));
                for plan in &outlook.plans {
                    assert_eq!(plan.ending, Some(Ending::Succeeded), "{source}/{name}: {plan:#?}");
                    foreseen += 1;
                }
            }
        }
    }
    assert!(foreseen > 10, "{foreseen} plans");
}
