//! Questions that wait in the store, and those who answer them at the same time.

use super::*;
use crate::ingress::Questions;
use crate::plugin::source::FORM;

/// A slash command in a channel that is not mapped.
fn typed(text: &str, trigger: &str) -> Delivery {
    let text = text.replace(' ', "+").replace('/', "%2F");
    let body = format!(
        "team_id=T1&channel_id=C9&channel_name=general&user_id=U0ADA&user_name=ada&trigger_id={trigger}&text={text}"
    );
    let mut delivery = Delivery { surface: "commands".to_owned(), body: body.into(), ..Delivery::default() };
    delivery.headers.insert("content-type", FORM.parse().unwrap());
    delivery
}

async fn kept_questions(store: &dyn Store) -> usize {
    match store.query(Query::Values("question/".to_owned())).await.unwrap() {
        Found::Values(values) => values.len(),
        other => panic!("{other:?}"),
    }
}

async fn ask(office: &Office, trigger: &str) -> Answer {
    let asked = office.send("slack", typed("implement totals", trigger)).await.answer;
    assert_eq!((asked.status, asked.runs.len()), (Status::Ignored, 0));
    asked
}

#[tokio::test]
async fn an_answer_starts_the_run_of_the_event_that_was_asked_about() {
    let office = Office::new();
    let asked = ask(&office, "1").await;
    assert_eq!(kept_questions(&*office.store).await, 1);
    let answer = office.send("slack", typed("use acme/shop", "2")).await.answer;
    assert_eq!(answer.runs, [RunId::of(asked.event_id.unwrap(), "slack-command")]);
    assert_eq!(kept_questions(&*office.store).await, 0);
    let started = office.started(answer.runs[0]).await;
    assert_eq!(started.repository.unwrap().to_string(), "acme/shop");
    assert_eq!(started.event.command.unwrap().text, "totals");
    let reasons = office.reasons(answer.event_id.unwrap()).await;
    assert_eq!(reasons["answers"], json!(asked.event_id));
    // The same delivery again is the same answer, another one is none.
    let again = office.send("slack", typed("use acme/shop", "2")).await.answer;
    assert_eq!((again.status, again.runs), (Status::Duplicate, answer.runs));
    let late = office.send("slack", typed("use acme/shop", "3")).await.answer;
    assert_eq!((late.status, late.runs.len()), (Status::Ignored, 0));
}

#[tokio::test]
async fn of_two_who_believe_that_the_question_is_open_one_answers_it() {
    let first = Office::new();
    ask(&first, "1").await;
    let mut second = Office::over(Office::sources(), Arc::clone(&first.store));
    second.inbox = second.inbox.with(Questions::of(&*first.store).await.unwrap());
    let answer = first.send("slack", typed("use acme/shop", "2")).await.answer;
    assert_eq!(answer.runs.len(), 1);
    let stale = second.send("slack", typed("use acme/shop", "3")).await;
    assert_eq!((stale.answer.status, stale.answer.runs.len()), (Status::Ignored, 0));
    let text = format!("{:?}", stale.reply);
    assert!(text.contains("No question"), "{text}");
}

#[tokio::test]
async fn a_question_is_the_newest_of_its_place_and_waits_a_week() {
    let office = Office::new();
    ask(&office, "1").await;
    let newest = ask(&office, "2").await.event_id.unwrap();
    assert_eq!(kept_questions(&*office.store).await, 1);
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    office.clock.advance(week - std::time::Duration::from_secs(1));
    let answer = office.send("slack", typed("use 1", "3")).await.answer;
    assert_eq!(answer.runs, [RunId::of(newest, "slack-command")]);
    ask(&office, "4").await;
    office.clock.advance(week);
    let late = office.send("slack", typed("use 1", "5")).await.answer;
    assert_eq!(late.runs, []);
}

#[tokio::test]
async fn one_person_leaves_only_so_many_questions_open() {
    let office = Office::new();
    for n in 0..20 {
        let body = String::from_utf8(typed("implement totals", &n.to_string()).body.to_vec()).unwrap();
        let body = body.replace("C9", &format!("C9{n}"));
        office.send("slack", Delivery { body: body.into(), ..typed("x", "x") }).await;
    }
    assert_eq!(kept_questions(&*office.store).await, 10);
}
