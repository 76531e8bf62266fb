use super::*;

fn texts(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// A shop in two languages: `total_of` is used everywhere, `unused` nowhere.
fn shop() -> Vec<(String, String)> {
    texts(&[
        (
            "src/price.py",
            "LIMIT = 3\n\ndef unused():\n    pass\n\ndef total_of(items):\n    return sum(items)\n",
        ),
        (
            "src/cart.py",
            "from price import total_of\n\nclass ShoppingCart:\n    def show(self):\n        return total_of([])\n",
        ),
        (
            "src/bill.py",
            "from price import total_of\n\ndef bill():\n    return total_of([1]) + total_of([2])\n",
        ),
        (
            "src/mail.py",
            "from bill import bill\nfrom cart import ShoppingCart\n\ndef send():\n    return bill()\n",
        ),
    ])
}

fn heads(path: &str, text: &str) -> Vec<String> {
    let source = read::source(path, text).unwrap();
    source
        .definitions
        .into_iter()
        .map(|found| format!("{} {}: {}", found.line, found.name, found.head))
        .collect()
}

#[test]
fn every_language_says_what_it_defines() {
    let found: Vec<_> = [
        (
            "a.rs",
            "pub struct Aa<T> {\n    x: T,\n}\nimpl<T> Tr for Aa<T> {\n    type Out = T;\n    pub async fn make(\n        \
             x: T,\n    ) -> Self {\n        todo()\n    }\n}\nmacro_rules! qq { () => {} }\nconst LIMIT: u8 = 1;\n",
        ),
        (
            "a.py",
            "@wrap\ndef ff(a, *, b=1) -> int:\n    return g(a)\n\nclass Aa(B):\n    def mm(self): pass\n",
        ),
        (
            "a.js",
            "export const add = (a, b) => a + b;\nconst plain = 1;\nfunction ff() {}\nclass Aa { mm() {} }\n",
        ),
        (
            "a.ts",
            "export interface Ii { go(): void }\ntype Tt = string;\nenum Ee { A }\n\
             abstract class Bb implements Ii { go(): void {} }\n",
        ),
        ("a.tsx", "export const View = () => <b>x</b>;\n"),
        (
            "a.go",
            "package a\ntype Ss struct {\n\tx int\n}\nfunc (s *Ss) Make() error { return nil }\nconst Limit = 2\n\
             func Ff() { var xx = 1 }\n",
        ),
        (
            "A.java",
            "public class Aa extends B {\n  int x;\n  void mm(int y) { }\n  interface Ii { }\n}\n",
        ),
        (
            "a.c",
            "static int *find(const char *s)\n{\n  return 0;\n}\nstruct point { int x; };\nstruct point where;\n\
             #define MAX 3\ntypedef struct { int y; } pair_t;\n",
        ),
    ]
    .into_iter()
    .flat_map(|(path, text)| heads(path, text).into_iter().map(move |head| format!("{path} {head}")))
    .collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn what_much_is_built_on_comes_first() {
    let map = map(&shop(), "", 2_000).unwrap();
    insta::assert_snapshot!(map);
}

#[test]
fn the_task_says_what_matters() {
    let first = |task: &str| map(&shop(), task, 10).unwrap();
    assert!(first("").starts_with("src/price.py\n  6: def total_of(items)\n"), "{}", first(""));
    assert!(first("`ShoppingCart` is empty").starts_with("src/cart.py\n"), "{}", first("`ShoppingCart`"));
}

#[test]
fn a_map_keeps_to_its_room_and_uses_it() {
    let many: String = (0..500).map(|n| format!("def function_{n}():\n    pass\n\n")).collect();
    let texts = texts(&[("a.py", &many)]);
    for tokens in [20, 100, 1_000] {
        let map = map(&texts, "", tokens).unwrap();
        assert!(map.len() <= tokens * 4 && map.len() > tokens * 4 - 40, "{} bytes for {tokens}", map.len());
    }
    assert_eq!(map(&texts, "", 2), None);
}

#[test]
fn the_same_files_give_the_same_bytes_in_whatever_order_they_come() {
    let (shop, mut turned) = (shop(), shop());
    turned.reverse();
    assert_eq!(map(&shop, "send a bill", 60), map(&turned, "send a bill", 60));
}

#[test]
fn hostile_files_end_and_names_that_everybody_defines_count_for_nothing() {
    let deep = format!("x = {}1{}\n", "(".repeat(20_000), ")".repeat(20_000));
    let same: Vec<_> =
        (0..40).map(|n| (format!("m{n}.py"), "def run():\n    return run()\n".to_owned())).collect();
    let texts = [texts(&[("deep.py", &deep), ("binary.py", "\u{0}\u{1}")]), same].concat();
    assert!(map(&texts, "", 200).unwrap().len() <= 800);
}

#[test]
fn too_many_files_are_too_many() {
    let file = |path: String, bytes| BaseFile { path, object: String::new(), bytes };
    let mut all: Vec<_> = (0..MOST_FILES + 10).map(|n| file(format!("deep/f{n}.py"), 1)).collect();
    all.extend([file("top.py".to_owned(), 1), file("big.py".to_owned(), FILE_BYTES + 1)]);
    all.extend([file("vendor/x.py".to_owned(), 1), file("README.md".to_owned(), 1)]);
    let wanted = wanted(&all);
    assert_eq!((wanted.len(), wanted[0].path.as_str()), (MOST_FILES, "top.py"));
    let large: Vec<_> = (0..200).map(|n| file(format!("f{n}.py"), FILE_BYTES)).collect();
    assert!(super::wanted(&large).len() as u64 * FILE_BYTES <= ALL_BYTES);
}

#[test]
fn a_thousand_files_fit_into_the_room_of_a_few() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = ignore::Walk::new(&root).filter_map(Result::ok);
    let sources = files.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "rs"));
    let text = |entry: ignore::DirEntry| {
        let path = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (path, std::fs::read_to_string(entry.path()).unwrap())
    };
    let mut own: Vec<_> = sources.map(text).collect();
    let map = map(&own, "a lease of the store", 2_000).unwrap();
    assert!(map.len() <= 8_000 && map.len() > 7_000, "{} bytes", map.len());
    println!("{} files, {} bytes\n{map}", own.len(), map.len());
    own.reverse();
    assert_eq!(super::map(&own, "a lease of the store", 2_000).unwrap(), map);
}
