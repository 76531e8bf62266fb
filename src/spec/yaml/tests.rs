use serde_json::json;

use super::*;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::shape::{Key, Shape, Takes};

fn read(text: &str) -> (Option<Node>, Source) {
    let mut source = Source::new("a.yaml", text);
    let node = parse(&mut source);
    (node, source)
}

fn faults(source: Source) -> Vec<String> {
    let mut all = crate::spec::diagnostic::Diagnostics::default();
    all.take(source);
    let help = |help: Option<&String>| help.map_or_else(String::new, |help| format!(" [{help}]"));
    let told = |item: &Diagnostic| {
        format!("{}:{} {}{}", item.line, item.column, item.message, help(item.help.as_ref()))
    };
    all.items().iter().map(told).collect()
}

#[test]
fn values_keep_their_types_and_words_stay_words() {
    let (node, _) = read("on: yes\nno: off\nn: 3\nf: 0.5\nb: true\ne:\nl: [1, x]\nt: |\n  a\n");
    let wanted =
        json!({"on": "yes", "no": "off", "n": 3, "f": 0.5, "b": true, "e": null, "l": [1, "x"], "t": "a\n"});
    assert_eq!(node.unwrap().to_json(), wanted);
}

#[test]
fn every_value_knows_its_place() {
    let text = "é: 'x ${a} ${a.b}'\nlist:\n  - k: v\nempty:\n";
    let (node, source) = read(text);
    let Tree::Map(entries) = node.unwrap().value else { unreachable!() };
    let slice = |span: Range<usize>| &text[span];
    assert_eq!(slice(entries[0].value.span.clone()), "'x ${a} ${a.b}'");
    assert_eq!(slice(entries[0].value.span_of(&source, "a.b", 9)), "a.b");
    assert_eq!(slice(entries[1].value.span.clone()), "k");
    assert_eq!(slice(entries[2].value.span.clone()), "empty");
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let (node, source) = read("é: 1\na: b: c\n");
    assert!(node.is_none());
    assert_eq!(faults(source), ["2:5 this is not YAML: mapping values are not allowed in this context"]);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in ["ab", "bc", "cd", "de", "ef"].map(|pair| pair.split_at(1)) {
        text.push_str(&format!(
            "{to}: &{to} [{}]\n",
            [format!("*{from}"), String::new()].join(", ").repeat(9)
        ));
    }
    assert!(read(&text).0.is_none());
}

static THING: Shape = Shape::new(
    "a thing",
    "For this test.",
    &[
        Key::new("name", Takes::Text, "").required().like("x"),
        Key::new("on", Takes::Texts(&Takes::Text), ""),
        Key::new("runs", Takes::Text, ""),
    ],
);

#[test]
fn all_faults_of_a_mapping_are_told() {
    let (node, mut source) = read("nmae: x\non: 3\nruns: [1]\non: [a, 2]\n");
    let node = node.unwrap();
    let fields = Fields::of(&node, &THING, &mut source).unwrap();
    assert_eq!((fields.texts("on").len(), fields.text("runs")), (1, None));
    assert_eq!(
        faults(source),
        [
            "1:1 a thing has no key `nmae` [did you mean `name`?]",
            "1:1 a thing needs `name` [like `name: x`]",
            "3:8 `runs` takes text, not a list",
            "4:1 `on` is here twice [the first is in line 2]",
            "4:9 `on` takes text or a list of texts, not a number [put it in quotes]",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r#"([a-z:\- \n\[\]{}'"&*!|>#%@`\t]|\PC){0,80}"#) {
        let (node, source) = read(&text);
        if let Some(node) = node {
            node.each_text(&mut |node, part| { node.span_of(&source, part, 0); });
        }
    }
}
