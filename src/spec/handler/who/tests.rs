use jiff::Timestamp;

use super::*;
use crate::event::{Actor, EventKind, PayloadRef, Stamp, Subject};
use crate::id::EventId;

fn people() -> People {
    let accounts = ["github:ada", "slack:U0ADA"].map(|account| account.parse().unwrap()).to_vec();
    People([("ada".to_owned(), accounts)].into())
}

fn by(account: &str) -> Event {
    let stamp = Stamp {
        id: EventId::at(Timestamp::UNIX_EPOCH),
        source: SourceName::new("slack"),
        received_at: Timestamp::UNIX_EPOCH,
        payload: PayloadRef::to(b""),
    };
    let account: Account = account.parse().unwrap();
    let actor = Actor { name: account.id.clone(), account, bot: false, external: false };
    Event {
        actor: Some(actor),
        ..Event::new(&stamp, EventKind::new("slack.command"), Subject::new("x", "x"))
    }
}

fn who(text: &str) -> Who {
    serde_json::from_str(text).unwrap()
}

fn said(who: &Who, event: &Event) -> May {
    who.by_event(event, &people(), Some(&SourceName::new("github")))
}

#[test]
fn a_person_is_listed_by_any_of_their_accounts_or_by_name() {
    for users in [r#"["ada"]"#, r#"["slack:U0ADA"]"#, r#"["github:Ada"]"#] {
        let who = who(&format!(r#"{{"users": {users}}}"#));
        assert_eq!(said(&who, &by("slack:U0ADA")), May::Yes, "{users}");
        assert_eq!(said(&who, &by("github:ada")), May::Yes, "{users}");
        assert_eq!(said(&who, &by("slack:U0EVE")), May::No, "{users}");
        // A name is one of ours: whoever calls their account so is somebody else.
        assert_eq!(said(&who, &by("jira:ada")), May::No, "{users}");
    }
}

#[test]
fn programs_guests_and_nobody_may_only_where_they_are_listed() {
    let open =
        who(r#"{"role": "read", "association": ["owner"], "team": ["acme/a"], "users": ["github:ci[bot]"]}"#);
    for spoil in 0..3 {
        let mut event = Event { association: Some(Association::Owner), ..by("github:eve") };
        let actor = event.actor.as_mut().unwrap();
        match spoil {
            0 => actor.bot = true,
            1 => actor.external = true,
            _ => event.actor = None,
        }
        assert_eq!(said(&open, &event), May::No, "case {spoil}");
    }
    let mut listed = by("github:ci[bot]");
    listed.actor.as_mut().unwrap().bot = true;
    assert_eq!(said(&open, &listed), May::Yes);
}

#[test]
fn the_payloads_word_decides_and_what_it_does_not_say_is_asked_of_the_forge() {
    let members = who(r#"{"association": ["owner", "member"]}"#);
    let by_member = Event { association: Some(Association::Member), ..by("github:eve") };
    let by_contributor = Event { association: Some(Association::Contributor), ..by("github:eve") };
    assert_eq!(said(&members, &by_member), May::Yes);
    assert_eq!(said(&members, &by_contributor), May::No);
    assert_eq!(said(&members, &by("github:eve")), May::No);
    for asks in [r#"{"role": "maintain"}"#, r#"{"team": ["acme/payments"]}"#] {
        assert_eq!(said(&who(asks), &by("github:eve")), May::Ask, "{asks}");
        assert_eq!(said(&who(asks), &by("slack:U0ADA")), May::Ask, "{asks}");
        assert_eq!(said(&who(asks), &by("slack:U0EVE")), May::Unlinked, "{asks}");
    }
}

#[test]
fn what_the_machines_owner_started_needs_nobodys_leave() {
    let mut event = by("ostler:clock");
    event.source = SourceName::new(Event::OWN);
    assert_eq!(said(&who(r#"{"users": ["ada"]}"#), &event), May::Yes);
}

#[test]
fn it_is_told_in_words() {
    let all =
        r#"{"role": "maintain", "association": ["owner", "member"], "team": ["acme/ops"], "users": ["ada"]}"#;
    let words =
        "whoever may maintain the repository, whoever is owner or member there, the team acme/ops or ada";
    assert_eq!(who(all).to_string(), words);
    assert_eq!(
        serde_json::to_string(&who(all)).unwrap().parse::<serde_json::Value>().unwrap(),
        all.parse::<serde_json::Value>().unwrap()
    );
}
