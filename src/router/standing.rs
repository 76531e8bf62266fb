//! What routing must know of the world besides the event and the rules.

use super::Refusal;
use crate::event::{Account, Event, SourceName};
use crate::id::EffectKey;
use crate::spec::RepositoryMap;

/// The world as routing sees it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Ostler's own accounts.
    pub own: Vec<Account>,
    /// Programs that may ask like people.
    pub bots: Vec<Account>,
    /// Where work for a project, component or channel goes.
    pub repositories: RepositoryMap,
    /// The tracker that a bare task key belongs to.
    pub tracker: Option<SourceName>,
    /// The forge that repositories of the map are on.
    pub forge: Option<SourceName>,
}

impl Standing {
    /// Why an event is to be shown to no trigger, if there is a reason.
    ///
    /// What Ostler did itself comes back as an event and must not start anything. A mark alone proves
    /// nothing: anybody can copy it into a comment, so it is the account that counts. What programs do is
    /// ignored unless they are listed; checks are programs' own business and pass.
    #[must_use]
    pub fn refuses(&self, event: &Event) -> Option<Refusal> {
        let actor = event.actor.as_ref()?;
        let account = actor.account.clone();
        if self.own.contains(&account) {
            let marked =
                event.comment.as_ref().is_some_and(|comment| comment.body.contains(EffectKey::MARKER_START));
            return Some(Refusal::Own { account, marked });
        }
        let listed = self.bots.contains(&account) || event.check.is_some();
        (actor.bot && !listed).then_some(Refusal::Bot { account })
    }
}
