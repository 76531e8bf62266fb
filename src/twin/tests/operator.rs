use super::*;

impl Setting {
    async fn user(&self) -> Result<u16, reqwest::Error> {
        let request = self.client.get(format!("{}/github/api/v3/user", self.base));
        let answer = request.header("user-agent", "test").bearer_auth("twin-github-token").send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await.map(|_| status)
    }

    async fn fault(&self, fault: Value) {
        assert_eq!(self.operate("faults", &fault).await.0, 204);
    }
}

#[tokio::test]
async fn a_fault_happens_as_often_as_it_should() {
    let setting = Setting::start().await;
    let busy = json!({"status": 429, "headers": {"retry-after": "1"}, "body": {"message": "slow"}});
    setting.fault(json!({"match": {"method": "GET", "path": "/user$"}, "fault": busy, "times": 2})).await;
    assert_eq!(setting.user().await.unwrap(), 429);
    assert_eq!(setting.user().await.unwrap(), 429);
    assert_eq!(setting.user().await.unwrap(), 200);
    setting.fault(json!({"fault": {"cut": true}})).await;
    assert!(setting.user().await.is_err());
    setting.fault(json!({"fault": {"delay_ms": 1}})).await;
    assert_eq!(setting.user().await.unwrap(), 200);
    let log = setting.state().await["requests"].clone();
    let faults: Vec<_> = log.as_array().unwrap().iter().map(|one| one["fault"].clone()).collect();
    assert_eq!(json!(faults), json!([true, true, false, true, true]));
    assert_eq!(setting.operate("faults", &json!({"fault": {"cut": false}})).await.0, 400);
    assert_eq!(
        setting.operate("faults", &json!({"match": {"path": "("}, "fault": {"cut": true}})).await.0,
        400
    );
}

#[tokio::test]
async fn a_lost_answer_is_work_that_was_done() {
    let setting = Setting::start().await;
    setting.fault(json!({"match": {"path": "comments$"}, "fault": {"lose_answer": true}})).await;
    let url = format!("{}/github/api/v3/repos/acme/site/issues/1/comments", setting.base);
    let request = setting.client.post(url).header("user-agent", "test").bearer_auth("twin-github-token");
    let answer = request.json(&json!({"body": "Once."})).send().await;
    let lost = match answer {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(lost);
    let issue = setting.state().await["github"]["repositories"]["acme/site"]["issues"][0].clone();
    assert_eq!(issue["comments"][0]["body"], "Once.");
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_as_the_same_delivery() {
    let setting = Setting::start().await;
    setting.hooks.answers.lock().unwrap().push((StatusCode::SERVICE_UNAVAILABLE, String::new()));
    let label = json!({"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"});
    let done = setting.act(json!({"label": label})).await;
    assert_eq!(done["answers"][0]["status"], 503);
    setting.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let again = setting.operate("redeliver", &json!({})).await.1;
    assert_eq!(again["answers"].as_array().unwrap().len(), 1, "what was taken is left alone");
    assert_eq!(again["answers"][0]["attempts"], 2);
    assert_eq!(setting.operate("redeliver", &json!({})).await.1["answers"], json!([]));
    let arrived = setting.stop().await;
    let (first, last) = (&arrived[0], &arrived[2]);
    assert_eq!(first.header("x-github-delivery"), last.header("x-github-delivery"));
    assert_eq!(first.body, last.body);
}

#[tokio::test]
async fn an_act_that_cannot_be_is_refused() {
    let setting = Setting::start().await;
    assert_eq!(setting.operate("act", &json!({"dance": {}})).await.0, 400);
    let stranger = json!({"repository": "acme/site", "issue": 1, "label": "ostler", "by": "nobody"});
    assert_eq!(setting.operate("act", &json!({"label": stranger})).await.0, 422);
    let gone = json!({"repository": "acme/site", "issue": 99, "label": "ostler", "by": "ada"});
    assert_eq!(setting.operate("act", &json!({"label": gone})).await.0, 422);
    assert!(setting.stop().await.is_empty());
}

#[tokio::test]
async fn pages_show_what_people_look_at() {
    let setting = Setting::start().await;
    let page = async |path: &str| read(setting.client.get(format!("{}{path}", setting.base))).await;
    let (_, pull) = page("/github/acme/tools/pull/1").await;
    assert!(pull.as_str().unwrap().contains("+join_path()"));
    let (_, ticket) = page("/jira/browse/SHOP-7").await;
    assert!(ticket.as_str().unwrap().contains("To Do"));
    assert_eq!(page("/github/acme/tools/pull/9").await.0, 404);
}
