//! Front-end plans, kept for streams with the same settings.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use ser_features::{FeatureError, FrontEndPlan, SampleRate, WindowRequest};

/// How many plans of common rates are kept. Clients choose among any durations, so there
/// must be a bound; the settings in common use are far fewer.
pub(super) const KEPT: usize = 32;

type Key = (SampleRate, WindowRequest);

/// The plans of common rates that were used last, and all others that are in use: clients
/// may make up rates, and those must not outlive their streams.
#[derive(Debug, Default)]
pub(super) struct PlanCache(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    /// The latest first.
    latest: VecDeque<(Key, Arc<FrontEndPlan>)>,
    uncommon: HashMap<Key, Weak<FrontEndPlan>>,
}

impl PlanCache {
    /// The plan for these settings, made by `make` unless it is kept. A plan is
    /// made without holding up others; of those that make the same at once, all
    /// get the first to be ready.
    pub(super) fn get(
        &self,
        rate: SampleRate,
        request: WindowRequest,
        make: impl FnOnce() -> Result<Arc<FrontEndPlan>, FeatureError>,
    ) -> Result<Arc<FrontEndPlan>, FeatureError> {
        let key = (rate, request);
        let kept = self.lock().find(&key);
        if let Some(plan) = kept {
            return Ok(plan);
        }
        let plan = make()?;
        let mut plans = self.lock();
        if let Some(first) = plans.find(&key) {
            return Ok(first);
        }
        plans.keep(key, &plan);
        Ok(plan)
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plans {
    fn find(&mut self, key: &Key) -> Option<Arc<FrontEndPlan>> {
        let Some(at) = self.latest.iter().position(|(kept, _)| kept == key) else {
            return self.uncommon.get(key)?.upgrade();
        };
        let entry = self.latest.remove(at)?;
        let plan = Arc::clone(&entry.1);
        self.latest.push_front(entry);
        Some(plan)
    }

    fn keep(&mut self, key: Key, plan: &Arc<FrontEndPlan>) {
        if key.0.is_common() {
            self.latest.push_front((key, Arc::clone(plan)));
            self.latest.truncate(KEPT);
        } else {
            self.uncommon.retain(|_, plan| plan.strong_count() > 0);
            self.uncommon.insert(key, Arc::downgrade(plan));
        }
    }
}
