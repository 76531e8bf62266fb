//! Every key of a workflow: what it takes and what it means. The reader and the JSON Schema are made from these tables.

use super::asking::{IN_APPROVAL, IN_WAIT, ON_REJECT};
use super::kinds::{KINDS, SYSTEM_ACTIONS, TYPES};
use super::steps::STRATEGIES;
use crate::spec::Kind;
use crate::spec::handler::keys::WHO;
use crate::spec::shape::{Key, Named, Rule, Shape, Takes};

/// A workflow's file.
pub(in crate::spec) static WORKFLOW: Shape = Shape::new(
    "a workflow",
    "What is done: steps, what they are given, and what a failure means. Its id is its file's name.",
    &[
        Key::new("name", Takes::Text, "What people call the workflow.").required().like("From ticket to review"),
        Key::new("description", Takes::Text, "What it is for."),
        Key::new("version", Takes::Text, "Its author's version, in quotes where it looks like a number.")
            .like("\"1.0.0\""),
        Key::new(
            "variables",
            Takes::Defined(&Takes::Anything),
            "Names for values. Each is evaluated when it is first used, and keeps its value from then on.",
        )
        .like("{branch_name: \"feature/${task.id}\"}"),
        Key::new(
            "inputs",
            Takes::Defined(&Takes::Either(&Takes::Word(&KINDS), &Takes::Mapping(&INPUT))),
            "What whoever starts the workflow gives it; steps see it as `inputs.NAME`. A type alone is an input \
             that must be given.",
        )
        .like("{text: string}"),
        Key::new(
            "prerequisites",
            Takes::List(&Takes::Mapping(&PREREQUISITE)),
            "What must hold before the first step; where it does not, nothing is done.",
        ),
        Key::new("steps", Takes::Steps, "The steps, one after the other.").required(),
        Key::new("error_handling", Takes::Mapping(&ERROR_HANDLING), "What failures of steps mean that do not say it themselves."),
        Key::new(
            "success_criteria",
            Takes::List(&Takes::Mapping(&CRITERION)),
            "What must hold after the last step; where it does not, the run has failed.",
        ),
        Key::new("results", Takes::Defined(&Takes::Anything), "What the workflow gives to whoever had it run.")
            .like("{url: \"${pr.url}\"}"),
        Key::new("post_execution", Takes::Mapping(&POST_EXECUTION), "What is done once the outcome is known. It changes nothing of the outcome."),
        Key::new("timeout", Takes::Count, "Seconds that a whole run may take.").like("3600"),
    ],
);

/// An input that says more than its type.
pub(super) static INPUT: Shape = Shape::new(
    "an input",
    "A value that whoever starts the workflow gives it.",
    &[
        Key::new("type", Takes::Word(&KINDS), "What values it takes.").usually("any"),
        Key::new("required", Takes::Boolean, "Whether it must be given: yes, unless it has a `default`."),
        Key::new("default", Takes::Anything, "What it is where nobody gives it."),
        Key::new("description", Takes::Text, "What it is for."),
    ],
);

/// The condition of a check.
const CONDITION: Key = Key::new(
    "condition",
    Takes::Condition,
    "An expression. `false`, null, 0, and what is empty do not hold; everything else does.",
)
.required()
.like("\"${task.status == 'todo'}\"");

/// What must hold before the first step.
pub(super) static PREREQUISITE: Shape = Shape::new(
    "a prerequisite",
    "What must hold before the first step.",
    &[CONDITION, Key::new("error_message", Takes::Text, "What people read where it does not hold.")],
);

/// What must hold after the last step.
pub(super) static CRITERION: Shape = Shape::new(
    "a success criterion",
    "What must hold after the last step.",
    &[
        CONDITION,
        Key::new("description", Takes::Text, "What it means; people read it where it does not hold."),
    ],
);

/// What failures mean.
pub(super) static ERROR_HANDLING: Shape = Shape::new(
    "`error_handling`",
    "What failures of steps mean that do not say it themselves.",
    &[
        Key::new("default_strategy", Takes::Word(&STRATEGIES), "What a failure means for every other step.")
            .usually("fail"),
        Key::new(
            "step_overrides",
            Takes::Names(&Takes::Word(&STRATEGIES)),
            "What it means for steps of these names. `on_error` of the step itself comes before it.",
        ),
    ],
);

/// What is done once the outcome is known.
pub(super) static POST_EXECUTION: Shape = Shape::new(
    "`post_execution`",
    "What is done once the outcome is known. A step that fails here changes nothing of the outcome, and an action of \
     Ostler's own needs no name.",
    &[
        Key::new("always", Takes::StepsAfter, "Whatever the outcome."),
        Key::new("on_success", Takes::StepsAfter, "After success."),
        Key::new("on_failure", Takes::StepsAfter, "After failure."),
    ],
);

