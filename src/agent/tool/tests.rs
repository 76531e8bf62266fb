//! The tools on files in a temporary directory.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::agent::tests::scene::Desk;

fn room<'a>(desk: &'a Desk, offered: &'a [String]) -> Room<'a> {
    Room { bench: desk, needs: &[], offered, left: Duration::from_secs(60) }
}

/// What a tool gave, and whether it failed.
async fn run(desk: &Desk, name: &str, input: Value) -> (String, bool) {
    let offered = ["bash", "read", "search", "edit", "apply_patch"].map(str::to_owned);
    let room = room(desk, &offered);
    let call = ToolCall { id: "a".into(), name: name.into(), input };
    let result = super::run(&room, call, false).await.unwrap();
    (result.content, result.is_error)
}

async fn edit(desk: &Desk, old: &str, new: &str) -> (String, bool) {
    run(desk, "edit", json!({"path": "a.rs", "old": old, "new": new})).await
}

async fn patch(desk: &Desk, body: &str) -> (String, bool) {
    run(desk, "apply_patch", json!({"patch": format!("*** Begin Patch\n{body}\n*** End Patch")})).await
}

#[tokio::test]
async fn an_edit_climbs_the_ladder() {
    for (before, old, new, after) in [
        ("a\nb\nc\n", "b", "B", "a\nB\nc\n"),
        ("a  \nb\nc\n", "a\nb\n", "x\n", "x\nc\n"),
        (
            "fn f() {\n        go();\n    }\n",
            "go();\n}",
            "stop();\n  wait();\n}",
            "fn f() {\n        stop();\n          wait();\n        }\n",
        ),
        ("a\nb", "b", "c\n", "a\nc"),
        ("a\nb\n", "b\n", "c", "a\nc\n"),
        ("a\nb\nc\n", "b\n", "", "a\nc\n"),
        ("a\r\nb\r\n", "a\nb", "x\ny", "x\r\ny\r\n"),
        ("\u{feff}a\nb\n", "a", "x", "\u{feff}x\nb\n"),
        ("a\r\nb\n", "b", "x", "a\r\nx\n"),
    ] {
        let desk = Desk::with(&[("a.rs", before)]);
        let (told, failed) = edit(&desk, old, new).await;
        assert!(!failed, "{told}");
        assert_eq!(desk.read("a.rs").unwrap(), after, "{before:?} {old:?}");
    }
}

#[tokio::test]
async fn an_edit_that_is_ambiguous_or_absent_changes_nothing_and_says_where_to_look() {
    let before = "let a = 1;\nlet b = 2;\nlet a = 1;\n";
    let desk = Desk::with(&[("a.rs", before)]);
    let (told, failed) = edit(&desk, "let a = 1;", "x").await;
    assert!(failed && told.contains("2 times, at lines 1, 3"), "{told}");
    let (told, failed) = edit(&desk, "let b = 3;", "x").await;
    assert!(failed && told.contains("\n2\tlet b = 2;"), "{told}");
    let (_, failed) = edit(&desk, "let b = 2;", "let b = 2;").await;
    assert!(failed);
    assert_eq!(desk.read("a.rs").unwrap(), before);
    let both = json!({"path": "a.rs", "old": "let a = 1;", "new": "x", "expect_count": 2});
    assert!(!run(&desk, "edit", both).await.1);
    assert_eq!(desk.read("a.rs").unwrap(), "x\nlet b = 2;\nx\n");
}

#[tokio::test]
async fn what_may_not_be_edited_is_refused() {
    let desk = Desk::with(&[("a.rs", "a"), ("binary", "a\0b")]);
    desk.write("latin", b"a\xe9b");
    std::os::unix::fs::symlink("a.rs", desk.root().join("link")).unwrap();
    let long = "x".repeat(300);
    for path in [&long, "binary", "latin", "link", ".git/config", "../a.rs", "/etc/hosts", "absent", "."] {
        let (told, failed) = run(&desk, "edit", json!({"path": path, "old": "a", "new": "x"})).await;
        assert!(failed, "{path}: {told}");
    }
    assert_eq!(desk.read("a.rs").unwrap(), "a");
    let (_, failed) = run(&desk, "edit", json!({"path": "a.rs", "old": "", "new": "x"})).await;
    assert!(failed, "a file with text is not made anew");
}

