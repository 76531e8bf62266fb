//! Routing by the index starts what asking every trigger would start, whatever the triggers and the event are.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KINDS: &[&str] =
    &["github.issue.labeled", "github.issue.opened", "github.comment.created", "jira.issue.labeled"];
const PATTERNS: &[&str] =
    &["*", "github.*", "github.issue.*", "*.issue.labeled", "github.comment.created", "jira.*"];
const NAMES: &[&str] = &["bug", "ostler"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(select(of).prop_map(str::to_owned), 0..2)
}

fn triggers() -> impl Strategy<Value = Vec<Trigger>> {
    let who = prop::option::of(prop::sample::select(vec![
        r#"{"users": ["ada"]}"#,
        r#"{"association": ["member"]}"#,
        r#"{"role": "admin"}"#,
    ]));
    let one = (prop::collection::vec(select(PATTERNS), 1..3), some(NAMES), some(NAMES), who);
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(at, (on, label, command, who))| Trigger {
                on: on.into_iter().map(KindPattern::new).collect(),
                filter: Filter { label, command, ..Filter::default() },
                who: who.map(|who| serde_json::from_str(who).unwrap()),
                ..trigger(&format!("t{at}"), "*")
            })
            .collect()
    })
}

fn events() -> impl Strategy<Value = Event> {
    let parts = (
        select(KINDS),
        prop::option::of(select(NAMES)),
        prop::option::of(select(NAMES)),
        select(&["github:ada", "github:eve"][..]),
        any::<bool>(),
    );
    parts.prop_map(|(kind, label, command, account, placed)| Event {
        label: label.map(str::to_owned),
        command: command.map(Command::parse),
        ..by(if placed { on_shop(kind) } else { event(kind) }, account, false)
    })
}

proptest! {
    #[test]
    fn the_index_starts_what_asking_everybody_starts(triggers in triggers(), event in events()) {
        let (rules, standing) = (rules(triggers), standing(&[]));
        let routing = route(event.clone(), &rules, &standing);
        let asked = explain(event.clone(), &rules, &standing);
        let wanted = asked.iter().filter(|reason| reason.verdict == Verdict::Matched);
        let started = routing.starts.iter().filter(|start| !start.answers());
        prop_assert_eq!(
            started.map(|start| &start.trigger).collect::<Vec<_>>(),
            wanted.map(|reason| &reason.trigger).collect::<Vec<_>>()
        );
        let of_kind: Vec<_> = asked.iter().filter(|reason| reason.condition.as_deref() != Some("on")).collect();
        prop_assert_eq!(routing.reasons.iter().collect::<Vec<_>>(), of_kind);
        // Whoever is refused by the event starts nothing of that trigger, and nothing starts without a repository.
        for start in &routing.starts {
            let found = rules.catalog.triggers.iter().find(|trigger| trigger.id == start.trigger);
            let Some(trigger) = found else { continue };
            prop_assert!(routing.event.repository.is_some());
            prop_assert!(trigger.who.is_none() || standing.lets(trigger, &event) != crate::spec::May::No);
        }
    }
}
