//! What the tests share.

pub(crate) mod fake;
pub(crate) mod messages;
pub(crate) mod program;
pub(crate) mod recogniser;
pub(crate) mod terminal;
