//! `ser-train features`.

use indicatif::{ProgressBar, ProgressStyle};
use ser_features::FrontEndParams;

use crate::TrainError;
use crate::cli::{CorpusArgs, FeaturesArgs};
use crate::dataset::{Dataset, Extraction, FeatureCache, extract};
use crate::recipe::Recipe;

pub(super) fn run(args: &FeaturesArgs) -> Result<(), TrainError> {
    let recipe = Recipe::read(&args.recipe)?;
    load(&args.clips, &recipe.front_end).map(drop)
}

/// The clips of the corpora, from the cache where it has them. Says on standard
/// error what was found, and names every file that can't be used.
pub(super) fn load(args: &CorpusArgs, params: &FrontEndParams) -> Result<Dataset, TrainError> {
    let cache = FeatureCache::open(&args.cache, params)?;
    let mut all = Dataset::default();
    for corpus in &args.corpora {
        let utterances = corpus.utterances()?;
        let bar = ProgressBar::new(utterances.len() as u64).with_prefix(corpus.kind.name());
        let template = "{prefix:>8} [{wide_bar}] {pos}/{len} clips, {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        let Extraction {
            dataset,
            unusable,
            cached,
        } = extract(&utterances, params, &cache, || bar.inc(1))?;
        bar.finish_and_clear();
        eprintln!(
            "{}: {} clips, {cached} of them from the cache, {} unusable",
            corpus.kind,
            dataset.clips.len(),
            unusable.len()
        );
        for file in &unusable {
            eprintln!("  {}: {}", file.path.display(), file.reason);
        }
        if !unusable.is_empty() && !args.skip_unusable {
            return Err(TrainError::Audio(unusable));
        }
        all.clips.extend(dataset.clips);
    }
    Ok(all)
}
