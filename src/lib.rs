//! Ostler: one binary that never loses an event, never acts twice, never spends past the line, and can
//! always say why.

pub mod agent;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod event;
pub mod failpoint;
pub mod http;
pub mod id;
pub mod ingress;
pub mod ledger;
pub mod money;
pub mod plugin;
pub mod router;
pub mod run;
pub mod spec;
pub mod step;
pub mod store;
pub mod twin;
pub mod workspace;
