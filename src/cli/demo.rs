//! `ostler demo`: the whole story on one machine, with no account and no key.
//!
//! Twins and Ostler are started as a user would run them and meet over real HTTP; the four ways in are
//! gone through one after the other. Only the outside services and the model are stand-ins.

mod story;
mod teller;

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use self::story::{STORIES, Told};
use self::teller::Teller;
use super::exit::Exit;
use super::screen::Screen;
use super::stage::{Setting, Stage};

/// What `ostler demo` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Stop when the stories are told, with 0 if all of them ended right.
    #[arg(long)]
    once: bool,
    /// Print one JSON document instead of the telling; implies --once.
    #[arg(long)]
    json: bool,
    /// Use this workflow in place of the standard one.
    #[arg(long, value_name = "FILE")]
    workflow: Option<PathBuf>,
    /// Keep Ostler's and the twins' data in this directory instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Tells the stories.
pub(super) async fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let (workflow, dir) = (arguments.workflow.as_deref(), arguments.dir.as_deref());
    let stage = Stage::set(Setting { workflow, dir, ..Setting::default() }).await?;
    let teller = Teller::new(*screen, arguments.json);
    teller.opening(&stage).await;
    let mut told = Vec::new();
    for story in STORIES {
        let one = story.play(&stage, &teller).await.with_context(|| format!("the story “{}”", story.name))?;
        teller.result(&one);
        told.push(one);
    }
    let good = told.iter().all(Told::ended_right);
    if arguments.json {
        screen.line(serde_json::to_string_pretty(&json!({ "stories": told }))?);
    } else {
        teller.closing(&stage, &told, !arguments.once);
        if !arguments.once {
            tokio::signal::ctrl_c().await?;
        }
    }
    stage.strike().await;
    Ok(if good { Exit::Done } else { Exit::Failed })
}
