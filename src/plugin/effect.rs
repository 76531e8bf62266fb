//! Effects on the world: marked with their key, and looked for before they are made.

use crate::id::EffectKey;

/// The right to make one effect, with what makes it recognisable.
///
/// The caller has journalled the intent before it calls a method with this in hand.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Goes into what is made.
    pub key: EffectKey,
    /// Whether the intent was journalled just now: then nothing can be there yet, and the first look is spared.
    pub fresh: bool,
}

/// What an effect gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<T> {
    /// What there is now.
    pub value: T,
    /// Whether it was there already.
    pub found: bool,
}
