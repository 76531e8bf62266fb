//! All handlers, workflows, prompts and roles of one moment, checked against each other.
//!
//! What Ostler ships is in the binary; a project's files of the same names replace it, and others
//! come beside it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::diagnostic::{Diagnostics, Source};
use super::workflow::{Signatures, World, called_first, signature};
use super::{Role, Trigger, Vocabulary, Workflow, case, handler, prompt, workflow};
use crate::id::Digest;

/// What people wrote, as it stood when it was read. It never changes afterwards.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The triggers, in the order of their files.
    pub triggers: Vec<Trigger>,
    /// The workflows, by id.
    pub workflows: BTreeMap<String, Workflow>,
    /// The prompts' texts, by path from the project root without `./` (`prompts/code_generation.txt`). Those
    /// of roles are here too, without their front matter.
    pub prompts: BTreeMap<String, String>,
    /// The roles, by name.
    pub roles: BTreeMap<String, Role>,
    /// The digest of all of it.
    pub digest: Digest,
}

/// Where a catalog's files come from, besides those in the binary.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The project's root, with `handlers`, `workflows` and `prompts` in it.
    pub project: Option<PathBuf>,
    /// Another directory of workflows than the project's own.
    pub workflows: Option<PathBuf>,
    /// A workflow's id and the file that takes its place.
    pub replacement: Option<(String, PathBuf)>,
}

impl Origin {
    /// The directories that are read, with all that is in them, whether they are there or not.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let project = |folder: &str| self.project.as_ref().map(|project| project.join(folder));
        let workflows = self.workflows.clone().or_else(|| project(WORKFLOWS));
        [project(HANDLERS), project(PROMPTS), workflows].into_iter().flatten().collect()
    }
}

#[derive(RustEmbed)]
#[folder = "handlers/"]
struct ShippedHandlers;

#[derive(RustEmbed)]
#[folder = "workflows/"]
struct ShippedWorkflows;

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct ShippedPrompts;

/// The handlers that are in the binary, by file name.
pub fn shipped_handlers() -> impl Iterator<Item = (String, String)> {
    let read = |name: &str| Some(String::from_utf8_lossy(&ShippedHandlers::get(name)?.data).into_owned());
    ShippedHandlers::iter().filter_map(move |name| Some((name.to_string(), read(&name)?)))
}

const HANDLERS: &str = "handlers/";
const WORKFLOWS: &str = "workflows/";
const PROMPTS: &str = "prompts/";
const ROLES: &str = "prompts/agents/";
/// How deep directories are looked into; a loop of links ends here too.
const DEPTH: usize = 8;

impl Catalog {
    /// Reads and checks everything: what is shipped, overlaid by a project's directory.
    ///
    /// # Errors
    /// With every fault of every file.
    pub fn load(project: Option<&Path>, words: &Vocabulary) -> Result<Self, Diagnostics> {
        Self::load_from(&Origin { project: project.map(Path::to_owned), ..Origin::default() }, words)
    }

    /// Reads and checks everything from where it is said to be.
    ///
    /// # Errors
    /// With every fault of every file.
    pub fn load_from(origin: &Origin, words: &Vocabulary) -> Result<Self, Diagnostics> {
        let mut faults = Diagnostics::default();
        let files = Files::collect(origin, &mut faults);
        Self::read(&files, words, faults)
    }

    /// The same, unless it would be the catalog of a digest that is known: then the files are read, and nothing is
    /// checked again.
    ///
    /// # Errors
    /// With every fault of every file.
    pub fn load_other(
        origin: &Origin,
        words: &Vocabulary,
        known: Option<Digest>,
    ) -> Result<Option<Self>, Diagnostics> {
        let mut faults = Diagnostics::default();
        let files = Files::collect(origin, &mut faults);
        if faults.is_empty() && known == Some(files.digest()) {
            return Ok(None);
        }
        Self::read(&files, words, faults).map(Some)
    }

    /// Reads and checks texts as if they were all the files there are, by the path that each has in a project:
    /// nothing that is shipped comes beside them.
    ///
    /// # Errors
    /// With every fault of every text.
    pub fn of_texts(
        texts: impl IntoIterator<Item = (String, String)>,
        words: &Vocabulary,
    ) -> Result<Self, Diagnostics> {
        let file = |(path, text): (String, String)| (path.clone(), File { shown: path, text });
        Self::read(&Files(texts.into_iter().map(file).collect()), words, Diagnostics::default())
    }

