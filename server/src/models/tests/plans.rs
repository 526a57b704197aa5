//! Front-end plans are shared, and kept within a bound.

use std::time::Duration;

use ser_features::FeatureError;

use super::*;
use crate::models::{
    plans::{KEPT, PlanCache},
    served::ServedModel,
};

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).unwrap()
}

fn served() -> Arc<ServedModel> {
    registry(&["a/1"]).resolve(None).unwrap()
}

#[test]
fn streams_of_equal_settings_share_a_plan() {
    let model = served();
    let request = WindowRequest {
        window: Some(Duration::from_secs(2)),
        hop: None,
    };
    let plan = model.plan(request, rate(16_000)).unwrap();
    assert!(Arc::ptr_eq(
        &plan,
        &model.plan(request, rate(16_000)).unwrap()
    ));
    assert!(!Arc::ptr_eq(
        &plan,
        &model.plan(request, rate(8_000)).unwrap()
    ));
    let other = WindowRequest::default();
    assert!(!Arc::ptr_eq(
        &plan,
        &model.plan(other, rate(16_000)).unwrap()
    ));
}

#[test]
fn plans_made_at_once_are_shared_too() {
    let cache = PlanCache::default();
    let (model, request) = (served(), WindowRequest::default());
    let make = |hz| model.plan(request, rate(hz));
    let mut first = None;
    let second = cache
        .get(rate(16_000), request, || {
            let made = cache.get(rate(16_000), request, || make(16_000))?;
            first = Some(made);
            make(8_000)
        })
        .unwrap();
    assert!(Arc::ptr_eq(&first.unwrap(), &second));
}

#[test]
fn no_more_plans_are_kept_than_the_bound() {
    let model = served();
    let request = WindowRequest::default();
    let first = model.plan(request, rate(16_000)).unwrap();
    let others = |count: usize| {
        let hops = (1..=count as u64).map(|step| Duration::from_millis(100 + 10 * step));
        hops.map(|hop| WindowRequest {
            window: None,
            hop: Some(hop),
        })
    };
    for other in others(KEPT - 1) {
        model.plan(other, rate(16_000)).unwrap();
    }
    assert!(Arc::ptr_eq(
        &first,
        &model.plan(request, rate(16_000)).unwrap()
    ));
    for other in others(KEPT) {
        model.plan(other, rate(16_000)).unwrap();
    }
    assert!(!Arc::ptr_eq(
        &first,
        &model.plan(request, rate(16_000)).unwrap()
    ));
}

#[test]
fn plans_of_uncommon_rates_last_as_long_as_their_streams() {
    let model = served();
    let request = WindowRequest::default();
    let plan = model.plan(request, rate(16_001)).unwrap();
    let other = model.plan(request, rate(16_001)).unwrap();
    assert!(Arc::ptr_eq(&plan, &other));
    drop(other);
    let kept = Arc::downgrade(&plan);
    drop(plan);
    assert!(kept.upgrade().is_none());
}

#[test]
fn a_plan_that_cannot_be_is_an_error_of_its_field() {
    let model = served();
    let request = WindowRequest {
        window: Some(Duration::from_secs(604_800)),
        hop: None,
    };
    let error = model.plan(request, rate(16_000)).unwrap_err();
    assert!(
        matches!(&error, FeatureError::Setting { field, .. } if field == "window"),
        "{error}"
    );
}

#[test]
fn a_recurrent_model_has_no_windows_to_choose() {
    let mut manifest = manifest("r", "1");
    manifest.windows = None;
    manifest.input = InputSpec::Recurrent {
        steps: 4,
        width: 8,
        state: 2,
    };
    manifest.front_end.remove("top_db");
    manifest
        .front_end
        .insert("reduce".to_owned(), "none".into());
    let row = GoldenRow {
        features: vec![0.0; 32],
        state: vec![0.0; 2],
        valid_steps: 4,
        posteriors: vec![1.0 / 3.0; LABELS],
        next_state: vec![0.0; 2],
    };
    let golden = Golden {
        rows: vec![row],
        audio: Vec::new(),
    };
    let package = ModelPackage::from_values("test", manifest, Arc::from(*b"graph"), golden);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &package.unwrap());
    let registry = load(&config(directory.path())).unwrap();
    let model = registry.resolve(None).unwrap();
    assert_eq!(model.own_plan().window(), None);
    assert_eq!(model.row_buffers().state, [0.0, 0.0]);
    let second = Some(Duration::from_secs(1));
    for (request, text) in [
        (
            WindowRequest {
                window: second,
                hop: second,
            },
            "window: 1s; expected none, the model is recurrent",
        ),
        (
            WindowRequest {
                window: None,
                hop: second,
            },
            "hop: 1s; expected none, the model is recurrent",
        ),
    ] {
        assert_eq!(
            model.plan(request, rate(16_000)).unwrap_err().to_string(),
            text
        );
    }
    assert!(model.plan(WindowRequest::default(), rate(16_000)).is_ok());
}
