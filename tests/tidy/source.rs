//! The sources of `src/`, parsed, and what of them is test code.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::{Attribute, ImplItem, Item};

/// One file that is part of the library or the binary; files of tests are left out.
pub(crate) struct Source {
    /// Its path from the package's root: `src/agent/turn.rs`.
    pub(crate) path: String,
    /// The module that it is: `["agent", "turn"]`; empty for the crate's root.
    pub(crate) module: Vec<String>,
    /// Its text.
    pub(crate) text: String,
    /// The same, parsed, without what is for tests alone.
    pub(crate) file: syn::File,
    /// The lines of its tests.
    tests: Vec<RangeInclusive<usize>>,
    /// The modules that it declares for tests alone.
    test_modules: Vec<Vec<String>>,
}

impl Source {
    /// The file at this path with this text.
    pub(crate) fn read(path: &str, text: String) -> Self {
        let mut file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let module = match path.trim_start_matches("src/").trim_end_matches(".rs") {
            "lib" => Vec::new(),
            module => module.split('/').map(str::to_owned).collect::<Vec<_>>(),
        };
        let is_for_tests = |item: &&Item| is_test(attributes(item));
        let lines = |item: &Item| item.span().start().line..=item.span().end().line;
        let tests = file.items.iter().filter(is_for_tests).map(lines).collect();
        let declared = file.items.iter().filter(is_for_tests).filter_map(|item| match item {
            Item::Mod(inner) if inner.content.is_none() => {
                Some([module.as_slice(), &[inner.ident.to_string()]].concat())
            }
            _ => None,
        });
        let test_modules = declared.collect();
        leave_tests_out(&mut file.items);
        Self { path: path.to_owned(), module, text, file, tests, test_modules }
    }

    /// A broken rule, with its place.
    pub(crate) fn broken(&self, span: Span, rule: &str) -> String {
        format!("{}:{}: {rule}", self.path, span.start().line)
    }

    /// How many lines it has without its tests.
    pub(crate) fn lines(&self) -> usize {
        let tests: usize = self.tests.iter().map(|lines| lines.clone().count()).sum();
        self.text.lines().count() - tests
    }

    /// Its tokens, without documentation and tests.
    pub(crate) fn tokens(&self) -> Vec<TokenTree> {
        let tokens = flatten(undocumented(self.text.parse().unwrap()));
        let is_kept =
            |token: &TokenTree| !self.tests.iter().any(|lines| lines.contains(&token.span().start().line));
        tokens.into_iter().filter(is_kept).collect()
    }
}

/// The package's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of `src/` that is not a test's.
pub(crate) fn all() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    let sources: Vec<_> = files.iter().map(|file| parse(file)).collect();
    let tests: BTreeSet<_> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    let is_tests =
        |source: &Source| (1..=source.module.len()).any(|end| tests.contains(&source.module[..end]));
    sources.into_iter().filter(|source| !is_tests(source)).collect()
}

/// Every file under a directory, in no order.
pub(crate) fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn parse(place: &Path) -> Source {
    let text = fs::read_to_string(place).unwrap();
    Source::read(place.strip_prefix(root()).unwrap().to_str().unwrap(), text)
}

/// Removes what is for tests alone, in modules and implementations too.
fn leave_tests_out(items: &mut Vec<Item>) {
    items.retain(|item| !is_test(attributes(item)));
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, inner)) = &mut module.content {
                    leave_tests_out(inner);
                }
            }
            Item::Impl(block) => {
                block.items.retain(|item| !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)))
            }
            _ => {}
        }
    }
}

/// Whether attributes keep something out of everything but tests.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = || match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string() == "test",
            _ => false,
        };
        attribute.path().is_ident("test") || (attribute.path().is_ident("cfg") && is_cfg_test())
    })
}

/// An item's attributes.
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// A stream without its documentation, which the parser gives as attributes.
fn undocumented(stream: TokenStream) -> TokenStream {
    let is_doc = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.stream().to_string().starts_with("doc"),
        _ => false,
    };
    let kept = stream.into_iter().filter(|token| !is_doc(token)).map(|token| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), undocumented(group.stream()));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        token => token,
    });
    kept.collect()
}

/// Every token of a stream, however deep.
pub(crate) fn flatten(stream: TokenStream) -> Vec<TokenTree> {
    let mut tokens = Vec::new();
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                let inner = flatten(group.stream());
                tokens.push(TokenTree::Group(group));
                tokens.extend(inner);
            }
            token => tokens.push(token),
        }
    }
    tokens
}