#[tokio::test]
async fn a_link_put_in_while_a_tool_works_leads_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.rs"), "theirs\n").unwrap();
    let desk = Desk::with(&[("src/a.rs", "ours\n"), ("src/b.rs", "ours\n")]);
    let changes = [
        document::Document::open(&desk, "src/a.rs").unwrap().with("changed\n"),
        document::Document::open(&desk, "src/b.rs").unwrap().without(),
        document::Change::create(&desk, "src/new/c.rs", "made\n").unwrap(),
    ];
    // Between the look at the place and the use of it.
    std::fs::remove_dir_all(desk.root().join("src")).unwrap();
    std::os::unix::fs::symlink(outside.path(), desk.root().join("src")).unwrap();
    std::fs::write(outside.path().join("b.rs"), "theirs\n").unwrap();
    for change in &changes {
        assert!(document::write(std::slice::from_ref(change)).is_err(), "{change:?}");
    }
    let names = std::fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 2);
    for file in ["a.rs", "b.rs"] {
        assert_eq!(std::fs::read_to_string(outside.path().join(file)).unwrap(), "theirs\n");
    }
}

#[tokio::test]
async fn a_pipe_or_socket_is_no_file_and_is_not_waited_for() {
    let desk = Desk::with(&[("a.rs", "needle\n")]);
    assert!(std::process::Command::new("mkfifo").arg(desk.root().join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(desk.root().join("socket")).unwrap();
    for path in ["pipe", "socket"] {
        assert!(run(&desk, "read", json!({"path": path})).await.1, "{path}");
        assert!(run(&desk, "edit", json!({"path": path, "old": "a", "new": "b"})).await.1, "{path}");
        assert!(run(&desk, "edit", json!({"path": path, "old": "", "new": "b"})).await.1, "{path}");
        assert!(patch(&desk, &format!("*** Delete File: {path}")).await.1, "{path}");
    }
    assert_eq!(run(&desk, "search", json!({"regex": "needle"})).await.0, "a.rs:1:needle\n");
    std::fs::rename(desk.root().join("pipe"), desk.root().join("AGENTS.md")).unwrap();
    assert!(crate::agent::context::conventions(&desk).is_empty());
}

#[tokio::test]
async fn letters_that_nobody_sees_are_written_out_for_the_model() {
    let desk = Desk::with(&[("a.rs", "let a = 1; // \u{202e}x\u{e0041}\n")]);
    let (told, _) = run(&desk, "read", json!({"path": "a.rs"})).await;
    assert!(told.contains("// <U+202E>x<U+E0041>"), "{told}");
    let (told, _) = run(&desk, "bash", json!({"cmd": "cat a.rs"})).await;
    assert!(told.contains("// <U+202E>x<U+E0041>"), "{told}");
}

#[tokio::test]
async fn an_edit_keeps_the_mode_and_makes_new_files_readable() {
    let desk = Desk::with(&[("a.rs", "a\n")]);
    let mode = |path: &str| desk.root().join(path).metadata().unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(desk.root().join("a.rs"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!edit(&desk, "a", "b").await.1);
    assert!(!run(&desk, "edit", json!({"path": "new/b.rs", "old": "", "new": "x\n"})).await.1);
    assert_eq!((mode("a.rs"), mode("new/b.rs")), (0o755, 0o644));
}

#[tokio::test]
async fn a_patch_changes_all_its_files() {
    let desk = Desk::with(&[("a", "fn x() {\n    one();\n}\nfn y() {\n    one();\n}\n"), ("b", "gone\n")]);
    let body = "*** Update File: a\n@@ fn y() {\n-    one();\n+    two();\n }\n@@\n+// end\n*** End of File\n\
                *** Delete File: b\n*** Add File: c/d\n+new";
    let (told, failed) = patch(&desk, body).await;
    assert!(!failed, "{told}");
    assert_eq!(desk.read("a").unwrap(), "fn x() {\n    one();\n}\nfn y() {\n    two();\n}\n// end\n");
    assert_eq!(desk.read("b"), None);
    assert_eq!(desk.read("c/d").unwrap(), "new\n");
}

#[tokio::test]
async fn a_patch_that_fits_only_in_part_changes_nothing() {
    let desk = Desk::with(&[("a", "one\n"), ("b", "two\ntwo\n")]);
    let before = desk.files();
    for bad in [
        "*** Update File: b\n-three\n+four",
        "*** Update File: b\n-two\n+four",
        "*** Update File: b\n@@ nowhere\n-two\n+four",
        "*** Add File: a/b\n+below a file",
        "*** Add File: b\n+there already",
        "*** Delete File: absent",
        "*** Update File: ../outside\n-a\n+b",
        "*** Nonsense: a",
    ] {
        let (told, failed) = patch(&desk, &format!("*** Update File: a\n-one\n+changed\n{bad}")).await;
        assert!(failed, "{bad}: {told}");
        assert_eq!(desk.files(), before, "{bad}");
    }
}

#[tokio::test]
async fn a_hunk_with_other_white_space_keeps_the_file_s() {
    let desk = Desk::with(&[("a", "\tif x {\n\t\tgo();  \n\t}\n")]);
    let (told, failed) = patch(&desk, "*** Update File: a\n if x {\n   go();\n+  stop();\n }").await;
    assert!(!failed, "{told}");
    assert_eq!(desk.read("a").unwrap(), "\tif x {\n\t\tgo();  \n\t  stop();\n\t}\n");
}

#[tokio::test]
async fn reading_is_numbered_and_bounded() {
    let text: String = (1..=5_000).map(|number| format!("line {number}\n")).collect();
    let desk = Desk::with(&[("long", &text), ("empty", "")]);
    let (told, _) = run(&desk, "read", json!({"path": "./long", "from": 3, "to": 4})).await;
    assert_eq!(told, "3\tline 3\n4\tline 4\n[the file has 5000 lines]");
    let (told, _) = run(&desk, "read", json!({"path": "long"})).await;
    assert!(told.len() <= RESULT_BYTES && told.ends_with("]"), "{}", told.len());
    assert!(told.contains("[the file has 5000 lines; read on from line "));
    assert!(run(&desk, "read", json!({"path": "long", "from": 6_000})).await.1);
    assert!(!run(&desk, "read", json!({"path": "empty"})).await.1);
}

#[tokio::test]
async fn searching_is_sorted_and_bounded_and_keeps_to_text() {
    let desk = Desk::with(&[
        ("src/b.rs", "needle\n"),
        ("src/a.rs", "hay\nneedle two\n"),
        ("a.txt", "needle\n"),
        ("ignored.rs", "needle\n"),
        (".gitignore", "ignored.rs\n"),
        (".git/config", "needle\n"),
        ("binary.rs", "needle\0"),
    ]);
    let (told, _) = run(&desk, "search", json!({"regex": "^needle", "glob": "*.rs"})).await;
    assert_eq!(told, "src/a.rs:2:needle two\nsrc/b.rs:1:needle\n");
    assert_eq!(run(&desk, "search", json!({"regex": "absent"})).await.0, "[no matches]");
    assert!(run(&desk, "search", json!({"regex": "("})).await.1);
    desk.write("many", "needle\n".repeat(5_000).as_bytes());
    let (told, _) = run(&desk, "search", json!({"regex": "needle"})).await;
    assert!(told.len() <= RESULT_BYTES && told.contains("more matches"));
}

#[tokio::test]
async fn a_command_s_output_is_bounded() {
    let desk = Desk::with(&[]);
    let (told, failed) = run(&desk, "bash", json!({"cmd": "seq 100000; exit 3"})).await;
    assert!(!failed && told.starts_with("[exit code 3]\n1\n") && told.ends_with("100000\n"));
    assert!(told.len() < RESULT_BYTES + 100);
    assert_eq!(run(&desk, "bash", json!({"cmd": "true"})).await.0, "[exit code 0, no output]");
}

#[test]
fn a_long_text_keeps_head_and_tail() {
    let text = format!("head{}tail", "é".repeat(20_000));
    let clipped = clip(&text, RESULT_BYTES);
    assert!(clipped.starts_with("head") && clipped.ends_with("tail"));
    assert!(clipped.len() < RESULT_BYTES + 60);
    assert!(clipped.contains("bytes left out"));
    assert_eq!(clip("short", RESULT_BYTES), "short");
}

#[test]
fn paths_may_be_given_under_the_virtual_root() {
    assert_eq!(local("/workspace/src/a.rs"), "src/a.rs");
    assert_eq!(local("./src/a.rs"), "src/a.rs");
    assert_eq!(local("/workspaces/a.rs"), "/workspaces/a.rs");
    assert_eq!(local("/etc/passwd"), "/etc/passwd");
}

#[test]
fn only_the_role_s_tools_are_offered_and_finish_always() {
    let names: Vec<_> = offered(&["read".into(), "sudo".into()], &[]).into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["read", "finish"]);
}

#[tokio::test]
async fn an_edit_that_breaks_a_file_is_made_and_the_place_told() {
    let desk = Desk::with(&[("a.json", "{\"a\": 1}\n"), ("b.json", "{\n")]);
    let change = |path: &str, old: &str, new: &str| json!({"path": path, "old": old, "new": new});
    let (told, failed) = run(&desk, "edit", change("a.json", "1}", "1,\n}")).await;
    assert!(!failed && told.ends_with("\nLine 2 of `a.json` cannot be parsed as JSON now."), "{told}");
    let (told, _) = run(&desk, "edit", change("a.json", "1,\n}", "2}")).await;
    assert!(!told.contains("parsed"), "{told}");
    let (told, _) = run(&desk, "edit", change("b.json", "{", "[")).await;
    assert!(!told.contains("parsed"), "it was broken before: {told}");
    let (told, _) = patch(&desk, "*** Add File: c.json\n+{").await;
    assert!(told.ends_with("Line 1 of `c.json` cannot be parsed as JSON now."), "{told}");
}
