//! The names that an expression over an event may use: those that an event with every part would have.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{
    Account, Actor, Association, Button, ChangeMention, Check, Command, Comment, Event, EventKind, Incident,
    PageMention, PayloadRef, Push, RepositoryMention, RepositoryName, SourceName, Stamp, Subject,
    TaskMention, TaskRef, Thread,
};
use crate::id::EventId;
use crate::spec::Kind;
use crate::spec::scope::Known;

/// What is known of `event`.
pub(in crate::spec) fn event_names() -> Known {
    let whole = serde_json::to_value(whole_event()).unwrap_or(Value::Null);
    let mut names = Known::shape(&whole);
    if let Known::Names(parts) = &mut names {
        // Its own vendor's words, which nobody here can know.
        parts.insert("payload".to_owned(), Known::Value(Kind::Any));
        parts.insert("fields".to_owned(), Known::Value(Kind::Any));
        if let Some(Known::Names(command)) = parts.get_mut("command") {
            command.insert("flags".to_owned(), Known::Value(Kind::Any));
        }
    }
    names
}

/// An event that has every part there is.
fn whole_event() -> Option<Event> {
    let some = || Some(String::from("x"));
    let account = Account::new("x", "x");
    let repository: RepositoryName = "x/x".parse().ok()?;
    let stamp = Stamp {
        id: EventId::at(Timestamp::UNIX_EPOCH),
        source: SourceName::new("x"),
        received_at: Timestamp::UNIX_EPOCH,
        payload: PayloadRef::to(b""),
    };
    Some(Event {
        actor: Some(Actor { account: account.clone(), name: "x".to_owned(), bot: false, external: false }),
        association: Some(Association::Owner),
        task: Some(whole_task(&account)),
        change: Some(ChangeMention {
            repository: repository.clone(),
            number: 1,
            head_branch: some(),
            head_sha: some(),
            base_branch: some(),
            url: some(),
        }),
        repository: Some(RepositoryMention {
            forge: SourceName::new("x"),
            name: repository,
            default_branch: some(),
            private: Some(false),
        }),
        comment: Some(Comment { id: "x".to_owned(), body: "x".to_owned(), url: some(), verdict: some() }),
        command: Some(Command {
            name: "x".to_owned(),
            args: Vec::new(),
            flags: BTreeMap::new(),
            text: "x".to_owned(),
        }),
        label: some(),
        labels_added: vec!["x".to_owned()],
        assignee: Some(account.clone()),
        assignees_added: vec![account],
        push: Some(Push {
            branch: "x".to_owned(),
            before: some(),
            after: some(),
            paths: vec!["x".to_owned()],
        }),
        check: Some(Check {
            name: "x".to_owned(),
            sha: "x".to_owned(),
            status: "x".to_owned(),
            conclusion: some(),
        }),
        thread: Some(Thread { channel: "x".to_owned(), channel_name: some(), message: some() }),
        button: Some(Button { action: "x".to_owned(), value: some() }),
        page: Some(PageMention { id: "x".to_owned(), title: some(), space: some(), url: some() }),
        incident: Some(whole_incident()),
        replays: Some(EventId::at(Timestamp::UNIX_EPOCH)),
        ..Event::new(&stamp, EventKind::new("x.x"), Subject::new("x", "x"))
    })
}

fn whole_incident() -> Incident {
    let some = || Some(String::from("x"));
    Incident {
        id: "x".to_owned(),
        title: some(),
        status: some(),
        severity: some(),
        service: some(),
        url: some(),
    }
}

fn whole_task(assignee: &Account) -> TaskMention {
    let some = || Some(String::from("x"));
    TaskMention {
        reference: TaskRef::new("x", "x"),
        title: some(),
        description: some(),
        status: some(),
        kind: some(),
        labels: vec!["x".to_owned()],
        components: vec!["x".to_owned()],
        repository: some(),
        assignee: Some(assignee.clone()),
        url: some(),
    }
}
