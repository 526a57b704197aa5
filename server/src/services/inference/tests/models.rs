//! What is asked of models, and done with them.

use super::*;

#[tokio::test]
async fn statistics_count_rows_and_batches() {
    let bench = Bench::serving();
    let five = request("double.features", "features", &[5, 20, 1], &[0.0; 100]);
    bench.infer(five).await.unwrap();
    let ask = ModelStatisticsRequest {
        name: "double.features".to_owned(),
        version: String::new(),
    };
    let said = bench.service.model_statistics(Request::new(ask)).await;
    let models = said.unwrap().into_inner().model_stats;
    assert_eq!(models.len(), 1);
    let model = &models[0];
    assert_eq!(
        (model.name.as_str(), model.inference_count),
        ("double.features", 5)
    );
    let in_batches: u64 = model
        .batch_stats
        .iter()
        .map(|batch| batch.batch_size * batch.compute_infer.as_ref().unwrap().count)
        .sum();
    assert_eq!(in_batches, 5);
    let inference = model.inference_stats.as_ref().unwrap();
    assert_eq!(inference.success.as_ref().unwrap().count, 5);
    assert_eq!(inference.compute_infer.as_ref().unwrap().count, 5);
    assert!(model.last_inference > 0);

    let all = bench
        .service
        .model_statistics(Request::new(ModelStatisticsRequest::default()));
    let all = all.await.unwrap().into_inner().model_stats;
    let names: Vec<_> = all.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["double", "memory"]);
}

#[tokio::test]
async fn models_are_ready_while_they_are_served() {
    let bench = Bench::new(Listener::Main);
    let ready = async |bench: &Bench| {
        let server = bench
            .service
            .server_ready(Request::new(ServerReadyRequest {}));
        let model = ModelReadyRequest {
            name: "double".to_owned(),
            version: String::new(),
        };
        let model = bench.service.model_ready(Request::new(model));
        (
            server.await.unwrap().into_inner().ready,
            model.await.unwrap().into_inner().ready,
        )
    };
    assert_eq!(ready(&bench).await, (false, false));
    let bench = Bench::serving();
    assert_eq!(ready(&bench).await, (true, true));
    bench.shutdown.begin(std::time::Duration::from_secs(1));
    assert_eq!(ready(&bench).await, (false, true));
}

#[tokio::test]
async fn models_change_on_the_admin_listener_alone() {
    let load = || {
        Request::new(RepositoryModelLoadRequest {
            model_name: "memory".to_owned(),
            ..RepositoryModelLoadRequest::default()
        })
    };
    let unload = || {
        Request::new(RepositoryModelUnloadRequest {
            model_name: "memory".to_owned(),
            ..RepositoryModelUnloadRequest::default()
        })
    };
    let states = async |service: &Service| -> Vec<(String, String)> {
        let index = service.repository_index(Request::new(RepositoryIndexRequest::default()));
        let models = index.await.unwrap().into_inner().models;
        models
            .into_iter()
            .map(|model| (model.name, model.state))
            .collect()
    };
    let state = |name: &str, state: &str| (name.to_owned(), state.to_owned());

    let main = Bench::serving();
    let message = "repository: on this listener; expected the admin listener";
    for refused in [
        main.service.repository_model_load(load()).await.map(drop),
        main.service
            .repository_model_unload(unload())
            .await
            .map(drop),
    ] {
        let status = refused.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::PermissionDenied, message)
        );
    }
    let both = [state("double", "READY"), state("memory", "READY")];
    assert_eq!(states(&main.service).await, both);

    let bench = Bench::serving_on(Listener::Admin);
    bench
        .service
        .repository_model_unload(unload())
        .await
        .unwrap();
    assert_eq!(
        states(&bench.service).await,
        [state("double", "READY"), state("memory", "")]
    );
    bench.service.repository_model_load(load()).await.unwrap();
    assert_eq!(states(&bench.service).await, both);
}
