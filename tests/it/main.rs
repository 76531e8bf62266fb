//! The whole of Ostler, as its users meet it: the real binary in processes of its own, real signed requests
//! over HTTP, real git, twins for the outside world.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a harness that cannot do its part has failed, and processes are waited for in real time"
)]

mod check;
mod faults;
mod harness;
mod kills;
mod refusals;
mod stories;
