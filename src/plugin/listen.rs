//! Listening to a source over a connection that Ostler opens: for where nobody can send anything here.
//!
//! A connection tells of one thing after the other. Each is acknowledged once it is durable; what was not is told
//! again, on this connection or another. A source says so when it is about to end a connection, so that the next one
//! is there before.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use super::source::{Delivery, Reply};
use super::{Call, PluginError};
use crate::event::SourceName;

/// Somebody who can be listened to.
pub trait Listen: Debug + Send + Sync {
    /// The source whose deliveries it gives.
    fn source(&self) -> SourceName;

    /// What this way of listening is called, for people.
    fn name(&self) -> &str;

    /// Opens a connection, on which everything is told that happens from now on.
    ///
    /// # Errors
    /// When there is none to be had.
    fn connect(&self) -> Call<'_, Box<dyn Line>>;
}

/// A connection.
pub trait Line: Debug + Send {
    /// What is told next. Nothing is lost when this is waited for no longer and then called again.
    ///
    /// # Errors
    /// When the connection broke, or is of no use any more.
    fn next(&mut self) -> BoxFuture<'_, Result<Told, PluginError>>;

    /// Says that a delivery is durable, and answers it where it wants an answer.
    ///
    /// # Errors
    /// When the connection broke: it will be told again.
    fn acknowledge(&mut self, receipt: Receipt, reply: Option<Reply>) -> Call<'_, ()>;
}

/// What a connection tells.
#[derive(Debug)]
pub enum Told {
    /// Something that happened.
    Delivery(Receipt, Box<Delivery>),
    /// The connection will end soon, and another one should be there by then.
    Ending,
    /// The connection ended.
    End,
}

/// By what a delivery is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What the source calls it.
    pub id: String,
    /// Whether the source takes an answer.
    pub takes_reply: bool,
}
