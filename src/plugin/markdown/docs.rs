//! Pages as files of the repository: what a template makes of their content.

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use super::options::Options;
use crate::event::SourceName;
use crate::plugin::docs::{Docs, NewPage, Page, PageRef};
use crate::plugin::effect::Effect;
use crate::plugin::{Call, PluginError, Problem};

/// The provider's name.
const NAME: &str = "markdown";

/// The templates, by the names that workflows use.
const TEMPLATES: &[(&str, &str)] = &[("feature_documentation", include_str!("feature_documentation.md"))];

/// Work that a template may do: far more than a page needs, and an end to a loop that has none.
const FUEL: u64 = 100_000;

/// Markdown files in the repository, committed with the run's work.
#[derive(Debug)]
pub struct Markdown {
    options: Options,
}

impl Markdown {
    /// Pages as these options say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    fn page(&self, page: &NewPage) -> Result<Page, PluginError> {
        let text = match &page.template {
            Some(template) => render(template, page)?,
            None => format!("# {}\n\n{}\n", page.title, page.content.trim()),
        };
        let directory = self.options.directory.trim_matches('/');
        Ok(Page::File { path: format!("{directory}/{}.md", slug(&page.title)), text })
    }
}

impl Docs for Markdown {
    fn name(&self) -> SourceName {
        SourceName::new(NAME)
    }

    /// The effect leaves no mark: the same page is the same file, and the commit is journalled elsewhere.
    fn create_page<'a>(&'a self, page: &'a NewPage, _effect: &'a Effect) -> Call<'a, Page> {
        Box::pin(std::future::ready(self.page(page)))
    }

    /// Nothing is on a service.
    fn find_page<'a>(&'a self, _page: &'a NewPage, _effect: &'a Effect) -> Call<'a, Option<PageRef>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn delete_page<'a>(&'a self, _page: &'a PageRef) -> Call<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn render(template: &str, page: &NewPage) -> Result<String, PluginError> {
    let wrong = |message: String| PluginError::new(NAME, Problem::Invalid, message);
    let known = || TEMPLATES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let source = TEMPLATES.iter().find(|(name, _)| *name == template).map(|(_, source)| *source);
    let source = source.ok_or_else(|| wrong(format!("no template `{template}`; there are: {}", known())))?;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let mut values: Map<String, Value> = page.values.clone();
    values.insert("title".to_owned(), page.title.clone().into());
    values.insert("content".to_owned(), page.content.clone().into());
    let rendered = environment.render_str(source, minijinja::value::Serde(&values));
    let text = rendered.map_err(|error| wrong(format!("template `{template}`: {error}")))?;
    Ok(format!("{}\n", text.trim_end()))
}

/// A title as a file's name: small letters and digits, joined by dashes.
fn slug(title: &str) -> String {
    const LONGEST: usize = 60;
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    let cut: String = joined.chars().take(LONGEST).collect();
    let slug = cut.trim_matches('-');
    if slug.is_empty() { "page".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::client::testing::effect;

    async fn made(template: Option<&str>, values: Value) -> Result<Page, PluginError> {
        let page = NewPage {
            title: "Rounding: to the cent!".to_owned(),
            content: "It rounds.\n".to_owned(),
            template: template.map(str::to_owned),
            values: values.as_object().cloned().unwrap_or_default(),
        };
        Markdown::new(Options::default()).create_page(&page, &effect("docs", true)).await
    }

    #[tokio::test]
    async fn a_page_becomes_a_file_named_by_its_title() {
        let Page::File { path, text } = made(None, json!({})).await.unwrap() else { panic!("no file") };
        assert_eq!(path, "docs/rounding-to-the-cent.md");
        assert_eq!(text, "# Rounding: to the cent!\n\nIt rounds.\n");
    }

    #[tokio::test]
    async fn the_template_tells_of_task_and_change_where_it_knows_them() {
        let task = json!({"id": "SHOP-7", "title": "Round", "url": "https://x/7"});
        let values = json!({ "task": task, "pull_request": "https://x/pull/1" });
        let Page::File { text, .. } = made(Some("feature_documentation"), values).await.unwrap() else {
            panic!("no file")
        };
        assert_eq!(
            text,
            "# Rounding: to the cent!\n\nIt rounds.\n\n## Origin\n\nThis page belongs to [SHOP-7: Round](https://x/7).\n\n## Change\n\nThe change is in https://x/pull/1.\n"
        );
        let Page::File { text, .. } = made(Some("feature_documentation"), json!({})).await.unwrap() else {
            panic!("no file")
        };
        assert_eq!(text, "# Rounding: to the cent!\n\nIt rounds.\n");
    }

    #[tokio::test]
    async fn an_unknown_template_is_named_with_those_that_exist() {
        let error = made(Some("poem"), json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "markdown: no template `poem`; there are: feature_documentation");
    }

    #[test]
    fn a_slug_is_never_empty_and_never_a_path() {
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("…"), "page");
        assert_eq!(slug(&"x".repeat(200)).len(), 60);
    }
}
