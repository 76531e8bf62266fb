//! `documentation`: pages for people.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Call;
use super::effect::Effect;
use crate::event::SourceName;
use crate::spec::action::{ActionSpec, Field, Kind, Repeat, Undo};

/// A place where documentation is kept.
pub trait Docs: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// Makes a page, or gives the files that are to become one in the repository.
    fn create_page<'a>(&'a self, page: &'a NewPage, effect: &'a Effect) -> Call<'a, Page>;

    /// The page on the service that this effect made, if it is there. A file goes with the run's work and is
    /// taken back with it.
    fn find_page<'a>(&'a self, page: &'a NewPage, effect: &'a Effect) -> Call<'a, Option<PageRef>>;

    /// Deletes a page of our own from the service; one that is gone is success.
    fn delete_page<'a>(&'a self, page: &'a PageRef) -> Call<'a, ()>;
}

/// A page to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPage {
    /// Its title.
    pub title: String,
    /// Its text, as Markdown.
    pub content: String,
    /// The template to fill: `feature_documentation`.
    pub template: Option<String>,
    /// What else the template may use.
    #[serde(default)]
    pub values: Map<String, Value>,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// It is on a service.
    Published(PageRef),
    /// It is a file that is to go into the repository with the run's work.
    File {
        /// Its path from the repository's root.
        path: String,
        /// Its text.
        text: String,
    },
}

/// A page on a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRef {
    /// The vendor's id of it.
    pub id: String,
    /// Where a person reads it.
    pub url: String,
}

/// The capability's name in workflows.
pub const CAPABILITY: &str = "documentation";

/// What workflows can write down.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    let page = |name: &str, about: &str, inputs: Vec<Field>| ActionSpec {
        inputs,
        outputs: Field::texts(&["doc_url", "path"]),
        repeat: Repeat::Idempotent,
        undo: Undo::Action("delete_page".to_owned()),
        publishes: true,
        ..ActionSpec::reading(CAPABILITY, name, about)
    };
    let text = |name: &str| Field::required(name, Kind::String);
    let from_template = vec![text("template_type"), text("title"), Field::optional("content", Kind::String)];
    vec![
        page("create_page_from_template", "Makes a page from a template.", from_template),
        page("create_page", "Makes a page.", vec![text("title"), text("content")]),
    ]
}