    fn read(files: &Files, words: &Vocabulary, mut faults: Diagnostics) -> Result<Self, Diagnostics> {
        let (prompts, roles) = read_prompts(files, &mut faults);
        let names: BTreeSet<String> = roles.keys().cloned().collect();
        let none = Signatures::default();
        let world = World { words, roles: &names, prompts: &prompts, workflows: &none };
        let workflows = read_workflows(files, &world, &mut faults);
        let triggers = read_handlers(files, (&workflows, words), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let workflows = workflows.into_iter().filter_map(|(id, workflow)| Some((id, workflow?))).collect();
        Ok(Self { triggers, workflows, prompts, roles, digest: files.digest() })
    }
}

fn read_prompts(
    files: &Files,
    faults: &mut Diagnostics,
) -> (BTreeMap<String, String>, BTreeMap<String, Role>) {
    let (mut prompts, mut roles, mut read) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (path, file) in files.under(PROMPTS) {
        let mut source = Source::new(file.shown.as_str(), file.text.as_str());
        let mut body = 0..file.text.len();
        if let Some(name) = path.strip_prefix(ROLES).and_then(|name| name.strip_suffix(".md")) {
            let role;
            (role, body) = prompt::read_role(&mut source, name);
            roles.insert(name.to_owned(), role);
        }
        prompts.insert(path.to_owned(), file.text[body.clone()].to_owned());
        read.push((source, body));
    }
    for (mut source, body) in read {
        prompt::check(&mut source, body, &prompts);
        faults.take(source);
    }
    (prompts, roles)
}

/// What each workflow takes and gives, read before any of them is checked: they may call each other.
fn signatures(files: &Files) -> Signatures {
    let read = |(path, file): (&str, &File)| Some((stem(path, WORKFLOWS).to_owned(), signature(&file.text)?));
    files.under(WORKFLOWS).filter_map(read).collect()
}

/// Reads all workflows, in a world in which none is known yet: one that others call before these, so that the types of
/// what it gives are known to them.
fn read_workflows(files: &Files, world: &World<'_>, faults: &mut Diagnostics) -> handler::Workflows {
    let mut signatures = signatures(files);
    let order = called_first(&signatures);
    let mut paths: Vec<_> = files.under(WORKFLOWS).collect();
    paths.sort_by_key(|(path, _)| order.iter().position(|id| id == stem(path, WORKFLOWS)));
    let (mut workflows, mut read) = (BTreeMap::new(), BTreeMap::new());
    for (path, file) in paths {
        let mut source = Source::new(file.shown.as_str(), file.text.as_str());
        let id = stem(path, WORKFLOWS);
        let found = workflow::read(&mut source, id, &World { workflows: &signatures, ..*world });
        let (workflow, given) = found.unzip();
        if let (Some(signature), Some(given)) = (signatures.get_mut(id), given) {
            signature.results = given;
        }
        if workflows.insert(id.to_owned(), workflow).is_some() {
            source.fault(0..0, format!("there are two files of the workflow `{id}`"));
        }
        read.insert(path, source);
    }
    read.into_values().for_each(|source| faults.take(source));
    workflows
}

fn read_handlers(
    files: &Files,
    known: (&handler::Workflows, &Vocabulary),
    faults: &mut Diagnostics,
) -> Vec<Trigger> {
    let (mut triggers, mut ids) = (Vec::new(), BTreeSet::new());
    for (path, file) in files.under(HANDLERS) {
        let mut source = Source::new(file.shown.as_str(), file.text.as_str());
        let read = handler::read(&mut source, stem(path, HANDLERS), known);
        // Two of one file have been told of where they stand.
        let own: BTreeSet<_> = read.iter().map(|trigger| trigger.id.clone()).collect();
        for id in own.intersection(&ids) {
            source.fault(0..0, format!("another file has a trigger `{id}` already"));
        }
        ids.extend(own);
        triggers.extend(read);
        faults.take(source);
    }
    triggers
}

/// A file's path without its folder and its ending: `jira/assigned` of `handlers/jira/assigned.yaml`.
fn stem<'a>(path: &'a str, folder: &str) -> &'a str {
    let name = path.strip_prefix(folder).unwrap_or(path);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

