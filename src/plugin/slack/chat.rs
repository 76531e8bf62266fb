//! Messages.

use serde_json::json;
use slack_morphism::api::{SlackApiChatDeleteRequest, SlackApiChatPostMessageRequest};
use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockMarkDownText,
    SlackBlockPlainTextOnly, SlackBlockText, SlackSectionBlock,
};
use slack_morphism::{SlackChannelId, SlackMessageContent, SlackMessageMetadata, SlackTs};

use super::client::{NAME, Slack};
use super::wire;
use crate::event::{Account, SourceName};
use crate::plugin::chat::{Chat, Message, NewMessage};
use crate::plugin::client::gone;
use crate::plugin::effect::{Effect, Made, ensure};
use crate::plugin::{Call, PluginError, Problem};

/// The metadata event that marks what Ostler wrote; its payload holds the effect's key.
const MARK: &str = "ostler_effect";

/// Characters that a section of a message holds.
const SECTION: usize = 3000;

/// Pages that a search reads at most.
const PAGES: usize = 20;

impl Chat for Slack {
    fn name(&self) -> SourceName {
        SourceName::new(NAME)
    }

    fn whoami(&self) -> Call<'_, Account> {
        Box::pin(async { Ok(Account::new(NAME, &self.identity().await?.user_id)) })
    }

    fn send<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Made<Message>> {
        Box::pin(async move {
            let channel = self.channel(message.channel.as_deref()).await?;
            let request = posting(&channel, message, effect);
            let look = || self.find(&channel, message.thread.as_deref(), effect);
            let make = || async {
                let posted: wire::Posted = self.write("chat.postMessage", &request).await?;
                Ok(Message { channel: posted.channel, id: posted.ts })
            };
            ensure(effect, self.client.clock().as_ref(), look, make).await
        })
    }

    fn find_message<'a>(&'a self, message: &'a NewMessage, effect: &'a Effect) -> Call<'a, Option<Message>> {
        Box::pin(async move {
            let channel = self.channel(message.channel.as_deref()).await?;
            match self.find(&channel, message.thread.as_deref(), effect).await {
                // The thread went with its first message.
                Err(error) if error.message == "thread_not_found" => Ok(None),
                found => found,
            }
        })
    }

    fn edit_message<'a>(&'a self, message: &'a Message, text: &'a str, effect: &'a Effect) -> Call<'a, ()> {
        Box::pin(async move {
            let metadata = json!({ "event_type": MARK, "event_payload": { "key": effect.key.to_string() } });
            let Message { channel, id } = message;
            let request = json!({ "channel": channel, "ts": id, "text": escape(text), "metadata": metadata });
            self.write("chat.update", &request).await.map(|serde::de::IgnoredAny| ())
        })
    }

    fn delete_message<'a>(&'a self, message: &'a Message) -> Call<'a, ()> {
        Box::pin(async move {
            let Message { channel, id } = message.clone();
            let request = SlackApiChatDeleteRequest::new(SlackChannelId(channel), SlackTs(id));
            let deleted: Result<serde::de::IgnoredAny, _> = self.write("chat.delete", &request).await;
            gone(deleted.map(drop))
        })
    }
}

fn posting(channel: &str, message: &NewMessage, effect: &Effect) -> SlackApiChatPostMessageRequest {
    let payload = [("key".to_owned(), effect.key.to_string())].into();
    let metadata = SlackMessageMetadata::new(MARK.to_owned()).with_event_payload(payload);
    let content = SlackMessageContent::new().with_text(escape(&message.text)).with_metadata(metadata);
    let content = if message.choices.is_empty() { content } else { content.with_blocks(blocks(message)) };
    let request = SlackApiChatPostMessageRequest::new(SlackChannelId(channel.to_owned()), content);
    // Slack would fetch whatever a link in the text points to, and tell its server that it was written.
    let request = request.with_unfurl_links(false).with_unfurl_media(false);
    request.opt_thread_ts(message.thread.clone().map(SlackTs))
}

