//! The parts of Slack's requests that Ostler reads: event envelopes, slash commands and interactions.

use std::collections::BTreeMap;

use crate::plugin::lenient::{Maybe, Text, records};

records! {
    /// The envelope of the Events API.
    Envelope {
        #[serde(rename = "type")]
        kind: Text,
        challenge: Text,
        team_id: Text,
        enterprise_id: Text,
        event_id: Text,
        /// Seconds.
        event_time: Maybe<i64>,
        event: Maybe<Message>,
        authorizations: Maybe<Vec<Authorization>>,
    }

    /// Whom an event is delivered to: the app's own account in the workspace.
    Authorization {
        user_id: Text,
    }

    /// What a reaction stands under.
    Item {
        channel: Text,
        ts: Text,
    }

    /// An event of the Events API; those Ostler looks into are messages and reactions to them.
    Message {
        #[serde(rename = "type")]
        kind: Text,
        subtype: Text,
        user: Text,
        bot_id: Text,
        /// The workspace of the one who wrote, where it differs.
        user_team: Text,
        text: Text,
        ts: Text,
        thread_ts: Text,
        channel: Text,
        /// An emoji's name, where this is a reaction, and the message that it stands under.
        reaction: Text,
        item: Maybe<Item>,
    }

    /// An interaction: a button was pressed, a shortcut chosen, a modal sent.
    Interaction {
        #[serde(rename = "type")]
        kind: Text,
        trigger_id: Text,
        user: Maybe<User>,
        team: Maybe<Place>,
        enterprise: Maybe<Place>,
        channel: Maybe<Place>,
        container: Maybe<Container>,
        actions: Maybe<Vec<Action>>,
        /// A shortcut's name, and when it was chosen.
        callback_id: Text,
        action_ts: Text,
        /// The message that a shortcut was chosen for, or that a button stands under.
        message: Maybe<Message>,
        view: Maybe<View>,
    }

    /// A modal that was sent.
    View {
        callback_id: Text,
        private_metadata: Text,
        state: Maybe<State>,
    }

    /// What is in its fields, by block and by field.
    State {
        values: Maybe<BTreeMap<String, BTreeMap<String, Field>>>,
    }

    Field {
        value: Text,
        selected_option: Maybe<Selected>,
        selected_date: Text,
        selected_time: Text,
        selected_user: Text,
        selected_channel: Text,
        selected_conversation: Text,
    }

    User {
        id: Text,
        username: Text,
        name: Text,
        team_id: Text,
    }

    /// A workspace, an organisation or a channel.
    Place {
        id: Text,
        name: Text,
    }

    /// Where the button stands.
    Container {
        message_ts: Text,
        thread_ts: Text,
        channel_id: Text,
    }

    Action {
        action_id: Text,
        action_ts: Text,
        value: Text,
        selected_option: Maybe<Selected>,
    }

    Selected {
        value: Text,
    }
}
