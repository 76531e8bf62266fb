//! Records that cannot follow those before them.

use super::signal::Pointless;
use crate::id::StepPath;

/// Why a record cannot be taken into a run. On recovery it means that the journal is not one that this
/// program wrote; the run is then parked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The record's place is not the journal's next one.
    #[error("record {found} where record {expected} belongs")]
    Gap {
        /// The next place.
        expected: u64,
        /// The record's.
        found: u64,
    },
    /// Something came before the start.
    #[error("a record before the run's start")]
    NotStarted,
    /// The run started again.
    #[error("the run starts a second time")]
    StartedTwice,
    /// Something came after the end.
    #[error("a record after the run's end")]
    AfterEnd,
    /// A parked run went on without a person.
    #[error("a parked run goes on by itself")]
    Parked,
    /// There is no such step, or the step that holds it is not open.
    #[error("there is no step `{0}` to go to")]
    UnknownStep(StepPath),
    /// A step after the conclusion that belongs before it, or the other way round.
    #[error("step `{0}` is on the wrong side of the run's conclusion")]
    OutOfPlace(StepPath),
    /// A branch was chosen where none is, or a `condition` step was started.
    #[error("step `{0}` is not of the kind that this happens to")]
    WrongKind(StepPath),
    /// A step that was touched already is begun or skipped.
    #[error("step `{0}` is no longer to come")]
    NotToCome(StepPath),
    /// An outcome or a fact of a step that is not under way.
    #[error("step `{0}` is not under way")]
    NotRunning(StepPath),
    /// An attempt out of turn.
    #[error("attempt {found} of step `{step}` where attempt {expected} belongs")]
    Attempt {
        /// The step.
        step: StepPath,
        /// The attempt whose turn it is.
        expected: u32,
        /// The record's.
        found: u32,
    },
    /// A conclusion, or the end of a step that holds others, while a step is under way.
    #[error("something that holds step `{0}` is over while the step is under way")]
    StillRunning(StepPath),
    /// Two conclusions.
    #[error("the run concludes a second time")]
    ConcludedTwice,
    /// A signal that means nothing to the run as it stands.
    #[error("a signal that means nothing here: {0}")]
    Pointless(Pointless),
    /// An end, or an account of what was taken back, that does not fit what is to be taken back.
    #[error("what the run did is not taken back as it is said to be")]
    NotTakenBack,
    /// An end without a conclusion.
    #[error("the run ends before it concludes")]
    NotConcluded,
}
