use super::*;

fn change(path: &str, before: Option<&str>, after: &str) -> FileChange {
    FileChange {
        path: path.to_owned(),
        mode_before: if before.is_some() { "100644" } else { "000000" }.to_owned(),
        mode_after: "100644".to_owned(),
        bytes: after.len() as u64,
        before: before.unwrap_or_default().into(),
        after: after.into(),
    }
}

fn line(path: &str, text: &str) -> Option<usize> {
    fault(path, text.as_bytes()).map(|fault| fault.line)
}

/// How many findings of each kind a change has: those that refuse it, those that hold it back.
fn counts(change: FileChange) -> [usize; 2] {
    let Judged { broken, unsure } = judge(&[change]);
    [broken.len(), unsure.len()]
}

#[cfg(feature = "symbols")]
#[test]
fn a_fault_is_found_at_its_line_in_every_language_that_judges() {
    for (path, sound, broken, at) in [
        ("a.rs", "fn a() {}\n", "fn a() {}\nfn b( {}\n", 2),
        ("a.py", "def a():\n    return 1\n", "def a():\n    return (1\n\ndef b(:\n    pass\n", 2),
        ("a.js", "const a = () => 1;\n", "const a = 1;\nfunction b( { }\n", 2),
        ("a.ts", "let a: string = '';\n", "let a: string = '';\nclass { x: }\n", 2),
        ("a.tsx", "const a = <b>c</b>;\n", "const a = <b>c</b>;\nconst d = <e>f;\n", 2),
        ("a.go", "package a\n", "package a\n\nfunc b( {\n", 3),
        ("A.java", "class A {}\n", "class A {\n  void b( { }\n}\n", 2),
    ] {
        assert_eq!(line(path, sound), None, "{path}");
        assert_eq!(line(path, broken), Some(at), "{path}");
    }
}

#[test]
fn data_is_judged_by_the_parsers_that_read_it() {
    assert_eq!(line("a.json", "{\"a\": 1}\n"), None);
    assert_eq!(line("a.json", "{\n\"a\": 1,\n}\n"), Some(3));
    assert_eq!(line("package.json", "{\n<<<<<<< a\n"), Some(2));
    assert_eq!(line("tsconfig.json", "// comments are allowed\n{}\n"), None);
    assert_eq!(line("a.toml", "[a]\nb = 1\n"), None);
    assert_eq!(line("a.toml", "[a]\nb = \n"), Some(2));
}

#[test]
fn what_is_not_known_well_enough_is_not_judged() {
    for (path, text) in [
        ("a.c", "#define BEGIN {\nint a() BEGIN }\n"),
        ("a.h", "class X : Y {"),
        ("a.sh", "if ["),
        ("a.yaml", "a: ["),
        ("README", "("),
        ("a", "{"),
    ] {
        assert_eq!(line(path, text), None, "{path}");
    }
    assert_eq!(fault("a.py", b"\xff\xfe("), None, "no text in an encoding that is read");
}

#[test]
fn what_could_be_parsed_before_is_a_finding_and_what_could_not_never_counts() {
    let (sound, broken) = ("{}", "{");
    assert_eq!(counts(change("a.json", Some(sound), broken)), [1, 0]);
    assert_eq!(counts(change("fixtures/a.json", Some(sound), broken)), [1, 0]);
    assert_eq!(counts(change("a.json", Some(broken), "[")), [0, 0]);
    assert_eq!(counts(change("a.json", Some(broken), sound)), [0, 0]);
    let [finding] = &judge(&[change("a.json", Some(sound), "{\n1")]).broken[..] else { unreachable!() };
    assert_eq!(finding.message, "line 2 cannot be parsed as JSON; before, the file could be");
}

#[cfg(feature = "symbols")]
#[test]
fn a_grammar_with_gaps_holds_back_and_refuses_nothing() {
    assert_eq!(counts(change("a.py", Some("a = 1\n"), "a = (\n")), [1, 0]);
    assert_eq!(counts(change("a.rs", Some("fn a() {}"), "fn a( {}")), [0, 1]);
    assert_eq!(counts(change("a.ts", Some("let a;"), "let a: ;")), [0, 1]);
}

#[test]
fn a_new_file_is_held_back_and_one_among_samples_is_not() {
    assert_eq!(counts(change("src/a.json", None, "{")), [0, 1]);
    for path in ["tests/fixtures/a.json", "parser/testdata/x/a.json", "tests/UI/a.json", "{{name}}/a.json"] {
        assert_eq!(counts(change(path, None, "{")), [0, 0], "{path}");
    }
    assert_eq!(counts(change("fixtures.json", None, "{")), [0, 1], "the file's own name is no directory");
}

#[test]
fn what_is_gone_or_no_file_is_not_parsed() {
    let gone = FileChange { mode_after: "000000".to_owned(), ..change("a.json", Some("{}"), "{") };
    assert_eq!(counts(gone), [0, 0]);
    let link = FileChange { mode_after: "120000".to_owned(), ..change("a.json", None, "../{") };
    assert_eq!(counts(link), [0, 0]);
}