/// What every step can say.
pub(in crate::spec) static STEP: Shape = Shape::new(
    "a step",
    "One step. `type` says what it does; a step with `plugin` needs none.",
    &[
        NAME,
        Key::new("type", Takes::Word(&TYPES), "What the step does. `plugin_action` where `plugin` is given."),
        Key::new("description", Takes::Text, "What it is for. Agents read it as part of their task."),
        Key::new("condition", Takes::Condition, "An expression: where it does not hold, the step is skipped.")
            .like("\"${task.type == 'bug'}\""),
        Key::new(
            "on_error",
            Takes::Word(&STRATEGIES),
            "What a failure means. `fail`: the run fails. `retry`: the step is tried again, `retry_count` times at the \
             most, and then the run fails. `continue`: the run goes on as if the step had been skipped. `rollback`: the \
             run fails, and what its finished steps did is taken back, the last first.",
        )
        .usually("fail"),
        Key::new("retry_count", Takes::Count, "How often it is tried again, with `on_error: retry`.").usually("3"),
        Key::new("timeout", Takes::Count, "Seconds that one attempt may take; of a step that holds others, that all of it may take.")
            .like("300"),
        Key::new(
            "undo",
            Takes::Steps,
            "Steps that take back what this one did, when a failure is answered with `rollback`. They come in place of \
             the way that its action declares, and an empty list leaves what it did as it is.",
        ),
    ],
);

/// A step's name. In `post_execution` what Ostler does itself goes by its action.
pub(super) const NAME: Key = Key::new(
    "name",
    Takes::Text,
    "What the step is called, in runs and in `step_overrides`. Unique among its neighbours.",
)
.like("write_code");

const INPUTS: Key = Key::new(
    "inputs",
    Takes::Names(&Takes::Anything),
    "What the step is given. Values may hold expressions.",
);
const OUTPUTS: Key = Key::new(
    "outputs",
    Takes::Names(&Takes::Path),
    "Where its results go: the result's field, and the name under which later steps find it. Dots make it a name \
     within another.",
)
.like("{pr_url: pr.url}");

/// `type: plugin_action`.
pub(super) static ACTION: Shape = Shape::new(
    "a step of type `plugin_action`",
    "An action of a plugin.",
    &[
        Key::new(
            "plugin",
            Takes::Named(Named::Capability),
            "The capability; the configuration says which product serves it.",
        )
        .required()
        .like("version_control"),
        Key::new("action", Takes::Named(Named::Action), "Which of its actions.")
            .required()
            .like("create_branch"),
        INPUTS,
        OUTPUTS,
    ],
);

const AGENT: Key = Key::new("agent", Takes::Text, "The role that works: a file `prompts/agents/ROLE.md`.")
    .usually("development");
const PROMPT: Key = Key::new(
    "prompt_template",
    Takes::Text,
    "The prompt, from the project's root. Without it the one that is named after the step, `prompts/NAME.txt`, and \
     where there is none a general one.",
)
.like("./prompts/code_generation.txt");

/// `type: ai_action`.
pub(super) static AI: Shape = Shape::new(
    "a step of type `ai_action`",
    "A role works on a prompt in the run's checkout: it thinks, or changes the code. Its answer has the fields that \
     `outputs` names, and of those what later steps use.",
    &[AGENT, PROMPT, INPUTS, OUTPUTS],
);

/// `type: agent`.
pub(super) static WORK: Shape = Shape::new(
    "a step of type `agent`",
    "The same as `ai_action`, as the step that changes the code.",
    &[AGENT, PROMPT, INPUTS, OUTPUTS],
);

/// `type: condition`.
pub(super) static BRANCHES: Shape = Shape::new(
    "a step of type `condition`",
    "One of two lists of steps.",
    &[
        Key::new("if", Takes::Condition, "The expression that decides.")
            .required()
            .like("\"${task.type == 'bug'}\""),
        Key::new("then", Takes::Steps, "The steps where it holds.").required(),
        Key::new("else", Takes::Steps, "The steps where it does not."),
    ],
);

/// `type: parallel`.
pub(super) static PARALLEL: Shape = Shape::new(
    "a step of type `parallel`",
    "Steps that run at once. None of them sees what another makes; what comes after them sees all of it.",
    &[Key::new("steps", Takes::Steps, "The steps.").required()],
);

/// `type: loop`.
pub(super) static LOOP: Shape = Shape::new(
    "a step of type `loop`",
    "The same steps for each item of a list. What they make is known to the steps of the same item only.",
    &[
        Key::new(
            "over",
            Takes::Either(&Takes::List(&Takes::Anything), &Takes::Text),
            "The list, or an expression that gives one. At most 10,000 items.",
        )
        .required()
        .like("\"${plan.tasks}\""),
        Key::new("as", Takes::Name, "What an item is called in the steps. Its number, from 0, is `index`.").usually("item"),
        Key::new("concurrency", Takes::Count, "How many items are in hand at once.").usually("1"),
        Key::new(
            "collect",
            Takes::Anything,
            "What each item gives to the loop's `results`; without it, everything that its steps put somewhere.",
        )
        .like("\"${fixed.url}\""),
        Key::new("steps", Takes::Steps, "The steps for one item.").required(),
        Key::new("outputs", Takes::Names(&Takes::Path), "Where the loop's results go: `results`, a list with one value for each item, and `count`.")
            .like("{results: fixes}"),
    ],
)
.giving(&[("results", Kind::List), ("count", Kind::Number)]);

