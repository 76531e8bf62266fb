//! The composition root: configuration in, a running Ostler out. The only module that knows everyone.
//!
//! It decides nothing: every part is given what it needs and nothing more, in the order in which
//! parts stand on each other, and is stopped in the other order. Read [`App::start_from`] to see
//! how the whole hangs together.

mod accounts;
pub mod doctor;
mod reload;
mod serve;
mod services;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::reload::Reader;
use self::watch::Watch;
use crate::agent::cassette::CassetteError;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Loaded};
use crate::engine::mirror::Mirror;
use crate::engine::{self, Engine};
use crate::http::admin::Desk;
use crate::http::live::Live;
use crate::http::{self, Face};
use crate::ingress::explain::Explainer;
use crate::ingress::reload::{Reload, Reloaded};
use crate::ingress::{CatchUp, Current, Inbox, Listening, Policy, Questions, Refusals};
use crate::ledger::Ledger;
use crate::plugin::registry::{self, Registry, RegistryError};
use crate::router::{Rules, Standing};
use crate::run::Settings;
use crate::spec::Catalog;
use crate::spec::catalog::Origin;
use crate::step::agent::AgentStep;
use crate::step::status::Comments;
use crate::step::{Step, Steps};
use crate::store::{self, Store, StoreError};
use crate::workspace::sandbox::{Host, Sandbox};
use crate::workspace::{self, Workspaces};

/// When, after the word to stop, steps that have not come to their end are told to. Whoever runs Ostler kills it after
/// ten seconds, as `docker stop` does: by then it has ended by itself, whatever hangs.
const STEPS: Duration = Duration::from_secs(6);
/// When runs are dropped that are still in hand; they are taken up again at the next start.
const RUNS: Duration = Duration::from_secs(7);
/// When nothing is waited for any more: a connection that dawdles over its request, of which nothing was acknowledged.
const EVERYTHING: Duration = Duration::from_secs(8);
/// When the store has let go of the disk. What it was given is in its log, so it may be left at any moment.
const STORE: Duration = Duration::from_secs(9);

/// A running Ostler.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    store: Arc<dyn Store>,
    face: Face,
    engine: engine::Handle,
    tasks: Vec<JoinHandle<()>>,
    beside: Beside,
    clock: Arc<dyn Clock>,
    remarks: Vec<String>,
    host: Host,
    socket: Option<PathBuf>,
    refusals: Arc<Refusals>,
    reload: Arc<Reload>,
}

/// Reads the configuration again, and says where everything else is that people wrote.
type Again = Box<dyn Fn() -> Result<(Loaded, Origin), ConfigError> + Send>;

/// Why Ostler did not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Handlers, workflows, prompts or roles are not right; the text shows each fault in its place.
    #[error("{0}")]
    Catalog(String),
    /// A vendor's options do not suffice.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The cassette that is configured cannot be used.
    #[error(transparent)]
    Cassette(#[from] CassetteError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A socket or directory cannot be used.
    #[error("{what}: {error}")]
    Io {
        /// Which.
        what: String,
        /// What happened.
        error: std::io::Error,
    },
}

/// Where a server that keeps its data in a directory listens for its command line.
#[must_use]
pub fn admin_socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

impl App {
    /// Puts everything together and serves on `listener`. The configuration stays what it is.
    ///
    /// # Errors
    /// When a part cannot be made; nothing is left running then.
    pub async fn start(loaded: Loaded, listener: TcpListener) -> Result<Self, AppError> {
        let origin = origin(&loaded);
        Self::start_from(loaded, origin, listener).await
    }

