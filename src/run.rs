//! One durable execution of a workflow, as pure data and two pure functions.
//!
//! A [`Run`] is the fold of its journal: [`Run::apply`] takes one [`Record`] at a time and is the same
//! function for live recording and for recovery. [`decide`](decide::decide) looks at a run and says what is
//! to be done next; the engine does it and journals what came of it. Nothing here does I/O or reads the time.

pub mod decide;
pub mod definition;
pub mod error;
pub mod frame;
pub mod hearing;
pub mod illegal;
pub mod place;
pub mod plan;
pub mod record;
pub mod telling;
pub mod timeline;
pub mod recovery;
pub mod retry;
pub mod scope;
pub mod signal;
pub mod state;
pub mod status;
pub mod undo;

pub use self::definition::{Definition, Frozen, Settings};
pub use self::error::StepError;
pub use self::illegal::Illegal;
pub use self::plan::Plan;
pub use self::record::{Ending, Entry, Next, Record, Started, Work};
pub use self::signal::{Sent, Signal};
pub use self::state::{Run, StepState};
pub use self::telling::Telling;
pub use self::timeline::Timeline;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
