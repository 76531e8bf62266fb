use serde_json::json;

use super::*;
use crate::spec::diagnostic::Diagnostics;

fn prompts(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn faults(source: Source) -> Vec<String> {
    let mut all = Diagnostics::default();
    all.take(source);
    all.items().iter().map(|item| format!("{}:{} {}", item.line, item.column, item.message)).collect()
}

#[test]
fn a_prompt_may_include_others_and_ends_with_one_line_break() {
    let prompts = prompts(&[
        (
            "prompts/a.txt",
            "Task {{ task.id }}\n{% include \"./prompts/b.txt\" %}\n{% if ok %}\nyes\n{% endif %}\n\n\n",
        ),
        ("prompts/b.txt", "Labels: {{ task.labels }}\n"),
    ]);
    let values = json!({"task": {"id": 7, "labels": ["a", true, null]}, "ok": true});
    let rendered = render("prompts/a.txt", &prompts, &values).unwrap();
    assert_eq!(rendered, "Task 7\nLabels: [\"a\",true,null]\nyes\n");
}

#[test]
fn text_is_not_escaped_and_not_evaluated_again() {
    let prompts = prompts(&[("a.html", "{{ text }}")]);
    let rendered = render("a.html", &prompts, &json!({"text": "<b>{{ text }} ${x}"})).unwrap();
    assert_eq!(rendered, "<b>{{ text }} ${x}\n");
}

#[test]
fn what_is_undefined_is_told_with_file_and_line() {
    let prompts = prompts(&[("a.txt", "x\n{% include 'b.txt' %}\n"), ("b.txt", "\n\n{{ task.nope }}\n")]);
    let error = render("a.txt", &prompts, &json!({"task": {}})).unwrap_err();
    assert_eq!(error.to_string(), "`b.txt:3`: undefined value: `task.nope` is undefined");
    assert!(render("c.txt", &prompts, &json!({})).is_err());
}

#[test]
fn a_prompt_that_includes_itself_ends() {
    let prompts = prompts(&[("a.txt", "{% include 'a.txt' %}")]);
    assert!(render("a.txt", &prompts, &json!({})).is_err());
}

#[test]
fn a_prompt_is_checked_before_it_is_used() {
    let prompts = prompts(&[("prompts/a.txt", "")]);
    let check = |text: &str| {
        let mut source = Source::new("prompts/x.txt", text);
        check(&mut source, 0..text.len(), &prompts);
        faults(source)
    };
    assert_eq!(check("{% include 'prompts/a.txt' %}"), [""; 0]);
    assert_eq!(check("x\n{%- include \"prompts/b.txt\" %}"), ["2:14 there is no prompt `prompts/b.txt`"]);
    assert!(check("a\n{% if x %}b")[0].contains("does not parse"));
    assert_eq!(check("a\n{{ x | uper }}"), ["2:8 there is no filter `uper`; did you mean `upper`?"]);
}

#[test]
fn a_role_is_front_matter_and_a_prompt() {
    let text = "---\nmodel: m\ntools: [bash, finish]\nlimits: {steps: 5, cost: 1.5}\n---\nYou work.\n";
    let mut source = Source::new("prompts/agents/a.md", text);
    let (role, body) = read_role(&mut source, "a");
    assert_eq!(source.faults(), 0);
    assert_eq!((role.model.as_deref(), role.prompt.as_str()), (Some("m"), "You work.\n"));
    assert_eq!(role.tools, ["bash", "finish"]);
    let wanted = RoleLimits { steps: 5, cost: Money::micros(1_500_000), ..RoleLimits::default() };
    assert_eq!(role.limits, wanted);
    assert_eq!(&text[body], "You work.\n");
}

#[test]
fn every_fault_of_a_role_is_told() {
    let mut source =
        Source::new("a.md", "---\nmodle: m\ntools: [bsh]\nlimits:\n  steps: 0\n  cost: much\n---\n\n");
    read_role(&mut source, "a");
    assert_eq!(
        faults(source),
        [
            "2:1 a role has no key `modle`",
            "3:9 there is no tool `bsh`",
            "5:10 `steps` takes a whole number from 1, not 0",
            "6:9 `cost` takes an amount of dollars, not text",
            "8:1 a role has a prompt after its front matter",
        ]
    );
    let mut source = Source::new("a.md", "You work.\n");
    read_role(&mut source, "a");
    assert_eq!(faults(source), ["1:1 a role begins with front matter"]);
}
