//! What routing must know of the world besides the event and the rules.

use super::Refusal;
use crate::event::{Access, Account, Event, Permission, SourceName};
use crate::id::EffectKey;
use crate::spec::{May, RepositoryMap, Trigger, Who};

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
    /// Whose accounts are whose, and who may start work besides those whom the forge lets push.
    pub access: Access,
}

impl Standing {
    /// What is to be said without asking the forge of whether the person who caused an event may start a trigger.
    #[must_use]
    pub fn lets(&self, trigger: &Trigger, event: &Event) -> May {
        let usual = Who { role: Some(Permission::Write), ..Who::default() };
        let who = trigger.who.as_ref().unwrap_or(&usual);
        let listed = || event.actor.as_ref().is_some_and(|actor| self.access.allows(&actor.account));
        if trigger.who.is_none() && listed() {
            return May::Yes;
        }
        who.by_event(event, &self.access.people, self.forge.as_ref())
    }

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
