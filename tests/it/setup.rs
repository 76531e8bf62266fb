//! Setting up, as a newcomer does it: what `init` writes is right, and a server starts with it.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Process, free_port, ostler};

/// Scripted: every service, with secrets to be filled in later.
const INIT: &[&str] = &[
    "init",
    "--with",
    "github,jira,slack,anthropic",
    "--set",
    "JIRA_URL=https://acme.atlassian.net",
    "--set",
    "JIRA_EMAIL=ostler@acme.example",
    "--repository",
    "SHOP=acme/shop",
    "--public-url",
    "https://ostler.example.org",
    "--examples",
    "--yes",
    "--json",
];

#[test]
fn what_init_writes_is_right_and_a_server_starts_with_it() {
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), INIT);
    assert_eq!(said.code, 0, "{said:#?}");
    let files: Vec<_> =
        said.json()["files"].as_array().unwrap().iter().map(|one| one["file"].clone()).collect();
    assert!(files.iter().any(|file| file == "slack-app.json"), "{files:?}");
    let mode = std::fs::metadata(place.path().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ostler(place.path(), &["check"]).code, 0);
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Process::start(&["serve", "--listen", &listen], place.path(), &[]);
    // The webhook's secret was made, so that this source is on; the bot's token is yet to be filled in.
    let doctor = ostler(place.path(), &["doctor", "--json"]);
    let findings = doctor.json()["findings"].as_array().unwrap().clone();
    let store = findings.iter().find(|one| one["area"] == "store" && one["what"] == "store").unwrap();
    assert_eq!(store["said"], "a server runs on it and answers");
    assert!(findings.iter().any(|one| one["said"].as_str().unwrap().contains("GITHUB_TOKEN is not set")));
    assert!(!findings.iter().any(|one| one["said"].as_str().unwrap().contains("GITHUB_WEBHOOK_SECRET")));
    assert!(server.terminate().success());
}

#[test]
fn with_nobody_there_what_is_missing_is_listed() {
    let place = tempfile::tempdir().unwrap();
    let said = ostler(place.path(), &["init", "--with", "jira"]);
    assert_eq!(said.code, 1, "{said:#?}");
    for name in ["JIRA_URL", "JIRA_EMAIL", "JIRA_API_TOKEN"] {
        assert!(said.err.contains(name), "{said:#?}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
