//! What may begin, and what may not.

mod limits;
mod overload;
