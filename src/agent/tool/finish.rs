//! `finish`: the agent's answer, with the fields that its step must give.

use serde_json::{Map, Value, json};

use super::{Room, ToolError};
use crate::agent::turn::ToolResult;
use crate::spec::workflow::AnswerField;
use crate::workspace::guard::Finding;

/// An answer that has everything it must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The answer's fields.
    pub answer: Map<String, Value>,
}

pub(super) const NAME: &str = "finish";

pub(super) const ABOUT: &str = "Ends the work. Call it alone, once the work is done or cannot be done; what \
    is in the files then goes to review.";

const UNPARSED: &str = "Not finished yet. These files could be parsed and cannot any more:";
const MEND: &str =
    "Mend them and call `finish` again. Where they are right as they are, call it again and say so.";
/// Places that are named at most.
const MOST_PLACES: usize = 20;

/// The fields that every answer has, with what they are for.
const OWN_FIELDS: [(&str, &str); 3] = [
    ("summary", "What was changed and why, for the people who review it; or why it cannot be done."),
    ("tests_run", "Which tests were run, and what came of them; `none` if there are none."),
    ("risk", "What could go wrong with this change: low, medium or high, and why."),
];

pub(super) fn schema(needs: &[AnswerField]) -> Value {
    let mut properties = Map::new();
    for (field, about) in OWN_FIELDS {
        properties.insert(field.to_owned(), json!({"type": "string", "description": about}));
    }
    for need in needs.iter().filter(|need| !is_own(need)) {
        properties.insert(need.field.clone(), need_schema(need));
    }
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false
    })
}

/// Whether a step needs no more than a field that every answer has.
fn is_own(need: &AnswerField) -> bool {
    need.members.is_empty() && OWN_FIELDS.iter().any(|(own, _)| *own == need.field)
}

fn need_schema(need: &AnswerField) -> Value {
    if need.members.is_empty() {
        return json!({"description": "Whatever the task asks for under this name."});
    }
    let properties: Map<_, _> =
        need.members.iter().map(|member| (member.clone(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": need.members})
}

impl Finish {
    /// The answer, if it has all that it must have.
    ///
    /// # Errors
    /// When fields are missing, unknown or not what they should be; all of them are named.
    pub(super) fn parse(input: Value, needs: &[AnswerField]) -> Result<Self, ToolError> {
        let Value::Object(answer) = input else {
            return Err(ToolError::Malformed("The arguments must be an object.".to_owned()));
        };
        let more = needs.iter().filter(|need| !is_own(need));
        let mut wrong: Vec<String> = more.filter_map(|need| lacks(&answer, need)).collect();
        let is_need = |field: &str| needs.iter().any(|need| need.field == field && !is_own(need));
        for (field, _) in OWN_FIELDS {
            if !is_need(field) && !answer.get(field).is_some_and(Value::is_string) {
                wrong.push(format!("`{field}` must be a string"));
            }
        }
        let is_known = |field: &str| OWN_FIELDS.iter().any(|(own, _)| *own == field) || is_need(field);
        let unknown = answer.keys().filter(|field| !is_known(field));
        wrong.extend(unknown.map(|field| format!("there is no field `{field}`")));
        if wrong.is_empty() {
            return Ok(Self { answer });
        }
        Err(ToolError::Malformed(format!("The answer cannot be taken: {}.", wrong.join("; "))))
    }
}

/// What is to be mended before the work is done. Said once: should a grammar be wrong, the agent goes on, and what
/// is then left is the gate's to judge.
pub(super) async fn unparsed(room: &Room<'_>) -> Option<String> {
    let changes_files = room.offered.iter().any(|name| matches!(name.as_str(), "edit" | "apply_patch"));
    if room.was_told || !changes_files {
        return None;
    }
    // Whatever cannot be found out now is found out after this turn.
    let found = room.bench.unparsed().await.unwrap_or_default();
    let line = |finding: &Finding| {
        format!("\n- {}: {}", finding.path.as_deref().unwrap_or_default(), finding.message)
    };
    let lines: String = found.iter().take(MOST_PLACES).map(line).collect();
    (!found.is_empty()).then(|| format!("{UNPARSED}{lines}\n{MEND}"))
}

/// Whether a result is the one that names files which cannot be parsed.
#[must_use]
pub fn was_told(result: &ToolResult) -> bool {
    result.content.starts_with(UNPARSED)
}

fn lacks(answer: &Map<String, Value>, need: &AnswerField) -> Option<String> {
    let field = &need.field;
    let value = match answer.get(field) {
        None | Some(Value::Null) => return Some(format!("`{field}` is missing")),
        Some(value) => value,
    };
    let lacks = |member: &&String| !value.get(member.as_str()).is_some_and(Value::is_string);
    let missing: Vec<_> = need.members.iter().filter(lacks).map(String::as_str).collect();
    (!missing.is_empty())
        .then(|| format!("`{field}` must be an object with the strings `{}`", missing.join("`, `")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> Vec<AnswerField> {
        vec![
            AnswerField { field: "implementation".into(), members: vec!["pr_description".into()] },
            AnswerField { field: "plan".into(), members: Vec::new() },
        ]
    }

    #[test]
    fn the_schema_asks_for_what_the_step_needs() {
        let schema = schema(&needs());
        let member = &schema["properties"]["implementation"]["properties"]["pr_description"]["type"];
        assert_eq!(member, "string");
        assert_eq!(schema["required"], json!(["implementation", "plan", "risk", "summary", "tests_run"]));
    }

    #[test]
    fn an_answer_says_all_that_is_wrong_with_it() {
        let input = json!({"summary": 1, "risk": "low", "implementation": {"documentation": ""}, "extra": 1});
        let Err(ToolError::Malformed(message)) = Finish::parse(input, &needs()) else { unreachable!() };
        for part in ["`pr_description`", "`plan` is missing", "`summary`", "`tests_run`", "`extra`"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }

    #[test]
    fn a_step_that_needs_the_summary_changes_nothing_about_it() {
        let summary = [AnswerField { field: "summary".into(), members: Vec::new() }];
        assert_eq!(schema(&summary), schema(&[]));
        let wrong = json!({"summary": {"text": "s"}, "tests_run": "t", "risk": "low"});
        assert!(Finish::parse(wrong, &summary).is_err());
    }

    #[test]
    fn an_answer_with_all_fields_is_taken() {
        let input = json!({
            "summary": "s", "tests_run": "t", "risk": "low",
            "implementation": {"pr_description": "d"}, "plan": [1, 2],
        });
        assert!(Finish::parse(input, &needs()).is_ok());
    }
}
