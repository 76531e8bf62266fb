//! Markdown pages in the repository: documentation without a service.

mod docs;
pub mod options;

pub use self::docs::Markdown;
pub use self::options::Options;
