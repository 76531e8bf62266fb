//! The files that are to be written.

use secrecy::ExposeSecret as _;

use super::answers::Answers;
use crate::cli::schema;
use crate::config::{Config, SECRETS};
use crate::plugin::registry;
use crate::plugin::setup::{Guide, Place, Setting};

/// A file that is to be.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Relative to the project's directory.
    pub(super) name: String,
    pub(super) text: String,
    /// Whether nobody else may read it.
    pub(super) private: bool,
    /// Whether nobody writes it by hand: what is there of it is only older.
    pub(super) made: bool,
}

impl File {
    fn open(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), text, private: false, made: false }
    }
}

/// What no repository should hold.
const IGNORED: &str = "# What Ostler keeps, and its secrets.\n.env\n*.pem\n/data/\n/workspaces/\n";

/// Everything that a project begins with.
pub(super) fn files(answers: &Answers) -> Vec<File> {
    let secrets = File { private: true, ..File::open(SECRETS, secrets(answers, false)) };
    let mut files = vec![
        File::open("ostler.yaml", configuration(answers)),
        secrets,
        File::open(".env.example", self::secrets(answers, true)),
        File::open(".gitignore", IGNORED.to_owned()),
    ];
    files.extend(
        answers.apps.values().flatten().map(|app| File {
            private: true,
            ..File::open(app.key_file, app.key.expose_secret().to_owned())
        }),
    );
    files.extend(
        schema::all().map(|(name, text)| File {
            made: true,
            ..File::open(&format!("{}/{name}", schema::PLACE), text)
        }),
    );
    let manifests = answers.chosen.iter().filter_map(|guide| guide.manifest);
    files.extend(manifests.map(|manifest| {
        let text = (manifest.write)(answers.public_url.as_deref());
        File::open(manifest.file, format!("{text:#}\n"))
    }));
    files
}

/// The shipped handlers, to be changed.
pub(super) fn examples() -> Vec<File> {
    let shipped = crate::spec::catalog::shipped_handlers();
    shipped.map(|(name, text)| File::open(&format!("handlers/{name}"), text)).collect()
}

fn secrets(answers: &Answers, empty: bool) -> String {
    let mut text =
        "# Ostler's secrets. It reads this file by itself where it lies beside ostler.yaml; nobody else \
                    should (mode 0600).\n"
            .to_owned();
    for setting in answers.settings().filter(|setting| setting.kind.is_secret()) {
        let value = if empty { "" } else { answers.value(setting) };
        push(&mut text, format_args!("# {}.\n{}='{value}'\n", setting.about, setting.variable));
    }
    text
}

fn configuration(answers: &Answers) -> String {
    let mut text = format!("# yaml-language-server: $schema={}/config.json\n", schema::PLACE);
    text.push_str(
        "# Ostler's configuration, as `ostler init` wrote it. Secrets are in .env beside it, never here.\n",
    );
    push(&mut text, format_args!("server:\n  listen: {}\n", Config::default().server.listen));
    if let Some(url) = &answers.public_url {
        push(&mut text, format_args!("  public_url: {}\n", quoted(url)));
    }
    section(&mut text, "sources", &sources(answers));
    section(&mut text, "ai_provider", &model(answers));
    section(&mut text, "plugins", &plugins(answers));
    let pairs = answers.repositories.iter();
    let pairs = pairs.map(|(key, name)| format!("  {}: {}\n", quoted(key), quoted(&name.to_string())));
    section(&mut text, "repositories", &pairs.collect::<String>());
    text
}

/// A section, unless it is empty.
fn section(text: &mut String, name: &str, body: &str) {
    if !body.is_empty() {
        push(text, format_args!("\n{name}:\n{body}"));
    }
}

fn sources(answers: &Answers) -> String {
    let mut text = String::new();
    for guide in &answers.chosen {
        let own = answers.settings_of(guide);
        let mut own = own.filter(|one| matches!(one.place, Place::Source | Place::Line)).peekable();
        if own.peek().is_some() {
            push(&mut text, format_args!("  {}:\n", guide.provider));
        }
        for setting in own {
            let shown = shown(answers, setting);
            let value = if setting.place == Place::Source { format!("[{shown}]") } else { shown };
            push(&mut text, format_args!("    {}: {value}\n", setting.key));
        }
    }
    text
}

fn model(answers: &Answers) -> String {
    let mut text = String::new();
    let provider = answers.serving.get(MODEL).copied().flatten();
    for guide in answers.chosen.iter().filter(|guide| Some(guide.provider) == provider) {
        push(&mut text, format_args!("  type: {}\n", guide.provider));
        push(&mut text, format_args!("  model: {}\n", registry::usual_model(guide.provider)));
        text.push_str(&options(answers, guide, Place::Model, "  "));
    }
    text
}

/// The capability that is configured in a section of its own.
const MODEL: &str = "ai_provider";

fn plugins(answers: &Answers) -> String {
    let mut text = String::new();
    let guides = registry::guides();
    for (capability, provider) in answers.serving.iter().filter(|(capability, _)| **capability != MODEL) {
        let guide = answers.chosen.iter().find(|guide| Some(guide.provider) == *provider);
        match guide {
            Some(guide) => {
                push(
                    &mut text,
                    format_args!("  {capability}:\n    provider: {}\n    options:\n", guide.provider),
                );
                text.push_str(&options(answers, guide, Place::Plugin, "      "));
            }
            None => {
                let Some(able) = guides.iter().find(|guide| guide.serves.contains(capability)) else {
                    continue;
                };
                push(
                    &mut text,
                    format_args!("  {capability}: {{provider: {}, enabled: false}}\n", able.provider),
                );
            }
        }
    }
    text
}

fn options(answers: &Answers, guide: &'static Guide, place: Place, indent: &str) -> String {
    let own = answers.settings_of(guide).filter(|setting| setting.place == place);
    let mut text: String =
        own.map(|setting| format!("{indent}{}: {}\n", setting.key, shown(answers, setting))).collect();
    if let Some(Some(app)) = answers.apps.get(guide.provider).filter(|_| place == Place::Plugin) {
        push(&mut text, format_args!("{indent}# {}.\n", app.about));
        for (key, value) in &app.options {
            push(&mut text, format_args!("{indent}{key}: {value}\n"));
        }
    }
    text
}

/// A setting as the configuration has it: a secret by its variable only.
fn shown(answers: &Answers, setting: &Setting) -> String {
    if setting.kind.is_secret() {
        quoted(&format!("${{{}}}", setting.variable))
    } else {
        quoted(answers.value(setting))
    }
}

/// A text as YAML and JSON both write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.push_str(&more.to_string());
}
