//! Markdown pages.
