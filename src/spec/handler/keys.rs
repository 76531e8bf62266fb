//! Every key of a handler file: what it takes and what it means. The reader and the JSON Schema are made from these
//! tables.

use super::read::guards::{PRIORITIES, WHEN_BUSY};
use super::read::who::{ASSOCIATIONS, ROLES};
use crate::spec::shape::{Key, Named, Rule, Shape, Takes};

/// A file of several triggers.
pub(in crate::spec) static FILE: Shape = Shape::new(
    "a file of triggers",
    "Several triggers, each with a name.",
    &[
        Key::new("description", Takes::Text, "What they have in common."),
        Key::new("triggers", Takes::List(&Takes::Mapping(&TRIGGER)), "The triggers.").required(),
    ],
);

/// A trigger.
pub(in crate::spec) static TRIGGER: Shape = Shape::new(
    "a trigger",
    "Which events start which workflow. All of its conditions must hold.",
    &[
        NAME,
        Key::new("description", Takes::Text, "What it is for; `/ostler help` shows it."),
        Key::new(
            "on",
            Takes::Texts(&Takes::Named(Named::EventKind)),
            "The kinds of event that it takes; `*` stands for any part. `schedule` lets it go by the clock.",
        )
        .required()
        .like("github.issue.labeled"),
        Key::new("if", Takes::Condition, "An expression over the event, which must hold.")
            .like("\"${event.actor.name == 'ada'}\""),
        Key::new("label", TEXTS, "One of the labels just set is one of these, whatever its case."),
        Key::new("assignee", TEXTS, "The account just assigned is one of these; `bot` is Ostler's own.")
            .like("bot"),
        Key::new("command", TEXTS, "The command's name is one of these.").like("[implement, fix]"),
        Key::new("repository", TEXTS, "The repository's name matches one of these globs.").like("acme/*"),
        Key::new(
            "branch",
            TEXTS,
            "The branch, of a push or a pull request's target, matches one of these globs.",
        ),
        Key::new("path", TEXTS, "One of the push's paths matches one of these globs.").like("\"src/**\""),
        Key::new(
            "who",
            Takes::Mapping(&WHO),
            "Who may start it. Without it: whoever may push to the repository, and who is listed under `security.allow`.",
        )
        .filled(),
        Key::new(
            "schedule",
            Takes::Text,
            "When it fires, with `on: schedule`: minute, hour, day of the month, month, day of the week.",
        )
        .like("\"0 9 * * 1-5\""),
        Key::new("timezone", Takes::Text, "The time zone of the schedule.")
            .usually("UTC")
            .like("Europe/Berlin"),
        Key::new("run", Takes::Text, "The workflow that it starts: its file's name without the ending.")
            .required()
            .like("standard-development"),
        Key::new(
            "inputs",
            Takes::Names(&Takes::Anything),
            "What the workflow is given. Values may hold expressions over the event.",
        )
        .like("{text: \"${event.comment.body}\"}"),
        Key::new(
            "concurrency",
            Takes::Either(&Takes::Text, &Takes::Mapping(&CONCURRENCY)),
            "Of the runs of one group only so many are under way at once. A text alone is the group's name.",
        )
        .like("\"${event.subject}\""),
        Key::new("debounce", Takes::Period, "It starts once it has been quiet for so long.").like("30s"),
        Key::new("cooldown", Takes::Period, "For so long after a start nothing is started.").like("10m"),
        Key::new("rate", Takes::Mapping(&RATE), "How often it may start."),
        Key::new("priority", Takes::Word(&PRIORITIES), "Which of the runs that are due goes first.")
            .usually("normal"),
        Key::new(
            "breaker",
            Takes::Either(&Takes::Rate, &Takes::Boolean),
            "How often it may start about one subject before it is taken for a loop; `off` for never.",
        )
        .usually("10/1h")
        .like("20/1h"),
    ],
);

/// A trigger's name, which it needs among others.
pub(in crate::spec) const NAME: Key =
    Key::new("name", Takes::Text, "What it is called among the triggers of its file.").like("urgent");

const TEXTS: Takes = Takes::Texts(&Takes::Text);

/// Who may start it.
pub(in crate::spec) static WHO: Shape = Shape::new(
    "`who`",
    "Who may start it: whoever one of these fits.",
    &[
        Key::new(
            "role",
            Takes::Word(&ROLES),
            "Whoever may do at least this in the repository. The forge is asked.",
        ),
        Key::new(
            "association",
            Takes::Texts(&Takes::Word(&ASSOCIATIONS)),
            "Whoever the payload calls one of these.",
        ),
        Key::new("team", TEXTS, "Whoever belongs to one of these teams. The forge is asked.")
            .like("acme/payments"),
        Key::new("users", TEXTS, "These: accounts, or names under `identity`.")
            .like("[ada, \"slack:U0ADA\"]"),
    ],
)
.ruled(&[Rule::Some(&["role", "association", "team", "users"])]);

/// Which runs go together.
pub(super) static CONCURRENCY: Shape = Shape::new(
    "`concurrency`",
    "A group of runs of which only so many are under way at once.",
    &[
        Key::new("group", Takes::Text, "Its name. Triggers that say the same name share the group.")
            .required()
            .like("\"deploy ${event.repository.name}\""),
        Key::new(
            "when_busy",
            Takes::Word(&WHEN_BUSY),
            "What becomes of a run that finds it busy: it waits, takes the place of the others, or is not started.",
        )
        .usually("queue"),
        Key::new("limit", Takes::Count, "How many are under way at once, up to 100.").usually("1"),
    ],
);

/// How often it may start.
pub(super) static RATE: Shape = Shape::new(
    "`rate`",
    "How often it may start: a number, `/`, and a span of time.",
    &[
        Key::new("per_actor", Takes::Rate, "How often one person may start it.").like("5/1h"),
        Key::new("per_repository", Takes::Rate, "How often it may start in one repository.").like("20/1h"),
    ],
);
