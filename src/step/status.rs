//! Telling how a run comes along where it was asked for: one comment or message of each run, which is edited.

use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::perform::{chat, forge, tracker};
use super::{StepError, reply, words};
use crate::event::{RepositoryName, TaskRef};
use crate::id::{EffectKey, RunId, StepPath};
use crate::ingress::{Current, Policy};
use crate::plugin::chat::Message;
use crate::plugin::effect::Effect;
use crate::plugin::tracker::CommentRef;
use crate::run::{Definition, Started};

/// A run, as far as telling of it needs it.
#[derive(Debug, Clone)]
pub struct About {
    /// The run.
    pub run: RunId,
    /// What it started with.
    pub started: Arc<Started>,
    /// What it runs.
    pub definition: Arc<Definition>,
}

/// Where it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// In a pull request's conversation.
    Change(RepositoryName, u64, CommentRef),
    /// Under a task.
    Task(TaskRef, CommentRef),
    /// In a channel or a thread.
    Chat(Message),
}

/// Who tells.
pub trait Status: Debug + Send + Sync {
    /// Has it told for the first time, or finds where it was told before: then the text there may be an older one. Gives
    /// nothing where the run came from no place to tell it in.
    fn post<'a>(
        &'a self,
        about: &'a About,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Posted, bool)>, StepError>>;

    /// Puts another text in the place of what was told.
    fn edit<'a>(
        &'a self,
        about: &'a About,
        posted: &'a Posted,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), StepError>>;
}

/// Tells by the services that are in force.
#[derive(Debug)]
pub struct Comments {
    policy: Arc<Current<Policy>>,
}

impl Comments {
    /// Tells by these services.
    #[must_use]
    pub fn new(policy: Arc<Current<Policy>>) -> Self {
        Self { policy }
    }

    async fn write(&self, about: &About, text: &str) -> Result<Option<(Posted, bool)>, StepError> {
        let (policy, effect) = (self.policy.get(), effect(about.run));
        let run = (&*about.started, &*about.definition);
        reply::post(&policy.registry, run, about.started.task.as_ref(), (text, &effect)).await
    }

    async fn rewrite(&self, about: &About, posted: &Posted, text: &str) -> Result<(), StepError> {
        let (policy, effect) = (self.policy.get(), effect(about.run));
        let registry = &policy.registry;
        match posted {
            Posted::Change(repository, number, comment) => {
                let forge = forge(registry, &about.started, &about.definition)?;
                forge.edit_comment(repository, *number, comment, text, &effect).await?;
            }
            Posted::Task(task, comment) => {
                tracker(registry, task)?.edit_comment(task, comment, text, &effect).await?;
            }
            Posted::Chat(message) => {
                chat(registry, &about.definition)?.edit_message(message, text, &effect).await?;
            }
        }
        Ok(())
    }
}

impl Status for Comments {
    fn post<'a>(
        &'a self,
        about: &'a About,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Posted, bool)>, StepError>> {
        Box::pin(async move { self.write(about, &words::outgoing(text)).await })
    }

    fn edit<'a>(
        &'a self,
        about: &'a About,
        posted: &'a Posted,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move { self.rewrite(about, posted, &words::outgoing(text)).await })
    }
}

/// The effect of a run's status. Nobody journals it: it is looked for each time that it is not known where it is.
fn effect(run: RunId) -> Effect {
    let key = EffectKey { run, step: StepPath::root("@status"), ordinal: 0 };
    Effect { key, fresh: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::scene::{Scene, policy};

    fn told(scene: &Scene) -> (Comments, About) {
        let comments = Comments::new(Arc::new(Current::new(policy(&scene.world))));
        let (run, started) = (scene.context.run, Arc::clone(&scene.context.started));
        (comments, About { run, started, definition: Arc::clone(&scene.context.definition) })
    }

    #[tokio::test]
    async fn it_is_told_once_found_again_and_edited() {
        let scene = Scene::new().await;
        let (comments, about) = told(&scene);
        let (posted, found) = comments.post(&about, "under way, says @ada").await.unwrap().unwrap();
        assert!(matches!(posted, Posted::Task(..)) && !found, "{posted:?}");
        let again = comments.post(&about, "later").await.unwrap().unwrap();
        assert_eq!(again, (posted.clone(), true), "by its mark, as after a restart");
        comments.edit(&about, &posted, "done").await.unwrap();
        let (told, edited) = (scene.world.done("comment"), scene.world.done("edit"));
        assert_eq!((told.len(), edited.len()), (1, 1), "{told:?} {edited:?}");
        assert!(told[0].contains("says @\u{200b}ada"), "nobody is notified: {told:?}");
        assert!(edited[0].ends_with("done"), "{edited:?}");
    }
}
