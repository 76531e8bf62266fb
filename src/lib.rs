//! Ostler turns what happens in a team's tools into finished development work: one binary that never
//! loses an event, never acts twice, never spends past the line, and can always say why.
//!
//! # Where a delivery goes
//!
//! ```text
//!             a delivery                                                     an effect on the world
//!                 │                                                                    ▲
//!    source ─► ingress ─► event ─► router ─► run ─► engine ─► step ─► plugin ──────────┘
//!              verify     normal   pure:     pure:  lease,    one YAML   one vendor,
//!              store      form     which     fold   perform,  word each  one folder
//!              then ack            trigger   + decide commit
//!                                                   │           └─► agent ─► workspace (sandbox, git, guard)
//!                                                store ── sled | memory
//! ```
//!
//! A source's HTTP request comes to [`http`], which hands it to [`ingress`]: the signature is checked over
//! the raw bytes, the vendor's [`plugin`] turns the body into an [`event`], the [`router`] says which
//! triggers want it, and the event with every run it starts goes to the [`store`] in one durable batch.
//! Only then is the request answered. From there the [`engine`] leases the [`run`], asks
//! [`decide`](run::decide) what is next, performs that as a [`step`], and journals what came of it, until
//! the run has ended. A step meets the world through a [`plugin`]; an [`agent`] works in a [`workspace`]
//! and never holds a token.
//!
//! # Reading order
//!
//! [`event`] · [`spec`] · [`router`] · [`run`] is the core, pure and small. Then [`store`], [`plugin`],
//! [`ingress`], [`engine`] and [`step`] bring it to life; [`workspace`], [`agent`] and [`ledger`] are what
//! agents stand on; [`http`], [`cli`] and [`twin`] are the faces; [`config`] and [`app`] put it together.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | delivery | one HTTP request from a source |
//! | source | who sends deliveries: GitHub, Jira, Slack |
//! | event | a delivery's normalized form, the same for every source |
//! | trigger | decides which events start which workflow; a file in `handlers/` |
//! | workflow | steps with inputs and outputs; a file in `workflows/` |
//! | run | one execution of a workflow |
//! | step | a node of a workflow; an *attempt* is one try at it |
//! | record | one fact in a run's journal |
//! | effect | something done to the outside world, known by its key |
//! | capability | what a workflow names instead of a product: `task_management` |
//! | plugin | serves a capability through *actions* |
//! | agent | a role with a prompt, tools, a model and a budget |
//! | gate | checks an agent's work without asking a model |
//! | writer | the part that holds a token and publishes what passed the gate |
//! | twin | a small stateful stand-in of an outside service, over real HTTP |
//!
//! # Invariants
//!
//! `tests/tidy.rs` holds the ones about code; the ones about behaviour each have a test that fails without
//! their defence.
//!
//! - The core ([`event`], [`spec`], [`router`], [`run`]) does no I/O and does not read the time.
//! - Modules import only downwards: each has a rank, equal ranks never import each other.
//! - Only [`plugin::registry`] names vendors.
//! - Ostler's own status codes exist in [`http::error`], its exit codes in [`cli::exit`], nowhere else.
//! - Nothing acknowledged is lost: a delivery is answered 2xx only after its event and every run it starts
//!   are durable, in one batch.
//! - No effect twice: an intent is journalled before an effect is made, the effect carries its key and is
//!   looked for before it is made again, and its outcome is journalled after.
//! - A run's journal is the run: live recording and recovery are the same function.
//! - A run keeps the definition that it started with.
//! - Every write of a run carries its lease; a worker that lost it is refused.
//! - Money is reserved before it is spent and settled after.
//! - No token, no network and none of Ostler's data reach what an agent runs.

pub mod event;
pub mod spec;
pub mod router;
pub mod run;

pub mod ingress;
pub mod store;
pub mod engine;
pub mod step;
pub mod plugin;

pub mod agent;
pub mod ledger;
pub mod workspace;

pub mod clock;
pub mod failpoint;
pub mod id;
pub mod money;

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod twin;