/// The text with its buttons. A section holds 3,000 characters.
fn blocks(message: &NewMessage) -> Vec<SlackBlock> {
    let text: String = escape(&message.text).chars().take(SECTION).collect();
    let buttons = message.choices.iter().map(|choice| {
        let label = SlackBlockPlainTextOnly::from(choice.label.as_str());
        let button = SlackBlockButtonElement::new(label).with_action_id(choice.action.as_str().into());
        SlackActionBlockElement::from(button.with_value(choice.value.clone()))
    });
    let text = SlackBlockText::MarkDown(SlackBlockMarkDownText::new(text));
    vec![SlackSectionBlock::new().with_text(text).into(), SlackActionsBlock::new(buttons.collect()).into()]
}

/// Plain text as Slack wants it: these three signs are its markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Slack {
    /// The message that this effect sent before. `conversations.replies` knows the metadata too, although
    /// slack-morphism's request for it does not.
    async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        effect: &Effect,
    ) -> Result<Option<Message>, PluginError> {
        let own = self.identity().await?;
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let key = effect.key.to_string();
        let mut cursor = None;
        for _ in 0..PAGES {
            let page: wire::History = self
                .read(
                    method,
                    &[
                        ("channel", Some(channel.to_owned())),
                        ("ts", thread.map(str::to_owned)),
                        ("oldest", Some(format!("{}.000000", effect.earliest().as_second()))),
                        ("include_all_metadata", Some("true".to_owned())),
                        ("limit", Some("200".to_owned())),
                        ("cursor", cursor),
                    ],
                )
                .await?;
            if let Some(found) = page.messages.iter().find(|message| is_ours(message, own, &key)) {
                return Ok(Some(Message { channel: channel.to_owned(), id: found.ts.clone() }));
            }
            cursor = wire::Paging::next(page.response_metadata);
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// A channel's id by its name, its id, or the configuration.
    async fn channel(&self, named: Option<&str>) -> Result<String, PluginError> {
        let default = self.options.default_channel.as_deref();
        let missing = || self.client.error(Problem::Invalid, "no channel is named and none is configured");
        let name = named.or(default).ok_or_else(missing)?.trim_start_matches('#');
        if is_id(name) {
            return Ok(name.to_owned());
        }
        if let Some(id) = self.known(name) {
            return Ok(id);
        }
        match self.learn_channels("public_channel,private_channel").await {
            // Without the scope for private channels the public ones are still there.
            Err(error) if error.problem == Problem::Denied => self.learn_channels("public_channel").await?,
            learned => learned?,
        }
        let unknown = || self.client.error(Problem::NotFound, format!("there is no channel `{name}` here"));
        self.known(name).ok_or_else(unknown)
    }

    fn known(&self, name: &str) -> Option<String> {
        self.channels.get(name).map(|id| id.value().clone())
    }

    async fn learn_channels(&self, types: &str) -> Result<(), PluginError> {
        let mut cursor = None;
        for _ in 0..PAGES {
            let page: wire::Channels = self
                .read(
                    "conversations.list",
                    &[
                        ("types", Some(types.to_owned())),
                        ("exclude_archived", Some("true".to_owned())),
                        ("limit", Some("200".to_owned())),
                        ("cursor", cursor),
                    ],
                )
                .await?;
            for channel in page.channels {
                if let Some(name) = channel.name {
                    self.channels.insert(name, channel.id);
                }
            }
            cursor = wire::Paging::next(page.response_metadata);
            if cursor.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Names of channels are lower case, ids are upper case.
fn is_id(name: &str) -> bool {
    name.starts_with(['C', 'G', 'D']) && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn is_ours(message: &wire::Message, own: &wire::Identity, key: &str) -> bool {
    let by_us = message.user.as_ref() == Some(&own.user_id)
        || (message.bot_id.is_some() && message.bot_id == own.bot_id);
    let marked = message.metadata.as_ref().is_some_and(|metadata| {
        metadata.event_type == MARK && metadata.event_payload["key"].as_str() == Some(key)
    });
    by_us && marked
}
