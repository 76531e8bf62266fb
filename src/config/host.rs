//! What the machine offers that no file says: the user's Rust toolchains for the sandbox, and proxies and
//! certificates for git.

use std::path::{Path, PathBuf};

use super::{Config, Environment, SandboxOptions};
use crate::workspace::sandbox;

/// Variables by which a network says how it is left. git is given them; sandboxed commands never are.
const NETWORK: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];

impl Config {
    /// Fills in what the machine offers.
    pub(super) fn look_around(&mut self, environment: &Environment) {
        let given = NETWORK.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(name)?)));
        self.network = given.map(|(name, value)| (name, value.to_owned())).collect();
        // A git that was built with another TLS library than OpenSSL reads its own name only.
        if let Some(file) = self.network.get("SSL_CERT_FILE").cloned() {
            self.network.entry("GIT_SSL_CAINFO".to_owned()).or_insert(file);
        }
        self.security.sandbox.toolchain = Toolchain::find(environment);
    }
}

/// The user's Rust toolchain, as rustup installs it: the one that is the default. rustup's own programs are
/// not used, for they write beside themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    cargo: PathBuf,
    programs: PathBuf,
}

impl Toolchain {
    fn find(environment: &Environment) -> Option<Self> {
        let home = |name: &str, below: &str| {
            let own = environment.get(name).map(PathBuf::from);
            own.or_else(|| Some(Path::new(environment.get("HOME")?).join(below)))
        };
        let (cargo, rustup) = (home("CARGO_HOME", ".cargo")?, home("RUSTUP_HOME", ".rustup")?);
        let settings = std::fs::read_to_string(rustup.join("settings.toml")).ok()?;
        let named = settings.lines().find_map(|line| line.strip_prefix("default_toolchain = "))?;
        let programs = rustup.join("toolchains").join(named.trim().trim_matches('"'));
        programs.join("bin/cargo").exists().then_some(Self { cargo, programs })
    }

    /// What of it a command may read: programs and fetched packages. Not the credentials that lie
    /// beside them.
    fn readable(&self) -> [PathBuf; 2] {
        [self.programs.clone(), self.cargo.join("registry")]
    }
}

impl SandboxOptions {
    /// What commands run with.
    #[must_use]
    pub fn options(&self) -> sandbox::Options {
        let (minimum, network) = (self.minimum, self.network);
        let mut options = sandbox::Options { minimum, network, ..Default::default() };
        if let Some(path) = &self.path {
            options.path.clone_from(path);
        }
        if let Some(toolchain) = &self.toolchain {
            options.path = format!("{}:{}", toolchain.programs.join("bin").display(), options.path);
            options.readable.extend(toolchain.readable());
            options.variables.insert("CARGO_HOME".to_owned(), toolchain.cargo.display().to_string());
        }
        options.readable.extend(self.readable.iter().cloned());
        options.variables.extend(self.variables.clone());
        options
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::id::{EventId, RunId};
    use crate::plugin::forge::Remote;
    use crate::workspace::sandbox::{Level, Sandbox};
    use crate::workspace::{self, Workspaces};

    fn around(environment: &Environment) -> Config {
        let mut config = Config::default();
        config.look_around(environment);
        config
    }

    #[test]
    fn a_toolchain_is_readable_without_the_credentials_beside_it() {
        let home = tempfile::tempdir().unwrap();
        for directory in [".cargo/registry", ".rustup/toolchains/stable/bin"] {
            std::fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        for file in
            [".rustup/toolchains/stable/bin/cargo", ".cargo/credentials.toml", ".rustup/settings.toml"]
        {
            std::fs::write(home.path().join(file), "version = \"12\"\ndefault_toolchain = \"stable\"\n")
                .unwrap();
        }
        let home_text = home.path().to_str().unwrap();
        let options = around(&Environment::from([("HOME", home_text)])).security.sandbox.options();
        assert!(
            options.path.starts_with(&format!("{home_text}/.rustup/toolchains/stable/bin:")),
            "{}",
            options.path
        );
        assert!(options.readable.contains(&home.path().join(".cargo/registry")));
        let credentials = home.path().join(".cargo/credentials.toml");
        assert!(!options.readable.iter().any(|readable| credentials.starts_with(readable)));
        let none = around(&Environment::from([("HOME", "/nonexistent")])).security.sandbox.options();
        assert_eq!(none, sandbox::Options::default());
    }

    #[test]
    fn what_is_configured_comes_on_top() {
        let text = "security: {sandbox: {minimum: 1, path: /opt/bin, readable: [/opt], variables: {A: b}, \
                    network: true}}";
        let config: Config = serde_saphyr::from_str(text).unwrap();
        let options = config.security.sandbox.options();
        assert_eq!((options.minimum, options.path.as_str()), (1, "/opt/bin"));
        assert!(options.readable.contains(&"/opt".into()) && options.readable.contains(&"/usr".into()));
        assert_eq!(options.variables["A"], "b");
        assert!(options.network && !Config::default().security.sandbox.options().network);
    }

    #[test]
    fn git_is_told_of_proxies_and_certificates_and_of_nothing_else() {
        let given =
            [("https_proxy", "http://proxy:1"), ("SSL_CERT_FILE", "/ca.pem"), ("GITHUB_TOKEN", "secret")];
        let network = around(&Environment::from(given)).network;
        let names: Vec<_> = network.keys().map(String::as_str).collect();
        assert_eq!(names, ["GIT_SSL_CAINFO", "SSL_CERT_FILE", "https_proxy"]);
        assert_eq!(network["GIT_SSL_CAINFO"], "/ca.pem");
    }

    #[tokio::test]
    async fn a_rust_repository_is_tested_with_the_users_toolchain() {
        let config = around(&Environment::of_process());
        if config.security.sandbox.toolchain.is_none() {
            println!("skipped: there is no toolchain of rustup here");
            return;
        }
        let sandbox =
            Sandbox::probe(sandbox::Options { minimum: 0, ..config.security.sandbox.options() }).await;
        if sandbox.level() < Level::Isolated {
            println!("skipped: this host offers level {} only", sandbox.level());
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let seed = place.path().join("seed");
        std::fs::create_dir_all(seed.join("src")).unwrap();
        let manifest = "[package]\nname = \"seed\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        std::fs::write(seed.join("Cargo.toml"), manifest).unwrap();
        let code = "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 2);\n}\n";
        std::fs::write(seed.join("src/lib.rs"), code).unwrap();
        let script = "git init -q -b main && git add -A && \
                      git -c user.name=t -c user.email=t@t commit -qm seed";
        assert!(Command::new("sh").args(["-c", script]).current_dir(&seed).status().unwrap().success());
        let mut options = workspace::Options { root: place.path().join("runs"), ..Default::default() };
        options.git.protocols.push("file".to_owned());
        let remote = Remote { url: format!("file://{}", seed.display()), credential: None };
        let run = RunId::of(EventId::at(jiff::Timestamp::UNIX_EPOCH), "test");
        let workspace = Workspaces::new(options, sandbox).open(run, &remote, "main").await.unwrap();
        let limit = Duration::from_secs(300);
        let output = workspace.shell("cargo test --offline --quiet", limit).await.unwrap();
        assert_eq!(output.code, Some(0), "{}", output.text);
        let output = workspace.shell("ls -A \"$CARGO_HOME\" | sort | tr '\\n' ' '", limit).await.unwrap();
        assert_eq!(output.text, "registry ");
    }
}
