//! `ostler schema`: JSON Schemas of what people write, for their editors.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::Value;

use super::exit::Exit;
use super::screen::Screen;
use crate::config;
use crate::plugin::registry;
use crate::spec::schema::{self, File};

/// What `ostler schema` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose schema to print.
    #[arg(required_unless_present = "out", conflicts_with = "out")]
    of: Option<Of>,
    /// Write all of them into this directory: `.ostler/schema` is where the shipped files look for them, and where
    /// `ostler init` puts them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Where files look for their schemas, from the project's directory.
pub(super) const PLACE: &str = ".ostler/schema";

/// Whose schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// Of `ostler.yaml`.
    Config,
    /// Of `workflows/*.yaml`.
    Workflow,
    /// Of `handlers/*.yaml`.
    Handler,
    /// Of `handlers/*.test.yaml`.
    Test,
    /// Of the front matter of `prompts/agents/*.md`.
    Role,
}

impl Of {
    fn schema(self) -> Value {
        let words = registry::vocabulary();
        match self {
            Self::Config => config::schema(),
            Self::Workflow => schema::of(File::Workflow, &words),
            Self::Handler => schema::of(File::Handler, &words),
            Self::Test => schema::of(File::Cases, &words),
            Self::Role => schema::of(File::Role, &words),
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Config => "config.json",
            Self::Workflow => "workflow.json",
            Self::Handler => "handler.json",
            Self::Test => "test.json",
            Self::Role => "role.json",
        }
    }
}

/// Prints a schema, or writes all of them.
pub(super) fn run(arguments: &Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    if let Some(of) = arguments.of {
        screen.line(text(&of.schema()));
    }
    if let Some(dir) = &arguments.out {
        for (name, text) in all() {
            let file = write(dir, name, &text)?;
            screen.line(file.display());
        }
    }
    Ok(Exit::Done)
}

/// Every schema as a file: its name and its text.
pub(super) fn all() -> impl Iterator<Item = (&'static str, String)> {
    Of::value_variants().iter().map(|of| (of.file(), format!("{}\n", text(&of.schema()))))
}

fn text(schema: &Value) -> String {
    format!("{schema:#}")
}

fn write(dir: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let file = dir.join(name);
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(file)
}
