//! Reads `shell` steps: a script that stands as it is, and the variables by which values come into it.

use serde_json::{Map, Value};

use super::Shell;
use super::read::{Reading, is_name};
use crate::spec::yaml::{self, Fields, Node};

/// Bytes that a script may have: the kernel takes 128 KiB of one argument.
const SCRIPT: usize = 100_000;

/// What may follow a parameter's name within its braces.
const OPERATORS: &[char] = &[':', '-', '=', '+', '?', '%', '#', '/', '^', ',', '@', '['];

/// What stands between `${` and `}` in a script.
#[derive(Debug, PartialEq, Eq)]
enum Braced<'a> {
    /// The shell's own: a parameter of this name, whatever is done with its value.
    Parameter(&'a str),
    /// Nothing that a shell knows.
    Expression,
}

impl Reading<'_> {
    /// The script, and what is allowed to it.
    pub(super) fn shell(&mut self, fields: &Fields<'_>) -> Shell {
        let run = fields.text("run").unwrap_or_default().to_owned();
        if let Some(node) = fields.given("run") {
            self.script(node, &run, fields);
        }
        Shell {
            run,
            network: fields.boolean("network").unwrap_or_default(),
            allow_failure: fields.boolean("allow_failure").unwrap_or_default(),
        }
    }

    /// The variables of a script.
    pub(super) fn environment(&mut self, fields: &Fields<'_>) -> Map<String, Value> {
        let entries = fields.map("env");
        for entry in entries {
            if !is_name(&entry.key) {
                let message = format!("`{}` is not a name that a shell could use", entry.key);
                self.source.fault_with_help(entry.key_span.clone(), message, "use letters, digits and `_`");
            }
            self.scope.check(&entry.value, self.source);
        }
        yaml::to_object(entries)
    }

    fn script(&mut self, node: &Node, run: &str, fields: &Fields<'_>) {
        if run.len() > SCRIPT {
            let message = format!("`run` has {} bytes, and takes at most {SCRIPT}", run.len());
            let help = "put the script into the repository and run it from there";
            return self.source.fault_with_help(node.span.clone(), message, help);
        }
        if run.contains('\0') {
            self.source.fault(node.span.clone(), "`run` holds a null character, which no script can");
        }
        let env: Vec<&str> = fields.map("env").iter().map(|entry| entry.key.as_str()).collect();
        for (at, inside) in braced(run) {
            if self.is_meant_for_us(inside, run, &env) {
                let part = format!("${{{inside}}}");
                let name = variable(inside);
                let span = node.span_of(self.source, &part, at);
                let message = format!("`{part}` is no expression here: `run` is the shell's alone");
                let help = format!("give it by `env: {{{name}: \"{part}\"}}`, and write `\"${name}\"` here");
                self.source.fault_with_help(span, message, help);
            }
        }
    }

    /// Whether somebody wrote this for Ostler: no shell knows it, or it is a name of the workflow's of which the
    /// script itself knows nothing.
    fn is_meant_for_us(&self, inside: &str, run: &str, env: &[&str]) -> bool {
        match read(inside) {
            Braced::Expression => true,
            Braced::Parameter(name) => {
                let path = [name.to_owned()];
                self.scope.resolve(&path).is_ok() && !env.contains(&name) && !mentions(run, name)
            }
        }
    }
}

/// What stands in braces after a `$` that is not quoted by a backslash, with the place of the `$`.
fn braced(run: &str) -> impl Iterator<Item = (usize, &str)> {
    run.match_indices("${").filter_map(|(at, _)| {
        let is_quoted = run[..at].ends_with('\\');
        let inside = &run[at + 2..];
        let end = inside.find('}').filter(|_| !is_quoted)?;
        Some((at, &inside[..end]))
    })
}

/// What a shell makes of it.
fn read(inside: &str) -> Braced<'_> {
    let special = |text: &str| matches!(text.chars().next(), Some('@' | '*' | '#' | '?' | '-' | '$' | '!'));
    let name = |text: &str| text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let body = inside.strip_prefix(['#', '!']).filter(|rest| !rest.is_empty()).unwrap_or(inside);
    let (parameter, rest) = body.split_at(name(body).unwrap_or(body.len()));
    let (parameter, rest) =
        if parameter.is_empty() && special(rest) { rest.split_at(1) } else { (parameter, rest) };
    let is_one = is_name(parameter)
        || special(parameter)
        || (!parameter.is_empty() && parameter.bytes().all(|byte| byte.is_ascii_digit()));
    if is_one && (rest.is_empty() || rest.starts_with(OPERATORS)) {
        Braced::Parameter(parameter)
    } else {
        Braced::Expression
    }
}

/// Whether a script has a word elsewhere than after `${`: it may set it itself.
fn mentions(run: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    run.match_indices(name).any(|(at, _)| {
        let (before, after) = (&run[..at], &run[at + name.len()..]);
        !before.ends_with("${") && !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// What a variable for an expression could be called: like the last of its names.
fn variable(inside: &str) -> String {
    let path = inside.trim().split(|letter: char| !letter.is_ascii_alphanumeric() && !"_.".contains(letter));
    let last = path.into_iter().next().and_then(|path| path.rsplit('.').next()).unwrap_or_default();
    if is_name(last) { last.to_ascii_uppercase() } else { "VALUE".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_shells_is_told_from_what_is_not() {
        for own in [
            "HOME", "1", "10", "@", "#", "?", "#name", "a:-b c", "x%%.*", "x##*/", "a[0]", "x/a/b", "!x", "$",
        ] {
            assert!(matches!(read(own), Braced::Parameter(_)), "{own}: {:?}", read(own));
        }
        for ours in [
            "task.id",
            " task ",
            "task | upper",
            "'x'",
            "\"x\"",
            "a + b",
            "f(x)",
            "",
            "(1)",
            "not x",
            "1 + 1",
        ] {
            assert_eq!(read(ours), Braced::Expression, "{ours}");
        }
    }

    #[test]
    fn a_variable_is_called_like_what_it_holds() {
        let names = ["task.title", "task_id | upper", "'x'", "pr", "a.b[0]"].map(variable);
        assert_eq!(names, ["TITLE", "TASK_ID", "VALUE", "PR", "B"]);
    }

    #[test]
    fn a_word_of_the_script_is_not_a_part_of_another() {
        assert!(mentions("branch=x; echo ${branch}", "branch"));
        assert!(mentions("for branch in a b; do echo ${branch}; done", "branch"));
        assert!(!mentions("echo ${branch} branches my_branch", "branch"));
    }
}
