//! The shipped workflows beside standard development, each to its end against the twins: what each made, once. Then the
//! same with a death of the process after record upon record.

use std::path::Path;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Delivery, State, World, alone, git, passes_at, variable};
use crate::stories::given;
use crate::undo;

/// Something that a shipped workflow does, from what somebody does to what is there afterwards.
#[derive(Debug, Clone, Copy)]
struct Story {
    name: &'static str,
    /// The file that stands in the place of standard development.
    file: Option<&'static str>,
    workflow: &'static str,
    /// What happens before, each with the number of runs that there are then.
    before: &'static [(Act, usize)],
    act: Act,
    /// What somebody does once the run waits for a decision.
    then: Option<Act>,
    /// The runs that there are at the end.
    runs: usize,
    /// How each of them ends.
    ending: &'static str,
    /// Fails unless everything is there, once.
    check: fn(&State),
}

/// What somebody does, in the world as it is.
type Act = fn(&State) -> Value;

const STORIES: [Story; 16] = [
    PLANNING,
    NOTES,
    HOTFIX,
    UPDATE,
    TRIAGE,
    REVIEW,
    SECURITY,
    DOCUMENTATION,
    TESTS,
    FEEDBACK,
    CHECK,
    STANDARD,
    DEVELOPMENT,
    AI_STEPS,
    EVERY_KEY,
    ROLLBACK,
];

/// The documents that the format was given by, unmodified.
const GIVEN: [Story; 3] = [
    Story { name: "given: development", file: Some("given/development.yaml"), ..DEVELOPMENT },
    Story { name: "given: AI development", file: Some("given/ai-development.yaml"), ..AI_STEPS },
    Story { name: "given: every key", file: Some("given/every-key.yaml"), ..EVERY_KEY },
];

const STANDARD: Story = Story {
    name: "standard development",
    file: None,
    workflow: "standard-development",
    before: &[],
    act: |_| json!({"assign": {"ticket": "SHOP-7", "by": "ada"}}),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        developed(state);
        assert_eq!(state.branches("acme/shop"), ["main", "ostler/shop-7"]);
        assert_reported(state);
    },
};

const DEVELOPMENT: Story = Story {
    name: "development, as given",
    file: Some("development.yaml"),
    check: |state| {
        developed(state);
        assert_reported(state);
    },
    ..STANDARD
};

const AI_STEPS: Story = Story {
    name: "AI steps, as given",
    file: Some("ai-steps.yaml"),
    check: |state| {
        let pull = developed(state);
        let pages = changed(&pull).into_iter().filter(|path| path.starts_with("docs/"));
        assert_eq!(pages.count(), 1, "{pull:#}");
    },
    ..STANDARD
};

const EVERY_KEY: Story = Story {
    name: "every key, as given",
    file: Some("every-key.yaml"),
    check: |state| {
        assert_eq!(state.ticket("SHOP-7")["status"], "In Progress");
        let messages = state.messages();
        assert!(matches!(messages[..], [("dev", _)]), "{messages:#?}");
        assert_eq!(state.branches("acme/shop").len(), 2, "{:?}", state.branches("acme/shop"));
        assert!(state.pulls("acme/shop").is_empty());
    },
    ..STANDARD
};

const ROLLBACK: Story = Story {
    name: "taken back",
    file: Some("rollback.yaml"),
    ending: "failed",
    check: |state| assert_eq!(undo::remains(state), Vec::<String>::new()),
    ..STANDARD
};

