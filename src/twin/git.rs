//! Bare repositories, and git as a child process over them.

mod changed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

pub(super) use self::changed::Changed;
use crate::twin::TwinError;
use crate::twin::seed::{self, RepositorySeed, Seed, SeedFile};

/// The date of every commit that the twins make, so that the same files are always the same commits.
const DATE: &str = "2026-01-05T09:00:00Z";

/// The bare repositories, in a directory that goes when they go.
#[derive(Debug)]
pub(super) struct Repositories {
    root: TempDir,
}

/// What a pull request would change.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Extent {
    pub(super) commits: u64,
    pub(super) files: u64,
    pub(super) additions: u64,
    pub(super) deletions: u64,
}

impl Repositories {
    /// Makes the repositories of the seed, those of every forge.
    pub(super) async fn create(seed: &Seed) -> Result<Self, TwinError> {
        let root = tempfile::Builder::new().prefix("ostler-twins-").tempdir();
        let repositories = Self { root: root.map_err(TwinError::io("a directory for the twins"))? };
        for wanted in seed.repositories.iter().chain(&seed.projects_of_gitlab) {
            repositories.make(wanted).await?;
        }
        Ok(repositories)
    }

    /// The directory under which they are, as `owner/name.git`.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Every branch with its commit.
    pub(super) async fn heads(&self, name: &str) -> Result<BTreeMap<String, String>, TwinError> {
        let listing =
            self.git(name, &["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"]);
        let listing = listing.await?;
        let pair = |line: &str| line.split_once(' ').map(|(name, sha)| (name.to_owned(), sha.to_owned()));
        Ok(listing.lines().filter_map(pair).collect())
    }

    /// Whether a commit is there.
    pub(super) async fn has_commit(&self, name: &str, sha: &str) -> bool {
        let is_sha = sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_sha && self.git(name, &["cat-file", "-e", &format!("{sha}^{{commit}}")]).await.is_ok()
    }

