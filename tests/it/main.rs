//! The whole of Ostler, as its users meet it: the real binary in processes of its own, real signed requests
//! over HTTP, real git, twins for the outside world.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on stops where it is, real processes take real time, and a seed must be told"
)]

mod abuse;
mod access;
mod again;
mod approval;
mod bench;
mod cassettes;
mod catch_up;
mod check;
mod cli;
mod corpus;
mod costs;
mod drain;
mod explain;
mod faults;
mod gitlab;
mod guards;
mod harness;
mod kills;
mod kills_of_agents;
mod linear;
mod live;
#[cfg(feature = "socket-mode")]
mod listening;
mod load;
mod missed;
mod models;
mod no_public_url;
mod queues;
mod refusals;
mod reload;
mod schema;
mod setup;
mod shell;
mod shipped;
mod steer;
mod status;
mod stories;
mod storm;
mod undo;
mod ways;
mod who;
