//! How PagerDuty is set up: what it must be told.

use crate::plugin::setup::{Guide, Kind, Place, Setting};

/// What PagerDuty must be told.
pub const GUIDE: Guide = Guide {
    provider: "pagerduty",
    title: "PagerDuty",
    serves: &[],
    settings: &[Setting {
        place: Place::Source,
        key: "secrets",
        variable: "PAGERDUTY_WEBHOOK_SECRET",
        about: "The webhook subscription's secret, shown once when it is made",
        kind: Kind::Secret,
    }],
    steps: &["In Integrations, Generic Webhooks (v3): a subscription to {public}/webhooks/pagerduty."],
    manifest: None,
};