    /// Makes a branch; `false` when there is one of that name.
    pub(super) async fn create_branch(&self, name: &str, branch: &str, sha: &str) -> Result<bool, TwinError> {
        let reference = format!("refs/heads/{branch}");
        // git itself judges: an all-zero old value means that the reference must not exist.
        let made = self.git(name, &["update-ref", &reference, sha, &"0".repeat(40)]).await;
        match made {
            Ok(_) => Ok(true),
            Err(_) if self.heads(name).await?.contains_key(branch) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings a commit into a branch, as a person's merge does.
    pub(super) async fn merge(
        &self,
        name: &str,
        (branch, commit): (&str, &str),
        by: &str,
    ) -> Result<(), TwinError> {
        let reference = format!("refs/heads/{branch}");
        let tree = self.git(name, &["merge-tree", "--write-tree", &reference, commit]).await?;
        let arguments =
            ["commit-tree", "-p", &reference, "-p", commit, "-m", &format!("Merge {commit}"), tree.trim()];
        let merged = run(signed(&mut self.command(name, &arguments), by)).await?;
        self.git(name, &["update-ref", &reference, merged.trim()]).await.map(drop)
    }

    /// Whether git takes this as the name of a branch.
    pub(super) async fn is_branch_name(&self, name: &str, branch: &str) -> bool {
        self.git(name, &["check-ref-format", &format!("refs/heads/{branch}")]).await.is_ok()
    }

    /// The unified diff from where `head` left `base` to `head`.
    pub(super) async fn diff(&self, name: &str, base: &str, head: &str) -> Result<String, TwinError> {
        self.git(name, &["diff", &format!("{base}...{head}")]).await
    }

    /// That diff, file by file.
    pub(super) async fn changed(
        &self,
        name: &str,
        base: &str,
        head: &str,
    ) -> Result<Vec<Changed>, TwinError> {
        Ok(changed::read(&self.diff(name, base, head).await?))
    }

    /// How much that diff is.
    pub(super) async fn extent(&self, name: &str, base: &str, head: &str) -> Result<Extent, TwinError> {
        let commits = self.git(name, &["rev-list", "--count", &format!("{base}..{head}")]).await?;
        let numbers = self.git(name, &["diff", "--numstat", &format!("{base}...{head}")]).await?;
        let mut extent = Extent { commits: commits.trim().parse().unwrap_or(0), ..Extent::default() };
        for line in numbers.lines() {
            let mut fields = line.split('\t').map(|field| field.parse().unwrap_or(0));
            extent.files += 1;
            extent.additions += fields.next().unwrap_or(0);
            extent.deletions += fields.next().unwrap_or(0);
        }
        Ok(extent)
    }

    /// The newest commits of a branch: hash, author and message.
    pub(super) async fn log(&self, name: &str, branch: &str) -> Result<Vec<[String; 3]>, TwinError> {
        let format = "--format=%H%x1f%an%x1f%B%x1e";
        let branch = format!("refs/heads/{branch}");
        let listing = self.git(name, &["log", "--max-count=100", format, &branch]).await?;
        let read = |entry: &str| {
            let mut parts = entry.trim().split('\u{1f}').map(|part| part.trim().to_owned());
            Some([parts.next()?, parts.next()?, parts.next()?])
        };
        Ok(listing.split('\u{1e}').filter_map(read).collect())
    }

    async fn git(&self, name: &str, arguments: &[&str]) -> Result<String, TwinError> {
        run(&mut self.command(name, arguments)).await
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut git = command();
        git.arg("--git-dir").arg(self.path(name)).args(arguments);
        git
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(format!("{name}.git"))
    }

    async fn make(&self, wanted: &RepositorySeed) -> Result<(), TwinError> {
        let path = self.path(&wanted.name);
        run(command().args(["init", "-q", "--bare", "-b", "main"]).arg(&path)).await?;
        let work = tempfile::tempdir().map_err(TwinError::io("a directory for a repository's files"))?;
        let folder = wanted.name.rsplit('/').next().unwrap_or(&wanted.name);
        let owner = wanted.writers.first().map_or("nobody", String::as_str);
        let files = wanted.files.clone().unwrap_or_else(|| seed::files(folder));
        self.commit(&wanted.name, work.path(), files, (owner, "Begin")).await?;
        for branch in &wanted.branches {
            self.git(&wanted.name, &["symbolic-ref", "HEAD", &format!("refs/heads/{}", branch.name)]).await?;
            self.git(&wanted.name, &["update-ref", "HEAD", "refs/heads/main"]).await?;
            let files = seed::files(&format!("{folder}@{}", branch.name));
            self.commit(&wanted.name, work.path(), files, (&branch.author, &branch.subject)).await?;
            self.git(&wanted.name, &["symbolic-ref", "HEAD", "refs/heads/main"]).await?;
        }
        Ok(())
    }

    /// Commits files over what the work tree holds already.
    async fn commit(
        &self,
        name: &str,
        work: &Path,
        files: Vec<SeedFile>,
        (author, subject): (&str, &str),
    ) -> Result<(), TwinError> {
        for file in files {
            let at = work.join(&file.path);
            write(&at, &file.bytes).map_err(TwinError::io(file.path))?;
        }
        let git = |arguments: &[&str]| {
            let mut git = command();
            git.arg("--git-dir").arg(self.path(name)).arg("--work-tree").arg(work).args(arguments);
            git
        };
        run(&mut git(&["add", "--all"])).await?;
        run(signed(&mut git(&["commit", "-q", "-m", subject]), author)).await?;
        Ok(())
    }
}

/// Lets a command commit in somebody's name.
fn signed<'a>(git: &'a mut Command, who: &str) -> &'a mut Command {
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), who);
        git.env(format!("GIT_{role}_EMAIL"), format!("{who}@acme.example"));
        git.env(format!("GIT_{role}_DATE"), DATE);
    }
    git
}

/// Writes a file; tests are made executable, because embedding does not keep modes.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, bytes)?;
    if bytes.starts_with(b"#!") {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode)?;
    }
    Ok(())
}

/// git, deaf to the configuration of the machine and of whoever started it.
pub(super) fn command() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        git.env_remove(name);
    }
    git.stdin(std::process::Stdio::null()).kill_on_drop(true);
    git
}

/// Runs a command to its end and gives what it printed.
pub(super) async fn run(command: &mut Command) -> Result<String, TwinError> {
    let output = command.output().await.map_err(TwinError::io("git"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = command.as_std().get_args().map(|word| word.to_string_lossy()).collect();
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(TwinError::Git { command: arguments.join(" "), message })
}
