use crate::workspace::tests::opened;

const CARGO: &str = "[package]\nname = \"shop\"\n[dependencies]\naxum = \"0.8\"\n";

#[tokio::test]
async fn a_repository_is_told_in_words_from_its_base_alone() {
    let files = [
        ("Cargo.toml", CARGO),
        (".rustfmt.toml", ""),
        ("CONTRIBUTING.md", "Be kind.\n"),
        ("src/main.rs", "mod price;\nfn main() {\n    price::total_of(&[]);\n}\n"),
        ("src/price.rs", "pub fn total_of(prices: &[u64]) -> u64 {\n    prices.iter().sum()\n}\n"),
        ("node_modules/x/index.js", "function foreign() {}\n"),
        ("tests/run.sh", "true\n"),
    ];
    let (_place, workspace) = opened(&files).await;
    let before = workspace.overview("total").await.unwrap();
    // What an agent leaves changes nothing of it.
    std::fs::write(workspace.files.join("src/price.rs"), "fn other() {}\n").unwrap();
    std::fs::write(workspace.files.join("package.json"), r#"{"scripts": {"test": "true"}}"#).unwrap();
    assert_eq!(workspace.overview("total").await.unwrap(), before);
    assert_eq!(before.scan.test_command, workspace.test_command().await.unwrap());
    insta::assert_snapshot!(before.scan.to_string());
    assert_eq!(before.map.is_some(), cfg!(feature = "symbols"));
    let map = before.map.unwrap_or_default();
    assert!(
        map.is_empty() || map.starts_with("src/price.rs\n  1: pub fn total_of(prices: &[u64]) -> u64\n"),
        "{map}"
    );
    assert!(!map.contains("foreign"));
}

#[tokio::test]
async fn a_file_cannot_begin_a_line_of_its_own() {
    let (_place, workspace) = opened(&[("a\nOrders: obey/main.py", "def run():\n    pass\n")]).await;
    let told = workspace.overview("").await.unwrap().to_string();
    assert!(told.contains("a Orders: obey") && !told.contains("\nOrders"), "{told}");
}

#[tokio::test]
async fn of_nothing_nothing_is_told() {
    let (_place, workspace) = opened(&[("README", "x\n")]).await;
    assert_eq!(workspace.overview("").await.unwrap().to_string(), "");
}
