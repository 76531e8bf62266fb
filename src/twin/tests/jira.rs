use super::*;

impl Setting {
    fn jira(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}/jira/rest/api/3{path}", self.base));
        request.basic_auth("ostler@acme.example", Some("twin-jira-token"))
    }

    async fn jira_post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.jira(reqwest::Method::POST, path).json(&body)).await
    }

    async fn jira_get(&self, path: &str) -> Value {
        read(self.jira(reqwest::Method::GET, path)).await.1
    }
}

fn document(text: &str) -> Value {
    json!({"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": text}]},
    ]})
}

#[tokio::test]
async fn only_the_bot_with_its_token_is_served() {
    let setting = Setting::start().await;
    let url = format!("{}/jira/rest/api/3/myself", setting.base);
    assert_eq!(read(setting.client.get(&url)).await.0, 401);
    assert_eq!(setting.jira_get("/myself").await["accountId"], "5b1005710c");
}

#[tokio::test]
async fn a_ticket_moves_only_along_its_transitions() {
    let setting = Setting::start().await;
    let transitions = "/issue/SHOP-7/transitions";
    let offered = setting.jira_get(transitions).await["transitions"].clone();
    let review = offered.as_array().unwrap().iter().find(|one| one["to"]["name"] == "In Review").unwrap();
    assert_eq!(review["to"]["statusCategory"]["key"], "indeterminate");
    let to = json!({"transition": {"id": review["id"]}});
    assert_eq!(setting.jira_post(transitions, to.clone()).await.0, 204);
    assert_eq!(setting.jira_post(transitions, to).await.0, 400, "it is there already");
    assert_eq!(setting.jira_post(transitions, json!({"transition": "31"})).await.0, 400);
    let issue = setting.jira_get("/issue/SHOP-7?fields=status").await;
    assert_eq!(issue["fields"]["status"]["name"], "In Review");
    assert!(issue["fields"]["summary"].is_null());
    let told = setting.arrived(|one| one.path == "jira").await;
    assert_eq!(told.json()["changelog"]["items"][0]["toString"], "In Review");
    assert!(told.header("x-hub-signature").starts_with("sha256="));
    assert!(!told.header("x-atlassian-webhook-identifier").is_empty());
}

#[tokio::test]
async fn comments_are_documents_and_keep_their_properties() {
    let setting = Setting::start().await;
    let comments = "/issue/SHOP-7/comment";
    assert_eq!(setting.jira_post(comments, json!({"body": "plain"})).await.0, 400);
    let marked = json!({"body": document("Done."), "properties": [{"key": "ostler", "value": {"key": "k"}}]});
    assert_eq!(setting.jira_post(comments, marked).await.0, 201);
    let all = setting.jira_get(&format!("{comments}?expand=properties")).await;
    assert_eq!(all["comments"][0]["properties"][0]["value"]["key"], "k");
    setting.jira_post(comments, json!({"body": document("More.")})).await;
    let newest = setting.jira_get(&format!("{comments}?orderBy=-created&maxResults=1")).await;
    assert_eq!(newest["comments"][0]["body"], document("More."));
    let told = setting.arrived(|one| one.path == "jira").await.json();
    assert_eq!(
        (&told["webhookEvent"], &told["comment"]["body"]),
        (&json!("comment_created"), &json!("Done."))
    );
    assert!(told["user"].is_null(), "comment events carry no user on Cloud");
    assert!(told["issue"]["fields"]["labels"].is_null(), "and a reduced issue");
}

#[tokio::test]
async fn tickets_are_made_and_found() {
    let setting = Setting::start().await;
    let fields = json!({"project": {"key": "BANK"}, "issuetype": {"name": "Task"}, "summary": "Interest",
        "description": document("Round it."), "labels": ["ostler-1"]});
    let (status, made) = setting.jira_post("/issue", json!({"fields": fields})).await;
    assert_eq!((status, &made["key"]), (201, &json!("BANK-1")));
    let mut wrong = fields.clone();
    wrong["description"] = json!("plain");
    assert_eq!(setting.jira_post("/issue", json!({"fields": wrong})).await.0, 400);
    let mut wrong = fields.clone();
    wrong["project"] = json!({"key": "NOPE"});
    assert!(setting.jira_post("/issue", json!({"fields": wrong})).await.1["errors"]["project"].is_string());
    let mut wrong = fields.clone();
    wrong["assignee"] = json!({"accountId": "nobody"});
    assert_eq!(setting.jira_post("/issue", json!({"fields": wrong})).await.0, 400);
    let search = async |jql: &str| setting.jira_post("/search/jql", json!({"jql": jql})).await;
    let found = search("project = BANK AND labels = \"ostler-1\" ORDER BY created DESC").await.1;
    assert_eq!(found["issues"], json!([{"id": made["id"]}]), "ids only, and the refused left nothing");
    assert_eq!(search("project = BANK AND labels = other").await.1["issues"], json!([]));
    assert_eq!(search("order by created").await.0, 400);
    assert_eq!(search("colour = red").await.0, 400);
    let old = json!({"jql": "project = BANK", "startAt": 0});
    assert_eq!(setting.jira_post("/search/jql", old).await.0, 400);
}

