//! Cases of `ostler test`: a kept delivery in, the runs that it starts out. They stand beside the handlers, in
//! `<handler>.test.yaml`.

pub(super) mod keys;

use serde_json::{Map, Value};

use super::RepositoryMap;
use super::diagnostic::Source;
use super::yaml::{self, Entry, Fields, Node};
use crate::event::{Account, People};

/// What the name of a file of cases ends with.
pub const ENDING: &str = ".test.yaml";

/// A file of cases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cases {
    /// What holds for all of them.
    pub standing: Circumstances,
    /// The cases in their order.
    pub cases: Vec<Case>,
}

/// What is taken for known of the world, where the configuration does not say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Circumstances {
    /// Ostler's own accounts.
    pub own: Vec<Account>,
    /// Programs that may ask like people.
    pub bots: Vec<Account>,
    /// Where work for a project, component or channel goes.
    pub repositories: RepositoryMap,
    /// Which accounts are one person's.
    pub people: People,
}

/// One case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The line that it begins at, from 1.
    pub line: usize,
    /// The column that it begins at, from 1.
    pub column: usize,
    /// The kept delivery: a file, or `<source>/<name>` of one that is kept or shipped.
    pub delivery: String,
    /// What is other than in the kept delivery, by dotted path in its body.
    pub set: Map<String, Value>,
    /// What it is to start.
    pub runs: Vec<ExpectedRun>,
    /// Which triggers are to be stopped, and by which of their conditions.
    pub stopped: Vec<(String, String)>,
    /// What the sentence on the whole is to hold.
    pub because: Option<String>,
    /// What the answer to the person who asked is to hold.
    pub answer: Option<String>,
}

/// A run that is to start; what is not said of it is not looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedRun {
    /// The trigger that wants it.
    pub trigger: String,
    /// Its workflow.
    pub workflow: Option<String>,
    /// The repository that it works on.
    pub repository: Option<String>,
    /// The task that it is about.
    pub task: Option<String>,
    /// Some of its inputs.
    pub inputs: Map<String, Value>,
}

impl Cases {
    /// Reads a file of cases. Whoever calls looks at the source's faults.
    #[must_use]
    pub fn read(source: &mut Source) -> Self {
        let Some(node) = yaml::parse(source) else { return Self::default() };
        let Some(fields) = Fields::of(&node, &keys::FILE, source) else { return Self::default() };
        let standing = fields.given("standing").and_then(|node| circumstances(node, source));
        let cases = fields.list("cases").iter().filter_map(|node| case(node, source)).collect();
        Self { standing: standing.unwrap_or_default(), cases }
    }
}

fn circumstances(node: &Node, source: &mut Source) -> Option<Circumstances> {
    let fields = Fields::of(node, &keys::STANDING, source)?;
    let mut repositories = RepositoryMap::default();
    for entry in fields.map("repositories") {
        let Some(name) = entry.value.as_text() else { continue };
        match name.parse() {
            Ok(name) => drop(repositories.0.insert(entry.key.clone(), name)),
            Err(_) => source.fault(entry.value.span.clone(), "this is not a repository (`owner/name`)"),
        }
    }
    Some(Circumstances {
        own: accounts(&fields, "own", source),
        bots: accounts(&fields, "bots", source),
        repositories,
        people: people(&fields, source),
    })
}

fn accounts(fields: &Fields<'_>, key: &str, source: &mut Source) -> Vec<Account> {
    accounts_of(fields.texts(key), source)
}

fn accounts_of(texts: Vec<(&str, &Node)>, source: &mut Source) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (text, node) in texts {
        match text.parse() {
            Ok(account) => accounts.push(account),
            Err(error) => source.fault(node.span.clone(), format!("{error}")),
        }
    }
    accounts
}

fn people(fields: &Fields<'_>, source: &mut Source) -> People {
    let person = |entry: &Entry| (entry.key.clone(), accounts_of(entry.value.texts(), source));
    People(fields.map("identity").iter().map(person).collect())
}

fn case(node: &Node, source: &mut Source) -> Option<Case> {
    let fields = Fields::of(node, &keys::CASE, source)?;
    let (line, column) = source.place(node.span.start);
    let runs = fields.list("runs");
    Some(Case {
        name: fields.text("name")?.to_owned(),
        line,
        column,
        delivery: fields.text("delivery")?.to_owned(),
        set: yaml::to_object(fields.map("set")),
        runs: runs.iter().filter_map(|node| run(node, source)).collect(),
        stopped: stopped(&fields),
        because: fields.text("because").map(str::to_owned),
        answer: fields.text("answer").map(str::to_owned),
    })
}

fn run(node: &Node, source: &mut Source) -> Option<ExpectedRun> {
    let fields = Fields::of(node, &keys::RUN, source)?;
    let text = |key: &str| fields.text(key).map(str::to_owned);
    let (workflow, repository, task) = (text("workflow"), text("repository"), text("task"));
    Some(ExpectedRun {
        trigger: fields.text("trigger")?.to_owned(),
        workflow,
        repository,
        task,
        inputs: yaml::to_object(fields.map("inputs")),
    })
}

/// `nothing: {github-labeled: label}`.
fn stopped(fields: &Fields<'_>) -> Vec<(String, String)> {
    let mut stopped = Vec::new();
    for entry in fields.map("nothing") {
        let condition = entry.value.as_text().map(str::to_owned);
        stopped.extend(condition.map(|condition| (entry.key.clone(), condition)));
    }
    stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_with_its_place() {
        let text = "cases:\n  - name: a\n    delivery: x/y\n    set: {a.b: 1}\n    nothing: {t: label}\n";
        let mut source = Source::new("t.test.yaml", text);
        let read = Cases::read(&mut source);
        assert_eq!(source.faults(), 0);
        let case = &read.cases[0];
        assert_eq!((case.line, case.set["a.b"].as_i64()), (2, Some(1)));
        assert_eq!(case.stopped, [("t".to_owned(), "label".to_owned())]);
    }

    #[test]
    fn a_slip_is_a_fault_and_so_is_a_case_that_expects_nothing_at_all() {
        for text in [
            "cases:\n  - name: a\n    delivery: x/y\n    runs: []\n    anser: b\n",
            "cases:\n  - name: a\n    delivery: x/y\n",
            "cases:\n  - name: a\n    delivery: x/y\n    runs: []\n    nothing: {}\n",
            "cases:\n  - name: a\n    runs: []\n",
            "cases: []\n",
            "standing: {own: [nobody]}\ncases: [{name: a, delivery: x/y, runs: []}]\n",
        ] {
            let mut source = Source::new("t.test.yaml", text);
            let read = Cases::read(&mut source);
            assert!(source.faults() > 0, "{text}: {read:?}");
        }
    }
}
