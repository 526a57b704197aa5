//! A limit on what each of many may have open at once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Refusal;
use crate::Error;

/// Places under a limit of each holder's own. A holder is known only while it has a
/// share, so the table is never larger than what is open.
#[derive(Debug)]
pub(super) struct Shares<K> {
    what: &'static str,
    refusal: Refusal,
    limit: usize,
    taken: Arc<Taken<K>>,
}

type Taken<K> = Mutex<HashMap<K, usize>>;

/// Places that one holder has, free again when dropped.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    taken: Arc<Taken<K>>,
    holder: K,
    count: usize,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// So many of `what` for each, unless one has a limit of its own.
    pub(super) fn new(what: &'static str, refusal: Refusal, limit: usize) -> Self {
        Self {
            what,
            refusal,
            limit,
            taken: Arc::default(),
        }
    }

    /// `name` is what errors call the holder, and `own` its own limit.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when it would have more than it may.
    pub(super) fn take(
        &self,
        holder: &K,
        count: usize,
        own: Option<usize>,
        name: impl FnOnce() -> String,
    ) -> Result<Share<K>, Error> {
        let limit = own.unwrap_or(self.limit);
        let mut taken = lock(&self.taken);
        let open = taken.get(holder).copied().unwrap_or(0);
        if open.saturating_add(count) > limit {
            return Err(Error::TooMany {
                what: format!("{} of {}", self.what, name()),
                open,
                limit,
                refusal: Some(self.refusal),
            });
        }
        *taken.entry(holder.clone()).or_default() += count;
        Ok(Share {
            taken: Arc::clone(&self.taken),
            holder: holder.clone(),
            count,
        })
    }

    /// How many holders are known.
    #[cfg(test)]
    pub(super) fn holders(&self) -> usize {
        lock(&self.taken).len()
    }
}

impl<K: Eq + Hash> Share<K> {
    /// Takes over the places of another share of the same holder.
    pub(super) fn merge(&mut self, mut other: Self) {
        debug_assert!(self.holder == other.holder, "shares of two holders");
        self.count += std::mem::take(&mut other.count);
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut taken = lock(&self.taken);
        let Some(count) = taken.get_mut(&self.holder) else {
            return;
        };
        *count -= self.count;
        if *count == 0 {
            taken.remove(&self.holder);
        }
    }
}

/// Nothing panics while the lock is held, so a poisoned table is a sound one.
fn lock<K>(taken: &Taken<K>) -> MutexGuard<'_, HashMap<K, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
