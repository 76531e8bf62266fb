use std::process::Command;

use hmac::{Hmac, KeyInit as _, Mac as _};
use octocrab::Octocrab;
use octocrab::params::repos::Reference;
use sha2::Sha256;

use super::*;

const TOKEN: &str = "twin-github-token";

impl Setting {
    fn github(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}/github/api/v3{path}", self.base));
        request.header("user-agent", "test").bearer_auth(TOKEN)
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.github(reqwest::Method::POST, path).json(&body)).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.github(reqwest::Method::GET, path)).await
    }

    fn octocrab(&self) -> Octocrab {
        let builder = Octocrab::builder().base_uri(format!("{}/github/api/v3", self.base)).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        builder.personal_token(TOKEN).build_with_reqwest(client).unwrap()
    }

    /// Runs git against the twin.
    fn git(&self, directory: &std::path::Path, arguments: &[&str]) -> std::process::Output {
        let mut git = Command::new("git");
        git.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
        git.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
        git.args(["-c", "user.name=Ostler", "-c", "user.email=ostler@acme.example"]);
        git.args(arguments).output().unwrap()
    }
}

async fn git(setting: &Setting, directory: &std::path::Path, arguments: &[&str]) -> String {
    // The twins run in this runtime: git must not hold its threads up.
    let output = tokio::task::block_in_place(|| setting.git(directory, arguments));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn only_a_named_client_with_the_token_is_served() {
    let setting = Setting::start().await;
    let url = format!("{}/github/api/v3/user", setting.base);
    let nameless = setting.client.get(&url).bearer_auth(TOKEN);
    assert_eq!(read(nameless).await.0, 403);
    let named = || setting.client.get(&url).header("user-agent", "test");
    let (status, body) = read(named()).await;
    assert_eq!((status, &body["message"]), (401, &json!("Requires authentication")));
    assert_eq!(read(named().bearer_auth("wrong")).await.1["message"], "Bad credentials");
    assert_eq!(read(named().bearer_auth(TOKEN)).await.1["login"], "ostler-bot");
    assert_eq!(setting.get("/nowhere").await.0, 404);
}

#[tokio::test]
async fn octocrab_reads_everything_that_it_is_given() {
    let setting = Setting::start().await;
    let octocrab = setting.octocrab();
    assert_eq!(octocrab.current().user().await.unwrap().login, "ostler-bot");
    let repository = octocrab.repos("acme", "tools").get().await.unwrap();
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    let branch = Reference::Branch("ada/join-path".to_owned());
    octocrab.repos("acme", "tools").get_ref(&branch).await.unwrap();
    let pull = octocrab.pulls("acme", "tools").get(1).await.unwrap();
    assert_eq!((pull.head.ref_field.as_str(), pull.commits), ("ada/join-path", Some(1)));
    assert_eq!(octocrab.pulls("acme", "tools").list().send().await.unwrap().items.len(), 1);
    let issues = octocrab.issues("acme", "site");
    assert_eq!(issues.get(1).await.unwrap().user.login, "eve");
    let comment = issues.create_comment(1, "Seen.").await.unwrap();
    issues.update_comment(comment.id, "Seen twice.").await.unwrap();
    let comments = issues.list_comments(1).send().await.unwrap();
    assert_eq!(comments.items[0].body.as_deref(), Some("Seen twice."));
    issues.add_labels(1, &["bug".to_owned()]).await.unwrap();
    let made = Box::pin(issues.create("Another").body("Words.").send()).await.unwrap();
    assert_eq!(made.number, 2);
    let closed = issues.update(2).state(octocrab::models::IssueState::Closed).send();
    Box::pin(closed).await.unwrap();
    assert!(octocrab.pulls("acme", "tools").get_diff(1).await.unwrap().contains("+join_path()"));
}

#[tokio::test]
async fn writers_may_write_and_strangers_may_read() {
    let setting = Setting::start().await;
    let permission =
        async |login: &str| setting.get(&format!("/repos/acme/site/collaborators/{login}/permission")).await;
    assert_eq!(permission("ada").await.1["permission"], "write");
    assert_eq!(permission("eve").await.1["permission"], "read");
    assert_eq!(permission("nobody").await.0, 404);
}

#[tokio::test]
async fn a_team_knows_its_members() {
    let setting = Setting::start().await;
    let place = async |who: &str| setting.get(&format!("/orgs/acme/teams/{who}")).await;
    assert_eq!(place("payments/memberships/Ada").await.1["state"], "active");
    assert_eq!(place("payments/memberships/eve").await.0, 404);
    assert_eq!(place("nobodies/memberships/ada").await.0, 404);
}

#[tokio::test]
async fn a_reference_is_made_once_and_only_at_a_commit() {
    let setting = Setting::start().await;
    let (_, main) = setting.get("/repos/acme/shop/git/ref/heads/main").await;
    let new = |name: &str, sha: &Value| json!({"ref": name, "sha": sha});
    let refs = "/repos/acme/shop/git/refs";
    let sha = &main["object"]["sha"];
    assert_eq!(setting.post(refs, new("refs/heads/feature/x", sha)).await.0, 201);
    let (status, body) = setting.post(refs, new("refs/heads/feature/x", sha)).await;
    assert_eq!((status, &body["message"]), (422, &json!("Reference already exists")));
    let (status, body) = setting.post(refs, new("refs/heads/y", &json!("0".repeat(40)))).await;
    assert_eq!((status, &body["message"]), (422, &json!("Object does not exist")));
    assert_eq!(setting.post(refs, new("refs/heads/a..b", sha)).await.0, 422);
    assert_eq!(setting.post(refs, json!({"ref": "refs/heads/z"})).await.0, 422);
    assert_eq!(setting.get("/repos/acme/shop/git/ref/heads/feature/x").await.0, 200);
    assert_eq!(setting.get("/repos/acme/shop/git/ref/heads/feature").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_pull_request_and_webhooks() {
    let setting = Setting::start().await;
    let place = tempfile::tempdir().unwrap();
    let host = setting.base.trim_start_matches("http://");
    let open = format!("http://{host}/github/git/acme/shop.git");
    git(&setting, place.path(), &["clone", "-q", &open, "shop"]).await;
    let work = place.path().join("shop");
    git(&setting, &work, &["switch", "-q", "-c", "ostler/shop-7"]).await;
    std::fs::write(work.join("NEWS"), "New.\n").unwrap();
    git(&setting, &work, &["add", "NEWS"]).await;
    git(&setting, &work, &["commit", "-q", "-m", "News"]).await;
    let sha = git(&setting, &work, &["rev-parse", "HEAD"]).await;
    let refused = tokio::task::block_in_place(|| setting.git(&work, &["push", "-q", "origin", "HEAD"]));
    assert!(!refused.status.success());
    let door = format!("http://x-access-token:{TOKEN}@{host}/github/git/acme/shop.git");
    git(&setting, &work, &["push", "-q", &door, "HEAD"]).await;
    assert_eq!(
        setting.state().await["github"]["repositories"]["acme/shop"]["branches"]["ostler/shop-7"],
        *sha
    );

    let pulls = "/repos/acme/shop/pulls";
    let new = json!({"title": "News", "head": "ostler/shop-7", "base": "main", "body": "Some."});
    let (status, pull) = setting.post(pulls, new.clone()).await;
    assert_eq!((status, &pull["head"]["sha"], &pull["additions"]), (201, &json!(sha), &json!(1)));
    let (status, body) = setting.post(pulls, new).await;
    assert_eq!(status, 422);
    assert_eq!(body["errors"][0]["message"], "A pull request already exists for acme:ostler/shop-7.");
    let (_, body) = setting.post(pulls, json!({"title": "x", "head": "main", "base": "main"})).await;
    assert_eq!(body["errors"][0]["message"], "No commits between main and main");
    let (_, body) = setting.post(pulls, json!({"title": "x", "head": "gone", "base": "main"})).await;
    assert_eq!(body["errors"][0]["field"], "head");
    let found = setting.get(&format!("{pulls}?head=acme:ostler/shop-7&base=main&state=open")).await.1;
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(setting.get(&format!("{pulls}?head=acme:other")).await.1, json!([]));

    let push = setting.arrived(|one| one.header("x-github-event") == "push").await.json();
    assert_eq!((&push["ref"], &push["after"]), (&json!("refs/heads/ostler/shop-7"), &json!(sha)));
    let opened = setting.arrived(|one| one.header("x-github-event") == "pull_request").await;
    assert_eq!(opened.json()["sender"]["login"], "ostler-bot");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"twin-github-webhook").unwrap();
    mac.update(&opened.body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(opened.header("x-hub-signature-256"), signature);
}

#[tokio::test]
async fn comments_come_in_pages_and_go_out_as_webhooks() {
    let setting = Setting::start().await;
    let comments = "/repos/acme/site/issues/1/comments";
    for number in 0..3 {
        assert_eq!(setting.post(comments, json!({"body": format!("{number}")})).await.0, 201);
    }
    assert_eq!(setting.post(comments, json!({"body": " "})).await.0, 422);
    assert_eq!(setting.post(comments, json!({"body": "x".repeat(65_537)})).await.0, 422);
    let request = setting.github(reqwest::Method::GET, &format!("{comments}?per_page=2"));
    let answer = request.send().await.unwrap();
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap().as_array().unwrap().len(), 2);
    let next = link.split(['<', '>']).nth(1).unwrap();
    let next = setting.client.get(next).header("user-agent", "test").bearer_auth(TOKEN);
    assert_eq!(read(next).await.1[0]["body"], "2");
    let told = setting.arrived(|one| one.header("x-github-event") == "issue_comment").await.json();
    assert_eq!((&told["action"], &told["sender"]["login"]), (&json!("created"), &json!("ostler-bot")));
}

#[tokio::test]
async fn a_person_labels_and_comments() {
    let setting = Setting::start().await;
    let done = setting
        .act(json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"}}))
        .await;
    assert_eq!(done["answers"][0]["status"], 200);
    let comment = json!({"repository": "acme/tools", "number": 1, "body": "/ostler fix this", "by": "eve"});
    setting.act(json!({"comment": comment, "deliver": 3})).await;
    let arrived = setting.stop().await;
    let label = arrived[0].json();
    assert_eq!((&label["action"], &label["label"]["name"]), (&json!("labeled"), &json!("ostler")));
    let comments: Vec<_> =
        arrived.iter().filter(|one| one.header("x-github-event") == "issue_comment").collect();
    assert_eq!(comments.len(), 3);
    let ids: std::collections::BTreeSet<_> =
        comments.iter().map(|one| one.header("x-github-delivery")).collect();
    assert_eq!(ids.len(), 1);
    let comment = comments[0].json();
    assert!(comment["issue"]["pull_request"].is_object());
    assert_eq!(comment["comment"]["author_association"], "NONE");
}

#[tokio::test]
async fn a_comment_is_deleted_once_and_people_hear_of_it() {
    let setting = Setting::start().await;
    let (_, made) = setting.post("/repos/acme/site/issues/1/comments", json!({"body": "Seen."})).await;
    let place = format!("/repos/acme/site/issues/comments/{}", made["id"]);
    let delete = async || read(setting.github(reqwest::Method::DELETE, &place)).await.0;
    assert_eq!((delete().await, delete().await), (204, 404));
    assert_eq!(setting.get("/repos/acme/site/issues/1/comments").await.1, json!([]));
    let told = setting.arrived(|one| one.json()["action"] == "deleted").await.json();
    assert_eq!((&told["comment"]["body"], &told["issue"]["number"]), (&json!("Seen."), &json!(1)));
}

#[tokio::test]
async fn an_issue_says_why_it_was_closed() {
    let setting = Setting::start().await;
    let edit = async |body: Value| {
        read(setting.github(reqwest::Method::PATCH, "/repos/acme/site/issues/1").json(&body)).await.1
    };
    let closed = edit(json!({"state": "closed", "state_reason": "not_planned"})).await;
    assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed"), &json!("not_planned")));
    assert_eq!(edit(json!({"state": "open"})).await["state_reason"], "reopened");
    assert_eq!(edit(json!({"state": "closed"})).await["state_reason"], "completed");
}

#[tokio::test]
async fn a_pull_request_that_a_person_merged_stays_so() {
    let setting = Setting::start().await;
    let main = async || setting.get("/repos/acme/tools/git/ref/heads/main").await.1["object"]["sha"].clone();
    let before = main().await;
    setting.act(json!({"merge_pull": {"repository": "acme/tools", "number": 1, "by": "ada"}})).await;
    let (_, pull) = setting.get("/repos/acme/tools/pulls/1").await;
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(true)));
    assert!(pull["merged_at"].is_string() && main().await != before);
    let open = setting.github(reqwest::Method::PATCH, "/repos/acme/tools/pulls/1");
    assert_eq!(read(open.json(&json!({"state": "open"}))).await.0, 422);
    let told = setting.arrived(|one| one.json()["action"] == "closed").await.json();
    assert_eq!(
        (&told["pull_request"]["merged_at"], &told["sender"]["login"]),
        (&pull["merged_at"], &json!("ada"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_branch_goes_a_pull_request() {
    let setting = Setting::start().await;
    let place = tempfile::tempdir().unwrap();
    let host = setting.base.trim_start_matches("http://");
    let door = format!("http://x-access-token:{TOKEN}@{host}/github/git/acme/tools.git");
    git(&setting, place.path(), &["clone", "-q", &door, "tools"]).await;
    let work = place.path().join("tools");
    git(&setting, &work, &["push", "-q", &door, ":ada/join-path"]).await;
    let (_, pull) = setting.get("/repos/acme/tools/pulls/1").await;
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
    let branches = setting.state().await["github"]["repositories"]["acme/tools"]["branches"].clone();
    assert!(branches["ada/join-path"].is_null(), "{branches}");
}
