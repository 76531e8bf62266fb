//! The architecture, as a test: who may import whom, where vendors and codes may be named, how long things
//! may be, what may never be linked, that everything shipped beside the code can be read, and that the tests
//! are there that the threat model names. Each failure names the place and the rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks has failed")]

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/measures.rs"]
mod measures;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/ranks.rs"]
mod ranks;
#[path = "tidy/shipped.rs"]
mod shipped;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/threats.rs"]
mod threats;
#[path = "tidy/vendors.rs"]
mod vendors;

/// Fails with every broken rule at once.
fn hold(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
