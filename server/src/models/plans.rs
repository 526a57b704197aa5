//! Front-end plans, kept for streams with the same settings.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use ser_features::{FeatureError, FrontEndPlan, SampleRate, WindowRequest};

/// How many plans are kept. Clients choose among any rates and durations, so
/// there must be a bound; the settings in common use are far fewer.
pub(super) const KEPT: usize = 32;

type Key = (SampleRate, WindowRequest);

/// The plans used last, the latest first.
#[derive(Debug, Default)]
pub(super) struct PlanCache {
    plans: Mutex<VecDeque<(Key, Arc<FrontEndPlan>)>>,
}

impl PlanCache {
    /// The plan for these settings, made by `make` unless it is kept. A plan is
    /// made without holding up others, so two streams may make the same at once.
    pub(super) fn get(
        &self,
        rate: SampleRate,
        request: WindowRequest,
        make: impl FnOnce() -> Result<Arc<FrontEndPlan>, FeatureError>,
    ) -> Result<Arc<FrontEndPlan>, FeatureError> {
        let key = (rate, request);
        if let Some(plan) = self.find(&key) {
            return Ok(plan);
        }
        let plan = make()?;
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.push_front((key, Arc::clone(&plan)));
        plans.truncate(KEPT);
        Ok(plan)
    }

    fn find(&self, key: &Key) -> Option<Arc<FrontEndPlan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let at = plans.iter().position(|(kept, _)| kept == key)?;
        let entry = plans.remove(at)?;
        let plan = Arc::clone(&entry.1);
        plans.push_front(entry);
        Some(plan)
    }
}
