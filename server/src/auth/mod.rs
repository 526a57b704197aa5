//! Who a caller is.

mod principal;

pub(crate) use principal::Principal;
