//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::corpus::{CorpusFolder, CorpusKind};

/// Trains, measures and exports emotion models.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Decode corpora and compute their features into the cache
    Features(FeaturesArgs),
    /// Train a model by a recipe
    Fit(FitArgs),
    /// Measure a recipe by training it afresh, or measure a package
    Evaluate(EvaluateArgs),
    /// Write a trained model as a package for the server
    Export(ExportArgs),
    /// Make a package of a model that another framework exported to ONNX
    Import(ImportArgs),
}

/// Where clips come from.
#[derive(Clone, Debug, Args)]
pub struct CorpusArgs {
    /// A corpus by its layout and its folder: tess=DIR, ravdess=DIR or emodb=DIR
    #[arg(long = "corpus", value_name = "KIND=DIR", required = true)]
    pub corpora: Vec<CorpusFolder>,

    /// Where computed features are kept
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir().join("ser-features"))]
    pub cache: PathBuf,

    /// Go on without the files that can't be decoded
    #[arg(long)]
    pub skip_unusable: bool,
}

/// Arguments of `features`.
#[derive(Clone, Debug, Args)]
pub struct FeaturesArgs {
    /// The corpora.
    #[command(flatten)]
    pub clips: CorpusArgs,

    /// The recipe, for its front end
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
}

/// Arguments of `fit`.
#[derive(Clone, Debug, Args)]
pub struct FitArgs {
    /// The corpora.
    #[command(flatten)]
    pub clips: CorpusArgs,

    /// The recipe
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,

    /// Decides split, weights, order, noise and dropout
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// The run's folder: checkpoints while it goes, then model and figures
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Go on with the run that the folder holds
    #[arg(long)]
    pub resume: bool,

    /// Plain lines, also on a terminal
    #[arg(long)]
    pub plain: bool,
}

/// How clips are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolKind {
    /// By clips at random, once for each seed
    Random,
    /// Half of the speakers against the other half, both ways
    Speaker,
    /// Each corpus against each other one, over the emotions they share
    Cross,
}

/// Arguments of `evaluate`.
#[derive(Clone, Debug, Args)]
pub struct EvaluateArgs {
    /// The corpora.
    #[command(flatten)]
    pub clips: CorpusArgs,

    /// Measure this recipe
    #[arg(long, value_name = "FILE", required_unless_present = "package")]
    pub recipe: Option<PathBuf>,

    /// How clips are split
    #[arg(long, value_enum, default_value_t = ProtocolKind::Random, conflicts_with = "package")]
    pub protocol: ProtocolKind,

    /// Number of seeds, counted from 0; 5 with the random protocol, else 1
    #[arg(long, value_name = "COUNT", conflicts_with = "package")]
    pub seeds: Option<u64>,

    /// With the cross protocol, train on this corpus only
    #[arg(long, value_name = "KIND", value_enum, conflicts_with = "package")]
    pub train_on: Option<CorpusKind>,

    /// Where runs and figures go; runs that were interrupted go on
    #[arg(long, value_name = "DIR", required_unless_present = "package")]
    pub out: Option<PathBuf>,

    /// Measure this package instead, on whole clips through the native backend
    #[arg(long, value_name = "DIR")]
    pub package: Option<PathBuf>,

    /// With --package: only the test side of the recipe's random split by this seed
    #[arg(long, value_name = "SEED", requires = "package", requires = "recipe")]
    pub test_side_of: Option<u64>,

    /// With --package: write what it says of each clip, as JSON lines
    #[arg(long, value_name = "FILE", requires = "package")]
    pub predictions: Option<PathBuf>,
}

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The folder of a finished run
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,

    /// Folders of evaluations, for the model card
    #[arg(long = "evaluation", value_name = "DIR")]
    pub evaluations: Vec<PathBuf>,

    /// The package's name
    #[arg(long)]
    pub name: String,

    /// The package's version
    #[arg(long, default_value = "1")]
    pub package_version: String,

    /// Licence of the weights, as an SPDX expression
    #[arg(long)]
    pub licence: String,

    /// The folder that packages lie in
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,
}

/// Arguments of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// The exported model
    #[arg(value_name = "MODEL.onnx")]
    pub model: PathBuf,

    /// What the model's file doesn't say: name, labels, front end and the like
    #[arg(long, value_name = "FILE")]
    pub about: PathBuf,

    /// The folder that packages lie in
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,

    /// Overwrite a package of the same name and version
    #[arg(long)]
    pub force: bool,

    /// ONNX Runtime's library; without it, ORT_DYLIB_PATH, beside this program, or
    /// the system's
    #[arg(long, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
}

impl ValueEnum for CorpusKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_package_is_measured_without_a_recipe() {
        let line = "ser-train evaluate --corpus tess=t --package p --predictions f";
        let Command::Evaluate(args) = Cli::parse_from(line.split(' ')).command else {
            panic!("{line}");
        };
        assert_eq!(args.package, Some("p".into()));
        let line = "ser-train evaluate --corpus tess=t";
        assert!(Cli::try_parse_from(line.split(' ')).is_err());
    }
}
