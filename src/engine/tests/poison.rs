//! A run that ends the process, again and again.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Starts the engine on a step that never ends by itself, and ends the engine as a kill would.
/// Gives what was performed.
async fn dies(shelf: &Arc<Shelf>, notes: bool) -> Vec<String> {
    let noted = Arc::new(AtomicUsize::new(0));
    let script = Script::new({
        let noted = Arc::clone(&noted);
        move |context| {
            let noted = Arc::clone(&noted);
            async move {
                if notes {
                    context.journal.remember("turn", json!(1)).await?;
                }
                noted.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
        }
    });
    let (handle, lead) = start(Options::default(), shelf, &script, system());
    until("the step is performed, or the run parked", || {
        noted.load(Ordering::SeqCst) > 0 || shelf.row(run_id()).due == Due::Parked
    })
    .await;
    lead.abort();
    drop(lead.await);
    drop(handle);
    shelf.reopen();
    script.names()
}

#[tokio::test]
async fn a_run_that_comes_no_further_in_ten_starts_is_parked_as_poison() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    for start in 0..=10 {
        assert_eq!(dies(&shelf, false).await, ["@start#1"], "start {start}");
    }
    assert_eq!(dies(&shelf, false).await, [""; 0], "it is not performed any more");
    let run = shelf.run(run_id());
    assert!(run.parked().is_some_and(|reason| reason.contains("poison")), "{:?}", run.parked());
}

#[tokio::test]
async fn a_run_that_comes_further_each_time_is_never_poison() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    for _ in 0..20 {
        assert_eq!(dies(&shelf, true).await, ["@start#1"]);
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_in_good_order_is_never_poison() {
    let shelf = shelf(json!({ "steps": [act("a", json!({}))] }));
    for round in 0..20 {
        let script = Script::new(|context| async move {
            context.cancel.cancelled().await;
            Err(StepError::passing("cancelled", "the step was stopped"))
        });
        let (handle, lead) = start(Options::default(), &shelf, &script, system());
        until("the step is performed", || !script.names().is_empty()).await;
        handle.drain(SystemClock.now(), SystemClock.now() + Duration::from_secs(20)).await;
        lead.await.unwrap();
        assert_eq!(script.names(), ["@start#1"], "round {round}");
        shelf.reopen();
    }
}
