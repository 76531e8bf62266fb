//! Finding a kept delivery by what people call it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::plugin::fixture::{self, Fixture};

/// Where a project keeps deliveries.
const FOLDER: &str = "fixtures/deliveries";

/// A kept delivery and the source that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The source, by the folder that it is in.
    pub(super) source: String,
    /// The delivery.
    pub(super) fixture: Fixture,
}

/// The kept delivery of a name: a file, else `<source>/<name>` of those that the project keeps, else of those
/// that are shipped.
pub(super) fn find(name: &str, project: &Path) -> anyhow::Result<Kept> {
    let kept = project.join(FOLDER).join(format!("{name}.json"));
    for file in [PathBuf::from(name), project.join(name), kept] {
        if file.is_file() {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let fixture = Fixture::read(&text).with_context(|| file.display().to_string())?;
            let source = file.parent().and_then(Path::file_name).unwrap_or_default();
            return Ok(Kept { source: source.to_string_lossy().into_owned(), fixture });
        }
    }
    let (Some((source, _)), Some(fixture)) = (name.split_once('/'), fixture::shipped(name)) else {
        bail!(
            "there is no kept delivery `{name}`: no file is called so, {} holds none, and the shipped ones are {}",
            project.join(FOLDER).display(),
            fixture::names().join(", ")
        );
    };
    Ok(Kept { source: source.to_owned(), fixture })
}
