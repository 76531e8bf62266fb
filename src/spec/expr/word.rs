//! Filters, tests and functions: how each is written, and how it is called.

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use super::given::{Given, refuse};

/// What a filter, test or function gives.
pub(super) type Answer = Result<Value, Error>;

/// Stands in a list of parameters for any number of values; those after it are given by name only.
pub(super) const MORE: &str = "…";

/// How much one evaluation may go through: items of lists, and text by the [`PIECE`].
const WORK: usize = 5_000_000;
/// Bytes of text that count as much as one item.
const PIECE: usize = 16;

/// Which of the three a word is; each is written and looked up in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `value | name(…)`.
    Filter,
    /// `value is name(…)`.
    Test,
    /// `name(…)`.
    Function,
}

/// A filter, test or function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Which of the three it is.
    pub(super) role: Role,
    /// Its name.
    pub(super) name: &'static str,
    /// What it takes in its brackets, by name.
    pub(super) takes: &'static [&'static str],
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Plain(fn(&Given) -> Answer),
    Calling(fn(&mut State<'_, '_>, &Given) -> Answer),
}

impl Word {
    /// A filter.
    pub(super) const fn filter(
        name: &'static str,
        takes: &'static [&'static str],
        run: fn(&Given) -> Answer,
    ) -> Self {
        Self { role: Role::Filter, name, takes, run: Run::Plain(run) }
    }

    /// A filter that uses other filters or tests by their names.
    pub(super) const fn calling(
        name: &'static str,
        takes: &'static [&'static str],
        run: fn(&mut State<'_, '_>, &Given) -> Answer,
    ) -> Self {
        Self { role: Role::Filter, name, takes, run: Run::Calling(run) }
    }

    /// A test.
    pub(super) const fn test(
        name: &'static str,
        takes: &'static [&'static str],
        run: fn(&Given) -> Answer,
    ) -> Self {
        Self { role: Role::Test, name, takes, run: Run::Plain(run) }
    }

    /// A function.
    pub(super) const fn function(
        name: &'static str,
        takes: &'static [&'static str],
        run: fn(&Given) -> Answer,
    ) -> Self {
        Self { role: Role::Function, name, takes, run: Run::Plain(run) }
    }

    /// How it is written, without what it takes.
    pub(super) fn short(&self) -> String {
        match self.role {
            // It is an operator as well, and more often that.
            Role::Test if self.name == "in" => self.name.to_owned(),
            Role::Test => format!("is {}", self.name),
            Role::Filter | Role::Function => self.name.to_owned(),
        }
    }

    /// How it is written, with what it takes.
    pub(super) fn spelled(&self) -> String {
        let takes = self.takes.join(", ");
        match self.role {
            Role::Function => format!("{}({takes})", self.name),
            Role::Filter if takes.is_empty() => format!("| {}", self.name),
            Role::Filter => format!("| {}({takes})", self.name),
            Role::Test if takes.is_empty() => format!("is {}", self.name),
            Role::Test => format!("is {}({takes})", self.name),
        }
    }

    /// Makes it known to an environment.
    pub(super) fn register(&'static self, environment: &mut Environment<'static>) {
        let call = move |state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>| -> Answer {
            self.call(state, values.into_values())
        };
        match self.role {
            Role::Filter => environment.add_filter(self.name, call),
            Role::Test => environment.add_test(self.name, call),
            Role::Function => environment.add_function(self.name, call),
        }
    }

    fn call(&'static self, state: &mut State<'_, '_>, values: Vec<Value>) -> Answer {
        charge(state, 1 + values.iter().map(size).sum::<usize>())?;
        let given = Given::to(self, values)?;
        match self.run {
            Run::Plain(run) => run(&given),
            Run::Calling(run) => run(state, &given),
        }
    }
}

/// What this evaluation has gone through so far.
struct Work(usize);

/// minijinja's fuel counts its own instructions, and knows nothing of what happens within a filter.
fn charge(state: &mut State<'_, '_>, more: usize) -> Result<(), Error> {
    let work = state.get_or_insert_extension(Work(0));
    work.0 = work.0.saturating_add(more);
    if work.0 <= WORK { Ok(()) } else { Err(refuse(format!("it goes through more than {WORK} values"))) }
}

fn size(value: &Value) -> usize {
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, |text| text.len() / PIECE),
        _ => value.len().unwrap_or(0),
    }
}
