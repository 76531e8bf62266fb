//! How long things may be.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::source::{self, Source};

/// A function's measures.
struct Measure {
    name: String,
    line: usize,
    lines: usize,
    arguments: usize,
}

#[derive(Default)]
struct Reader {
    functions: Vec<Measure>,
}

impl Reader {
    fn add(&mut self, signature: &Signature, block: &Block) {
        let line = signature.span().start().line;
        self.functions.push(Measure {
            name: signature.ident.to_string(),
            line,
            lines: 1 + block.span().end().line - line,
            arguments: signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count(),
        });
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
    }
}

fn functions(source: &Source) -> Vec<Measure> {
    let mut reader = Reader::default();
    reader.visit_file(&source.file);
    reader.functions
}

#[test]
fn no_function_is_too_long_or_takes_too_much() {
    let mut broken = Vec::new();
    for source in source::all() {
        for Measure { name, line, lines, arguments } in functions(&source) {
            let place = format!("{}:{line}: `{name}`", source.path);
            if lines > 80 {
                broken.push(format!("{place} has {lines} lines; 80 are allowed"));
            }
            if arguments > 5 {
                broken.push(format!("{place} takes {arguments} arguments; 5 are allowed"));
            }
        }
    }
    crate::hold(&broken);
}

#[test]
fn functions_are_short_as_a_rule() {
    let mut lines: Vec<_> = source::all().iter().flat_map(functions).map(|function| function.lines).collect();
    lines.sort_unstable();
    let (median, ninetieth) = (lines[lines.len() / 2], lines[lines.len() * 9 / 10]);
    assert!(median <= 10, "half of the functions have more than {median} lines; 10 are allowed");
    assert!(ninetieth <= 35, "a tenth of the functions has {ninetieth} lines or more; 35 are allowed");
}

#[test]
fn no_file_is_too_long() {
    let allowed = |source: &Source| match source.path.as_str() {
        "src/main.rs" => 20,
        "src/lib.rs" => 120,
        _ => 500,
    };
    let long = source::all().into_iter().filter(|source| source.lines() > allowed(source));
    let broken: Vec<_> = long
        .map(|source| {
            let (lines, allowed) = (source.lines(), allowed(&source));
            format!(
                "{}:{}: the file has {lines} lines without its tests; {allowed} are allowed",
                source.path, allowed
            )
        })
        .collect();
    crate::hold(&broken);
}
