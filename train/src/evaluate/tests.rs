use super::*;
use crate::corpus::{CorpusKind, Emotion};
use crate::split::Protocol;

fn report(seed: u64, labels: &[Emotion], pairs: &[(usize, usize)]) -> RunReport {
    let names = || labels.iter().map(ToString::to_string).collect::<Vec<_>>();
    let metrics =
        |pairs: &[(usize, usize)]| ConfusionMatrix::new(names(), pairs.iter().copied()).metrics();
    RunReport {
        protocol: Protocol::Random,
        seed,
        train_corpora: vec![CorpusKind::Tess],
        test_corpora: vec![CorpusKind::Tess],
        test_speakers: vec!["OAF".to_owned()],
        labels: labels.to_vec(),
        parameters: 1,
        train_clips: 10,
        chosen_epoch: 1,
        validation: metrics(&[]),
        test: metrics(pairs),
        test_last_epoch: metrics(&pairs[..1]),
        decision: ser_backend::DecisionSpec {
            temperature: 1.0,
            uncertain_below: 0.5,
        },
        history: Vec::new(),
    }
}

const LABELS: [Emotion; 2] = [Emotion::Angry, Emotion::Sad];

#[test]
fn an_evaluation_averages_runs_and_pools_their_clips() {
    let all_right = report(0, &LABELS, &[(0, 0), (1, 1)]);
    let half_right = report(1, &LABELS, &[(0, 0), (0, 0), (1, 0), (1, 0)]);
    let evaluation = Evaluation::new(vec![all_right, half_right]).unwrap();
    assert_eq!(
        evaluation.accuracy,
        Spread {
            mean: 0.75,
            min: 0.5,
            max: 1.0
        }
    );
    assert_eq!(evaluation.accuracy.percent(), "75.00 (50.00 to 100.00)");
    assert_eq!(evaluation.accuracy_last_epoch.mean, 1.0);
    assert_eq!(evaluation.pooled.clips, 6);
    assert!((evaluation.pooled.accuracy - 4.0 / 6.0).abs() < 1e-12);
}

#[test]
fn an_evaluation_is_read_back_as_it_was_written() {
    let evaluation = Evaluation::new(vec![report(0, &LABELS, &[(0, 0), (1, 0)])]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    evaluation.write(folder.path()).unwrap();
    assert_eq!(Evaluation::read(folder.path()).unwrap(), evaluation);
    for file in ["report.txt", "confusion.svg", "curves.svg"] {
        assert!(
            folder.path().join(file).metadata().unwrap().len() > 0,
            "{file}"
        );
    }
}

#[test]
fn runs_of_different_labels_are_pooled_over_all_of_them() {
    let sad_for_angry = report(0, &LABELS, &[(0, 0), (0, 1), (1, 1)]);
    let fear = report(1, &[Emotion::Angry, Emotion::Fear], &[(0, 0), (1, 1)]);
    let pooled = Evaluation::new(vec![sad_for_angry, fear]).unwrap().pooled;
    assert_eq!(pooled.confusion.labels, ["angry", "fear", "sad"]);
    let counts = [[2, 0, 1], [0, 1, 0], [0, 0, 1]];
    assert_eq!(pooled.confusion.counts, counts.map(Vec::from));
    assert_eq!((pooled.clips, pooled.accuracy), (5, 0.8));
}

#[test]
fn no_runs_are_no_evaluation() {
    assert!(Evaluation::new(Vec::new()).is_err());
}
