//! What somebody asked of the bot. The grammar is one for comments and slash commands.
//!
//! `/ostler implement SHOP-7 "the totals" --branch fix --draft`: a name, arguments, flags. In a
//! comment the first line that begins with the bot's name counts, unless it stands in code, in a
//! quotation or in an HTML comment: what somebody shows is not what somebody asks. Reading never
//! fails; an open quote ends with the text.

mod prose;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::words::Word;

/// A parsed command: `/ostler implement "the totals" --branch fix` has the name `implement`, one
/// argument and one flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its name, in lower case, with aliases resolved (`help`, `implement`, `fix`, `review`).
    pub name: String,
    /// Its arguments in order, unquoted.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its flags; a flag without a value is `true`.
    #[serde(default)]
    pub flags: BTreeMap<String, String>,
    /// Everything after the name, as written.
    #[serde(default)]
    pub text: String,
}

/// The command that lists what there is.
const HELP: &str = "help";

/// Other names of commands. Nothing at all asks for help, and so do the flags of a command line.
const ALIASES: &[(&str, &str)] = &[
    ("impl", "implement"),
    ("?", HELP),
    ("h", HELP),
    ("", HELP),
    ("-h", HELP),
    ("--help", HELP),
    ("—help", HELP),
];

impl Command {
    /// The names that the bot is spoken to by.
    pub const NAMES: &[&str] = &["ostler"];

    /// The command in a comment: on its first line, outside of code, quotations and HTML comments, that
    /// begins with `/name` or `@name` of one of the names.
    #[must_use]
    pub fn in_comment(text: &str, names: &[&str]) -> Option<Self> {
        prose::own_lines(text).find_map(|line| address(line, names)).map(Self::parse)
    }

    /// The command that a text is, without the bot's name in front: what a slash command carries.
    /// Nothing at all asks for help.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let mut command =
            Self { name: canonical(name), args: Vec::new(), flags: BTreeMap::new(), text: rest.to_owned() };
        command.take(words::split(rest));
        command
    }

    /// The short names that a command also goes by.
    pub fn aliases(name: &str) -> impl Iterator<Item = &'static str> {
        let sayable = |alias: &str| !alias.is_empty() && !alias.starts_with(['-', '—']);
        ALIASES.iter().filter(move |(alias, of)| *of == name && sayable(alias)).map(|(alias, _)| *alias)
    }

    /// Whether the list of commands is asked for.
    #[must_use]
    pub fn is_help(&self) -> bool {
        self.name == HELP
    }

    fn take(&mut self, words: Vec<Word>) {
        let mut words = words.into_iter().peekable();
        let mut flags_end = false;
        while let Some(word) = words.next() {
            let flag = if flags_end { None } else { word.flag() };
            match flag {
                Some(("", _)) => flags_end = true,
                Some((name, Some(value))) => self.set(name, value.to_owned()),
                Some((name, None)) => {
                    let value = words.next_if(|next| next.flag().is_none());
                    self.set(name, value.map_or_else(|| "true".to_owned(), |word| word.text));
                }
                None => self.args.push(word.text),
            }
        }
    }

    fn set(&mut self, flag: &str, value: String) {
        self.flags.insert(flag.to_lowercase(), value);
    }
}

/// What a line says to the bot, if it begins with its name.
fn address<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    let line = line.trim_start().strip_prefix(['/', '@'])?;
    names.iter().find_map(|name| {
        let (head, rest) = line.split_at_checked(name.len())?;
        let rest = rest.strip_prefix([':', ',']).unwrap_or(rest);
        let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (ends && head.eq_ignore_ascii_case(name)).then_some(rest)
    })
}