/// `type: workflow`.
pub(super) static CALL: Shape = Shape::new(
    "a step of type `workflow`",
    "The steps of another workflow. They see the step's inputs as `inputs`, and none of the names around the step.",
    &[
        Key::new("workflow", Takes::Text, "The workflow's id: its file's name without the ending.")
            .required()
            .like("code-review"),
        INPUTS,
        OUTPUTS,
    ],
);

/// `type: wait`.
pub(super) static WAIT: Shape = Shape::new(
    "a step of type `wait`",
    "Nothing is done for a while, or until an event comes. It has one of `for`, `until` and `event`.",
    &[
        Key::new("for", Takes::Span, "How long: seconds, or a text like `30m`. At most a year.").like("30m"),
        Key::new("until", Takes::Moment, "Until which moment: a date with a time and its offset.")
            .like("\"2026-03-01T09:00:00Z\""),
        Key::new(
            "event",
            Takes::Texts(&Takes::Named(Named::EventKind)),
            "Which kinds of event it waits for; `timeout` says how long.",
        )
        .like("github.check.completed"),
        Key::new("if", Takes::Condition, "An expression that must hold of the event, which is called `received` in it.")
            .like("\"${received.check.name == 'ci'}\""),
        Key::new(
            "on_timeout",
            Takes::Word(&IN_WAIT),
            "What it means that no event came in its `timeout`. `fail`: it has failed. `continue`: it is done, and gives \
             `timed_out: true`.",
        )
        .usually("fail"),
        OUTPUTS,
    ],
)
.ruled(&[
    Rule::One(&["for", "until", "event"]),
    Rule::Needs("if", "event"),
    Rule::Needs("on_timeout", "event"),
    Rule::Needs("on_timeout", "timeout"),
    Rule::Needs("outputs", "event"),
])
.giving(&[("event", Kind::Any), ("timed_out", Kind::Boolean)]);

/// `type: approval`.
pub(super) static APPROVAL: Shape = Shape::new(
    "a step of type `approval`",
    "A person is asked, and decides.",
    &[
        Key::new("message", Takes::Text, "What is asked. It may hold expressions.").required().like("\"Merge ${pr.url}?\""),
        Key::new(
            "who",
            Takes::Mapping(&WHO),
            "Who may decide: whoever one of these fits. Without it whoever may start runs here.",
        )
        .filled(),
        Key::new(
            "on_timeout",
            Takes::Word(&IN_APPROVAL),
            "What it means that nobody decided in its `timeout`. `fail`: it has failed. `continue`: it is done, and gives \
             `timed_out: true`. `approve`: it counts as a yes.",
        )
        .usually("fail"),
        Key::new(
            "on_reject",
            Takes::Word(&ON_REJECT),
            "What a no means. `fail`: the step has failed. `continue`: it is done, and gives `approved: false`.",
        )
        .usually("fail"),
        OUTPUTS,
    ],
)
.ruled(&[Rule::Needs("on_timeout", "timeout")])
.giving(&[
    ("approved", Kind::Boolean),
    ("by", Kind::Any),
    ("comment", Kind::Any),
    ("timed_out", Kind::Boolean),
]);

/// `type: shell`.
pub(super) static SHELL: Shape = Shape::new(
    "a step of type `shell`",
    "A script that runs in the sandbox, in the root of the run's checkout. What it changes there is part of what is \
     published next; what git ignores is gone when it ends.",
    &[
        Key::new(
            "run",
            Takes::Text,
            "What `sh` runs. A command that fails ends it, and so does a variable that is not set. `${…}` is the \
             shell's own here: values come in by `env`.",
        )
        .required()
        .like("make test"),
        Key::new(
            "env",
            Takes::Defined(&Takes::Anything),
            "Variables of the script. Values may hold expressions; whatever comes of them is text to the shell, and \
             never part of the script. A list or a mapping is JSON.",
        )
        .like("{TITLE: \"${task.title}\"}"),
        Key::new(
            "network",
            Takes::Boolean,
            "Whether it has the machine's network. `security.sandbox.network` has to allow it.",
        )
        .usually("false"),
        Key::new(
            "allow_failure",
            Takes::Boolean,
            "Whether the step is done whatever the exit code is, and keeps what was changed.",
        )
        .usually("false"),
        Key::new(
            "outputs",
            Takes::Names(&Takes::Path),
            "Where its results go: `exit_code`, `stdout`, `stderr`, and `truncated`, which says whether the middle of an \
             output is missing.",
        )
        .like("{stdout: tests.said}"),
    ],
)
.giving(&[
    ("exit_code", Kind::Number),
    ("stdout", Kind::String),
    ("stderr", Kind::String),
    ("truncated", Kind::Boolean),
]);

/// `type: system`.
pub(super) static SYSTEM: Shape = Shape::new(
    "a step of type `system`",
    "Something that Ostler does itself.",
    &[Key::new("action", Takes::Word(&SYSTEM_ACTIONS), "What.").required().like("log"), INPUTS, OUTPUTS],
);
