//! `documentation`: pages on a service, or in the repository with the run's work.

use serde_json::{Map, Value, json};

use super::Act;
use crate::plugin::docs::{NewPage, Page, PageRef};
use crate::run::Work;
use crate::step::publish::{self, publish};
use crate::step::{Outcome, StepError, words};

/// What the inputs mean by themselves; all others are the template's.
const KNOWN: &[&str] = &["template_type", "template", "title", "content", "space"];

/// Performs an action, if it is one of this capability's.
pub(super) async fn perform(act: &Act<'_>, action: &str) -> Option<Result<Outcome, StepError>> {
    match action {
        "create_page" | "create_page_from_template" => Some(create_page(act).await),
        _ => None,
    }
}

/// The page that is to be made.
pub(in crate::step) fn page(act: &Act<'_>) -> Result<NewPage, StepError> {
    Ok(NewPage {
        title: words::line(&act.inputs.required(&["title"])?, 200),
        content: words::outgoing(&content(act)?),
        template: act.inputs.text(&["template_type", "template"])?,
        values: values(act),
    })
}

async fn create_page(act: &Act<'_>) -> Result<Outcome, StepError> {
    let page = &page(act)?;
    let docs = &act.parts.docs(act.context)?;
    let made =
        act.once(0, |effect| Box::pin(async move { Ok(docs.create_page(page, &effect).await?) })).await?;
    match made {
        Page::Published(PageRef { id, url }) => {
            let outputs = json!({ "doc_url": url, "url": url, "path": url, "page_id": id });
            Ok(Outcome { outputs, ..Outcome::default() })
        }
        Page::File { path, text } => in_repository(act, &path, &text).await,
    }
}

/// Puts a page into the run's work. Where that is public already, the page follows at once; else it
/// waits for the rest.
async fn in_repository(act: &Act<'_>, path: &str, text: &str) -> Result<Outcome, StepError> {
    let mut context = act.context.clone();
    let tree = publish::add_file(act.parts, &context, path, text).await?;
    context.work.tree = Some(tree.clone());
    let mut work = Work { tree: Some(tree), ..Work::default() };
    if context.work.commit.is_some()
        && let Some(branch) = context.work.branch.clone()
    {
        work.merge(&publish(act.parts, &context, &branch).await?.work);
    }
    let url = act.context.task().and_then(|task| task.repository_url);
    let branch = act.context.work.branch.as_deref().or(work.branch.as_deref());
    let url = match (url, branch) {
        (Some(url), Some(branch)) => format!("{}/blob/{branch}/{path}", url.trim_end_matches('/')),
        _ => path.to_owned(),
    };
    Ok(Outcome { outputs: json!({ "doc_url": url, "url": url, "path": path }), work, ..Outcome::default() })
}

/// The page's text; a structure is written out rather than refused.
fn content(act: &Act<'_>) -> Result<String, StepError> {
    match act.inputs.value(&["content", "body"]) {
        Some(structure @ (Value::Object(_) | Value::Array(_))) => serde_json::to_string_pretty(structure)
            .map(|text| format!("```json\n{text}\n```"))
            .map_err(|error| StepError::fatal("unwritable", error.to_string())),
        _ => Ok(act.inputs.text(&["content", "body"])?.unwrap_or_default()),
    }
}

fn values(act: &Act<'_>) -> Map<String, Value> {
    let mut values = act.inputs.all().clone();
    values.retain(|name, _| !KNOWN.contains(&name.as_str()));
    if let Some(task) = act.context.ambient.get("task") {
        values.entry("task").or_insert_with(|| task.clone());
    }
    values
}
