//! A delivery comes in: verified, understood, routed, stored; only then answered.
//!
//! ```text
//! limit → (timestamp) signature → decode → route → one durable batch → answer
//! ```
//!
//! What a source could not send is asked for by [`CatchUp`], and one that cannot send anything here is listened to by
//! [`Listening`]; both go the same way from `decode` on.
//!
//! Nothing is believed before its signature was right (a source that asks without one whether anybody answers
//! gets its answer, and nothing follows), and nothing is answered with success before it is durable. What is
//! refused leaves no event, no run and no identity: [`refused`] remembers for a while that it came, and why.

mod budget;
mod catch_up;
pub mod explain;
mod inbox;
mod listen;
mod policy;
pub mod refused;
mod questions;
pub mod rehearse;
mod schedule;
pub mod reload;
pub mod signature;

pub use self::catch_up::{Account, CatchUp, Item, Report, Wanted};
pub use self::inbox::{
    Again, Answer, Foreseen, Inbox, OrderError, Outcome, Outlook, Rejection, Rerun, Status,
};
pub use self::listen::Listening;
pub use self::policy::{Changes, Current, Policy};
pub use self::questions::Questions;
pub use self::refused::Refusals;
