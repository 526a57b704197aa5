//! Which models are served, looked up when somebody reads the instruments.

use opentelemetry::{KeyValue, metrics::Meter};

use crate::models::{ModelRegistry, ServedModel};

/// Shows what `models` serves, for as long as anybody reads.
pub(super) fn watch(meter: &Meter, models: &ModelRegistry) {
    let gauge = |name, unit, description| {
        meter
            .u64_observable_gauge(name)
            .with_unit(unit)
            .with_description(description)
    };
    let served = models.changes();
    gauge(
        "ser.model.info",
        "",
        "1 of each model that is served; labels say how it runs",
    )
    .with_callback(move |observer| {
        for model in served.borrow().iter() {
            let info = model.info();
            observer.observe(
                1,
                &[
                    id(model),
                    KeyValue::new("backend", info.backend.clone()),
                    KeyValue::new("provider", info.execution_provider.clone()),
                    KeyValue::new("numerics", info.numerics.clone()),
                    KeyValue::new("graph_sha256", model.graph_sha256().to_owned()),
                ],
            );
        }
    })
    .build();
    let served = models.changes();
    gauge("ser.model.up", "", "Whether the model is up: 1 or 0")
        .with_callback(move |observer| {
            for model in served.borrow().iter() {
                observer.observe(u64::from(model.batcher().is_serving()), &[id(model)]);
            }
        })
        .build();
    let served = models.changes();
    gauge(
        "ser.model.streams",
        "{stream}",
        "Streams and clips that run on the model",
    )
    .with_callback(move |observer| {
        for model in served.borrow().iter() {
            let streams = u64::try_from(model.open_streams()).unwrap_or(u64::MAX);
            observer.observe(streams, &[id(model)]);
        }
    })
    .build();
}

fn id(model: &ServedModel) -> KeyValue {
    KeyValue::new("model", model.id().to_owned())
}
