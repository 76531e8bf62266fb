//! (to come)

pub mod check;
