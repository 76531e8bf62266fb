//! The parts of Discord's interactions and webhook events that Ostler reads.

use crate::plugin::lenient::{Maybe, Shape, Text, records};

records! {
    /// An interaction, or the envelope of an event.
    Payload {
        id: Text,
        #[serde(rename = "type")]
        kind: Maybe<i64>,
        guild_id: Text,
        channel_id: Text,
        channel: Maybe<Channel>,
        /// Who it was, in a guild.
        member: Maybe<Member>,
        /// Who it was, elsewhere.
        user: Maybe<User>,
        data: Maybe<Data>,
        message: Maybe<Message>,
        /// What happened, where it is no interaction.
        event: Maybe<Happened>,
    }

    Channel {
        name: Text,
    }

    Member {
        user: Maybe<User>,
    }

    User {
        id: Text,
        username: Text,
        global_name: Text,
        bot: Maybe<bool>,
    }

    Message {
        id: Text,
    }

    /// What was typed, pressed or filled in.
    Data {
        name: Text,
        custom_id: Text,
        options: Maybe<Vec<Choice>>,
        values: Maybe<Vec<Word>>,
        components: Maybe<Vec<Row>>,
    }

    /// An option of a command, or a command below it with options of its own.
    Choice {
        name: Text,
        value: Maybe<Word>,
        options: Maybe<Vec<Choice>>,
    }

    /// A line of a form: fields, or a label with one.
    Row {
        components: Maybe<Vec<Field>>,
        component: Maybe<Field>,
    }

    Field {
        custom_id: Text,
        value: Text,
        values: Maybe<Vec<Word>>,
    }

    Happened {
        #[serde(rename = "type")]
        kind: Text,
        timestamp: Text,
        data: Maybe<About>,
    }

    About {
        user: Maybe<User>,
    }
}

/// A value as people would write it.
#[derive(Debug, Clone)]
pub(super) struct Word(pub(super) String);

impl Shape for Word {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn from_number(number: i64) -> Option<Self> {
        Some(Self(number.to_string()))
    }

    fn from_flag(flag: bool) -> Option<Self> {
        Some(Self(flag.to_string()))
    }
}
