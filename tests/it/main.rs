//! The whole of Ostler, as its users meet it: the real binary in processes of its own, real signed requests
//! over HTTP, real git, twins for the outside world.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on stops where it is, and real processes take real time"
)]

mod access;
mod check;
mod cli;
mod faults;
mod harness;
mod kills;
mod refusals;
mod stories;
