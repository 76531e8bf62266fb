use std::path::Path;
use std::process::Command;

use regex::Regex;

use super::*;

impl Setting {
    async fn ask(&self, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/anthropic/v1/messages", self.base));
        let request = request.header("x-api-key", "twin-model-key").header("anthropic-version", "2023-06-01");
        read(request.json(body)).await
    }
}

/// The tools that an agent offers, by their names and required arguments.
fn tools() -> Value {
    let tool = |name: &str, required: &[&str]| json!({"name": name, "description": name, "input_schema": {"type": "object", "required": required}});
    let fields = ["summary", "tests_run", "risk", "implementation"];
    let mut finish = tool("finish", &fields);
    finish["input_schema"]["properties"] = json!({
        "implementation": {"type": "object", "required": ["pr_description"]},
    });
    json!([
        tool("bash", &["cmd"]),
        tool("read", &["path"]),
        tool("search", &["regex"]),
        tool("edit", &["path", "old", "new"]),
        tool("apply_patch", &["patch"]),
        finish,
    ])
}

fn request(messages: Value) -> Value {
    json!({"model": "scripted", "max_tokens": 1000, "messages": messages, "tools": tools()})
}

/// Does what a tool is told, in a directory; the answers look as the agent's do.
fn tool(root: &Path, name: &str, input: &Value) -> String {
    let text = |member: &str| input[member].as_str().unwrap();
    match name {
        "bash" => {
            let output = Command::new("sh").arg("-c").arg(text("cmd")).current_dir(root).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            format!("[exit code {}]\n{printed}", output.status.code().unwrap())
        }
        "search" => {
            let (regex, folder) =
                (Regex::new(text("regex")).unwrap(), text("glob").split('/').next().unwrap());
            let mut found = String::new();
            for file in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(root).unwrap().display().to_string();
                for (number, line) in (1..).zip(std::fs::read_to_string(&path).unwrap().lines()) {
                    if regex.is_match(line) {
                        found += &format!("{name}:{number}:{line}\n");
                    }
                }
            }
            found
        }
        "read" => {
            let lines = std::fs::read_to_string(root.join(text("path"))).unwrap();
            (1..).zip(lines.lines()).map(|(number, line)| format!("{number}\t{line}\n")).collect()
        }
        "edit" => {
            let path = root.join(text("path"));
            let old = std::fs::read_to_string(&path).unwrap();
            assert_eq!(old.matches(text("old")).count(), 1, "{input}");
            std::fs::write(path, old.replace(text("old"), text("new"))).unwrap();
            "[edited]".to_owned()
        }
        other => panic!("{other} with {input}"),
    }
}

fn results(content: &Value, mut give: impl FnMut(&str, &Value) -> String) -> Value {
    let uses = content.as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let results = uses.map(|block| {
        let given = give(block["name"].as_str().unwrap(), &block["input"]);
        json!({"type": "tool_result", "tool_use_id": block["id"], "content": given})
    });
    json!(results.collect::<Vec<_>>())
}

/// Plays a task to its end in a directory; gives the input of `finish`.
async fn play(setting: &Setting, task: &str, give: impl Fn(&str, &Value) -> String) -> Value {
    let mut messages = vec![json!({"role": "user", "content": task})];
    for _ in 0..20 {
        let (status, answer) = setting.ask(&request(json!(messages))).await;
        assert_eq!(status, 200, "{answer}");
        let content = &answer["content"];
        let last = content.as_array().unwrap().last().unwrap();
        if last["name"] == "finish" {
            return last["input"].clone();
        }
        let given = results(content, &give);
        messages.push(json!({"role": "assistant", "content": content}));
        messages.push(json!({"role": "user", "content": given}));
    }
    panic!("no end");
}

