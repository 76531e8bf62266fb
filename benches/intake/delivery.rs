//! What is sent: GitHub's `issues` deliveries of about 12 KB, in the shape in which GitHub sends them, each unlike the
//! others and signed.
//!
//! Three quarters of such a body are addresses that the other fields already tell, which is why it compresses well.
//! What differs between two deliveries of one repository differs here too: ids, numbers, times, people, words.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// What the deliveries are signed with.
pub(crate) const SECRET: &str = "bench-secret";

const HOST: &str = "https://github.com";
const API: &str = "https://api.github.com";

const PEOPLE: [&str; 12] = [
    "ada-l",
    "grace-h",
    "linus-t",
    "margaret-h",
    "edsger",
    "barbara-l",
    "donald-k",
    "radia-p",
    "ken-t",
    "frances-a",
    "tony-h",
    "katherine-j",
];

const LABELS: [&str; 8] = [
    "bug",
    "triage",
    "enhancement",
    "question",
    "regression",
    "documentation",
    "good first issue",
    "area: checkout",
];

/// The addresses of a person, each under its field.
const OF_PERSON: [(&str, &str); 9] = [
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];

/// The addresses of a repository, each under its field.
const OF_REPOSITORY: [(&str, &str); 37] = [
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
    ("git_url", "/git"),
];

/// A signed delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// GitHub's GUID.
    pub(crate) id: String,
    /// The value of `X-Hub-Signature-256`.
    pub(crate) signature: String,
    /// What was signed.
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    /// The delivery of a number: always the same one.
    pub(crate) fn new(number: usize) -> Self {
        let mut dice = Dice(number as u64 + 1);
        let body = issue_labeled(number, &mut dice).to_string().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let (a, b) = (dice.roll(1 << 32), dice.roll(1 << 48));
        Self { id: format!("{a:08x}-0000-11f0-8000-{b:012x}"), signature, body }
    }

    /// The delivery as one HTTP/1.1 request.
    pub(crate) fn request(&self, path: &str) -> Vec<u8> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nX-GitHub-Event: issues\r\nX-GitHub-Delivery: {}\r\n\
             X-GitHub-Hook-ID: 292430182\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
            self.id,
            self.signature,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }
}