#[tokio::test]
async fn links_of_one_global_id_are_one_link() {
    let setting = Setting::start().await;
    let link = |title: &str| json!({"globalId": "ostler:pr", "object": {"url": "http://example.org/1", "title": title}});
    assert_eq!(setting.jira_post("/issue/SHOP-7/remotelink", link("One")).await.0, 201);
    assert_eq!(setting.jira_post("/issue/SHOP-7/remotelink", link("Two")).await.0, 200);
    let links = setting.jira_get("/issue/SHOP-7/remotelink").await;
    assert_eq!(links.as_array().unwrap().len(), 1);
    assert_eq!(links[0]["object"]["title"], "Two");
}

#[tokio::test]
async fn a_person_assigns_a_ticket_to_the_bot() {
    let setting = Setting::start().await;
    setting.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let told = setting.stop().await[0].json();
    assert_eq!(told["webhookEvent"], "jira:issue_updated");
    assert_eq!(told["user"]["accountId"], "5b10ada0c4");
    assert_eq!(told["changelog"]["items"][0]["to"], "5b1005710c");
    assert_eq!(told["issue"]["fields"]["assignee"]["accountId"], "5b1005710c");
    assert!(told["issue"]["fields"]["description"].as_str().unwrap().contains("10 %"));
}

#[tokio::test]
async fn what_the_bot_made_can_be_taken_away() {
    let setting = Setting::start().await;
    let delete = async |path: &str| read(setting.jira(reqwest::Method::DELETE, path)).await.0;
    let (_, own) = setting.jira_post("/issue/SHOP-7/comment", json!({"body": document("Done.")})).await;
    let comment = format!("/issue/SHOP-7/comment/{}", own["id"].as_str().unwrap());
    let edit = async |path: &str| {
        let text = json!({"body": document("Done twice.")});
        read(setting.jira(reqwest::Method::PUT, path).json(&text)).await
    };
    let (status, edited) = edit(&comment).await;
    assert_eq!((status, &edited["id"]), (200, &own["id"]));
    let shown = setting.state().await["jira"]["tickets"]["SHOP-7"]["comments"].to_string();
    assert!(shown.contains("Done twice."), "{shown}");
    assert_eq!((delete(&comment).await, delete(&comment).await), (204, 404));
    setting.act(json!({"comment_ticket": {"ticket": "SHOP-7", "body": "Hm.", "by": "ada"}})).await;
    let adas = setting.jira_get("/issue/SHOP-7/comment").await["comments"][0]["id"].clone();
    assert_eq!(delete(&format!("/issue/SHOP-7/comment/{}", adas.as_str().unwrap())).await, 400);
    let url = "http://example.org/1";
    let link = json!({"globalId": url, "object": {"url": url, "title": "One"}});
    setting.jira_post("/issue/SHOP-7/remotelink", link).await;
    let place = "/issue/SHOP-7/remotelink?globalId=http%3A%2F%2Fexample.org%2F1";
    assert_eq!(setting.jira_get(place).await["object"]["title"], "One");
    assert_eq!((delete(place).await, delete(place).await), (204, 404));
    let told = setting.arrived(|one| one.json()["webhookEvent"] == "comment_deleted").await;
    assert_eq!(told.json()["comment"]["id"], own["id"]);
}

#[tokio::test]
async fn a_person_moves_a_ticket() {
    let setting = Setting::start().await;
    let act = json!({"move_ticket": {"ticket": "SHOP-7", "status": "Done", "by": "ada"}});
    setting.act(act.clone()).await;
    assert_eq!(setting.state().await["jira"]["tickets"]["SHOP-7"]["status"], "Done");
    assert_eq!(setting.operate("act", &act).await.0, 422);
    let told = setting.stop().await[0].json();
    assert_eq!(
        (&told["user"]["accountId"], &told["changelog"]["items"][0]["toString"]),
        (&json!("5b10ada0c4"), &json!("Done"))
    );
}
