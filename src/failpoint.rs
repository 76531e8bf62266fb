//! Named places in the real binary where a test can make it stop.
//!
//! `OSTLER_FAILPOINTS="before_effect=abort@3,after_commit=sleep:50"` aborts the process the third time it
//! comes to `before_effect` and sleeps 50 ms each time after a commit. Nothing is compiled differently for
//! tests: an unarmed failpoint costs one atomic load.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The names that can be armed, in the order in which a delivery meets them.
pub const NAMES: &[&str] = &[
    "before_accept",
    "after_accept_before_ack",
    "after_lease",
    "before_commit",
    "before_database",
    "after_commit",
    "before_effect",
    "after_effect_before_record",
    "after_turn",
    "before_push",
    "after_push",
];

static ARMED: OnceLock<BTreeMap<String, Armed>> = OnceLock::new();

#[derive(Debug)]
struct Armed {
    action: Action,
    from: u32,
    hits: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Abort,
    Sleep(Duration),
}

/// A specification of failpoints that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "failpoint `{0}`: expected `name=abort`, `name=abort@N` or `name=sleep:MILLISECONDS`, with a name of {NAMES:?}"
)]
pub struct BadFailpoint(String);

/// Arms failpoints for the rest of the process's life.
///
/// # Errors
/// When the specification names an unknown failpoint or action.
pub fn arm(specification: &str) -> Result<(), BadFailpoint> {
    let armed = specification.split(',').filter(|part| !part.trim().is_empty()).map(parse);
    let armed = armed.collect::<Result<BTreeMap<_, _>, _>>()?;
    // Arming twice would make the first specification a lie; the first one stays.
    ARMED.get_or_init(|| armed);
    Ok(())
}

/// Does what was armed for this name, if anything was.
pub fn hit(name: &'static str) {
    debug_assert!(NAMES.contains(&name), "unlisted failpoint {name}");
    let Some(armed) = ARMED.get().and_then(|armed| armed.get(name)) else { return };
    let hits = armed.hits.fetch_add(1, Ordering::Relaxed) + 1;
    if hits < armed.from {
        return;
    }
    match armed.action {
        Action::Abort => std::process::abort(),
        #[expect(clippy::disallowed_methods, reason = "a failpoint stalls the very thread it is hit on")]
        Action::Sleep(span) => std::thread::sleep(span),
    }
}

fn parse(part: &str) -> Result<(String, Armed), BadFailpoint> {
    let bad = || BadFailpoint(part.to_owned());
    let (name, what) = part.trim().split_once('=').ok_or_else(bad)?;
    let (what, from) = what.split_once('@').unwrap_or((what, "1"));
    let action = what.parse().map_err(|()| bad())?;
    let from = from.parse().map_err(|_| bad())?;
    let known = NAMES.contains(&name);
    known.then(|| (name.to_owned(), Armed { action, from, hits: AtomicU32::new(0) })).ok_or_else(bad)
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "abort" => Ok(Self::Abort),
            Some(("sleep", millis)) => {
                Ok(Self::Sleep(Duration::from_millis(millis.parse().map_err(|_| ())?)))
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_names_known_places_and_actions() {
        assert!(parse("before_effect=abort@3").is_ok());
        assert!(parse("before_effect=sleep:50").is_ok());
        assert!(parse("nowhere=abort").is_err());
        assert!(parse("before_effect=explode").is_err());
        assert!(parse("before_effect").is_err());
    }
}
