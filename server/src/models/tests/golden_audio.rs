//! No model serves whose golden audio comes out wrong.

use super::*;

/// What the server says of a package with tampered golden audio.
fn refused(tamper: impl FnOnce(&mut GoldenAudio)) -> String {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &package_with(manifest("a", "1"), tamper));
    error_in(directory.path())
}

/// Why what is in `directory` isn't served, with paths within it.
fn error_in(directory: &Path) -> String {
    let text = load(&config(directory)).unwrap_err().to_string();
    text.replace(&format!("{}/", directory.display()), "")
}

#[test]
fn what_is_within_the_tolerance_serves() {
    let directory = tempfile::tempdir().unwrap();
    let package = package_with(manifest("a", "1"), |audio| {
        audio.rows[1].posteriors[0] += 5e-5;
        let largest = audio.rows[1]
            .features
            .iter()
            .fold(0.0_f32, |most, v| most.max(v.abs()));
        audio.rows[1].features[7] += 5e-5 * largest;
    });
    write(directory.path(), &package);
    let registry = load(&config(directory.path())).unwrap();
    assert!(registry.resolve(None).unwrap().batcher().is_serving());
}

#[test]
fn a_build_that_computes_other_bits_has_another_name() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &package_with(manifest("a", "1"), |_| {}));
    let bits = |off: u32| {
        let backend = Plain {
            off,
            ..Plain::new(manifest("a", "1"))
        };
        let backends = BackendRegistry::new().with(Box::new(backend));
        let served = Repository::open(config(directory.path()), backends, unread()).unwrap();
        let model = served.registry().resolve(None).unwrap();
        assert_eq!(model.info().numerics, "plain");
        model.golden_bits().to_owned()
    };
    assert_eq!(bits(0), bits(0));
    assert_ne!(bits(0), bits(1));
}

#[test]
fn a_feature_that_is_off_is_named() {
    let text = refused(|audio| audio.rows[1].features[7] += 1.0);
    assert!(
        text.starts_with("feature 7 of row 1 of golden audio 0 of a/1 gives "),
        "{text}"
    );
}

#[test]
fn a_posterior_that_is_off_is_named() {
    let text = refused(|audio| {
        audio.rows[1].posteriors[0] += 2e-4;
        audio.rows[1].posteriors[2] -= 2e-4;
    });
    assert!(
        text.starts_with("posterior 0 of row 1 of golden audio 0 of a/1 gives "),
        "{text}"
    );
}

#[test]
fn other_audio_is_noticed() {
    let text = refused(|audio| {
        let quiet: Vec<i16> = audio
            .samples()
            .unwrap()
            .iter()
            .map(|sample| sample / 2)
            .collect();
        *audio = GoldenAudio::new(audio.sample_rate, &quiet, audio.rows.clone());
    });
    assert!(
        text.starts_with("feature 0 of row 0 of golden audio 0 of a/1 gives "),
        "{text}"
    );
}

#[test]
fn a_row_too_few_is_noticed() {
    let text = refused(|audio| drop(audio.rows.pop()));
    assert_eq!(
        text,
        "a/1/golden.json: audio[0].rows: 2; expected 3, one a window"
    );
}

#[test]
fn a_front_end_that_makes_other_rows_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut package = package("a", "1");
    package
        .manifest
        .front_end
        .insert("n_mfcc".to_owned(), 9.into());
    write(directory.path(), &package);
    let text = error_in(directory.path());
    assert_eq!(
        text,
        "a/1/model.toml: input: 8 steps of 1; expected 9 values in all, which is what \
         [front_end] and [windows] make"
    );
}

#[test]
fn a_wrong_key_of_the_front_end_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut package = package("a", "1");
    package
        .manifest
        .front_end
        .insert("n_fftt".to_owned(), 9.into());
    write(directory.path(), &package);
    let text = error_in(directory.path());
    assert!(
        text.starts_with("a/1/model.toml: [front_end]: unknown field `n_fftt`"),
        "{text}"
    );
}