/// The files of a repository's beginning, with those of a branch over them.
fn checkout(folders: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for file in folders.iter().flat_map(|folder| seed::files(folder)) {
        let path = place.path().join(file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
    place
}

#[tokio::test]
async fn every_story_is_solved_by_what_the_tools_say() {
    let setting = Setting::start().await;
    let stories: [(&[&str], &str); 4] = [
        (&["shop"], "SHOP-7: The discount is missing from the order's total"),
        (&["site"], "Slugs keep the dash of trailing punctuation"),
        (&["tools", "tools@ada/join-path"], "Fix this: Add join_path"),
        (&["bank"], "implement monthly interest rounded to the cent"),
    ];
    for (folders, task) in stories {
        let place = checkout(folders);
        let tests = || Command::new("sh").arg("tests/run.sh").current_dir(place.path()).output().unwrap();
        let before = String::from_utf8(tests().stdout).unwrap();
        assert_eq!(before.matches("FAIL").count(), 1, "{before}");
        let finish = play(&setting, task, |name, input| tool(place.path(), name, input)).await;
        let after = tests();
        assert!(after.status.success(), "{}", String::from_utf8_lossy(&after.stdout));
        let told = finish["implementation"]["pr_description"].as_str().unwrap();
        let failing = before.split("FAIL ").nth(1).unwrap().split(':').next().unwrap();
        assert!(told.contains(failing), "{finish}");
    }
}

#[tokio::test]
async fn a_script_reads_what_tools_return_and_admits_failure() {
    let setting = Setting::start().await;
    let finish = play(&setting, "the discount", |_, _| "[exit code 127]\nsh: not found".to_owned()).await;
    assert!(finish["summary"].as_str().unwrap().starts_with("I could not do this."), "{finish}");
    // An edit that does not take leaves the test red: the script must not claim success.
    let place = checkout(&["shop"]);
    let lame = |name: &str, input: &Value| match name {
        "edit" => "[edited]".to_owned(),
        _ => tool(place.path(), name, input),
    };
    let finish = play(&setting, "the discount", lame).await;
    assert!(finish["summary"].as_str().unwrap().starts_with("I could not do this."), "{finish}");
    assert!(finish["implementation"]["pr_description"].as_str().unwrap().contains("could not"));
}

#[tokio::test]
async fn the_same_conversation_gets_the_same_answer() {
    let setting = Setting::start().await;
    let messages = json!([{"role": "user", "content": "the discount"}]);
    let first = setting.ask(&request(messages.clone())).await;
    assert_eq!(setting.ask(&request(messages)).await, first);
    let other = setting.ask(&request(json!([{"role": "user", "content": "a discount"}]))).await;
    assert_ne!(other.1["id"], first.1["id"]);
    assert_ne!(other.1["content"][1]["id"], first.1["content"][1]["id"]);
}

#[tokio::test]
async fn misbehaviour_is_to_be_had_on_request() {
    let setting = Setting::start().await;
    let ask = async |messages: Value| setting.ask(&request(messages)).await.1;
    let first = |task: &str| json!([{"role": "user", "content": task}]);
    assert_eq!(ask(first("twin:null")).await["content"][0]["name"], "finish");
    assert_eq!(ask(first("twin:garbled")).await["content"][0]["name"], "deploy");
    let once = ask(first("twin:loops")).await;
    let mut messages = vec![first("twin:loops")[0].clone()];
    for _ in 0..3 {
        let answer = ask(json!(messages)).await;
        assert_eq!(answer["content"][1]["input"], once["content"][1]["input"]);
        let given = results(&answer["content"], |_, _| String::new());
        messages.push(json!({"role": "assistant", "content": answer["content"]}));
        messages.push(json!({"role": "user", "content": given}));
    }
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_refused() {
    let setting = Setting::start().await;
    let user = |content: Value| json!({"role": "user", "content": content});
    let uses = |id: &str| {
        json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": id, "name": "bash", "input": {}},
        ]})
    };
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    let said = json!({"type": "text", "text": "x"});
    let hello = user(json!("hello"));
    let wrong: Vec<(&str, Value)> = vec![
        ("no message", json!([])),
        ("assistant first", json!([uses("a")])),
        ("no alternation", json!([hello, hello])),
        ("no result", json!([hello, uses("a"), user(json!([said]))])),
        ("result twice", json!([hello, uses("a"), user(json!([result("a"), result("a")]))])),
        ("result of nothing", json!([user(json!([result("a")]))])),
        ("text before result", json!([hello, uses("a"), user(json!([said, result("a")]))])),
        ("empty text", json!([user(json!([{"type": "text", "text": ""}]))])),
        ("unknown block", json!([user(json!([{"type": "song"}]))])),
        ("unknown member", json!([user(json!([{"type": "text", "text": "x", "tune": 1}]))])),
        ("ends with assistant", json!([hello, {"role": "assistant", "content": "x"}])),
    ];
    for (what, messages) in wrong {
        let (status, body) = setting.ask(&request(messages)).await;
        assert_eq!(
            (status, &body["error"]["type"]),
            (400, &json!("invalid_request_error")),
            "{what}: {body}"
        );
    }
    let right = json!([hello, uses("a"), user(json!([result("a"), said]))]);
    assert_eq!(setting.ask(&request(right)).await.0, 200);
    for (member, value) in [
        ("max_tokens", json!(0)),
        ("stream", json!(true)),
        ("colour", json!("red")),
        ("tools", json!([{"name": "x", "input_schema": {}}])),
        ("tools", json!([{"name": "a b", "input_schema": {"type": "object"}}])),
        ("tool_choice", json!({"type": "tool", "name": "gone"})),
    ] {
        let mut body = request(json!([hello]));
        body[member] = value;
        assert_eq!(setting.ask(&body).await.0, 400, "{member}");
    }
}

#[tokio::test]
async fn only_the_key_and_a_living_version_are_served() {
    let setting = Setting::start().await;
    let url = format!("{}/anthropic/v1/messages", setting.base);
    let body = request(json!([{"role": "user", "content": "hello"}]));
    let (status, error) = read(setting.client.post(&url).json(&body)).await;
    assert_eq!((status, &error["error"]["type"]), (401, &json!("authentication_error")));
    let keyed = || setting.client.post(&url).header("x-api-key", "twin-model-key");
    assert_eq!(read(keyed().json(&body)).await.0, 400);
    let mut sampled = body.clone();
    sampled["temperature"] = json!(0.5);
    let at = async |version: &str, body: &Value| {
        read(keyed().header("anthropic-version", version).json(body)).await.0
    };
    assert_eq!(at("2026-10-21", &body).await, 200);
    assert_eq!(at("2026-10-21", &sampled).await, 400);
    assert_eq!(at("2023-06-01", &sampled).await, 200);
}

#[tokio::test]
async fn what_is_read_from_the_cache_is_counted_apart() {
    let setting = Setting::start().await;
    let mut body = request(json!([{"role": "user", "content": "the discount"}]));
    let plain = setting.ask(&body).await.1;
    assert!(plain["usage"]["input_tokens"].as_u64() > Some(0));
    assert_eq!(plain["usage"]["cache_read_input_tokens"], 0);
    let given = results(&plain["content"], |_, _| "FAIL t: expected [1] got [2]".to_owned());
    body["system"] =
        json!([{"type": "text", "text": "You develop.", "cache_control": {"type": "ephemeral"}}]);
    let written = setting.ask(&body).await.1["usage"].clone();
    assert!(written["cache_creation_input_tokens"].as_u64() > Some(0));
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": plain["content"]}));
    turns.push(json!({"role": "user", "content": given}));
    let read = setting.ask(&body).await.1["usage"].clone();
    assert_eq!(read["cache_read_input_tokens"], written["cache_creation_input_tokens"]);
}