/// The files of a catalog, by the path that they have in a project.
#[derive(Debug, Default)]
struct Files(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    /// The path that people know it by.
    shown: String,
    text: String,
}

impl Files {
    fn collect(origin: &Origin, faults: &mut Diagnostics) -> Self {
        let mut files = Self::default();
        files.add_shipped::<ShippedHandlers>(HANDLERS, faults);
        files.add_shipped::<ShippedWorkflows>(WORKFLOWS, faults);
        files.add_shipped::<ShippedPrompts>(PROMPTS, faults);
        if let Some(project) = &origin.project {
            files.add_folder(HANDLERS, &project.join(HANDLERS), faults);
            files.add_folder(PROMPTS, &project.join(PROMPTS), faults);
        }
        let beside = origin.project.as_ref().map(|project| project.join(WORKFLOWS));
        if let Some(workflows) = origin.workflows.as_ref().or(beside.as_ref()) {
            files.add_folder(WORKFLOWS, workflows, faults);
        }
        if let Some((id, file)) = &origin.replacement {
            let shown = file.display().to_string();
            files.add(format!("{WORKFLOWS}{id}.yaml"), shown, std::fs::read(file).map(Cow::Owned), faults);
        }
        files
    }

    fn add_shipped<E: RustEmbed>(&mut self, folder: &str, faults: &mut Diagnostics) {
        for name in E::iter() {
            let path = format!("{folder}{name}");
            if let Some(file) = E::get(&name).filter(|_| belongs(folder, &path)) {
                self.add(path.clone(), path, Ok(file.data), faults);
            }
        }
    }

    fn add_folder(&mut self, folder: &str, root: &Path, faults: &mut Diagnostics) {
        let mut found = Vec::new();
        if let Err(error) = walk(root, DEPTH, &mut found) {
            let mut source = Source::new(root.display().to_string(), "");
            source.fault(0..0, format!("this folder cannot be read: {error}"));
            faults.take(source);
        }
        for file in found {
            let Ok(name) = file.strip_prefix(root) else { continue };
            let path = format!("{folder}{}", name.to_string_lossy().replace('\\', "/"));
            if belongs(folder, &path) {
                self.replace_other_ending(&path);
                self.add(
                    path.clone(),
                    file.display().to_string(),
                    std::fs::read(&file).map(Cow::Owned),
                    faults,
                );
            }
        }
    }

    /// A project's `help.yml` takes the place of the shipped `help.yaml`.
    fn replace_other_ending(&mut self, path: &str) {
        let Some(shipped) = path.strip_suffix(".yml").map(|stem| format!("{stem}.yaml")) else { return };
        if self.0.get(&shipped).is_some_and(|file| file.shown == shipped) {
            self.0.remove(&shipped);
        }
    }

    fn add(
        &mut self,
        path: String,
        shown: String,
        bytes: io::Result<Cow<'_, [u8]>>,
        faults: &mut Diagnostics,
    ) {
        let text = bytes.map_err(|error| format!("this file cannot be read: {error}")).and_then(|bytes| {
            String::from_utf8(bytes.into_owned()).map_err(|_| "this file is not UTF-8 text".to_owned())
        });
        match text {
            Ok(text) => {
                self.0.insert(path, File { shown, text });
            }
            Err(message) => {
                let mut source = Source::new(shown, "");
                source.fault(0..0, message);
                faults.take(source);
            }
        }
    }

    fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a File)> {
        self.0
            .iter()
            .filter(move |(path, _)| path.starts_with(folder))
            .map(|(path, file)| (path.as_str(), file))
    }

    /// One digest over paths and texts, so that any change of any file is another catalog.
    fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for (path, file) in &self.0 {
            for part in [path.as_bytes(), file.text.as_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        Digest::from_bytes(hash.finalize().into())
    }
}

/// Whether a file of a folder is one of its own: editors and people leave others there.
fn belongs(folder: &str, path: &str) -> bool {
    let hidden = path.split('/').any(|part| part.starts_with('.') || part.ends_with('~'));
    let ours = folder == PROMPTS || path.ends_with(".yaml") || path.ends_with(".yml");
    // Cases stand beside the handlers and are no triggers.
    let case = folder == HANDLERS && path.ends_with(case::ENDING);
    ours && !hidden && !case
}

/// All files under a folder; none where it does not exist.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && depth > 0 {
            walk(&path, depth - 1, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
