//! A [`World`] holds the twins and a bot, each a process of the real binary, with verbs for what
//! people and machines do to them; a [`Tale`] is something that a person wants done, and knows what
//! must be there afterwards.

mod admin;
mod look;
mod plain;
mod process;
mod random;
mod sign;
mod state;
mod tale;
mod twins;
mod world;

pub(crate) use self::admin::Admin;
pub(crate) use self::look::{Said, git, ostler, passes_at};
pub(crate) use self::plain::{Plain, SECRET};
pub(crate) use self::process::{Process, free_port};
pub(crate) use self::random::{Random, variable};
pub(crate) use self::sign::Delivery;
pub(crate) use self::state::State;
pub(crate) use self::tale::{Tale, Traces};
pub(crate) use self::twins::Twins;
pub(crate) use self::world::World;

/// For a test that takes the whole machine: those that hold this run one after the other, so that none
/// is slowed by another beyond what it allows for.
pub(crate) async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}