const REVIEW: Story = Story {
    name: "code review",
    file: None,
    workflow: "code-review",
    before: &[],
    act: |_| comment("acme/tools", 1, "/ostler review is it right with a slash?"),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let pull = state.conversation("acme/tools", 1);
        let [review] = &pull["reviews"].as_array().unwrap()[..] else { panic!("not one review: {pull:#}") };
        assert_eq!(
            (&review["author"], &review["state"]),
            (&json!("ostler-bot"), &json!("CHANGES_REQUESTED"))
        );
        assert_eq!(review["commit"], pull["head_sha"]);
        let body = review["body"].as_str().unwrap();
        for part in ["src/paths.sh", "join_path_keeps_one_slash", "`README.md`, line 1: **low**"] {
            assert!(body.contains(part), "{part:?} is missing in:\n{body}");
        }
        let [said] = &review["comments"].as_array().unwrap()[..] else { panic!("{review:#}") };
        assert_eq!((&said["path"], &said["line"]), (&json!("src/paths.sh"), &json!(4)));
        let body = said["body"].as_str().unwrap();
        assert!(body.starts_with("**high**: ") && body.contains("src//a.sh"), "{body}");
        assert_eq!(state.answers_under("acme/tools", 1), Vec::<&str>::new(), "it says nothing besides");
        assert_eq!(state.branches("acme/tools"), ["ada/join-path", "main"]);
        assert_eq!(commits(state, "acme/tools", "ada/join-path"), 1, "it pushes nothing");
        assert!(state.messages().is_empty());
    },
};

const SECURITY: Story = Story {
    name: "security review",
    workflow: "security-review",
    act: |_| comment("acme/tools", 1, "/ostler security names that people choose"),
    check: |state| {
        let pull = state.conversation("acme/tools", 1);
        let [review] = &pull["reviews"].as_array().unwrap()[..] else { panic!("not one review: {pull:#}") };
        assert_eq!(review["state"], "CHANGES_REQUESTED");
        assert!(review["body"].as_str().unwrap().contains("lets a name lead out of its directory"));
        let said = review["comments"][0]["body"].as_str().unwrap();
        assert!(
            said.starts_with("**high**: ") && said.contains("gives `uploads/../../etc/passwd`"),
            "{said}"
        );
        assert_eq!(state.answers_under("acme/tools", 1), Vec::<&str>::new(), "it says nothing besides");
    },
    ..REVIEW
};

/// The same where there is no pull request: the answer stands where it was asked for.
const SECURITY_OF_ALL: Story = Story {
    name: "security review of a repository",
    act: |_| comment("acme/site", 1, "/ostler security"),
    check: |state| {
        let answers = state.answers_under("acme/site", 1);
        assert!(matches!(answers[..], [one] if one.contains("Nothing was found")), "{answers:#?}");
        assert_eq!(state.branches("acme/site"), ["main"]);
    },
    ..SECURITY
};

const DOCUMENTATION: Story = Story {
    name: "documentation only",
    file: None,
    workflow: "documentation-only",
    before: &[],
    act: |_| {
        let text = "/ostler docs free_shipping is missing in the README";
        json!({"command": {"channel": "#shop-dev", "user": "ada", "text": text}})
    },
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let pull = handed_over(state, "acme/shop", "ostler/docs-shop-8");
        assert_eq!(changed(&pull), ["README.md"]);
        assert_added(
            &pull,
            "| `free_shipping SUM` | whether the order is large enough to be sent for nothing |",
        );
        assert_eq!(state.ticket("SHOP-8")["status"], "In Review");
        assert_eq!(state.answers_on("SHOP-8").len(), 1);
        assert!(state.ticket("SHOP-9").is_null(), "one ticket was made");
    },
};

const TESTS: Story = Story {
    name: "test generation",
    file: None,
    workflow: "test-generation",
    before: &[(
        |_| {
            let body = "`extension` is not tested for a name without a dot, as `Makefile` is.";
            let issue = json!({"repository": "acme/tools", "title": "Names without a dot", "body": body});
            json!({"open_issue": with(issue, "by", "ada")})
        },
        0,
    )],
    act: |_| comment("acme/tools", 2, "/ostler test"),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let pull = handed_over(state, "acme/tools", "ostler/tests-2");
        assert_eq!(changed(&pull), ["tests/run.sh"]);
        assert_added(&pull, "check extension_of_Makefile \"\" \"$(extension Makefile)\"");
        assert_eq!(state.answers_under("acme/tools", 2).len(), 1);
    },
};