    /// The same, with a configuration that `again` reads another time for each reload.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_reading(
        loaded: Loaded,
        again: impl Fn() -> Result<Loaded, ConfigError> + Send + 'static,
        listener: TcpListener,
    ) -> Result<Self, AppError> {
        let origin = origin(&loaded);
        let again = move || {
            again().map(|loaded| {
                let origin = self::origin(&loaded);
                (loaded, origin)
            })
        };
        Self::begin(loaded, origin, Box::new(again), listener).await
    }

    /// The same, with handlers, workflows and prompts from elsewhere than the configuration says.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_from(loaded: Loaded, origin: Origin, listener: TcpListener) -> Result<Self, AppError> {
        let same = (loaded.clone(), origin.clone());
        Self::begin(loaded, origin, Box::new(move || Ok(same.clone())), listener).await
    }

    async fn begin(
        loaded: Loaded,
        origin: Origin,
        again: Again,
        listener: TcpListener,
    ) -> Result<Self, AppError> {
        let config = &loaded.config;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let workspaces = workspaces(config);
        let catalog = catalog(&origin)?;
        let store = open_store(config)?;
        let (registry, cassette) = services::at_start(config, &clock)?;
        let questions = Questions::of(&*store).await?;
        let own = accounts::learn(&registry, &*store).await;
        let remarks = services::remarks(cassette.as_deref(), &registry.strangers(&own));
        let host = workspaces.host.clone();
        let policy = Arc::new(Current::new(policy(config, catalog, Arc::clone(&registry)).knowing(own)));
        let refusals = Arc::new(Refusals::restore(&*store).await?);
        let reader = Reader::new(again, (&loaded, &origin), &policy.get(), &clock).behind(cassette);
        let watch = Watch::over(reader, &policy, &clock);
        let reload = Arc::clone(&watch.reload);
        let explainer = Arc::new(Explainer {
            store: Arc::clone(&store),
            registry,
            policy: Some(Arc::clone(&policy)),
            refusals: Arc::clone(&refusals),
        });

        // What can still fail comes before anything runs.
        let beside = Beside::default();
        let address = listener.local_addr().map_err(|error| io("the listener", error))?;
        let socket = config.data_dir().map(|data| admin_socket(&data));
        let admin = socket.as_deref().map(serve::listen_admin).transpose()?;

        let step = steps(&policy, workspaces, &store, &clock);
        let (engine, leading) = lead(step, &store, &clock);

        keep_telling(&beside, config, &store, &policy, &clock);
        let poke = engine.clone();
        beside.run(learner(&store, &policy, &clock).keep_learning());
        beside.run(Arc::clone(&refusals).keep(Arc::clone(&store), Arc::clone(&clock)));
        let inbox = Inbox::new(Arc::clone(&store), policy, Arc::clone(&clock), move |signalled: &[_]| {
            signalled.iter().for_each(|run| poke.signalled(*run));
            poke.poke();
        })
        .noting(Arc::clone(&refusals))
        .with(questions);
        let inbox = Arc::new(inbox);
        let mut tasks = Vec::new();
        let catch_up = Arc::new(CatchUp::new(Arc::clone(&inbox)));
        if let Some(admin) = admin {
            let desk = Desk { store: Arc::clone(&store), inbox: Arc::clone(&inbox), engine: engine.clone() };
            let live = Live { store: Arc::clone(&store), stop: beside.stop.clone() };
            let routes = admin_routes((desk, live), &catch_up, explainer, &reload);
            tasks.push(serve::admin(admin, routes, beside.stop.clone()));
        }
        beside.run(catch_up.keep_asking());
        beside.run(Listening::new(Arc::clone(&inbox)).keep_listening());
        beside.run(Arc::clone(&inbox).keep_time());
        beside.run(Arc::clone(&inbox).keep_budget());
        if config.system.watch {
            beside.run(watch.keep_watching());
        }
        let face = Face::new(inbox, Arc::clone(&store), Arc::clone(&clock));
        tasks.extend([leading, serve::public(listener, face.clone(), beside.stop.clone())]);
        Ok(Self {
            address,
            store,
            face,
            engine,
            tasks,
            beside,
            clock,
            remarks,
            host,
            socket,
            refusals,
            reload,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps things.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// What whoever started it should know: the sandbox that was found, what is off. It is here that the sandbox is
    /// looked for, once deliveries are taken already.
    pub async fn remarks(&self) -> Vec<String> {
        let sandbox = self.host.sandbox().await;
        self.remarks.iter().cloned().chain(of_sandbox(&sandbox)).collect()
    }

    /// Reads everything again that people wrote, and puts it in force unless it has a fault.
    pub async fn reload(&self) -> Reloaded {
        self.reload.reload().await
    }

    /// Stops taking deliveries, lets running steps come to their end, and ends, in less than ten seconds. What is
    /// unfinished goes on at the next start.
    pub async fn shutdown(self) {
        let (clock, began) = (Arc::clone(&self.clock), self.clock.now());
        self.face.drain();
        self.beside.stop.cancel();
        let Self { store, face, engine, tasks, beside, refusals, reload, socket, .. } = self;
        let wound_up = async {
            engine.drain(began + STEPS, began + RUNS).await;
            for task in tasks {
                // A task that panicked has logged it; the others are still to be waited for.
                drop(task.await);
            }
            // What still runs has the store open.
            beside.tasks.close();
            beside.tasks.wait().await;
            if let Err(error) = refusals.save(&*store).await {
                tracing::warn!(%error, "the log of refused deliveries was not stored");
            }
        };
        tokio::select! {
            () = wound_up => {}
            () = clock.sleep_until(began + EVERYTHING) => tracing::warn!("something was left under way"),
        }
        if let Some(socket) = socket {
            drop(std::fs::remove_file(socket));
        }
        // Whoever is the last to have it waits for the disk.
        let closed = tokio::task::spawn_blocking(move || drop((engine, face, reload, store)));
        tokio::select! {
            _ = closed => {}
            () = clock.sleep_until(began + STORE) => tracing::warn!("the store was not closed in time"),
        }
    }
}

/// What runs beside everything else until Ostler stops.
#[derive(Debug, Default)]
struct Beside {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Beside {
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }
}

/// The inbox of a store that no server has open: what it takes in is begun when one is started.
///
/// # Errors
/// When the configuration or what it names is not right, or the store cannot be opened.
pub fn inbox_alone(loaded: &Loaded) -> Result<Inbox, AppError> {
    let policy = policy_alone(loaded)?;
    let store = open_store(&loaded.config)?;
    let policy = Arc::new(Current::new(policy));
    Ok(Inbox::new(store, policy, Arc::new(SystemClock), |_: &[_]| {}))
}

/// What would be judged by if a server started now: nothing is asked and no store is opened for it.
///
/// # Errors
/// When the configuration or what it names is not right.
pub fn policy_alone(loaded: &Loaded) -> Result<Policy, AppError> {
    let catalog = catalog(&origin(loaded))?;
    Ok(policy(&loaded.config, catalog, Arc::default()))
}

/// What handlers, workflows and prompts say, if none of them has a fault.
fn catalog(origin: &Origin) -> Result<Catalog, AppError> {
    let catalog = Catalog::load_from(origin, &registry::vocabulary());
    catalog.map_err(|faults| AppError::Catalog(faults.render(false)))
}

/// The inbox of a store that this process has open, with everything that a server's goes by.
///
/// # Errors
/// When the configuration or what it names is not right, or the store fails.
pub async fn inbox_over(loaded: &Loaded, store: Arc<dyn Store>) -> Result<Inbox, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let catalog = catalog(&origin(loaded))?;
    let registry = Arc::new(Registry::build(loaded.config.vendors()?, &clock)?);
    let own = accounts::remembered(&*store).await;
    let policy = Arc::new(Current::new(policy(&loaded.config, catalog, registry).knowing(own)));
    let questions = Questions::of(&*store).await?;
    Ok(Inbox::new(store, policy, clock, |_: &[_]| {}).with(questions))
}

/// What the command line asks a running server.
fn admin_routes(
    (desk, live): (Desk, Live),
    catch_up: &Arc<CatchUp>,
    explainer: Arc<Explainer>,
    reload: &Arc<Reload>,
) -> Router {
    let routes = http::admin::router(desk).merge(http::admin::catch_up(Arc::clone(catch_up)));
    let routes = routes.merge(http::explain::router(explainer));
    routes.merge(http::catalog::router(Arc::clone(reload))).merge(http::live::router(live))
}

/// Where handlers, workflows and prompts come from, as the configuration says.
#[must_use]
pub fn origin(loaded: &Loaded) -> Origin {
    let root = if loaded.root.as_os_str().is_empty() { PathBuf::from(".") } else { loaded.root.clone() };
    let workflows = loaded.config.workflows.config_dir.as_ref().map(|dir| root.join(dir));
    Origin { project: Some(root), workflows, replacement: None }
}

/// What whoever starts Ostler should know of where commands run.
fn of_sandbox(sandbox: &Sandbox) -> impl Iterator<Item = String> {
    let found = format!("sandbox: level {} by {}", sandbox.level(), sandbox.means());
    let unbounded = "sandbox: the number of a command's processes is not bounded here";
    let unbounded = (!sandbox.bounds_processes()).then(|| unbounded.to_owned());
    let weak = sandbox.demand().err().map(|error| format!("agents and `shell` steps cannot work: {error}"));
    std::iter::once(found).chain(unbounded).chain(weak)
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    store::open_with(&config.store.url, &config.store_options())
}

fn workspaces(config: &Config) -> Workspaces {
    let mut options = workspace::Options { root: config.system.workspace_dir.clone(), ..Default::default() };
    options.git.variables.clone_from(&config.network);
    options.guard.clone_from(&config.security.gate);
    Workspaces::new(options, Host::new(config.security.sandbox.options()))
}

/// What explaining goes by where no server runs: the store, and the rules as they would be if one started now.
///
/// # Errors
/// When the configuration is not right, or the store fails.
pub async fn explainer(loaded: &Loaded, store: Arc<dyn Store>) -> Result<Explainer, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Arc::new(Registry::build(loaded.config.vendors()?, &clock)?);
    let refusals = Arc::new(Refusals::restore(&*store).await?);
    let own = accounts::remembered(&*store).await;
    // What was said at the time can be told without the rules of today.
    let catalog = Catalog::load_from(&origin(loaded), &registry::vocabulary()).ok();
    let policy = catalog.map(|catalog| policy(&loaded.config, catalog, Arc::clone(&registry)).knowing(own));
    Ok(Explainer { store, registry, policy: policy.map(|policy| Arc::new(Current::new(policy))), refusals })
}

