//! Another model is asked where one cannot answer.

use std::sync::Mutex;

use super::scene::{Actor, Script, Stage, finishes};
use super::{busy, fails, work_without_waiting};
use crate::agent::*;
use crate::plugin::Problem;
use crate::plugin::model::Request;

fn actor(script: Script) -> Actor {
    Actor { script, requests: Mutex::default() }
}

fn asked(actor: &Actor) -> Vec<String> {
    actor.requests.lock().unwrap().iter().map(|request: &Request| request.model.clone()).collect()
}

#[tokio::test]
async fn whoever_cannot_answer_is_passed_over_and_the_conversation_stays_with_who_can() {
    for problem in [Problem::Exhausted, Problem::Denied, Problem::Unavailable, Problem::RateLimited] {
        let mut stage = Stage::with(fails(usize::MAX, problem));
        stage.others.push(actor(Box::new(|request| {
            if request.messages.len() < 5 { busy(request) } else { finishes() }
        })));
        let ended = stage.work().await.unwrap();
        assert_eq!(ended.reason, Reason::Finished);
        assert_eq!(asked(&stage.actor), ["scripted"], "nobody waits while another one is there");
        assert_eq!(asked(&stage.others[0]), ["second", "second", "second"]);
        let transcript = Transcript::recall(&stage.notes).unwrap();
        let by: Vec<_> = transcript.turns.iter().map(|turn| turn.said.by.as_deref()).collect();
        assert_eq!(by, [Some("second"), Some("second"), Some("second")]);
    }
}

#[tokio::test]
async fn what_may_have_been_billed_stays_spent_and_the_next_one_is_paid_as_well() {
    let mut stage = Stage::with(fails(usize::MAX, Problem::Unknown));
    let full = *stage.cash.left.lock().unwrap();
    stage.others.push(actor(Box::new(|_| finishes())));
    let ended = stage.work().await.unwrap();
    let gone = full - *stage.cash.left.lock().unwrap();
    assert!(gone > ended.cost, "{gone} is {} and the call that was lost", ended.cost);
}

#[tokio::test]
async fn where_nobody_can_answer_all_are_asked_again_and_all_of_them_say_why() {
    let mut stage = Stage::with(fails(usize::MAX, Problem::Unavailable));
    stage.others.push(actor(Box::new(fails(usize::MAX, Problem::Denied))));
    let AgentError::Model(error) = work_without_waiting(&stage).await.unwrap_err() else { panic!() };
    assert_eq!(error.problem, Problem::Unavailable, "what may pass decides");
    assert!(error.message.contains("; then "), "{error}");
    assert_eq!((asked(&stage.actor).len(), asked(&stage.others[0]).len()), (4, 4));
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_the_agents_matter_and_nobody_elses() {
    let mut stage = Stage::with(fails(usize::MAX, Problem::TooLong));
    stage.others.push(actor(Box::new(|_| finishes())));
    let ended = stage.work().await.unwrap();
    assert_eq!((ended.reason, asked(&stage.others[0]).len()), (Reason::ContextFull, 0));
}
