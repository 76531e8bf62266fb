//! What people write, parsed to checked types: handlers, workflows, prompts, roles, expressions.
//!
//! Everything in a [`Catalog`] has been checked against everything else in it and against
//! the [`Vocabulary`] that plugins declare, so the rest of Ostler never meets a workflow that names an
//! unknown action. Errors are [`diagnostic`]s with file, line and column, all of them at once.

pub mod action;
pub mod case;
pub mod catalog;
pub mod diagnostic;
pub mod expr;
pub mod handler;
pub mod near;
pub mod period;
pub mod prompt;
pub mod schema;
mod scope;
mod shape;
pub mod vocabulary;
pub mod workflow;
mod yaml;

pub use self::action::{ActionSpec, Field, Kind, Repeat, Undo};
pub use self::catalog::Catalog;
pub use self::handler::guards::{Concurrency, Guards, Priority, WhenBusy};
pub use self::handler::who::May;
pub use self::handler::{Filter, RepositoryMap, Schedule, Trigger, Who};
pub use self::period::{Period, Rate};
pub use self::prompt::{Role, RoleLimits};
pub use self::vocabulary::Vocabulary;
pub use self::workflow::{OnError, Step, StepKind, Workflow};
