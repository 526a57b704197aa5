//! Front-end plans, kept for streams with the same settings.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ser_features::{FeatureError, FrontEndPlan, SampleRate, WindowRequest};

/// How many plans of common rates are kept. Clients choose among any durations, so there
/// must be a bound; the settings in common use are far fewer.
pub(super) const KEPT: usize = 32;

type Key = (SampleRate, WindowRequest);
type Plans = VecDeque<(Key, Arc<FrontEndPlan>)>;

/// The plans of common rates used last, the latest first. Those of other rates, which
/// clients may make up, last as long as their streams.
#[derive(Debug, Default)]
pub(super) struct PlanCache {
    plans: Mutex<Plans>,
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
        if !rate.is_common() {
            return make();
        }
        let key = (rate, request);
        let kept = find(&mut self.lock(), &key);
        if let Some(plan) = kept {
            return Ok(plan);
        }
        let plan = make()?;
        let mut plans = self.lock();
        if let Some(first) = find(&mut plans, &key) {
            return Ok(first);
        }
        plans.push_front((key, Arc::clone(&plan)));
        plans.truncate(KEPT);
        Ok(plan)
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(plans: &mut Plans, key: &Key) -> Option<Arc<FrontEndPlan>> {
    let at = plans.iter().position(|(kept, _)| kept == key)?;
    let entry = plans.remove(at)?;
    let plan = Arc::clone(&entry.1);
    plans.push_front(entry);
    Some(plan)
}
