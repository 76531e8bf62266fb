//! Setting up, with nobody there, with a person, and against the twins.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::app::App;
use crate::cli::check;
use crate::plugin::setup::Place;
use crate::twin;

/// What every service would have to be told.
const TOLD: [(&str, &str); 6] = [
    ("GITHUB_TOKEN", "hush-github"),
    ("JIRA_URL", "https://acme.atlassian.net"),
    ("JIRA_EMAIL", "ostler@acme.example"),
    ("JIRA_API_TOKEN", "hush-$jira"),
    ("SLACK_SIGNING_SECRET", "hush-signing"),
    ("SLACK_BOT_TOKEN", "hush-slack"),
];

fn arguments(dir: &Path, with: &str) -> Arguments {
    let told = TOLD.iter().filter(|(name, _)| with.contains(&name.split('_').next().unwrap().to_lowercase()));
    Arguments {
        dir: dir.to_owned(),
        with: with.split(',').map(str::to_owned).collect(),
        set: told.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        public_url: Some("https://ostler.example.org".to_owned()),
        repository: vec!["SHOP=acme/shop".to_owned()],
        app_name: "Ostler".to_owned(),
        ..Arguments::default()
    }
}

async fn init(arguments: Arguments) -> anyhow::Result<Done> {
    perform(arguments, &Environment::default(), &Nobody, &|_| ()).await
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

fn how<'a>(done: &'a Done, file: &str) -> &'a str {
    done.written.iter().find(|written| written.file == file).unwrap().how
}

fn set(arguments: &mut Arguments, name: &str, value: &str) {
    arguments.set.retain(|(known, _)| known != name);
    arguments.set.push((name.to_owned(), value.to_owned()));
}

