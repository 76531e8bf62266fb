use super::*;

const KEY: &str = "twin-linear-key";
const ADA: &str = "a1da0000-0000-4000-8000-0000000000ad";
const BOT: &str = "a1da0000-0000-4000-8000-0000000000b0";

impl Setting {
    async fn linear(&self, query: &str, variables: Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/linear/graphql", self.base)).header("authorization", KEY);
        read(request.json(&json!({"query": query, "variables": variables}))).await
    }

    /// What is answered without an error.
    async fn linear_data(&self, query: &str, variables: Value) -> Value {
        let (status, body) = self.linear(query, variables).await;
        assert!(status == 200 && body["errors"].is_null(), "{body}");
        body["data"].clone()
    }

    /// The code of what is refused.
    async fn linear_error(&self, query: &str, variables: Value) -> (u16, String, String) {
        let (status, body) = self.linear(query, variables).await;
        assert!(body["data"].is_null(), "{body}");
        let error = &body["errors"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (status, text(&error["extensions"]["code"]), text(&error["message"]))
    }
}

#[tokio::test]
async fn only_the_key_opens_it() {
    let setting = Setting::start().await;
    let url = format!("{}/linear/graphql", setting.base);
    let body = json!({"query": "query { viewer { id } }"});
    for wrong in ["", "Bearer twin-linear-key", "wrong"] {
        let (status, body) = read(setting.client.post(&url).header("authorization", wrong).json(&body)).await;
        assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (401, &json!("AUTHENTICATION_ERROR")));
    }
    assert_eq!(setting.linear_data("query { viewer { id app } }", json!({})).await["viewer"]["id"], BOT);
}

#[tokio::test]
async fn a_document_is_answered_by_what_it_asks_for() {
    let setting = Setting::start().await;
    let query = "query($key: String!, $more: Boolean) { one: issue(id: $key) { key: identifier state { name type } } }";
    let data = setting.linear_data(query, json!({"key": "ENG-7"})).await;
    assert_eq!(data, json!({"one": {"key": "ENG-7", "state": {"name": "Todo", "type": "unstarted"}}}));
    for (wrong, said) in [
        ("query { viewer { id }", "Unexpected"),
        ("query { viewer { nothing } }", "Cannot query field"),
        ("query { viewer }", "must have a selection"),
        ("query { viewer { id { x } } }", "must not have a selection"),
        ("query { nobody { id } }", "on type"),
        ("mutation { viewer { id } }", "required type"),
        ("query { issue(id: $id) { id } }", "is not defined"),
        ("query($id: String!) { issue(id: $id) { id } }", "was not provided"),
        ("query { issues(filter: {colour: {eq: \"red\"}}) { nodes { id } } }", "not defined by the filter"),
    ] {
        let (status, code, message) = setting.linear_error(wrong, json!({})).await;
        assert_eq!((status, code.as_str()), (400, "GRAPHQL_VALIDATION_FAILED"), "{wrong}");
        assert!(message.contains(said), "{wrong}: {message}");
    }
    let missing = setting.linear_error("query { issue(id: \"ENG-99\") { id } }", json!({})).await;
    assert_eq!(missing, (200, "INPUT_ERROR".to_owned(), "Entity not found: Issue".to_owned()));
}

#[tokio::test]
async fn a_comment_of_ones_own_id_is_made_once() {
    let setting = Setting::start().await;
    let id = "11111111-1111-4111-8111-111111111111";
    let mutation =
        "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { id } } }";
    let input = json!({"input": {"id": id, "issueId": "ENG-7", "body": "Done."}});
    assert_eq!(setting.linear_data(mutation, input.clone()).await["commentCreate"]["comment"]["id"], id);
    let again = setting.linear_error(mutation, input).await;
    assert_eq!((again.0, again.2.as_str()), (200, "conflict on insert of Comment"));
    let odd = json!({"input": {"id": "mine", "issueId": "ENG-7", "body": "Done."}});
    assert!(setting.linear_error(mutation, odd).await.2.contains("UUID"));
    let query = "query { comments(filter: {createdAt: {gte: \"2026-01-01\"}, issue: {null: false}}) \
                 { nodes { body user { id } issue { identifier } } pageInfo { hasNextPage } } }";
    let found = setting.linear_data(query, json!({})).await;
    let expected = json!([{"body": "Done.", "user": {"id": BOT}, "issue": {"identifier": "ENG-7"}}]);
    assert_eq!(found["comments"]["nodes"], expected);
    let told = setting.arrived(|one| one.path == "linear").await;
    assert_eq!((told.header("linear-event"), &told.json()["data"]["id"]), ("Comment", &json!(id)));
}

