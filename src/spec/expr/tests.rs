use proptest::prelude::*;
use serde_json::json;

use super::*;

mod document;

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
    assert_eq!(rendered(&json!("${coalesce(a.b.c, task.nope, task.id)}")), json!("SHOP-7"));
    assert!(refused("${coalesce(task.nope | upper, 1)}").contains("`task.nope` is undefined"));
    assert!(refused("${coalesce(a, 1) ~ [task.nope]}").contains("`task.nope` is undefined"));
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
    assert!(refused("${now()}").contains("there is no function `now`; an expression reads no clock"));
    assert!(
        refused("${[1] | random}").contains("there is no filter `random`; an expression knows no chance")
    );
    assert!(refused("${env('HOME')}").contains("there is no function `env`; an expression does not see"));
    assert!(refused("${debug()}").contains("there is no function `debug`; there are coalesce, range"));
}

#[test]
fn a_misspelt_word_is_told_before_anything_runs() {
    let told = |text: &str| condition_paths(text).unwrap_err().message;
    assert_eq!(told("a | uper"), "there is no filter `uper`; did you mean `upper`?");
    assert_eq!(told("a is not defind"), "there is no test `defind`; did you mean `defined`?");
    assert_eq!(told("coalese(a)"), "there is no function `coalese`; did you mean `coalesce`?");
    assert_eq!(told("a | map('uper')"), "there is no filter `uper`; did you mean `upper`?");
    assert_eq!(told("a | select('ood')"), "there is no test `ood`; did you mean `odd`?");
    assert_eq!(told("a | selectattr('b', 'ew', 1)"), "there is no test `ew`; did you mean `eq`?");
    assert_eq!(told("a | count"), "there is no filter `count`; did you mean `length`?");
    assert!(
        told("a | frobnicate").starts_with("there is no filter `frobnicate`; there are abs, b64decode, ")
    );
}

#[test]
fn a_word_from_elsewhere_is_told_how_it_is_written_here() {
    let told = |text: &str| condition_paths(text).unwrap_err().message;
    assert_eq!(
        told("startsWith(a, 'b')"),
        "there is no function `startsWith`; it is a test: `value is startswith(text)`"
    );
    assert_eq!(
        told("join(a, ', ')"),
        "there is no function `join`; it is a filter: `value | join(separator, attribute)`"
    );
    assert_eq!(told("a | from_json"), "there is no filter `from_json`; did you mean `fromjson`?");
    assert_eq!(
        told("a | contains('b')"),
        "there is no filter `contains`; it is a test: `value is contains(item)`"
    );
    assert_eq!(
        told("a.title.upper()"),
        "a value has no methods, and so no `upper()`; it is a filter: `value | upper`"
    );
}

#[test]
fn what_stands_in_the_brackets_is_looked_at() {
    let told = |text: &str| refused(text).split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        told("${task.id | truncate(5, lenght=3)}"),
        "`truncate` takes no `lenght`, but `length`; it is written `| truncate(length, end)`"
    );
    assert_eq!(
        told("${task.id | truncate(5, length=3)}"),
        "`truncate` was given `length` twice; it is written `| truncate(length, end)`"
    );
    assert_eq!(
        told("${task.id | upper(1)}"),
        "`upper` takes at most 0 values, not 1; it is written `| upper`"
    );
    assert_eq!(
        told("${task.id | replace('a')}"),
        "`replace` needs a value for `to`; it is written `| replace(from, to)`"
    );
    assert_eq!(
        told("${task.id | truncate('5')}"),
        "`truncate` takes as `length` a whole number from 0 on, not text (\"5\")"
    );
    assert!(told("${task.id | truncate(task.nope)}").starts_with("`task.nope` is undefined"));
}

#[test]
fn what_grows_is_bounded() {
    let told = |text: &str| refused(&format!("${{{text}}}"));
    assert!(told("range(100001)").contains("at most 100000 numbers"));
    assert!(told("[1] * 100000000").contains("the result has more than 1000000 values"));
    assert!(told("([1] * 100000000) | first").contains("more than 5000000 values"));
    assert!(told("([1] * 200000) | sort").contains("a list has more than 100000 items"));
    assert!(
        told("('x' * 50000) | replace('x', 'y' * 50000)").contains("the text would have more than 8388608")
    );
    assert!(
        told("('x' * 50000) | regex_replace('x', 'y' * 50000)").contains("the text would have more than")
    );
    assert!(told("'%999999999d' | format(1)").contains("widths of at most three digits"));
    assert!(told("'%*d' | format(999999999, 1)").contains("widths of at most three digits"));
    assert!(told("'a' is matches('(a{1000}){1000}')").contains("takes as `pattern` a regular expression"));
    assert!(
        told("range(100000) | select('in', range(100000))").contains("goes through more than 5000000 values")
    );
    assert!(told("1e308 * 10").contains("too large for JSON"));
}

#[test]
fn a_time_zone_goes_by_its_name() {
    let of = |text: &str| rendered(&json!(text));
    assert_eq!(
        of("${'2026-07-01T12:00:00Z' | datetime('Europe/Berlin')}"),
        json!("2026-07-01T14:00:00+02:00")
    );
    assert!(refused("${'2026-07-01' | date('Mars/Olympus')}").contains("the name of a time zone"));
}

#[test]
fn moments_of_several_spellings_are_understood() {
    let of = |text: &str| rendered(&json!(format!("${{{text} | datetime}}")));
    assert_eq!(of("'2026-03-01T12:00:00.250+0100'"), json!("2026-03-01T11:00:00.25Z"));
    assert_eq!(of("'2026-03-01 12:00:00Z'"), json!("2026-03-01T12:00:00Z"));
    assert_eq!(of("1767225600.5"), json!("2026-01-01T00:00:00.5Z"));
    for text in ["'2026-03-01T12:00:00'", "'2026-02-30'", "'12:00'", "true", "1e300", "'20260301'"] {
        assert!(refused(&format!("${{{text} | datetime}}")).contains("takes a moment"), "{text}");
    }
}

#[test]
fn a_part_of_a_list_is_a_use_of_it() {
    assert_eq!(rendered(&json!("${task.labels[1:]}")), json!(["ui"]));
    assert_eq!(paths(&json!("${a.b[:n]}")).unwrap().len(), 2);
    assert!(refused("${task.labls[1:]}").contains("did you mean `labels`?"));
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