const PLANNING: Story = Story {
    name: "planning",
    file: None,
    workflow: "planning",
    before: &[],
    act: |_| json!({"comment_ticket": {"ticket": "SHOP-7", "body": "/ostler plan", "by": "ada"}}),
    then: Some(|state| {
        assert!(state.ticket("SHOP-8").is_null(), "nothing is made before it is approved");
        json!({"comment_ticket": {"ticket": "SHOP-7", "body": "/ostler approve", "by": "ada"}})
    }),
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let titles =
            ["SHOP-8", "SHOP-9"].map(|key| state.ticket(key)["summary"].as_str().unwrap_or_default());
        assert_eq!(titles, ["Test order_total 2000 10", "Mend order_total in src/order.sh"]);
        let second = state.ticket("SHOP-9")["description"].as_str().unwrap();
        for part in ["It gives 2000.", "Estimate: 2 hours", "After: Test order_total 2000 10", "SHOP-7"] {
            assert!(second.contains(part), "{part:?} is missing in:\n{second}");
        }
        assert!(state.ticket("SHOP-10").is_null(), "two tasks were made");
        let said = state.answers_on("SHOP-7");
        let times = |what: &str| said.iter().filter(|text| text.contains(what)).count();
        assert_eq!((times("first a test"), times("Planned as SHOP-8, SHOP-9.")), (1, 1), "{said:#?}");
        assert_eq!(state.branches("acme/shop"), ["main"]);
    },
};

const NOTES: Story = Story {
    name: "release notes",
    file: None,
    workflow: "release-notes",
    before: &[],
    act: |_| json!({"command": {"channel": "#site-dev", "user": "ada", "text": "/ostler release-notes"}}),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let main = state.tips("acme/site")["main"].as_str().unwrap();
        let pull = handed_over(state, "acme/site", &format!("ostler/release-notes-{}", &main[..12]));
        assert_eq!(changed(&pull), ["CHANGELOG.md"]);
        assert_added(&pull, &format!("- Begin ({})", &main[..8]));
        assert_eq!(pull["title"], "Release notes");
        assert_eq!(state.messages()[0].0, "site-dev", "the answer is where it was asked");
        assert!(state.ticket("BANK-1").is_null(), "nothing is a task here");
    },
};

const HOTFIX: Story = Story {
    name: "hotfix",
    file: None,
    workflow: "hotfix",
    before: &[],
    act: |_| json!({"label": {"repository": "acme/site", "issue": 1, "label": "hotfix", "by": "ada"}}),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let [pull] = state.pulls("acme/site")[..] else { panic!("{:#}", state.repository("acme/site")) };
        assert_eq!(pull["head"], "ostler/hotfix-1");
        assert!(pull["title"].as_str().unwrap().starts_with("Hotfix: Slugs keep"), "{pull:#}");
        assert_eq!(state.answers_under("acme/site", 1).len(), 1);
        let messages = state.messages();
        let said = |at: usize, what: &str| messages[at].1.contains(what);
        assert!(messages.len() == 2 && said(0, "Hotfix begun") && said(1, "/pull/2"), "{messages:#?}");
    },
};

const UPDATE: Story = Story {
    name: "dependency update",
    file: None,
    workflow: "dependency-update",
    before: &[],
    act: |_| {
        let text = "/ostler update shellcheck 0.10.0";
        json!({"command": {"channel": "#tools-dev", "user": "ada", "text": text}})
    },
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let pull = handed_over(state, "acme/tools", "ostler/update-bank-1");
        assert_eq!(changed(&pull), [".tool-versions"]);
        assert_added(&pull, "shellcheck 0.10.0");
        assert_eq!(state.ticket("BANK-1")["status"], "In Review");
    },
};

