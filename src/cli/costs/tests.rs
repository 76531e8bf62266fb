use serde_json::json;

use super::*;

fn account(spent: f64, reserved: f64, calls: u64) -> Value {
    let usage = json!({"input": 1200, "output": 340, "cache_write": 0, "cache_read": 5000});
    json!({"spent": spent, "reserved": reserved, "calls": calls, "usage": usage})
}

fn answer(more: &Value) -> Value {
    let mut answer = account(12.000_001, 0.25, 12);
    let own = json!({"month": "2026-11", "monthly_budget": 20.0, "left": 7.749_999, "today": 1.5,
                     "forecast": 24.0, "dearest": []});
    for part in [&own, more] {
        answer.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    answer
}

fn plain(lines: &[String]) -> String {
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn the_summary_says_what_is_spent_left_and_to_be_expected() {
    let dearest = json!([{"run": "run_1", "spent": 4.5, "workflow": "hotfix", "repository": "acme/shop", "user": "ada"}]);
    insta::assert_snapshot!(plain(&summary(&answer(&json!({ "dearest": dearest })))), @r"
    2026-11: $12.0000 spent and $0.2500 reserved of $20.0000; $7.7500 left
    today $1.5000
    at this pace the month comes to $24.0000, over the line
    12 calls, 6200 tokens read (5000 from the cache), 340 written

    the dearest runs
           $4.5000  run_1  hotfix in acme/shop for ada
    ");
    let first_day = plain(&summary(&answer(&json!({ "forecast": null }))));
    assert!(first_day.contains("cannot be told on its first day"), "{first_day}");
    let over = plain(&summary(&answer(&json!({ "today": null, "forecast": null }))));
    assert!(!over.contains("day"), "{over}");
}

#[test]
fn the_parts_stand_above_the_whole() {
    let mut unknown = account(2.0, 0.0, 0);
    unknown["name"] = Value::Null;
    let mut ada = account(10.000_001, 0.25, 12);
    ada["name"] = "ada".into();
    insta::assert_snapshot!(plain(&table(&answer(&json!({"by": "user", "rows": [ada, unknown]})))), @r"
             spent       reserved   calls  user
        $10.000001      $0.250000      12  ada
         $2.000000      $0.000000       0  unknown
        $12.000001      $0.250000      12  2026-11
    ");
}
