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
//! [`ingress`], [`engine`] and [`step`] bring it to life; [`workspace`] and [`ledger`] are what an
//! [`agent`] stands on; [`http`], [`cli`] and [`twin`] are the faces; [`config`] and [`app`] put it together.
//! Under all of them lie [`id`], [`clock`], [`money`] and [`failpoint`].
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | delivery | one HTTP request from a source |
//! | source | who sends deliveries: GitHub, Jira, Slack |
//! | event | a delivery's normalized form, the same for every source |
//! | identity | what makes a delivery recognisable when it comes again; elsewhere, one person's accounts |
//! | trigger | decides which events start which workflow; a file in `handlers/` |
//! | answer | what the person who asked is told: what started, or why nothing did |
//! | workflow | steps with inputs and outputs; a file in `workflows/` |
//! | definition | a workflow with all that it names, frozen when a run of it starts |
//! | run | one execution of a workflow |
//! | step | a node of a workflow; an *attempt* is one try at it |
//! | journal | what a run consists of: *records*, one fact each, only ever added |
//! | lease | a worker's right to write to a run, until another one is given out |
//! | lane | the runs of one repository that are due; lanes take turns |
//! | course | the driving of one leased run by the engine |
//! | parked | set aside for people: the run's journal cannot be gone on with |
//! | poison | a run that is parked because it was taken up again and again and came no further |
//! | effect | something done to the outside world, known by its key |
//! | capability | what a workflow names instead of a product: `task_management` |
//! | plugin | serves a capability through *actions* |
//! | agent | a model at work with tools in a checkout, within its role and a budget |
//! | role | what kind of agent it is: its prompt, tools and limits; a file in `prompts/agents/` |
//! | gate | checks an agent's work without asking a model: the *guard* by looking, the *checks* by testing |
//! | held back | published as a draft, because the tests do not speak for it, or not all of it can be parsed |
//! | publishing | committing and pushing what passed the gate, by the part that holds a token |
//! | ledger | the book of money: a *reservation* before each call, its settlement after |
//! | writer | the one thread of the store that judges and makes durable |
//! | shelf | the ordered bytes under a store: sled, or memory |
//! | volume | a file of values too large for the database, one behind the other |
//! | scrub | reading again, slowly, all that is kept, so that damage is found early |
//! | twin | a small stateful stand-in of an outside service, over real HTTP |
//!
//! # Invariants
//!
//! `tests/tidy.rs` holds the ones about code; the ones about behaviour each have a test that fails without
//! their defence.
//!
//! - The core ([`event`], [`spec`], [`router`], [`run`]) does no I/O and does not read the time.
//! - Modules import only downwards: each has a rank, equal ranks never import each other.
//! - Of a vendor's code, only [`plugin::registry`] and [`config`] know anything; no other part imports it.
//! - Ostler's own status codes exist in [`http::error`], its exit codes in [`cli::exit`], nowhere else.
//! - Nothing is believed before its signature was right.
//! - Nothing acknowledged is lost: a delivery is answered 2xx only after its event and every run it starts
//!   are durable, in one batch.
//! - No effect twice: an intent is journalled before an effect is made, the effect carries its key and is
//!   looked for before it is made again, and its outcome is journalled after.
//! - A run's journal is the run: live recording and recovery are the same function.
//! - A run keeps the definition that it started with.
//! - Every write of a run carries its lease; a worker that lost it is refused.
//! - Money is reserved before it is spent and settled after; a crash between leaves it spent.
//! - What an agent did is published only through the gate, to targets that the run fixed.
//! - What cannot be found out about a person's rights is a refusal.
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