/// Numbers that look like chance and are the same each time.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }

    fn moment(&mut self) -> String {
        let (day, hour, minute, second) = (self.roll(28) + 1, self.roll(24), self.roll(60), self.roll(60));
        format!("2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    fn node(&mut self, kind: &str) -> String {
        format!("{kind}_kwDO{:016x}", self.roll(u64::MAX))
    }

    /// A word that a language could have: of one to four syllables, short ones more often.
    fn word(&mut self) -> String {
        const SYLLABLES: [&str; 32] = [
            "ta", "re", "so", "in", "con", "der", "al", "ter", "mi", "no", "ex", "pa", "ver", "li", "on",
            "da", "tion", "pre", "si", "ment", "to", "un", "com", "ra", "de", "ing", "per", "ma", "ble", "o",
            "ti", "es",
        ];
        let count = 1 + self.roll(4).min(self.roll(4));
        (0..count).map(|_| self.pick(&SYLLABLES)).collect()
    }

    fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

fn issue_labeled(number: usize, dice: &mut Dice) -> Value {
    let repository = format!("acme/{}", dice.pick(&["shop", "warehouse", "billing", "site"]));
    let label = label(&repository, dice);
    json!({
        "action": "labeled",
        "issue": issue(&repository, number, &label, dice),
        "label": label,
        "repository": described(&repository, dice),
        "organization": {
            "login": "acme", "id": 8_113_212, "node_id": "O_kgDOAHvMnA", "url": format!("{API}/orgs/acme"),
            "repos_url": format!("{API}/orgs/acme/repos"), "events_url": format!("{API}/orgs/acme/events"),
            "hooks_url": format!("{API}/orgs/acme/hooks"), "issues_url": format!("{API}/orgs/acme/issues"),
            "members_url": format!("{API}/orgs/acme/members{{/member}}"),
            "public_members_url": format!("{API}/orgs/acme/public_members{{/member}}"),
            "avatar_url": "https://avatars.githubusercontent.com/u/8113212?v=4", "description": "Everything, delivered",
        },
        "sender": person(dice),
        "installation": {"id": 41_532_877, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uNDE1MzI4Nzc="},
    })
}

fn issue(repository: &str, number: usize, added: &Value, dice: &mut Dice) -> Value {
    let api = format!("{API}/repos/{repository}/issues/{number}");
    let paragraphs: Vec<_> = (0..4).map(|_| dice.words(45)).collect();
    let reactions: Map<_, _> = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"]
        .into_iter()
        .map(|name| (name.to_owned(), Value::from(dice.roll(3))))
        .collect();
    let (created, updated) = (dice.moment(), dice.moment());
    json!({
        "url": api, "repository_url": format!("{API}/repos/{repository}"), "labels_url": format!("{api}/labels{{/name}}"),
        "comments_url": format!("{api}/comments"), "events_url": format!("{api}/events"),
        "html_url": format!("{HOST}/{repository}/issues/{number}"), "id": 3_000_000_000 + dice.roll(1 << 30),
        "node_id": dice.node("I"), "number": number, "title": dice.words(7), "user": person(dice),
        "labels": [label(repository, dice), added], "state": "open", "locked": false, "assignee": person(dice),
        "assignees": [person(dice)], "milestone": null, "comments": dice.roll(20), "created_at": created,
        "updated_at": updated, "closed_at": null, "author_association": "MEMBER", "active_lock_reason": null,
        "body": paragraphs.join("\r\n\r\n"), "reactions": {"url": format!("{api}/reactions"), "total_count": 3, "each": reactions},
        "timeline_url": format!("{api}/timeline"), "performed_via_github_app": null, "state_reason": null,
    })
}

fn label(repository: &str, dice: &mut Dice) -> Value {
    let name = dice.pick(&LABELS);
    json!({
        "id": 1_900_000_000 + dice.roll(1 << 28), "node_id": dice.node("LA"), "name": name, "color": "ededed",
        "url": format!("{API}/repos/{repository}/labels/{}", name.replace(' ', "%20")),
        "default": false, "description": "What is looked at first",
    })
}

fn person(dice: &mut Dice) -> Value {
    let at = dice.roll(PEOPLE.len() as u64);
    let login = PEOPLE[usize::try_from(at).unwrap()];
    let id = 11_031_455 + at * 7_919;
    let mut person = addresses(&format!("{API}/users/{login}"), &OF_PERSON);
    let more = json!({
        "login": login, "id": id, "node_id": format!("MDQ6VXNlcjExMDM{id}"), "gravatar_id": "", "type": "User",
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"), "url": format!("{API}/users/{login}"),
        "html_url": format!("{HOST}/{login}"), "user_view_type": "public", "site_admin": false,
    });
    person.extend(more.as_object().cloned().unwrap());
    person.into()
}

fn described(repository: &str, dice: &mut Dice) -> Value {
    let (owner, name) = repository.split_once('/').unwrap();
    let mut described = addresses(&format!("{API}/repos/{repository}"), &OF_REPOSITORY);
    let more = json!({
        "id": 510_223_877, "node_id": "R_kgDOHml6BQ", "name": name, "full_name": repository, "private": true,
        "owner": person(dice), "html_url": format!("{HOST}/{repository}"), "description": "What customers see first",
        "fork": false, "url": format!("{API}/repos/{repository}"), "created_at": "2022-07-04T06:15:39Z",
        "updated_at": dice.moment(), "pushed_at": dice.moment(), "ssh_url": format!("git@github.com:{repository}.git"),
        "clone_url": format!("{HOST}/{repository}.git"), "svn_url": format!("{HOST}/{repository}"), "homepage": null,
        "size": dice.roll(90_000), "stargazers_count": dice.roll(500), "watchers_count": dice.roll(500), "language": "Rust",
        "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "forks_count": dice.roll(90), "mirror_url": null, "archived": false, "disabled": false,
        "open_issues_count": dice.roll(400), "license": null, "allow_forking": true, "is_template": false,
        "web_commit_signoff_required": false, "topics": [owner, "orders"], "visibility": "private",
        "forks": dice.roll(90), "open_issues": dice.roll(400), "watchers": dice.roll(500), "default_branch": "main",
        "custom_properties": {},
    });
    described.extend(more.as_object().cloned().unwrap());
    described.into()
}

fn addresses(base: &str, fields: &[(&str, &str)]) -> Map<String, Value> {
    fields.iter().map(|(field, rest)| ((*field).to_owned(), Value::from(format!("{base}{rest}")))).collect()
}
