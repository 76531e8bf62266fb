use super::*;

impl Setting {
    fn gitlab(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}/gitlab/api/v4{path}", self.base));
        request.header("private-token", "twin-gitlab-token")
    }

    async fn gitlab_get(&self, path: &str) -> (u16, Value) {
        read(self.gitlab(reqwest::Method::GET, path)).await
    }

    async fn gitlab_send(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        read(self.gitlab(method, path).json(&body)).await
    }
}

const SITE: &str = "/projects/acme%2Fweb%2Fsite";
const TOOLS: &str = "/projects/acme%2Fweb%2Ftools";

#[tokio::test]
async fn only_the_token_opens_it_and_members_are_developers() {
    let setting = Setting::start().await;
    let url = format!("{}/gitlab/api/v4/user", setting.base);
    assert_eq!(read(setting.client.get(&url)).await.0, 401);
    assert_eq!(read(setting.client.get(&url).header("private-token", "wrong")).await.0, 401);
    let (_, project) = setting.gitlab_get(SITE).await;
    let (_, by_number) = setting.gitlab_get(&format!("/projects/{}", project["id"])).await;
    assert_eq!(by_number["path_with_namespace"], "acme/web/site");
    let (_, ada) = setting.gitlab_get("/users?username=Ada").await;
    assert_eq!(ada[0]["username"], "ada");
    assert_eq!(setting.gitlab_get(&format!("{SITE}/members/all/1001")).await.1["access_level"], 30);
    assert_eq!(setting.gitlab_get(&format!("{SITE}/members/all/1002")).await.0, 404, "eve is none");
    let (status, missing) = setting.gitlab_get("/projects/acme%2Felsewhere").await;
    assert_eq!((status, &missing["message"]), (404, &json!("404 Project Not Found")));
}

#[tokio::test]
async fn a_branch_is_made_once_and_only_at_a_commit() {
    let setting = Setting::start().await;
    let branches = format!("{SITE}/repository/branches");
    let post = async |body: Value| setting.gitlab_send(reqwest::Method::POST, &branches, body).await;
    assert_eq!(post(json!({"branch": "feature/x", "ref": "main"})).await.0, 201);
    let (status, body) = post(json!({"branch": "feature/x", "ref": "main"})).await;
    assert_eq!((status, &body["message"]), (400, &json!("Branch already exists")));
    assert_eq!(post(json!({"branch": "y", "ref": "0".repeat(40)})).await.0, 400);
    assert_eq!(setting.gitlab_get(&format!("{branches}/feature%2Fx")).await.0, 200);
    assert_eq!(setting.gitlab_get(&format!("{branches}/feature")).await.0, 404);
}

#[tokio::test]
async fn one_open_merge_request_comes_from_a_branch() {
    let setting = Setting::start().await;
    let path = format!("{TOOLS}/merge_requests");
    let wanted = json!({"title": "Again", "source_branch": "ada/join-path", "target_branch": "main"});
    let (status, body) = setting.gitlab_send(reqwest::Method::POST, &path, wanted.clone()).await;
    let message = "Another open merge request already exists for this source branch: !1";
    assert_eq!((status, &body["message"]), (409, &json!([message])));
    let close = json!({"state_event": "close"});
    assert_eq!(
        setting.gitlab_send(reqwest::Method::PUT, &format!("{path}/1"), close).await.1["state"],
        "closed"
    );
    let (status, made) = setting.gitlab_send(reqwest::Method::POST, &path, wanted).await;
    assert_eq!((status, &made["iid"]), (201, &json!(2)));
    let (_, found) = setting.gitlab_get(&format!("{path}?state=opened&source_branch=ada%2Fjoin-path")).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    let told = setting.arrived(|one| one.json()["object_attributes"]["action"] == "open").await;
    assert_eq!((told.path.as_str(), told.header("x-gitlab-event")), ("gitlab", "Merge Request Hook"));
    assert_eq!(told.header("x-gitlab-token"), "twin-gitlab-webhook");
}

#[tokio::test]
async fn of_a_scope_an_issue_has_one_label_and_a_change_tells_of_both() {
    let setting = Setting::start().await;
    let issue = format!("{SITE}/issues/1");
    for status in ["in progress", "in review"] {
        let wish = json!({"add_labels": format!("status::{status}")});
        setting.gitlab_send(reqwest::Method::PUT, &issue, wish).await;
    }
    assert_eq!(setting.gitlab_get(&issue).await.1["labels"], json!(["status::in review"]));
    let moved =
        |one: &Arrived| one.json()["changes"]["labels"]["previous"][0]["title"] == "status::in progress";
    let told = setting.arrived(moved).await.json();
    assert_eq!(told["changes"]["labels"]["current"][0]["title"], "status::in review");
}