/// What the configuration says of the world.
#[must_use]
pub fn standing(config: &Config) -> Standing {
    let bindings = config.bindings();
    Standing {
        own: Vec::new(),
        bots: config.security.bots.clone(),
        repositories: config.repository_map(),
        tracker: bindings.get("task_management").cloned(),
        forge: bindings.get("version_control").cloned(),
        access: config.access(),
    }
}

fn policy(config: &Config, catalog: Catalog, registry: Arc<Registry>) -> Policy {
    let settings = Settings {
        bindings: config.bindings(),
        limits: config.limits.clone(),
        prices: config.price_table(),
        model: config.ai_provider.model(),
        access: config.access(),
        actions: registry::actions(),
    };
    Policy::new(registry, Rules::new(catalog), settings, standing(config))
}

fn steps(
    policy: &Arc<Current<Policy>>,
    workspaces: Workspaces,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn Step> {
    let ledger = Ledger::new(Arc::clone(store), Arc::clone(clock));
    let agent = AgentStep { policy: Arc::clone(policy), workspaces: workspaces.clone(), ledger };
    Arc::new(Steps::new(Arc::clone(policy), workspaces, Arc::new(agent)))
}

/// Begins to drive runs.
fn lead(
    step: Arc<dyn Step>,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> (engine::Handle, JoinHandle<()>) {
    let parts = engine::Parts { store: Arc::clone(store), step, clock: Arc::clone(clock) };
    Engine::start(engine::Options::default(), parts)
}

/// Has it told where runs were asked for how they come along.
fn keep_telling(
    beside: &Beside,
    config: &Config,
    store: &Arc<dyn Store>,
    policy: &Arc<Current<Policy>>,
    clock: &Arc<dyn Clock>,
) {
    if config.system.status {
        let comments = Arc::new(Comments::new(Arc::clone(policy)));
        beside.run(Mirror::new(Arc::clone(store), comments, Arc::clone(clock)).keep());
    }
}

/// Who asks for Ostler's own accounts until they are known.
fn learner(
    store: &Arc<dyn Store>,
    policy: &Arc<Current<Policy>>,
    clock: &Arc<dyn Clock>,
) -> accounts::Learner {
    let (store, policy, clock) = (Arc::clone(store), Arc::clone(policy), Arc::clone(clock));
    accounts::Learner { store, policy, clock }
}

fn io(what: impl std::fmt::Display, error: std::io::Error) -> AppError {
    AppError::Io { what: what.to_string(), error }
}