/// A command's name without its aliases.
fn canonical(name: &str) -> String {
    let name = name.to_lowercase();
    let known = ALIASES.iter().find(|(alias, _)| *alias == name);
    known.map_or(name.as_str(), |(_, command)| command).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn comment(text: &str) -> Option<Command> {
        Command::in_comment(text, &["ostler"])
    }

    fn name_in(text: &str) -> Option<String> {
        comment(text).map(|command| command.name)
    }

    #[test]
    fn a_command_has_a_name_arguments_and_flags() {
        let command = Command::parse(r#"implement SHOP-7 "the totals" --branch fix --base=main --draft"#);
        assert_eq!(command.name, "implement");
        assert_eq!(command.args, ["SHOP-7", "the totals"]);
        let flags: Vec<_> = command.flags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(flags, [("base", "main"), ("branch", "fix"), ("draft", "true")]);
        assert_eq!(command.text, r#"SHOP-7 "the totals" --branch fix --base=main --draft"#);
    }

    #[test]
    fn aliases_are_resolved_and_fix_is_a_name_of_its_own() {
        for (text, name) in [
            ("impl x", "implement"),
            ("?", "help"),
            ("h", "help"),
            ("", "help"),
            ("--help", "help"),
            ("Fix it", "fix"),
            ("REVIEW", "review"),
        ] {
            assert_eq!(Command::parse(text).name, name, "{text}");
        }
    }

    #[test]
    fn quotes_may_be_left_open_and_may_be_typographic() {
        assert_eq!(Command::parse(r#"fix "the whole rest --x"#).args, ["the whole rest --x"]);
        assert_eq!(Command::parse("fix “the totals” now").args, ["the totals", "now"]);
        assert_eq!(Command::parse("fix don't 'a b' it's").args, ["don't", "a b", "it's"]);
        assert_eq!(Command::parse(r#"fix "say \"hi\"""#).args, [r#"say "hi""#]);
        assert_eq!(Command::parse(r#"fix """#).args, [""]);
    }

    #[test]
    fn flags_take_the_next_word_unless_it_is_a_flag() {
        let command = Command::parse(r#"fix --draft --title="a b" --repo "acme/shop" -- --not-a-flag"#);
        assert_eq!(command.flags["draft"], "true");
        assert_eq!(command.flags["title"], "a b");
        assert_eq!(command.flags["repo"], "acme/shop");
        assert_eq!(command.args, ["--not-a-flag"]);
        // Telephones and word processors turn two hyphens into a dash.
        assert_eq!(Command::parse("fix —repo acme/shop").flags["repo"], "acme/shop");
        // What is quoted is never a flag.
        assert_eq!(Command::parse(r#"fix "--draft""#).args, ["--draft"]);
    }

    #[test]
    fn a_comment_is_read_line_by_line() {
        assert_eq!(name_in("Thanks!\r\n\r\n/ostler implement the totals\r\nbye"), Some("implement".into()));
        assert_eq!(comment("/ostler fix this\r\n").unwrap().args, ["this"]);
        assert_eq!(name_in("@ostler review"), Some("review".into()));
        assert_eq!(name_in("@Ostler, review"), Some("review".into()));
        assert_eq!(name_in("   /ostler fix"), Some("fix".into()));
        assert_eq!(name_in("/ostler"), Some("help".into()));
        assert_eq!(name_in("please /ostler fix"), None);
        assert_eq!(name_in("/ostlerize fix"), None);
        assert_eq!(name_in("@ostler-two fix"), None);
        assert_eq!(name_in("/ostler fix\n/ostler review"), Some("fix".into()));
    }

    #[test]
    fn what_is_shown_is_not_asked() {
        for text in [
            "> /ostler fix",
            "  > > /ostler fix",
            "```\n/ostler fix\n```",
            "~~~sh\n/ostler fix\n~~~",
            "````\n```\n/ostler fix\n````",
            "```\n/ostler fix",
            "    /ostler fix",
            "\t/ostler fix",
            "`/ostler fix`",
            "<!--\n/ostler fix\n-->",
            "<!-- hidden\n/ostler fix -->",
            "<pre>\n/ostler fix\n</pre>",
            "{code:java}\n/ostler fix\n{code}",
            "{noformat}\n/ostler fix\n{noformat}",
            "{quote}\n/ostler fix\n{quote}",
            "bq. x\nbq. /ostler fix",
        ] {
            assert_eq!(name_in(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_follows_a_quotation_is_asked() {
        for text in [
            "> earlier\n\n/ostler fix",
            "```\nlet x;\n```\n/ostler fix",
            "<!-- template -->\n/ostler fix",
            "{quote}earlier{quote}\n/ostler fix",
            "{code}x{code} and {code}y{code}\n/ostler fix",
            "use `<!--` here\n/ostler fix",
        ] {
            assert_eq!(name_in(text), Some("fix".into()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_fails(text in r#"([ -~\n\r\t]|"|'|“|”|—|`|<!--|-->|\{code\}|/ostler |é|🦀){0,60}"#) {
            let command = Command::parse(&text);
            prop_assert!(!command.name.is_empty());
            let inside = Command::in_comment(&text, &["ostler"]);
            prop_assert!(inside.is_none_or(|command| !command.name.is_empty()));
        }

        #[test]
        fn a_quoted_argument_is_read_back(argument in "[a-z -]{0,12}") {
            let command = Command::parse(&format!("fix \"{argument}\""));
            prop_assert_eq!(command.args, vec![argument]);
        }
    }
}