#[tokio::test]
async fn notes_come_page_by_page_and_what_was_delivered_is_kept() {
    let setting = Setting::start().await;
    let notes = format!("{SITE}/issues/1/notes");
    for number in 0..3 {
        setting.gitlab_send(reqwest::Method::POST, &notes, json!({"body": format!("n{number}")})).await;
    }
    let answer = setting.gitlab(reqwest::Method::GET, &format!("{notes}?sort=desc&per_page=2")).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.headers()["x-next-page"], "2");
    assert_eq!(answer.json::<Value>().await.unwrap()[0]["body"], "n2");
    let hook = json!({"url": "https://o.example/webhooks/gitlab", "token": "hush"});
    let (_, hook) = setting.gitlab_send(reqwest::Method::POST, &format!("{SITE}/hooks"), hook).await;
    assert_eq!((&hook["token"], &hook["token_present"]), (&Value::Null, &json!(true)));
    for number in 0..3 {
        setting.arrived(|one| one.json()["object_attributes"]["note"] == format!("n{number}")).await;
    }
    setting.hooks.answers.lock().unwrap().push((StatusCode::SERVICE_UNAVAILABLE, String::new()));
    let note = json!({"project": "acme/web/site", "issue": 1, "body": "/ostler fix", "by": "ada"});
    setting.act(json!({"note_on_gitlab": note})).await;
    let events = format!("{SITE}/hooks/{}/events", hook["id"]);
    let (_, failed) = setting.gitlab_get(&format!("{events}?status=server_failure")).await;
    assert_eq!(failed[0]["request_data"]["object_attributes"]["note"], "/ostler fix");
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["response_status"]), (1, &json!("503")));
}

#[tokio::test]
async fn what_was_done_to_labels_and_state_is_remembered_and_what_was_updated_is_found() {
    let setting = Setting::start().await;
    let issue = format!("{SITE}/issues/1");
    let before = setting.gitlab_get(&issue).await.1["updated_at"].as_str().unwrap().to_owned();
    let label = json!({"project": "acme/web/site", "issue": 1, "label": "status::in progress", "by": "ada"});
    setting.act(json!({"label_on_gitlab": label})).await;
    let wish = json!({"add_labels": "status::in review", "state_event": "close"});
    setting.gitlab_send(reqwest::Method::PUT, &issue, wish).await;
    setting.gitlab_send(reqwest::Method::PUT, &issue, json!({"state_event": "reopen"})).await;
    let (_, labels) = setting.gitlab_get(&format!("{issue}/resource_label_events")).await;
    let told: Vec<_> = labels
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            [text(&event["user"]["username"]), text(&event["action"]), text(&event["label"]["name"])]
        })
        .collect();
    let expected = [
        ["ada", "add", "status::in progress"],
        ["ostler-bot", "add", "status::in review"],
        ["ostler-bot", "remove", "status::in progress"],
    ];
    assert_eq!(told, expected);
    assert_eq!(labels[1]["created_at"], labels[2]["created_at"]);
    let (_, states) = setting.gitlab_get(&format!("{issue}/resource_state_events?per_page=1&page=2")).await;
    assert_eq!((states.as_array().unwrap().len(), &states[0]["state"]), (1, &json!("reopened")));
    let new = json!({"title": "New", "labels": "bug"});
    setting.gitlab_send(reqwest::Method::POST, &format!("{SITE}/issues"), new).await;
    let (_, made) = setting.gitlab_get(&format!("{SITE}/issues/2/resource_label_events")).await;
    assert_eq!(made[0]["label"]["name"], "bug", "what it was made with is written down too");
    let list = async |query: String| {
        let (_, list) = setting.gitlab_get(&format!("{SITE}/issues?{query}")).await;
        list.as_array().unwrap().iter().map(|issue| issue["iid"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list("state=all&order_by=updated_at&sort=asc".to_owned()).await, [1, 2]);
    setting.gitlab_send(reqwest::Method::POST, &format!("{issue}/notes"), json!({"body": "n"})).await;
    assert_eq!(list("state=all&order_by=updated_at&sort=asc".to_owned()).await, [2, 1]);
    assert_eq!(list("order_by=created_at".to_owned()).await, [2, 1]);
    let last = setting.gitlab_get(&issue).await.1["updated_at"].as_str().unwrap().to_owned();
    assert_eq!(list(format!("updated_after={last}")).await, [1]);
    assert_eq!(list(format!("updated_after={before}")).await, [2, 1]);
    assert_eq!(list("state=closed".to_owned()).await, [0; 0]);
}

#[tokio::test]
async fn the_bot_edits_and_deletes_its_own_notes_and_nobody_elses() {
    let setting = Setting::start().await;
    let notes = format!("{SITE}/issues/1/notes");
    let (_, own) = setting.gitlab_send(reqwest::Method::POST, &notes, json!({"body": "Seen."})).await;
    let act = json!({"project": "acme/web/site", "issue": 1, "body": "Hello.", "by": "ada"});
    setting.act(json!({"note_on_gitlab": act})).await;
    let adas = setting.gitlab_get(&notes).await.1[0]["id"].clone();
    let edit = async |id: &Value| {
        let text = json!({"body": "Seen twice."});
        setting.gitlab_send(reqwest::Method::PUT, &format!("{notes}/{id}"), text).await
    };
    let (status, edited) = edit(&own["id"]).await;
    assert_eq!((status, &edited["id"], &edited["body"]), (200, &own["id"], &json!("Seen twice.")));
    assert_eq!(edit(&adas).await.0, 403);
    let delete =
        async |id: &Value| read(setting.gitlab(reqwest::Method::DELETE, &format!("{notes}/{id}"))).await.0;
    assert_eq!((delete(&own["id"]).await, delete(&own["id"]).await, delete(&adas).await), (204, 404, 403));
    assert_eq!(setting.gitlab_get(&notes).await.1.as_array().unwrap().len(), 1);
}
