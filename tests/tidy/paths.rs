//! Every path that a file's code mentions, resolved: imports, inline paths, and those inside macros.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, Macro, UseTree};

use crate::source::{self, Source};

/// A path as it is meant: one into this crate begins with `crate`.
pub(crate) struct Mention {
    /// Its parts.
    pub(crate) parts: Vec<String>,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Mention {
    /// The parts as one text.
    pub(crate) fn text(&self) -> String {
        self.parts.join("::")
    }

    /// Whether the path is this one or goes on from it.
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        let text = self.text();
        text == prefix || text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::"))
    }

    /// The module of this crate that the path leads into.
    pub(crate) fn top(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [first, top, ..] if first == "crate" => Some(top),
            _ => None,
        }
    }
}

/// All paths of a file, without those of its tests.
pub(crate) fn mentions(source: &Source) -> Vec<Mention> {
    let mut reader = Reader { module: source.module.clone(), mentions: Vec::new() };
    reader.visit_file(&source.file);
    reader.mentions
}

struct Reader {
    module: Vec<String>,
    mentions: Vec<Mention>,
}

impl Reader {
    fn add(&mut self, parts: &[String], span: Span) {
        let parts = self.resolve(parts);
        self.mentions.push(Mention { parts, span });
    }

    fn resolve(&self, parts: &[String]) -> Vec<String> {
        let ups = parts.iter().take_while(|part| *part == "super").count();
        let absolute = match parts.first().map(String::as_str) {
            Some("self") => Some((self.module.len(), 1)),
            Some("super") => Some((self.module.len().saturating_sub(ups), ups)),
            _ => None,
        };
        let Some((kept, skipped)) = absolute else { return parts.to_vec() };
        let module = std::iter::once("crate".to_owned()).chain(self.module[..kept].iter().cloned());
        module.chain(parts[skipped..].iter().cloned()).collect()
    }

    fn add_tree(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.add(&with(name.ident.to_string()), name.ident.span()),
            UseTree::Rename(name) => self.add(&with(name.ident.to_string()), name.ident.span()),
            UseTree::Glob(glob) => self.add(&with("*".to_owned()), glob.star_token.spans[0]),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(prefix, tree)),
        }
    }

    /// Paths in a macro's tokens, which may be anything: identifiers joined by `::`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens = source::flatten(tokens);
        let is_colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            let TokenTree::Ident(first) = &tokens[at] else {
                at += 1;
                continue;
            };
            let mut parts = vec![first.to_string()];
            while is_colon(at + 1) && is_colon(at + 2) {
                let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                parts.push(next.to_string());
                at += 3;
            }
            if parts.len() > 1 {
                self.add(&parts, first.span());
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&parts, path.segments[0].ident.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_: &'ast Macro) {
        self.visit_path(&macro_.path);
        self.add_tokens(macro_.tokens.clone());
    }
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text = "use crate::a::{b, c as d};\nuse super::*;\nfn f() -> crate::e::E { x!(crate::g::h(self::i)) }\n\
                mod inner { use super::super::j; }\n#[cfg(test)]\nmod tests { use crate::hidden; }\n";
    let source = Source::read("src/top/child.rs", text.to_owned());
    let found: Vec<_> = mentions(&source).iter().map(Mention::text).collect();
    for path in [
        "crate::a::b",
        "crate::a::c",
        "crate::top::*",
        "crate::e::E",
        "crate::g::h",
        "crate::top::child::i",
        "crate::top::j",
    ] {
        assert!(found.iter().any(|found| found == path), "{path} is not among {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("hidden")));
    assert_eq!(source.lines(), 4);
}
