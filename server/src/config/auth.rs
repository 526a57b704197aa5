//! Who may use the server.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[auth]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The file of the tokens of which each call must bring one, as lines of
    /// `ser-server token NAME`. It holds no token, but their hashes, and is read
    /// again when it changes. Default: none, calls need no token.
    #[schemars(example = &"/etc/ser-server/tokens.toml")]
    pub tokens: Option<PathBuf>,
}
