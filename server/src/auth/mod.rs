//! Who a caller is.

mod audit;
mod certificate;
mod guard;
mod principal;
mod token;
mod tokens;

pub(crate) use audit::Audit;
pub(crate) use certificate::ClientCertificate;
pub(crate) use guard::Guard;
pub(crate) use principal::Principal;
pub use principal::principal_name;
pub use token::NewToken;
pub(crate) use tokens::{TokenFile, Tokens};
