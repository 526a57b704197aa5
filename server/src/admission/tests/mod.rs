//! What may begin, and what may not.

mod brief;
mod limits;
mod overload;
