//! The whole of Ostler, as its users meet it: the real binary in processes of its own, real signed requests
//! over HTTP, real git, twins for the outside world.

mod access;
mod check;
mod cli;
mod faults;
mod harness;
mod kills;
mod refusals;
mod stories;