#[tokio::test]
async fn what_is_written_checks_and_starts_and_holds_no_secret_but_in_its_file() {
    let place = tempfile::tempdir().unwrap();
    let mut wanted = arguments(place.path(), "github,jira,slack");
    wanted.examples = true;
    let done = init(wanted).await.unwrap();
    let mode = std::fs::metadata(place.path().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for written in done.written.iter().filter(|written| written.file != ".env") {
        assert!(!read(&place, &written.file).contains("hush"), "{}", written.file);
    }
    let made = crate::config::environment::variables(&read(&place, ".env"));
    assert_eq!(made["GITHUB_WEBHOOK_SECRET"].len(), 64);
    assert_ne!(made["GITHUB_WEBHOOK_SECRET"], made["JIRA_WEBHOOK_SECRET"]);
    let mut loaded = config::load(Some(&place.path().join("ostler.yaml")), &Environment::default()).unwrap();
    assert_eq!(loaded.notices, []);
    assert_eq!(loaded.config.plugins.task_management.options["api_token"], "hush-$jira");
    assert!(check::check(&crate::app::origin(&loaded), &registry::vocabulary()).is_right());
    loaded.config.store.url = "memory://".to_owned();
    loaded.config.system.workspace_dir = place.path().join("workspaces");
    // Nothing outside is asked for more than once while it starts, and none of it answers here.
    for choice in [
        &mut loaded.config.plugins.task_management,
        &mut loaded.config.plugins.version_control,
        &mut loaded.config.plugins.communication,
    ] {
        choice.options.insert("base_url".to_owned(), "http://127.0.0.1:9".into());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    App::start(loaded, listener).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn every_service_alone_makes_a_configuration_that_loads() {
    for guide in registry::guides() {
        let place = tempfile::tempdir().unwrap();
        let mut wanted = arguments(place.path(), guide.provider);
        wanted.yes = true;
        for setting in guide.settings.iter().filter(|setting| setting.place != Place::Line) {
            set(
                &mut wanted,
                setting.variable,
                if setting.key.ends_with("url") { "https://a.example" } else { "a" },
            );
        }
        init(wanted).await.unwrap();
        let loaded = config::load(Some(&place.path().join("ostler.yaml")), &Environment::default()).unwrap();
        assert_eq!(loaded.notices, [], "{}", guide.provider);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        registry::Registry::build(loaded.config.vendors().unwrap(), &clock).unwrap();
    }
}

#[cfg(feature = "socket-mode")]
#[tokio::test]
async fn who_cannot_reach_ostler_is_listened_to_where_that_is_possible() {
    let place = tempfile::tempdir().unwrap();
    let mut wanted = arguments(place.path(), "github,slack");
    wanted.public_url = Some(String::new());
    let refused = init(wanted.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("SLACK_SIGNING_SECRET: none of the chosen services asks for it"), "{refused}");
    wanted.set.retain(|(name, _)| name != "SLACK_SIGNING_SECRET");
    set(&mut wanted, "SLACK_APP_TOKEN", "xapp-hush");
    init(wanted).await.unwrap();
    let written = read(&place, "ostler.yaml");
    assert!(written.contains("  slack:\n    app_token: \"${SLACK_APP_TOKEN}\"\n"), "{written}");
    assert!(written.contains("  github:\n    secrets: [") && !written.contains("signing"), "{written}");
    assert!(read(&place, "slack-app.json").contains("\"socket_mode_enabled\": true"));
    let environment = Environment::from([
        ("SLACK_APP_TOKEN", "xapp-hush"),
        ("SLACK_BOT_TOKEN", "xoxb-hush"),
        ("GITHUB_TOKEN", "t"),
        ("GITHUB_WEBHOOK_SECRET", "s"),
    ]);
    let loaded = config::load(Some(&place.path().join("ostler.yaml")), &environment).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = registry::Registry::build(loaded.config.vendors().unwrap(), &clock).unwrap();
    assert_eq!(registry.listeners.len(), 1);
}

#[tokio::test]
async fn what_is_not_known_is_listed_whole_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let mut wanted = arguments(place.path(), "github,jira,slack");
    wanted.set.retain(|(name, _)| !name.ends_with("TOKEN"));
    let error = init(wanted.clone()).await.unwrap_err().to_string();
    for name in ["GITHUB_TOKEN", "JIRA_API_TOKEN", "SLACK_BOT_TOKEN"] {
        assert!(error.contains(&format!("--set {name}=")), "{error}");
    }
    assert!(!error.contains("WEBHOOK_SECRET"), "what is made here is not asked for: {error}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    wanted.yes = true;
    let done = init(wanted).await.unwrap();
    assert!(
        done.steps[0].starts_with("Fill in GITHUB_TOKEN, JIRA_API_TOKEN, SLACK_BOT_TOKEN in "),
        "{:?}",
        done.steps
    );
}

#[tokio::test]
async fn a_service_that_is_unknown_is_told_with_what_was_meant() {
    let place = tempfile::tempdir().unwrap();
    let error = init(arguments(place.path(), "gihtub")).await.unwrap_err().to_string();
    assert!(error.ends_with("did you mean github?"), "{error}");
}

#[tokio::test]
async fn again_changes_nothing_and_what_differs_is_shown_and_kept() {
    let place = tempfile::tempdir().unwrap();
    let wanted = arguments(place.path(), "github,jira,slack");
    init(wanted.clone()).await.unwrap();
    let secrets = read(&place, ".env");
    let again = init(wanted.clone()).await.unwrap();
    assert!(again.written.iter().all(|written| written.how == "unchanged"), "{again:?}");
    assert_eq!(read(&place, ".env"), secrets, "secrets that are kept are not made anew");
    let (schema, older) = (".ostler/schema/config.json", place.path().join(".ostler/schema/config.json"));
    std::fs::write(&older, "{}").unwrap();
    assert_eq!(how(&init(wanted.clone()).await.unwrap(), schema), "written", "nobody writes it by hand");
    assert_ne!(read(&place, schema), "{}");
    let mine = read(&place, "ostler.yaml").replace("8080", "9090");
    std::fs::write(place.path().join("ostler.yaml"), &mine).unwrap();
    let error = init(wanted.clone()).await.unwrap_err().to_string();
    assert!(
        error.contains("-  listen: 127.0.0.1:9090") && error.contains("+  listen: 127.0.0.1:8080"),
        "{error}"
    );
    assert_eq!(read(&place, "ostler.yaml"), mine);
    let forced = init(Arguments { force: true, ..wanted }).await.unwrap();
    assert_eq!(how(&forced, "ostler.yaml"), "written");
    assert!(read(&place, "ostler.yaml").contains("8080"));
}

#[tokio::test]
async fn a_secret_that_would_be_replaced_is_named_and_not_shown() {
    let place = tempfile::tempdir().unwrap();
    let mut wanted = arguments(place.path(), "github");
    std::fs::write(place.path().join(".env"), "MINE=1\nGITHUB_TOKEN=hush-old\n").unwrap();
    let error = init(wanted.clone()).await.unwrap_err().to_string();
    assert!(error.contains("GITHUB_TOKEN") && !error.contains("hush"), "{error}");
    wanted.set.retain(|(name, _)| name != "GITHUB_TOKEN");
    let done = init(wanted).await.unwrap();
    assert_eq!(how(&done, ".env"), "completed");
    let text = read(&place, ".env");
    assert!(
        text.starts_with("MINE=1\nGITHUB_TOKEN=hush-old\n") && text.contains("GITHUB_WEBHOOK_SECRET="),
        "{text}"
    );
    let mode = std::fs::metadata(place.path().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it was open to others before");
}

/// A person who answers from a list, and notes what was asked.
#[derive(Default)]
struct Scripted {
    answers: RefCell<VecDeque<&'static str>>,
    asked: RefCell<Vec<(String, bool)>>,
}

impl Person for Scripted {
    fn is_there(&self) -> bool {
        true
    }

    fn ask(&self, question: &str, usual: Option<&str>, secret: bool) -> io::Result<String> {
        self.asked.borrow_mut().push((question.to_owned(), secret));
        let answer = self.answers.borrow_mut().pop_front().unwrap_or_default();
        Ok(if answer.is_empty() { usual.unwrap_or_default() } else { answer }.to_owned())
    }
}

#[tokio::test]
async fn a_person_is_asked_for_everything_and_secrets_are_not_shown() {
    let place = tempfile::tempdir().unwrap();
    let person = Scripted::default();
    let answers = ["jira", "https://o.example", "https://j.example", "a@b.example", "hush", "SHOP=acme/shop"];
    person.answers.borrow_mut().extend(answers);
    let wanted = Arguments { dir: place.path().to_owned(), ..Arguments::default() };
    perform(wanted, &Environment::default(), &person, &|_| ()).await.unwrap();
    let asked = person.asked.borrow();
    let secrets: Vec<_> =
        asked.iter().filter(|(_, secret)| *secret).map(|(question, _)| question.as_str()).collect();
    assert!(asked.len() == 6 && secrets.len() == 1 && secrets[0].contains("JIRA_API_TOKEN"), "{asked:?}");
    let text = read(&place, "ostler.yaml");
    assert!(
        text.contains("base_url: \"https://j.example\"") && text.contains("\"SHOP\": \"acme/shop\""),
        "{text}"
    );
    assert!(text.contains("version_control: {provider: github, enabled: false}"), "{text}");
}

/// Twins, and what the services must be told to be them.
async fn twins() -> (twin::Handle, CancellationToken, String) {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = twin::Options::new("http://127.0.0.1:9".parse().unwrap(), Arc::new(SystemClock));
    let twins = twin::serve(listener, options, stop.clone()).await.unwrap();
    let base = twins.base().as_str().trim_end_matches('/').to_owned();
    (twins, stop, base)
}

fn for_twins(mut wanted: Arguments, base: &str) -> Arguments {
    set(&mut wanted, "GITHUB_API_URL", &format!("{base}/github/api/v3"));
    set(&mut wanted, "GITHUB_URL", &format!("{base}/github/git"));
    set(&mut wanted, "GITHUB_TOKEN", "twin-github-token");
    wanted
}

#[tokio::test]
async fn webhooks_are_registered_once_however_often_it_is_asked() {
    let (_twins, stop, base) = twins().await;
    let place = tempfile::tempdir().unwrap();
    let mut wanted = for_twins(arguments(place.path(), "github,jira"), &base);
    set(&mut wanted, "JIRA_URL", &format!("{base}/jira"));
    set(&mut wanted, "JIRA_API_TOKEN", "twin-jira-token");
    wanted.register = true;
    let first = init(wanted.clone()).await.unwrap();
    let said = |done: &Done| done.registered.iter().map(|one| one.said.clone()).collect::<Vec<_>>();
    assert_eq!(said(&first), ["the webhook of acme/shop is made", "the webhook of the site is made"]);
    assert!(first.steps.iter().all(|step| !step.contains("Settings")), "nothing is left to do by hand");
    let again = init(wanted.clone()).await.unwrap();
    assert!(said(&again).iter().all(|said| said.ends_with("brought up to date")), "{again:?}");
    set(&mut wanted, "JIRA_API_TOKEN", "wrong");
    let refused = init(Arguments { force: true, ..wanted }).await.unwrap();
    assert!(refused.registered[0].error.is_none() && refused.registered[1].error.is_some(), "{refused:?}");
    stop.cancel();
}

/// A browser without eyes: sends the form on the page, and follows where it is sent back to.
async fn confirm(page: Url) -> (Value, String) {
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let html = browser.get(page.clone()).send().await.unwrap().text().await.unwrap();
    let between = |from: &str| {
        let rest = html.split_once(from).unwrap().1;
        rest.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&")
    };
    let (action, manifest) = (between("action=\""), between("value=\""));
    let forged = page.join("callback?code=evil&state=guessed").unwrap();
    assert_eq!(browser.get(forged).send().await.unwrap().status(), 404);
    let answer = browser.post(&action).form(&[("manifest", &manifest)]).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    (serde_json::from_str(&manifest).unwrap(), action)
}

#[tokio::test]
async fn an_app_is_made_by_its_manifest_and_stands_for_a_token() {
    let (_twins, stop, base) = twins().await;
    let place = tempfile::tempdir().unwrap();
    let mut wanted = for_twins(arguments(place.path(), "github"), &base);
    wanted.set.retain(|(name, _)| name != "GITHUB_TOKEN");
    wanted.app = vec!["github=acme".to_owned()];
    let (sender, told) = tokio::sync::oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let tell = |page: &Url| sender.borrow_mut().take().unwrap().send(page.clone()).unwrap();
    let environment = Environment::default();
    let browser = async { confirm(told.await.unwrap()).await };
    let (done, (manifest, action)) =
        tokio::join!(perform(wanted.clone(), &environment, &Nobody, &tell), browser);
    let done = done.unwrap();
    assert!(
        action.starts_with(&format!("{base}/github/git/organizations/acme/settings/apps/new?state=")),
        "{action}"
    );
    assert_eq!(manifest["hook_attributes"]["url"], "https://ostler.example.org/webhooks/github");
    assert_eq!(manifest["default_permissions"]["contents"], "write");
    assert!(manifest["default_events"].as_array().unwrap().iter().any(|event| event == "issue_comment"));
    let key = place.path().join("github-app.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(read(&place, ".env").contains("GITHUB_WEBHOOK_SECRET='webhook-secret-of-ostler'"));
    assert!(!read(&place, ".env").contains("GITHUB_TOKEN"));
    assert!(done.steps[0].contains("/github/apps/ostler/installations/new"), "{:?}", done.steps);
    let mut loaded = config::load(Some(&place.path().join("ostler.yaml")), &Environment::default()).unwrap();
    let options = &mut loaded.config.plugins.version_control.options;
    assert!(options["app_id"].is_u64() && read(&place, "ostler.yaml").contains("client id Iv1."));
    options.insert("private_key_file".to_owned(), key.to_str().unwrap().into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    registry::Registry::build(loaded.config.vendors().unwrap(), &clock).unwrap();
    let error = init(wanted).await.unwrap_err().to_string();
    assert!(error.contains("is there"), "no second App is made for nothing: {error}");
    stop.cancel();
}
