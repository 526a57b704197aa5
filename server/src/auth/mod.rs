//! Who a caller is.

mod audit;
mod principal;

pub(crate) use audit::Audit;
pub(crate) use principal::Principal;
