//! git, told everything and trusted with nothing: no configuration but ours, no hooks, no helpers, no
//! protocol that was not allowed, and a git directory that the sandbox cannot write.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use url::Url;

use super::guard::hidden;
use super::{WorkspaceError, process};
use crate::plugin::forge::Remote;

/// Bytes of output that one git command may give.
const OUTPUT_ROOM: usize = 64 << 20;

/// Configuration that no repository, user or system can change.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.quotePath=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "commit.gpgSign=false",
    "credential.helper=",
    "diff.external=",
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "protocol.allow=never",
    "push.recurseSubmodules=no",
    "submodule.recurse=false",
    "transfer.fsckObjects=true",
];

/// What git may do, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitPolicy {
    /// The protocols that a remote may speak.
    pub protocols: Vec<String>,
    /// Seconds for a command that stays here.
    pub local_seconds: u64,
    /// Seconds for a command that speaks to a remote.
    pub remote_seconds: u64,
    /// Where `git` and its helpers are looked for.
    pub path: String,
    /// Variables that it gets besides its own: proxies and certificates.
    pub variables: BTreeMap<String, String>,
}

/// One trusted git directory.
#[derive(Debug, Clone)]
pub(super) struct Git {
    /// The directory: bare, outside of every checkout.
    pub(super) directory: PathBuf,
    /// What may be done.
    pub(super) policy: GitPolicy,
}

/// A git command being put together.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    git: &'a Git,
    command: Command,
    name: String,
    input: Vec<u8>,
    limit: Duration,
}

impl Default for GitPolicy {
    fn default() -> Self {
        Self {
            protocols: vec!["https".to_owned(), "http".to_owned()],
            local_seconds: 120,
            remote_seconds: 600,
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            variables: BTreeMap::new(),
        }
    }
}

impl Git {
    /// Begins a command by its subcommand.
    pub(super) fn command(&self, name: &str) -> Invocation<'_> {
        let mut command = Command::new("git");
        command.env_clear().envs(&self.policy.variables).env("PATH", &self.policy.path);
        // An empty home: git would read its user's configuration from there.
        command.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
        command.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("LC_ALL", "C"),
        ]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for protocol in &self.policy.protocols {
            command.arg("-c").arg(format!("protocol.{protocol}.allow=always"));
        }
        command.arg("--git-dir").arg(&self.directory).current_dir("/");
        let limit = Duration::from_secs(self.policy.local_seconds);
        Invocation { git: self, command, name: name.to_owned(), input: Vec::new(), limit }
    }
}

impl Invocation<'_> {
    /// Lets it work on these files with this index.
    pub(super) fn on(mut self, files: &Path, index: &Path) -> Self {
        self.command.arg("--work-tree").arg(files).current_dir(files).env("GIT_INDEX_FILE", index);
        self
    }

    /// Lets it use this index.
    pub(super) fn index(mut self, index: &Path) -> Self {
        self.command.env("GIT_INDEX_FILE", index);
        self
    }

    /// Sets a variable.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives it something to read.
    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Lets it speak to a remote: by the literal address, with the credential in its environment, where
    /// neither the process list nor any file shows it.
    pub(super) fn remote(mut self, remote: &Remote) -> Result<Self, WorkspaceError> {
        let url = self.git.address(&remote.url)?;
        self.limit = Duration::from_secs(self.git.policy.remote_seconds);
        if let Some((user, password)) = &remote.credential {
            let secret = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            let origin = url.origin().ascii_serialization();
            self = self
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", &format!("http.{origin}/.extraHeader"))
                .env("GIT_CONFIG_VALUE_0", &format!("Authorization: Basic {secret}"));
        }
        Ok(self)
    }

    /// Runs it with these arguments and gives what it wrote.
    pub(super) async fn bytes<I, S>(mut self, arguments: I) -> Result<Vec<u8>, WorkspaceError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command.arg(&self.name);
        self.command.args(arguments.into_iter().map(|argument| OsString::from(argument.as_ref())));
        let failed = |message: String| WorkspaceError::Git { command: self.name.clone(), message };
        let finished = process::apart(self.command, &self.input, self.limit, OUTPUT_ROOM)
            .await
            .map_err(|error| failed(error.to_string()))?;
        match finished.code {
            Some(0) => finished.out.whole().ok_or_else(|| failed("gave too much output".to_owned())),
            _ if finished.timed_out => Err(failed(format!("took more than {} s", self.limit.as_secs()))),
            _ => Err(failed(finished.err.text().trim().to_owned())),
        }
    }

    /// Runs it with these arguments and gives what it wrote, as text without the last line's end.
    pub(super) async fn text<I, S>(self, arguments: I) -> Result<String, WorkspaceError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let bytes = self.bytes(arguments).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }
}

impl Git {
    /// A remote's address, if git may go there: an allowed protocol, and no credential in it.
    fn address(&self, text: &str) -> Result<Url, WorkspaceError> {
        let refused =
            |message: &str| WorkspaceError::Git { command: "remote".to_owned(), message: message.to_owned() };
        let url = Url::parse(text).map_err(|_| refused("the remote's address cannot be read"))?;
        if !self.policy.protocols.iter().any(|protocol| protocol == url.scheme()) {
            return Err(refused("the remote speaks a protocol that is not allowed"));
        }
        if url.password().is_some() || !url.username().is_empty() {
            return Err(refused("the remote's address holds a credential"));
        }
        Ok(url)
    }
}

/// Whether a text can be a branch's name: what `git check-ref-format --branch` takes, without what only
/// invites mischief.
#[must_use]
pub fn is_branch_name(name: &str) -> bool {
    let sound = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with('.') && !part.ends_with(".lock")
    };
    let letters = name.chars().all(|c| {
        !c.is_control() && !c.is_whitespace() && !"~^:?*[\\\"'`$;&|<>(){}!#%".contains(c) && !is_invisible(c)
    });
    letters
        && hidden::count(name) == 0
        && name.len() <= 200
        && name != "HEAD"
        && name != "@"
        && !name.contains("..")
        && !name.starts_with("refs/")
        && name.split('/').all(sound)
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a text is a whole object name.
#[must_use]
pub fn is_object_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_that_mean_something_else_to_git_are_refused() {
        for name in ["main", "feature/SHOP-7", "fix_1.2", "ostler/run-0a", "größe"] {
            assert!(is_branch_name(name), "{name}");
        }
        for name in [
            "",
            "-x",
            "--upload-pack=cmd",
            "a..b",
            "a/.b",
            "a.lock",
            "a/b.lock/c",
            "a//b",
            "/a",
            "a/",
            "@",
            "HEAD",
            "a b",
            "a\nb",
            "a~1",
            "a^",
            "a:b",
            "a?b",
            "a*",
            "a[b",
            "a\\b",
            "refs/heads/a",
            "a/-b",
            "x@{1}",
            "a\u{202e}b",
            "a\u{e0062}b",
            "$(id)",
            "a;b",
        ] {
            assert!(!is_branch_name(name), "{name}");
        }
    }

    #[test]
    fn a_remote_is_refused_for_its_protocol_or_a_credential_in_it() {
        let git = Git { directory: "/nowhere".into(), policy: GitPolicy::default() };
        assert!(git.address("https://example.org/acme/shop.git").is_ok());
        for address in ["ext::sh -c id", "file:///etc", "ssh://a/b", "/etc", "https://u:p@example.org/a/b"] {
            assert!(git.address(address).is_err(), "{address}");
        }
    }
}
