//! Instances in place of those that panicked.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ser_backend::Model;

/// How many panics within [`REPLACEMENT_PERIOD`] a model survives.
pub const MAX_REPLACEMENTS: usize = 16;

/// See [`MAX_REPLACEMENTS`].
pub const REPLACEMENT_PERIOD: Duration = Duration::from_secs(60);

/// What instances are made of.
pub(super) struct Spare {
    model: Box<dyn Model>,
    /// When the latest replacements happened, oldest first.
    replaced: VecDeque<Instant>,
}

impl Spare {
    /// Makes instances of `model`.
    pub(super) fn new(model: Box<dyn Model>) -> Self {
        Self {
            model,
            replaced: VecDeque::new(),
        }
    }

    /// An instance in place of one that panicked, unless there were too many.
    pub(super) fn replacement(&mut self) -> Result<Box<dyn Model>, String> {
        let now = Instant::now();
        while let Some(&oldest) = self.replaced.front()
            && now - oldest > REPLACEMENT_PERIOD
        {
            self.replaced.pop_front();
        }
        if self.replaced.len() == MAX_REPLACEMENTS {
            return Err(format!(
                "panicked more than {MAX_REPLACEMENTS} times in {} s",
                REPLACEMENT_PERIOD.as_secs()
            ));
        }
        self.replaced.push_back(now);
        self.model.instance().map_err(|error| error.to_string())
    }
}
