use super::*;
use crate::store::{Commit, Memory, Store as _};

fn refused(source: &str, cause: Cause, second: i64) -> Refused {
    Refused {
        time: Timestamp::from_second(second).unwrap(),
        source: source.to_owned(),
        path: format!("/webhooks/{source}"),
        cause,
        why: "because".to_owned(),
        ids: BTreeMap::from([("X-Id".to_owned(), format!("{source}-{second}"))]),
        bytes: Some(2),
        digest: Some(Digest::of(second.to_string().as_bytes())),
        proofs: vec!["X-Signature".to_owned()],
        secrets: 2,
        event: None,
        nth: 0,
        place: 0,
    }
}

#[test]
fn ten_thousand_unknown_senders_push_out_only_each_other() {
    let log = Refusals::default();
    log.note(refused("one", Cause::WrongSignature, 1));
    for second in 2..10_002 {
        log.note(refused(UNKNOWN, Cause::UnknownSource, second));
    }
    assert_eq!(log.called("one-1").len(), 1);
    assert_eq!(log.latest(usize::MAX).len(), OF_ONE + 1);
    assert_eq!(log.latest(1)[0].nth, 10_000);
    let count = log.counts().into_iter().find(|count| count.source == UNKNOWN).unwrap();
    assert_eq!(count.count, 10_000);
}

#[test]
fn there_are_never_more_than_the_bound_and_the_largest_give_way() {
    let log = Refusals::default();
    log.note(refused("lonely", Cause::Stale, 0));
    for second in 0..40_i64 {
        for _ in 0..OF_ONE {
            log.note(refused(&format!("source-{second}"), Cause::Undecodable, second));
        }
    }
    assert_eq!(log.latest(usize::MAX).len(), IN_ALL);
    assert_eq!(log.called("lonely-0").len(), 1);
}

#[test]
fn what_a_sender_chose_is_bounded_and_cannot_act_on_a_terminal() {
    let evil = format!("\u{1b}[2J\u{202e}{}\n", "x".repeat(1_000));
    let kept = plain(&evil);
    assert_eq!(kept.chars().count(), LETTERS);
    assert!(!kept.chars().any(char::is_control) && !kept.contains('\u{202e}'));
}

#[test]
fn it_is_found_by_the_senders_id_and_by_its_digest() {
    let log = Refusals::default();
    log.note(refused("one", Cause::Ignored, 7));
    let digest = Digest::of(b"7").to_string();
    assert_eq!(log.called("one-7"), log.called(&digest));
    assert_eq!(log.called("one-8"), []);
}

#[test]
fn advice_on_a_signature_says_what_was_looked_at_and_no_secret() {
    let advice = refused("one", Cause::WrongSignature, 1).advice().unwrap();
    assert!(advice.contains("X-Signature") && advice.contains("each of the 2 secrets"), "{advice}");
    assert_eq!(refused("one", Cause::Duplicate, 1).advice(), None);
}

#[tokio::test]
async fn it_is_the_same_after_a_restart_and_written_only_when_it_changed() {
    let store = Memory::open().unwrap();
    let log = Refusals::default();
    for second in 0..20 {
        log.note(refused("one", Cause::Stale, second));
    }
    log.note(refused("two", Cause::Ignored, 3));
    log.save(&store).await.unwrap();
    let again = Refusals::restore(&store).await.unwrap();
    assert_eq!(again.latest(usize::MAX), log.latest(usize::MAX));
    assert_eq!(again.counts(), log.counts());
    again.note(refused("one", Cause::Stale, 21));
    assert_eq!(again.latest(1)[0].nth, 21, "counting goes on");
    // What is not written anew is not there once it was deleted.
    let delete = |name: &str| (name.to_owned(), None);
    let put = vec![delete("refused/one/stale"), delete("refused/two/ignored")];
    store.commit(Commit::Values { expect: Vec::new(), put }).await.unwrap();
    again.save(&store).await.unwrap();
    let third = Refusals::restore(&store).await.unwrap();
    assert_eq!(third.counts().iter().map(|count| count.source.as_str()).collect::<Vec<_>>(), ["one"]);
}