#[tokio::test]
async fn an_issue_moves_within_its_team_and_tells_of_it() {
    let setting = Setting::start().await;
    let states = "query { issue(id: \"ENG-7\") { team { states(first: 100) { nodes { id name } } } } }";
    let states = setting.linear_data(states, json!({})).await["issue"]["team"]["states"]["nodes"].clone();
    let names: Vec<_> = states.as_array().unwrap().iter().map(|state| state["name"].clone()).collect();
    assert_eq!(names, ["Backlog", "Todo", "In Progress", "In Review", "Done", "Canceled"]);
    let mutation =
        "mutation($state: String!) { issueUpdate(id: \"ENG-7\", input: {stateId: $state}) { success } }";
    setting.linear_data(mutation, json!({"state": states[3]["id"]})).await;
    assert!(setting.linear_error(mutation, json!({"state": "x"})).await.2.contains("WorkflowState"));
    let told = setting.arrived(|one| one.path == "linear").await.json();
    assert_eq!((&told["action"], &told["data"]["state"]["name"]), (&json!("update"), &json!("In Review")));
    assert_eq!(told["updatedFrom"]["stateId"], states[1]["id"]);
    assert!(told["webhookTimestamp"].is_i64());
    let history = "query { issue(id: \"ENG-7\") { history(first: 1, orderBy: updatedAt) \
                   { nodes { actor { id } fromState { name } toState { name } toAssignee { id } addedLabels { name } } } } }";
    let entry = setting.linear_data(history, json!({})).await["issue"]["history"]["nodes"][0].clone();
    let expected = json!({
        "actor": {"id": BOT}, "fromState": {"name": "Todo"}, "toState": {"name": "In Review"},
        "toAssignee": null, "addedLabels": null,
    });
    assert_eq!(entry, expected);
}

#[tokio::test]
async fn people_label_assign_and_comment() {
    let setting = Setting::start().await;
    setting.act(json!({"label_on_linear": {"issue": "ENG-7", "label": "ostler", "by": "ada"}})).await;
    setting.act(json!({"assign_on_linear": {"issue": "ENG-7", "by": "ada"}})).await;
    setting.act(json!({"comment_on_linear": {"issue": "ENG-7", "body": "/ostler help", "by": "ada"}})).await;
    let (status, body) = setting
        .operate("act", &json!({"label_on_linear": {"issue": "ENG-7", "label": "x", "by": "ada"}}))
        .await;
    assert_eq!((status, &body["error"]), (422, &json!("Entity not found: IssueLabel")));
    let state = setting.state().await["linear"]["issues"]["ENG-7"].clone();
    assert_eq!((&state["labels"], &state["assignee"]), (&json!(["ostler"]), &json!("ostler-bot")));
    let told: Vec<_> = setting.stop().await.iter().map(Arrived::json).collect();
    assert_eq!(told[0]["updatedFrom"]["labelIds"], json!([]));
    assert_eq!(told[0]["data"]["labels"][0]["name"], "ostler");
    assert_eq!(
        (&told[1]["updatedFrom"]["assigneeId"], &told[1]["data"]["assigneeId"]),
        (&Value::Null, &json!(BOT))
    );
    assert_eq!((&told[2]["data"]["body"], &told[2]["actor"]["id"]), (&json!("/ostler help"), &json!(ADA)));
    assert_eq!(told[2]["data"]["issue"]["identifier"], "ENG-7");
}

#[tokio::test]
async fn lists_are_had_page_by_page_the_newest_first() {
    let setting = Setting::start().await;
    for body in ["one", "two", "three"] {
        setting.act(json!({"comment_on_linear": {"issue": "ENG-7", "body": body, "by": "ada"}})).await;
    }
    let query = "query($after: String) { comments(first: 2, after: $after) \
                 { nodes { body } pageInfo { hasNextPage endCursor } } }";
    let first = setting.linear_data(query, json!({})).await["comments"].clone();
    assert_eq!(first["nodes"], json!([{"body": "three"}, {"body": "two"}]));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let rest = setting.linear_data(query, json!({"after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!(rest["comments"]["nodes"], json!([{"body": "one"}]));
    assert!(
        setting
            .linear_error("query { comments(first: 251) { nodes { id } } }", json!({}))
            .await
            .2
            .contains("250")
    );
}

#[tokio::test]
async fn what_the_bot_made_can_be_taken_away() {
    let setting = Setting::start().await;
    let id = "11111111-1111-4111-8111-111111111111";
    let make = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success } }";
    setting.linear_data(make, json!({"input": {"id": id, "issueId": "ENG-7", "body": "Done."}})).await;
    let edit = "mutation($id: String!, $input: CommentUpdateInput!) { commentUpdate(id: $id, input: $input) { success } }";
    setting.linear_data(edit, json!({"id": id, "input": {"body": "Done twice."}})).await;
    let comments = setting.state().await["linear"].to_string();
    assert!(comments.contains("Done twice."), "{comments}");
    let delete = "mutation($id: String!) { commentDelete(id: $id) { success } }";
    setting.linear_data(delete, json!({"id": id})).await;
    assert!(setting.linear_error(delete, json!({"id": id})).await.2.contains("Entity not found: Comment"));
    let told = setting.arrived(|one| one.json()["action"] == "remove").await;
    assert_eq!((told.header("linear-event"), &told.json()["data"]["id"]), ("Comment", &json!(id)));

    let attach = "mutation($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success } }";
    for url in ["http://example.org/1", "http://example.org/2"] {
        let input = json!({"issueId": "ENG-7", "url": url, "title": "One"});
        setting.linear_data(attach, json!({ "input": input })).await;
    }
    let find = "query($url: String!) { issue(id: \"ENG-7\") { \
                attachments(filter: {url: {eq: $url}}, first: 1) { nodes { id title url } } } }";
    let find = async |url: &str| {
        let found = setting.linear_data(find, json!({ "url": url })).await;
        found["issue"]["attachments"]["nodes"].clone()
    };
    let found = find("http://example.org/1").await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["title"]), (1, &json!("One")));
    let unlink = "mutation($id: String!) { attachmentDelete(id: $id) { success } }";
    setting.linear_data(unlink, json!({"id": found[0]["id"]})).await;
    assert_eq!(find("http://example.org/1").await, json!([]));
    assert_ne!(find("http://example.org/2").await, json!([]));
}