const TRIAGE: Story = Story {
    name: "incident triage",
    file: None,
    workflow: "incident-triage",
    before: &[],
    act: |_| json!("pagerduty"),
    then: None,
    runs: 1,
    ending: "succeeded",
    check: |state| {
        let ticket = state.ticket("SHOP-8");
        assert_eq!(ticket["summary"], "Incident: Totals are wrong", "{ticket:#}");
        let text = ticket["description"].as_str().unwrap();
        for part in ["acme.pagerduty.com/incidents/PGR0VU2", "order_total", "src/order.sh", "line 4"] {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert!(state.ticket("SHOP-9").is_null(), "one ticket was made");
        let messages = state.messages();
        assert!(matches!(messages[..], [(_, text)] if text.contains("SHOP-8")), "{messages:#?}");
        assert_eq!(state.branches("acme/shop"), ["main"]);
    },
};

/// A pull request of the bot's own.
const OWN: (Act, usize) =
    (|_| json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"}}), 1);

const FEEDBACK: Story = Story {
    name: "feedback of a review",
    file: None,
    workflow: "pr-feedback",
    before: &[OWN],
    act: |_| {
        let review = json!({
            "event": "REQUEST_CHANGES",
            "comments": [
                {"path": "tests/run.sh", "line": 20, "body": "It belongs here."},
                {"path": "src/slug.sh", "line": 5, "body": "Is this right for signs alone?"},
                {"path": "src/slug.sh", "line": 6, "body": "And this?"},
            ],
            "body": "Please show with a test what `slug` makes of `!!!`.",
        });
        json!({"review": {"repository": "acme/site", "number": 2, "review": review, "by": "ada"}})
    },
    then: None,
    runs: 2,
    ending: "succeeded",
    check: |state| {
        continued(state, "check slug_of_signs_alone \"\" \"$(slug '!!!')\"");
        let reviews = state.conversation("acme/site", 2)["reviews"].as_array().unwrap();
        let comments = reviews.iter().flat_map(|review| review["comments"].as_array().unwrap());
        let replies: Vec<&Value> = comments.map(|comment| &comment["replies"]).collect();
        let said = |reply: &Value| reply[0]["body"].as_str().unwrap().lines().next().unwrap().to_owned();
        assert!(replies.iter().all(|reply| reply.as_array().unwrap().len() == 1), "{replies:#?}");
        let said: Vec<String> = replies.into_iter().map(said).collect();
        let about = "`slug_of_signs_alone` stands there now.";
        assert_eq!(said, [about, "It stays as it is: of `!!!` it makes ``.", "The new test shows that too."]);
    },
};

const CHECK: Story = Story {
    name: "feedback of a check",
    file: None,
    workflow: "pr-feedback",
    before: &[OWN],
    act: |_| {
        let check = json!({
            "name": "lint", "conclusion": "failure", "summary": "src/slug.sh:5: longer than 80 signs",
        });
        json!({"check": {"repository": "acme/site", "number": 2, "check": check}})
    },
    then: None,
    runs: 2,
    ending: "succeeded",
    check: |state| continued(state, "        sed -e 's/[^a-z0-9]\\{1,\\}/-/g' -e 's/^-//' -e 's/-$//'"),
};

/// The one pull request of acme/shop, which mends the total.
fn developed(state: &State) -> Value {
    let [pull] = state.pulls("acme/shop")[..] else { panic!("not one: {:#}", state.repository("acme/shop")) };
    assert_eq!(state.branches("acme/shop").len(), 2, "{:?}", state.branches("acme/shop"));
    assert_added(pull, "    echo $((sum - sum * discount / 100))");
    pull.clone()
}

/// The ticket says so, and so does the chat, once each.
fn assert_reported(state: &State) {
    assert_eq!(state.ticket("SHOP-7")["status"], "In Review");
    assert_eq!(state.answers_on("SHOP-7").len(), 1, "{:?}", state.answers_on("SHOP-7"));
    assert_eq!(state.messages().len(), 1, "{:?}", state.messages());
}

fn comment(repository: &str, number: u64, body: &str) -> Value {
    json!({"comment": {"repository": repository, "number": number, "body": body, "by": "ada"}})
}

fn with(mut value: Value, name: &str, more: &str) -> Value {
    value[name] = more.into();
    value
}

/// The one new pull request of a repository, from this branch, with one commit whose tests fail nowhere new, and word of
/// it in the chat, once.
fn handed_over(state: &State, repository: &str, branch: &str) -> Value {
    let pulls = state.pulls(repository).into_iter().filter(|pull| pull["author"] == "ostler-bot");
    let [pull] = pulls.collect::<Vec<_>>()[..] else {
        panic!("not one pull request: {:#}", state.repository(repository))
    };
    assert_eq!(pull["head"], branch);
    assert_eq!(commits(state, repository, branch), 1);
    let url = pull["url"].as_str().unwrap();
    let messages = state.messages();
    assert!(matches!(messages[..], [(_, text)] if text.contains(url)), "{messages:#?}");
    pull.clone()
}

/// Ostler's pull request of acme/site has one commit more than the first, which adds this line, passes its tests and was
/// answered for.
fn continued(state: &State, line: &str) {
    let pull = state.conversation("acme/site", 2);
    assert_eq!(state.pulls("acme/site").len(), 1);
    let branch = pull["head"].as_str().unwrap();
    assert_eq!(commits(state, "acme/site", branch), 2, "one commit more");
    assert_added(pull, line);
    let clone = state.clone_of("acme/site");
    let head = git(clone.path(), &["rev-parse", &format!("origin/{branch}")]);
    assert!(passes_at(clone.path(), &head));
    let answers = state.answers_under("acme/site", 2);
    assert!(matches!(answers[..], [one] if one.contains(&head)), "{answers:#?}");
}

/// The commits that a branch has over main.
fn commits(state: &State, repository: &str, branch: &str) -> usize {
    let clone = state.clone_of(repository);
    let range = format!("origin/main..origin/{branch}");
    git(clone.path(), &["rev-list", "--count", &range]).parse().unwrap()
}

fn changed(pull: &Value) -> Vec<&str> {
    let diff = pull["diff"].as_str().unwrap();
    diff.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect()
}

fn assert_added(pull: &Value, line: &str) {
    let diff = pull["diff"].as_str().unwrap();
    assert!(
        diff.lines().any(|added| added.strip_prefix('+') == Some(line)),
        "{line:?} is not added:\n{diff}"
    );
}

/// The configuration for the twins, with what checks and incidents need besides.
fn configuration(text: String) -> String {
    let more = [
        ("security: {", "security: {bots: [\"github:acme-ci[bot]\", \"pagerduty:PF9KMXH\"], "),
        ("sources:\n", "sources:\n  pagerduty: {secrets: [twin-pagerduty]}\n"),
        ("repositories:\n", "repositories:\n  Shop: acme/shop\n"),
    ];
    more.into_iter().fold(text, |text, (old, new)| text.replacen(old, new, 1))
}

impl Story {
    /// A world in which everything has happened that comes before.
    async fn begin(&self) -> World {
        let mut world = World::without_bot(&[]);
        world.configure(configuration, &[]);
        if let Some(text) = self.text() {
            world.write_workflow(self.workflow, &text);
        }
        world.restart();
        for (act, runs) in self.before {
            world.act(act(&world.state().await)).await;
            world.settle(*runs).await;
        }
        world
    }

    /// What stands in the place of the shipped workflow.
    fn text(&self) -> Option<String> {
        let file = self.file?;
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/workflows").join(file);
        let place = file.strip_prefix("given/").map_or(Some(own), given)?;
        Some(std::fs::read_to_string(place).unwrap())
    }

    /// Whether what it is told by is at hand.
    fn is_here(&self) -> bool {
        self.file.is_none() || self.text().is_some()
    }

    /// Lets it happen. What no twin sends again is sent again each time.
    async fn tell(&self, world: &World, told: bool) {
        let act = (self.act)(&world.state().await);
        match act.as_str() {
            Some(_) => drop(world.try_deliver(&Delivery::pagerduty("incident.triggered")).await),
            None if told => {}
            None => drop(world.act(act).await),
        }
    }

    /// Waits for the end, which must be the right one.
    async fn end(&self, world: &World) -> Vec<Value> {
        let runs = world.settle(self.runs).await;
        assert_eq!(runs.len(), self.runs, "{runs:#?}");
        assert!(runs.iter().all(|run| run["status"] == self.ending), "{runs:#?}\n{}", world.log());
        assert_eq!(runs[0]["workflow"], self.workflow);
        (self.check)(&world.state().await);
        runs
    }

    /// The bot dies after every so many things that it commits; gives how many records there were, and how many deaths.
    async fn killed_again_and_again(&self, every: usize) -> (usize, usize) {
        let mut world = self.begin().await;
        assert!(world.terminate().success());
        let (mut records, mut hits, mut told, mut deaths) = (world.records().await, every, false, 0);
        let (first, mut then) = (records, self.then);
        loop {
            world.set("OSTLER_FAILPOINTS", &format!("after_commit=abort@{hits}"));
            world.spawn();
            if world.ready().await {
                self.tell(&world, told).await;
                told = true;
                world.redeliver().await;
                if let Some(act) = then
                    && world.asks().await
                {
                    world.act(act(&world.state().await)).await;
                    then = None;
                }
                if world.settle_or_die(self.runs).await.is_some() {
                    break;
                }
            }
            world.kill();
            deaths += 1;
            let now = world.records().await;
            // What is committed at every start brings no run further: it is left out of the count.
            hits += usize::from(now == records);
            records = now;
            assert!(deaths < 500, "{}: it does not get on\n{}", self.name, world.log());
        }
        // Armed as it is, its next commit may end it while it is looked at.
        world.kill();
        world.set("OSTLER_FAILPOINTS", "");
        world.restart();
        self.end(&world).await;
        world.kill();
        (world.records().await - first, deaths)
    }

    async fn to_its_end(self) {
        let mut world = self.begin().await;
        self.tell(&world, false).await;
        if let Some(then) = self.then {
            assert!(world.asks().await, "{}", world.log());
            world.act(then(&world.state().await)).await;
        }
        self.end(&world).await;
    }
}

#[tokio::test]
async fn a_wish_becomes_a_plan_and_after_approval_its_tasks() {
    PLANNING.to_its_end().await;
}

#[tokio::test]
async fn what_was_committed_becomes_release_notes() {
    NOTES.to_its_end().await;
}

#[tokio::test]
async fn an_urgent_issue_is_mended_and_the_team_hears_of_it_at_once() {
    HOTFIX.to_its_end().await;
}

#[tokio::test]
async fn a_version_that_is_named_becomes_a_pull_request() {
    UPDATE.to_its_end().await;
}

#[tokio::test]
async fn an_incident_becomes_a_ticket_with_what_was_found() {
    TRIAGE.to_its_end().await;
}

#[tokio::test]
async fn a_command_reviews_a_pull_request_and_pushes_nothing() {
    REVIEW.to_its_end().await;
}

#[tokio::test]
async fn a_command_looks_for_what_an_attacker_could_use() {
    SECURITY.to_its_end().await;
    SECURITY_OF_ALL.to_its_end().await;
}

#[tokio::test]
async fn a_slash_command_becomes_documentation() {
    DOCUMENTATION.to_its_end().await;
}

#[tokio::test]
async fn an_issue_gets_the_tests_that_it_asks_for() {
    TESTS.to_its_end().await;
}

#[tokio::test]
async fn a_review_that_asks_for_changes_becomes_a_commit() {
    FEEDBACK.to_its_end().await;
}

#[tokio::test]
async fn a_failed_check_becomes_a_commit() {
    CHECK.to_its_end().await;
}

/// How many commits the bot lives for, beyond those of its start, unless `OSTLER_EVERY` says otherwise.
const EVERY: usize = 8;

/// As many worlds at once as the machine bears.
const AT_ONCE: usize = 3;

#[tokio::test]
async fn killed_after_record_upon_record_every_workflow_does_its_work_once() {
    let _alone = alone().await;
    let every = variable("OSTLER_EVERY").unwrap_or(EVERY);
    let mut stories = STORIES.into_iter().chain(GIVEN).filter(Story::is_here);
    let mut lives = JoinSet::new();
    let mut begin = |lives: &mut JoinSet<_>| {
        if let Some(story) = stories.next() {
            lives.spawn(async move { (story.name, story.killed_again_and_again(every).await) });
        }
    };
    (0..AT_ONCE).for_each(|_| begin(&mut lives));
    println!("| workflow | records | deaths | ended right, once |\n|---|---|---|---|");
    while let Some(lived) = lives.join_next().await {
        let (name, (records, deaths)) = lived.unwrap();
        println!("| {name} | {records} | {deaths} | yes |");
        assert!(deaths > 0, "{name} was never killed");
        begin(&mut lives);
    }
}
