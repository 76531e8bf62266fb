//! Source code as trees: which grammar reads a file, and parsing within bounds.

use std::fmt;
use std::ops::ControlFlow;

use tree_sitter::{Language, ParseOptions, ParseState, Parser, Tree};

/// How the source code of a language is read.
pub(super) struct Grammar {
    /// The language's name.
    pub(super) name: &'static str,
    /// The kinds of nodes that define something others may refer to.
    pub(super) defining: &'static [&'static str],
    /// How far it is believed where it finds a fault.
    pub(super) word: Word,
    endings: &'static [&'static str],
    language: fn() -> Language,
}

/// How far a grammar is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It had no fault to find in thousands of files that are right.
    Sure,
    /// It has gaps: of files that are right it finds fault with about one in two hundred.
    Unsure,
    /// It says nothing of what is right.
    None,
}

/// Larger files are not parsed.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// How often the parser reports, which it does every hundred operations, before it is stopped. Not a time: the same
/// file has the same outcome on every machine.
const MOST_REPORTS: usize = 100_000;

/// The languages. Of C nothing is believed: what its preprocessor makes of a file is not in the file.
static GRAMMARS: [Grammar; 8] = [
    Grammar {
        name: "Rust",
        endings: &["rs"],
        language: || tree_sitter_rust::LANGUAGE.into(),
        defining: &[
            "function_item",
            "function_signature_item",
            "struct_item",
            "enum_item",
            "union_item",
            "trait_item",
            "type_item",
            "const_item",
            "static_item",
            "macro_definition",
        ],
        word: Word::Unsure,
    },
    Grammar {
        name: "Python",
        endings: &["py", "pyi"],
        language: || tree_sitter_python::LANGUAGE.into(),
        defining: &["function_definition", "class_definition"],
        word: Word::Sure,
    },
    Grammar {
        name: "JavaScript",
        endings: &["js", "jsx", "mjs", "cjs"],
        language: || tree_sitter_javascript::LANGUAGE.into(),
        defining: JAVASCRIPT,
        word: Word::Sure,
    },
    Grammar {
        name: "TypeScript",
        endings: &["ts", "mts", "cts"],
        language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        defining: TYPESCRIPT,
        word: Word::Unsure,
    },
    Grammar {
        name: "TypeScript",
        endings: &["tsx"],
        language: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        defining: TYPESCRIPT,
        word: Word::Unsure,
    },
    Grammar {
        name: "Go",
        endings: &["go"],
        language: || tree_sitter_go::LANGUAGE.into(),
        defining: &[
            "function_declaration",
            "method_declaration",
            "type_spec",
            "type_alias",
            "const_spec",
            "var_spec",
        ],
        word: Word::Sure,
    },
    Grammar {
        name: "Java",
        endings: &["java"],
        language: || tree_sitter_java::LANGUAGE.into(),
        defining: &[
            "class_declaration",
            "interface_declaration",
            "enum_declaration",
            "record_declaration",
            "annotation_type_declaration",
            "method_declaration",
        ],
        word: Word::Sure,
    },
    Grammar {
        name: "C",
        endings: &["c", "h"],
        language: || tree_sitter_c::LANGUAGE.into(),
        defining: &[
            "function_definition",
            "struct_specifier",
            "union_specifier",
            "enum_specifier",
            "type_definition",
            "preproc_def",
            "preproc_function_def",
        ],
        word: Word::None,
    },
];

const JAVASCRIPT: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "class_declaration",
    "method_definition",
    "variable_declarator",
];

const TYPESCRIPT: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "function_signature",
    "class_declaration",
    "abstract_class_declaration",
    "method_definition",
    "method_signature",
    "interface_declaration",
    "type_alias_declaration",
    "enum_declaration",
    "variable_declarator",
];

impl fmt::Debug for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammar").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Grammar {
    /// The grammar that reads a file of this name.
    pub(super) fn of(path: &str) -> Option<&'static Self> {
        let (_, ending) = path.rsplit_once('.')?;
        GRAMMARS.iter().find(|grammar| grammar.endings.contains(&ending))
    }

    /// A text's tree; none where it is too large, or too much work.
    pub(super) fn parse(&self, text: &str) -> Option<Tree> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let mut parser = Parser::new();
        parser.set_language(&(self.language)()).ok()?;
        let mut reports = 0_usize;
        let mut bounded = |_: &ParseState| {
            reports += 1;
            if reports > MOST_REPORTS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut bounded);
        let mut read = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
        parser.parse_with_options(&mut read, None, Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grammar_is_one_that_the_parser_knows() {
        for grammar in &GRAMMARS {
            let tree = grammar.parse("").unwrap();
            assert!(!tree.root_node().has_error(), "{grammar:?}");
            let language = (grammar.language)();
            for kind in grammar.defining {
                assert_ne!(language.id_for_node_kind(kind, true), 0, "{grammar:?} has no `{kind}`");
            }
        }
    }

    #[test]
    fn what_is_too_large_or_nested_without_end_is_given_up() {
        let rust = Grammar::of("a.rs").unwrap();
        assert!(rust.parse(&" ".repeat(MOST_BYTES + 1)).is_none());
        // It may end as a tree full of faults or as none; what counts is that it ends.
        drop(rust.parse(&"(".repeat(200_000)));
    }
}
