use proptest::prelude::*;
use serde_json::json;

use super::*;

fn names() -> Map<String, Value> {
    let names = json!({
        "task": {"id": "SHOP-7", "title": "Totals", "labels": ["bug", "ui"], "points": 3, "done": false, "parent": null},
        "n": 1.5,
        "work": {"pr": {"url": "https://example.test/1"}},
    });
    let Value::Object(names) = names else { unreachable!() };
    names
}

fn rendered(value: &Value) -> Value {
    render(value, &names()).unwrap()
}

fn refused(text: &str) -> String {
    render(&json!(text), &names()).unwrap_err().to_string()
}

#[test]
fn one_expression_keeps_its_type() {
    assert_eq!(rendered(&json!("${task.labels}")), json!(["bug", "ui"]));
    assert_eq!(rendered(&json!("${task.points + 1}")), json!(4));
    assert_eq!(rendered(&json!("${task.done}")), json!(false));
    assert_eq!(rendered(&json!("${task.parent}")), json!(null));
    assert_eq!(rendered(&json!("${work}")), names()["work"]);
    assert_eq!(rendered(&json!("${n}")), json!(1.5));
}

#[test]
fn within_text_everything_but_a_string_is_json() {
    let text = "${task.id}: ${task.done} ${task.parent} ${task.points} ${task.labels} ${work.pr} ${task.title|upper}";
    let wanted = r#"SHOP-7: false null 3 ["bug","ui"] {"url":"https://example.test/1"} TOTALS"#;
    assert_eq!(rendered(&json!(text)), json!(wanted));
}

#[test]
fn expressions_are_found_however_deep_and_other_values_stand() {
    let value = json!({"a": ["${task.id}", {"b": "x ${n}"}], "c": 7, "${d}": true});
    assert_eq!(rendered(&value), json!({"a": ["SHOP-7", {"b": "x 1.5"}], "c": 7, "${d}": true}));
}

#[test]
fn template_syntax_means_nothing() {
    let text = "{{ task.id }} {% if x %} {# no #} $5 $${task.id} }";
    assert_eq!(rendered(&json!(text)), json!("{{ task.id }} {% if x %} {# no #} $5 ${task.id} }"));
}

#[test]
fn what_a_value_holds_is_never_evaluated_again() {
    let mut names = names();
    names.insert("evil".to_owned(), json!("${task.id}"));
    assert_eq!(render(&json!("a ${evil}"), &names).unwrap(), json!("a ${task.id}"));
}

#[test]
fn an_undefined_name_is_an_error_that_says_what_is_defined() {
    assert_eq!(
        refused("x ${task.titel}"),
        "`task.titel`: `task.titel` is undefined; did you mean `title`? `task` has done, id, labels, parent, points, title"
    );
    assert_eq!(
        refused("${tsk.id}"),
        "`tsk.id`: `tsk` is undefined; did you mean `task`? defined are n, task, work"
    );
    assert!(refused("${work.pr.url.host}").contains("`work.pr.url` is text, it has no `host`"));
    assert!(refused("${nothing == 1}").contains("`nothing` is undefined"));
    assert!(refused("${[1, task.nope]}").contains("`task.nope` is undefined"));
    assert!(refused("${{'a': task.nope}}").contains("`task.nope` is undefined"));
    assert!(refused("${task.nope | tojson}").contains("`task.nope` is undefined"));
    assert!(refused("${task.done or task.nope}").contains("`task.nope` is undefined"));
}

#[test]
fn what_may_be_absent_can_be_asked_for() {
    assert_eq!(rendered(&json!("${task.nope | default('-')}")), json!("-"));
    assert_eq!(rendered(&json!("${a.b.c | default(2)}")), json!(2));
    assert_eq!(rendered(&json!("${work.pr.head.sha is defined}")), json!(false));
    assert_eq!(rendered(&json!("${work.pr.url is not defined}")), json!(false));
}

