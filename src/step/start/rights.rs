//! What the forge says of the person who asked, each thing asked at most once.

use tokio::sync::OnceCell;

use super::admit::Refusal;
use crate::event::{Access, Account, Actor, Permission, Team};
use crate::plugin::Problem;
use crate::step::perform::Parts;
use crate::step::{Context, StepError};

/// The rights of the person who asked, in the run's repository.
pub(super) struct Rights<'a> {
    parts: &'a Parts,
    pub(super) context: &'a Context,
    permission: OnceCell<Permission>,
}

impl<'a> Rights<'a> {
    pub(super) fn new(parts: &'a Parts, context: &'a Context) -> Self {
        Self { parts, context, permission: OnceCell::new() }
    }

    /// Who is who, and who is listed, as it stood when the run began.
    pub(super) fn access(&self) -> &'a Access {
        &self.context.definition.access
    }

    /// The person's account on the forge of the run's repository.
    pub(super) fn account(&self, actor: &Actor) -> Result<Result<Account, Refusal>, StepError> {
        if self.context.started.repository.is_none() {
            let message = "no repository is known for this request, so nobody's rights in it are".to_owned();
            return Ok(Err(Refusal::open(message)));
        }
        let forge = self.parts.forge(self.context)?.name();
        let account = self.access().people.account_on(&actor.account, &forge);
        Ok(account.cloned().ok_or_else(|| {
            Refusal::open(format!(
                "{}'s account on {forge} is not known; whoever runs Ostler can link it with `{}` under `identity`",
                actor.name, actor.account
            ))
        }))
    }

    /// What the account may do in the repository.
    pub(super) async fn permission(&self, account: &Account) -> Result<Permission, StepError> {
        let (forge, repository) = (self.parts.forge(self.context)?, self.context.repository()?);
        let ask = || async { Ok::<_, StepError>(forge.permission(repository, account).await?) };
        self.permission.get_or_try_init(ask).await.copied()
    }

    /// Whether the account belongs to a team.
    pub(super) async fn is_member(
        &self,
        team: &Team,
        account: &Account,
    ) -> Result<Result<bool, Refusal>, StepError> {
        let (forge, repository) = (self.parts.forge(self.context)?, self.context.repository()?);
        match forge.is_member(repository, team, account).await {
            Ok(member) => Ok(Ok(member)),
            Err(error) if error.problem == Problem::Denied => Ok(Err(Refusal::no(format!(
                "{} does not let Ostler see who is in the team {team}; whoever runs it can let it read the members \
                 of organisations",
                forge.name()
            )))),
            Err(error) => Err(error.into()),
        }
    }
}
