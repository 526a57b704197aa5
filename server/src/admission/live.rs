//! How many live streams are open.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Live streams that are open, until this is dropped.
#[derive(Debug)]
pub(super) struct Live {
    open: Arc<AtomicUsize>,
    count: usize,
}

impl Live {
    pub(super) fn new(open: &Arc<AtomicUsize>, count: usize) -> Self {
        open.fetch_add(count, Relaxed);
        Self {
            open: Arc::clone(open),
            count,
        }
    }

    /// So many more.
    pub(super) fn add(&mut self, count: usize) {
        self.open.fetch_add(count, Relaxed);
        self.count += count;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.open.fetch_sub(self.count, Relaxed);
    }
}
