//! `ostler bench agents`: what becomes of the work of good and bad agents, measured.
//!
//! Every cell of the matrix is a whole run: an issue of a repository on the twins is labelled, the shipped workflow
//! lets the real agent work on it in the real sandbox, and the real gate judges what it left. Only the model is a
//! stand-in, played over real HTTP. What counts as ready is a pull request that is no draft *and* whose tree passes
//! tests that neither agent nor gate has seen.

mod cell;
mod matrix;
mod model;
mod row;
mod task;

use std::path::PathBuf;

use anyhow::bail;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::matrix::Matrix;
use self::model::MODELS;
use self::row::Company;
use self::task::Task;
use super::exit::Exit;
use super::screen::Screen;
use crate::config::{self, Environment};

/// Tasks that are worked on at once, each by all models.
const AT_ONCE: usize = 2;

/// What `ostler bench` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Let agents with scripted models work on small tasks, and see that good work alone is put up for review.
    Agents(Agents),
}

#[derive(Debug, clap::Args)]
struct Agents {
    /// Only these tasks.
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,
    /// Only this model; may be given several times.
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// Let the configured model work instead of the scripted ones. That costs money.
    #[arg(long, conflicts_with = "models")]
    live: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// The configuration that says what the sandbox is given, and which model is configured.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Measures.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let What::Agents(agents) = arguments.what;
    let company = Company {
        models: if agents.live { Vec::new() } else { chosen(MODELS, &agents.models, |model| model.name)? },
        config: config::load(agents.config.as_deref(), environment)?.config,
    };
    let tasks = chosen(Task::all()?, &agents.tasks, |task| &task.name)?;
    let mut matrix = Matrix::new(&company).await;
    let mut rows = stream::iter(&tasks).map(|task| row::play(task, &company)).buffered(AT_ONCE);
    while let Some(row) = rows.try_next().await? {
        screen.note(row.told());
        matrix.rows.push(row);
    }
    if agents.json {
        screen.line(serde_json::to_string_pretty(&matrix.document())?);
    } else {
        screen.line(matrix.render());
    }
    Ok(if matrix.holds() { Exit::Done } else { Exit::Failed })
}

/// Those that are named; all where none is.
fn chosen<T>(
    all: impl IntoIterator<Item = T>,
    names: &[String],
    name: impl Fn(&T) -> &str,
) -> anyhow::Result<Vec<T>> {
    let all: Vec<T> = all.into_iter().collect();
    if let Some(unknown) = names.iter().find(|wanted| all.iter().all(|one| name(one) != wanted.as_str())) {
        let known: Vec<&str> = all.iter().map(&name).collect();
        bail!("there is no `{unknown}`; there are {}", known.join(", "));
    }
    Ok(all
        .into_iter()
        .filter(|one| names.is_empty() || names.iter().any(|wanted| name(one) == wanted))
        .collect())
}
