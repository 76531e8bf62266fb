//! `analyze_repository_structure`: what the base of the run's checkout says of the repository, without a model.

use serde_json::json;

use super::Act;
use super::forge::repository;
use crate::step::{Outcome, StepError, checkout};
use crate::workspace::guard::secrets;

/// Looks the repository over. What could not be found out is empty, never guessed.
pub(super) async fn analyze(act: &Act<'_>) -> Result<Outcome, StepError> {
    repository(act)?;
    let workspace = checkout::open(act.parts, act.context).await?;
    let task = act.inputs.text(&["task", "focus"])?.unwrap_or_else(|| act.context.title());
    let overview = workspace.overview(&task).await?;
    // Later steps may show it to anybody.
    let summary = secrets::redacted(&overview.to_string());
    let map = secrets::redacted(overview.map.as_deref().unwrap_or_default());
    let scan = overview.scan;
    let outputs = json!({
        "commit": workspace.base, "files": scan.files, "languages": scan.languages, "frameworks": scan.frameworks,
        "dependencies": scan.dependencies, "test_command": scan.test_command.unwrap_or_default(),
        "checks": scan.checks, "entry_points": scan.entry_points, "conventions": scan.conventions,
        "symbols": map, "summary": summary,
    });
    Ok(Outcome { outputs, ..Outcome::default() })
}
