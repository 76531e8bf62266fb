//! Every key of a file of cases: what it takes and what it means. The reader and the JSON Schema are made from these
//! tables.

use crate::spec::shape::{Key, Rule, Shape, Takes};

const TEXTS: Takes = Takes::Texts(&Takes::Text);

/// A file of cases.
pub(in crate::spec) static FILE: Shape = Shape::new(
    "a file of cases",
    "What a handler does with kept deliveries; `ostler test` plays it.",
    &[
        Key::new(
            "standing",
            Takes::Mapping(&STANDING),
            "What is taken for known of the world, where the configuration does not say it.",
        ),
        Key::new("cases", Takes::List(&Takes::Mapping(&CASE)), "The cases.").required(),
    ],
);

/// What is taken for known of the world.
pub(super) static STANDING: Shape = Shape::new(
    "`standing`",
    "What is taken for known of the world, where the configuration does not say it.",
    &[
        Key::new("own", TEXTS, "Ostler's own accounts.").like("[\"github:ostler[bot]\"]"),
        Key::new("bots", TEXTS, "Programs that may ask like people.").like("[\"github:renovate[bot]\"]"),
        Key::new(
            "repositories",
            Takes::Names(&Takes::Text),
            "Where work for a project, component or channel goes.",
        )
        .like("{SHOP: acme/shop}"),
        Key::new("identity", Takes::Names(&TEXTS), "Which accounts are one person's.")
            .like("{ada: [\"github:ada\", \"slack:U0ADA\"]}"),
    ],
);

/// One case.
pub(super) static CASE: Shape = Shape::new(
    "a case",
    "A kept delivery, and what is to come of it: one of `runs`, `nothing`, `because` and `answer`.",
    &[
        Key::new("name", Takes::Text, "What it shows.")
            .required()
            .like("an issue that gets the label is worked on"),
        Key::new(
            "delivery",
            Takes::Text,
            "The kept delivery: a file, or `SOURCE/NAME` of one that is kept or shipped.",
        )
        .required()
        .like("github/issues.labeled"),
        Key::new(
            "set",
            Takes::Names(&Takes::Anything),
            "What is other than in the kept delivery, by dotted path in its body.",
        )
        .like("{label.name: urgent}"),
        Key::new("runs", Takes::List(&Takes::Mapping(&RUN)), "The runs that it starts, all of them."),
        Key::new(
            "nothing",
            Takes::Names(&Takes::Text),
            "The triggers that it does not start, with the condition that says no.",
        )
        .like("{github-labeled: label}"),
        Key::new("because", Takes::Text, "What the sentence on the whole holds."),
        Key::new("answer", Takes::Text, "What the answer to the person who asked holds."),
    ],
)
.ruled(&[Rule::Some(&["runs", "nothing", "because", "answer"]), Rule::NotBoth("runs", "nothing")]);

/// A run that is to start.
pub(super) static RUN: Shape = Shape::new(
    "a run",
    "A run that is to start. What is not said of it is not looked at.",
    &[
        Key::new("trigger", Takes::Text, "The trigger that wants it.").required().like("github-labeled"),
        Key::new("workflow", Takes::Text, "Its workflow."),
        Key::new("repository", Takes::Text, "The repository that it works on."),
        Key::new("task", Takes::Text, "The task that it is about.").like("github:acme/shop#12"),
        Key::new("inputs", Takes::Names(&Takes::Anything), "Some of its inputs."),
    ],
);
