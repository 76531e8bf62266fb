//! A [`World`] holds the twins and a [`Bot`], each a process of the real binary, with verbs for what people
//! and machines do to them.

mod look;
mod process;
mod sign;
mod state;
mod world;

pub(crate) use self::look::{Said, git, ostler, passes_at};
pub(crate) use self::process::{Process, free_port};
pub(crate) use self::sign::Delivery;
pub(crate) use self::state::State;
pub(crate) use self::world::World;
