//! The four ways in, each to its end.
