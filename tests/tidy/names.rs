//! What things may be called, and what may be named only in one place.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ExprMethodCall, Macro};

use crate::paths;
use crate::source::{self, Source};

/// Names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "managers", "types", "misc"];

#[test]
fn modules_have_names_that_say_something() {
    let mut broken = Vec::new();
    for source in source::all() {
        let bad = source.module.iter().find(|name| EMPTY_NAMES.contains(&name.as_str()) || *name == "mod");
        broken.extend(bad.map(|name| format!("{}:1: no module is called `{name}`", source.path)));
    }
    crate::hold(&broken);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = source::all().into_iter().filter(|source| !source.text.starts_with("//!"));
    let broken: Vec<_> =
        silent.map(|source| format!("{}:1: a file begins with `//!`", source.path)).collect();
    crate::hold(&broken);
}

/// Where a name may stand, as beginnings of paths.
struct Confined {
    name: &'static str,
    places: &'static [&'static str],
    rule: &'static str,
}

const CONFINED: &[Confined] = &[
    Confined {
        name: "StatusCode",
        // Twins answer as others do, and the client reads what others answer.
        places: &["src/http/error.rs", "src/twin", "src/plugin/client"],
        rule: "status codes are named in `http/error.rs`",
    },
    Confined {
        name: "ExitCode",
        places: &["src/cli/exit.rs", "src/main.rs"],
        rule: "exit codes are named in `cli/exit.rs`",
    },
];

#[test]
fn codes_are_named_in_one_place() {
    let mut broken = Vec::new();
    for source in source::all() {
        for mention in paths::mentions(&source) {
            let confined =
                CONFINED.iter().find(|confined| mention.parts.iter().any(|part| part == confined.name));
            let Some(confined) = confined else { continue };
            if !confined.places.iter().any(|place| source.path.starts_with(place)) {
                broken.push(source.broken(mention.span, confined.rule));
            }
        }
    }
    crate::hold(&broken);
}

#[test]
fn nothing_is_silenced_and_nothing_panics() {
    let mut broken = Vec::new();
    for source in source::all() {
        let mut reader = Reader { source: &source, broken: Vec::new() };
        reader.visit_file(&source.file);
        broken.append(&mut reader.broken);
    }
    crate::hold(&broken);
}

/// Macros that have no place outside tests.
const LOUD: &[&str] = &["panic", "todo", "unimplemented", "print", "println", "eprint", "eprintln", "dbg"];

struct Reader<'a> {
    source: &'a Source,
    broken: Vec<String>,
}

impl Reader<'_> {
    fn read_tokens(&mut self, tokens: TokenStream) {
        for pair in source::flatten(tokens).windows(2) {
            if let [TokenTree::Punct(dot), TokenTree::Ident(name)] = pair
                && dot.as_char() == '.'
                && *name == "unwrap"
            {
                self.broken.push(self.source.broken(name.span(), "no `unwrap` outside tests"));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("allow") {
            let rule = "`#[expect(…, reason = \"…\")]`, never `allow`";
            self.broken.push(self.source.broken(attribute.pound_token.spans[0], rule));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "unwrap" {
            self.broken.push(self.source.broken(call.method.span(), "no `unwrap` outside tests"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, macro_: &'ast Macro) {
        let name = macro_.path.segments.last().map(|segment| &segment.ident);
        if let Some(name) = name.filter(|name| LOUD.iter().any(|loud| *name == loud)) {
            self.broken.push(self.source.broken(name.span(), &format!("no `{name}!` in the library")));
        }
        self.read_tokens(macro_.tokens.clone());
    }
}
