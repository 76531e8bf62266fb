//! The process's environment, read once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Environment variables by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The environment that the process was started with.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn of_process() -> Self {
        // Variables that are not Unicode cannot be meant for us.
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// A variable's value, unless it is unset or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same, with what a file of variables adds to it: those that are set already come first.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn over(&self, file: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self.clone()),
            read => read?,
        };
        let mut whole = variables(&text);
        whole.extend(
            self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(k, v)| (k.clone(), v.clone())),
        );
        Ok(Self(whole))
    }

    /// The variables that override a configured value: `OSTLER_SERVER__LISTEN` as `[server, listen]`.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (Vec<String>, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let path = name.strip_prefix("OSTLER_")?;
            path.contains("__").then(|| (path.split("__").map(str::to_lowercase).collect(), value.as_str()))
        })
    }
}

/// The variables of a file, one `NAME=VALUE` a line, the value bare or between quotes. Nothing within a value
/// means anything else: a secret may hold a dollar.
#[must_use]
pub fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned())).collect()
}

fn unquoted(value: &str) -> &str {
    let between = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    between('\'').or_else(|| between('"')).unwrap_or(value)
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_variables_is_read_as_it_stands() {
        let text = "# a comment = none\nA=b\nexport C='d $E'\nF=\"g=h\"\nnothing\n";
        let read = variables(text);
        let pairs: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "b"), ("C", "d $E"), ("F", "g=h")]);
    }

    #[test]
    fn what_the_process_was_given_comes_before_the_file() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(".env");
        std::fs::write(&file, "A=file\nB=file\nC=file\n").unwrap();
        let both = Environment::from([("A", "process"), ("B", "")]).over(&file).unwrap();
        assert_eq!(
            [both.get("A"), both.get("B"), both.get("C")],
            [Some("process"), Some("file"), Some("file")]
        );
        assert!(Environment::default().over(&place.path().join("none")).unwrap().get("A").is_none());
    }
}
