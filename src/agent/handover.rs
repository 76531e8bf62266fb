//! Handing work over: the gate looks at it before anybody else does, and what it says against it goes back to the
//! agent, so often and no more. What is handed over again unchanged, or once too often, is taken as it is.

use serde_json::{Map, Value};

use super::turn::{ToolResult, Transcript};
use super::{Agent, AgentError, tool};

/// Bytes of an objection that are shown whole.
const SHOWN: usize = 6_000;

impl Agent<'_> {
    /// Gives an answer back where the gate has something against the files that it speaks of.
    pub(super) async fn hand_over(
        &self,
        results: &mut [ToolResult],
        (start, tree): (&str, &str),
        transcript: &Transcript,
    ) -> Result<(), AgentError> {
        let Some(result) = results.iter_mut().find(|result| result.is_accepted()) else { return Ok(()) };
        let returned = transcript.returned().count();
        let insists = transcript.handed_over().is_some_and(|(_, before)| before == tree);
        if tree == start || insists || returned >= self.assignment.limits.returns as usize {
            return Ok(());
        }
        let objection = tokio::select! {
            objection = self.bench.objection(tree) => objection?,
            () = self.cancel.cancelled() => return Err(AgentError::Interrupted),
        };
        if let Some(objection) = objection {
            tracing::info!(returned, "the gate gives the work back");
            result.is_error = true;
            result.content = told(&objection);
        }
        Ok(())
    }
}

fn told(objection: &str) -> String {
    let shown = tool::clip(&tool::shown(objection), SHOWN);
    format!(
        "This is not handed over yet. {shown}\n\nMend it and call `finish` again. Where it cannot be mended, or should \
         not be, call `finish` again without changing a file, and let the summary say why."
    )
}

impl ToolResult {
    /// Whether it is an answer that stands.
    pub(super) fn is_accepted(&self) -> bool {
        self.answer.is_some() && !self.is_error
    }
}

impl Transcript {
    /// Every answer that was given back, oldest first, with the files that it speaks of.
    fn returned(&self) -> impl DoubleEndedIterator<Item = (&Map<String, Value>, &str)> {
        let ran = self.turns.iter().filter_map(|turn| turn.ran.as_ref());
        ran.flat_map(|ran| {
            let returned = ran.results.iter().filter(|result| !result.is_accepted());
            returned.filter_map(|result| Some((result.answer.as_ref()?, ran.tree.as_str())))
        })
    }

    /// What was handed over last and given back: what an agent that comes to no other end leaves.
    #[must_use]
    pub fn handed_over(&self) -> Option<(&Map<String, Value>, &str)> {
        self.returned().next_back()
    }
}
