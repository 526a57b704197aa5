//! What is wrong with a setting.

use std::fmt;

/// One setting that can't be, as one line: where it comes from, its key, and its
/// value with what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file with its line, the environment variable or the flag that set it;
    /// `None` as long as nobody has looked, or where it is a default.
    pub origin: Option<String>,
    /// The key with its section, for instance `limits.idle`; empty where there is
    /// none, for instance of a file that is no TOML.
    pub key: String,
    /// The value and what was expected.
    pub reason: String,
}

impl Problem {
    /// A problem of `key`, wherever its value comes from.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            origin: None,
            key: key.into(),
            reason: reason.into(),
        }
    }

    /// A problem of `key`, which does nothing without `other`.
    pub(super) fn needs(key: &str, other: &str) -> Self {
        Self::new(key, format!("set; expected {other} beside it"))
    }

    /// Whether it is about a key of `section`, or about everything.
    #[must_use]
    pub fn is_in(&self, section: &str) -> bool {
        let of = self.key.split(['.', '[']).next();
        self.key.is_empty() || of == Some(section)
    }

    /// Its place among those of one source: by lines, or else by keys.
    pub(super) fn place(&self) -> (Option<usize>, &str) {
        let origin = self.origin.as_deref().unwrap_or_default();
        let line = origin.rsplit(':').next().and_then(|line| line.parse().ok());
        (line, &self.key)
    }

    /// The same problem of what `origin` says.
    #[must_use]
    pub fn from(self, origin: impl Into<String>) -> Self {
        Self {
            origin: Some(origin.into()),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("configuration");
        write!(formatter, "{origin}: ")?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.reason)
    }
}

/// All of them, one a line.
pub(crate) fn list(problems: &[impl fmt::Display]) -> String {
    match problems {
        [problem] => problem.to_string(),
        several => {
            let lines = several.iter().map(|problem| format!("\n  {problem}"));
            format!("{} problems:{}", several.len(), lines.collect::<String>())
        }
    }
}
