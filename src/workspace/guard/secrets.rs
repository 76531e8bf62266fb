//! Texts that look like secrets: found in changes, and blacked out in what is written for people.

use std::sync::LazyLock;

use regex::Regex;

/// What is looked for. Each shape is its vendor's own, so that ordinary code does not look like it.
const SHAPES: &[(&str, &str)] = &[
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),
    ("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{40,255}\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"\bsk-(?:proj-)?[A-Za-z0-9]{40,}"),
    ("an AWS key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"https://hooks\.slack\.com/services/T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]+"),
    ("a Google key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("an Atlassian token", r"\bATATT3[A-Za-z0-9_=-]{20,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a Stripe key", r"\b[sr]k_live_[A-Za-z0-9]{20,}"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let compiled = |(what, shape): &(&'static str, &str)| {
        (*what, Regex::new(shape).expect("the shapes are constants, and a test compiles them"))
    };
    SHAPES.iter().map(compiled).collect()
});

/// A text that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it looks like.
    pub what: &'static str,
    text: String,
}

/// Everything in a text that looks like a secret.
#[must_use]
pub fn found(text: &str) -> Vec<Secret> {
    let all = PATTERNS.iter().flat_map(|(what, pattern)| {
        pattern.find_iter(text).map(|found| Secret { what, text: found.as_str().to_owned() })
    });
    all.collect()
}

/// The text with whatever looks like a secret blacked out.
#[must_use]
pub fn redacted(text: &str) -> String {
    PATTERNS
        .iter()
        .fold(text.to_owned(), |text, (_, pattern)| pattern.replace_all(&text, "[redacted]").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_found_and_blacked_out() {
        let samples = [
            format!("ghp_{}", "a".repeat(36)),
            format!("github_pat_{}", "a".repeat(60)),
            format!("sk-ant-api03-{}", "a".repeat(30)),
            format!("AKIA{}", "A".repeat(16)),
            format!("xoxb-{}", "1".repeat(20)),
            format!("eyJ{0}.eyJ{0}.{0}", "a".repeat(20)),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
        ];
        for sample in samples {
            let text = format!("before {sample} after");
            assert_eq!(found(&text).len(), 1, "{sample}");
            assert_eq!(redacted(&text), "before [redacted] after");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "the total of ghp and sk-learn, eyJ, AKIA, https://example.org/a?b=c";
        assert!(found(text).is_empty());
        assert_eq!(redacted(text), text);
    }
}