#[test]
fn the_offset_is_where_the_expression_begins() {
    let error = render(&json!("ab ${ nope }"), &names()).unwrap_err();
    assert_eq!((error.offset, error.expression.as_str()), (6, "nope"));
}

#[test]
fn filters_do_what_they_say() {
    let of = |text: &str| rendered(&json!(text));
    assert_eq!(of("${'  A b ' | trim | lower | slug}"), json!("a-b"));
    assert_eq!(of("${task.labels | join('+')}"), json!("bug+ui"));
    assert_eq!(of("${task.labels | first ~ task.labels | last}"), json!("bugui"));
    assert_eq!(of("${task.labels | length}"), json!(2));
    assert_eq!(of("${{'a': '<b>'} | tojson}"), json!(r#"{"a":"<b>"}"#));
    assert_eq!(of("${'abcdef' | truncate(3)}"), json!("ab…"));
    assert!(refused("${task.id | uper}").contains("there is no filter `uper`; did you mean `upper`?"));
}

#[test]
fn every_filter_on_the_list_is_there() {
    let environment = environment();
    for filter in uses::FILTERS {
        let test = format!("'{filter}' is filter");
        let known = environment.compile_expression(&test).unwrap().eval(()).unwrap();
        assert!(known.is_true(), "{filter}");
    }
}

#[test]
fn a_condition_holds_unless_it_is_false_null_zero_or_empty() {
    let holds = |text: &str| test(text, &names()).unwrap();
    assert!(holds("${task.id == 'SHOP-7'}"));
    assert!(holds("'bug' in task.labels"));
    assert!(holds("task.points"));
    for not in ["task.done", "task.parent", "0", "0.0", "''", "[]", "{}", "not task.points"] {
        assert!(!holds(not), "{not}");
    }
    assert!(test("task.nope", &names()).is_err());
    assert!(test("", &names()).is_err());
}

#[test]
fn neither_time_nor_chance_nor_the_process_can_be_asked() {
    for text in ["${now()}", "${random()}", "${debug()}", "${[1] | random}", "${range(100001)}"] {
        assert!(render(&json!(text), &names()).is_err(), "{text}");
    }
}

#[test]
fn an_expression_cannot_run_on_for_ever() {
    let deep = format!("${{{}1{}}}", "(".repeat(3_000), ")".repeat(3_000));
    assert!(render(&json!(deep), &names()).is_err());
}

#[test]
fn what_is_used_is_listed_with_its_place() {
    let value = json!({"a": "x ${task.id | upper} ${'task.title' ~ n}", "b": ["${a.b.c | default(1)}"]});
    let uses = paths(&value).unwrap();
    let brief: Vec<_> = uses.iter().map(|used| (used.dotted(), used.offset, used.optional)).collect();
    assert_eq!(
        brief,
        [("task.id".to_owned(), 4, false), ("n".to_owned(), 38, false), ("a.b.c".to_owned(), 2, true)]
    );
    assert_eq!(roots(&value).unwrap().into_iter().collect::<Vec<_>>(), ["a", "n", "task"]);
}

#[test]
fn functions_are_not_names() {
    assert!(paths(&json!("${range(3)}")).unwrap().is_empty());
}

#[test]
fn a_plain_path_is_told_from_other_expressions() {
    assert_eq!(plain_path("${a.b}"), Some(vec!["a".to_owned(), "b".to_owned()]));
    for text in ["${a.b | upper}", "x ${a}", "${1}", "a", "${a.}", "${'a'}"] {
        assert_eq!(plain_path(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in r#"([a-z'"{}$\[\]()|.~%#\\ ]|\$\{|task|\PC){0,40}"#) {
        drop(render(&json!(text), &names()));
        drop(test(&text, &names()));
        drop(paths(&json!(text)));
    }

    #[test]
    fn text_without_a_dollar_sign_stands(text in "[^$]{0,60}") {
        prop_assert_eq!(render(&json!(text), &names()).unwrap(), json!(text));
    }
}
