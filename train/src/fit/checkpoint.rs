//! The state of a training on disk.
//!
//! Tensors go to files named by their epoch; then `state.json`, renamed into
//! place, names the epoch that counts; then older files go. A kill at any point
//! leaves a whole checkpoint, the new one or the one before.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::OptimizerRecord;
use burn::store::{ModuleRecord, RecordError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EpochRecord, FitJob, State};
use crate::TrainError;
use crate::dataset::{hex, write_atomically};
use crate::error::AtPath;

/// The checkpoint of one job in a folder.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    job: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    job: String,
    epoch: usize,
    chosen_epoch: usize,
    history: Vec<EpochRecord>,
}

impl Checkpoint {
    /// The checkpoint of `job` in `folder`, which is made.
    ///
    /// # Errors
    ///
    /// When the folder can't be made.
    pub fn of_job(folder: &Path, job: &FitJob<'_>) -> Result<Self, TrainError> {
        std::fs::create_dir_all(folder).at(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            job: fingerprint(job),
        })
    }

    /// Whether a folder holds a checkpoint, of whatever job.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join("state.json").exists()
    }

    /// The stored state, or `fresh` where none is.
    pub(super) fn load(&self, fresh: State) -> Result<State, TrainError> {
        if !Self::exists(&self.folder) {
            return Ok(fresh);
        }
        let file = self.folder.join("state.json");
        let text = std::fs::read_to_string(&file).at(&file)?;
        let StateFile {
            job,
            epoch,
            chosen_epoch,
            history,
        } = serde_json::from_str(&text).map_err(|error| self.broken(&file, &error))?;
        if job != self.job {
            return Err(TrainError::Run {
                path: self.folder.clone(),
                reason: "holds the checkpoint of another recipe, seed or data; \
                         use another folder, or remove this one"
                    .to_owned(),
            });
        }
        let [network, optimiser, chosen] = ["network", "optimiser", "chosen"].map(|name| {
            self.tensors(
                name,
                if name == "chosen" {
                    chosen_epoch
                } else {
                    epoch
                },
            )
        });
        let load_network = |path: &Path| {
            let record = ModuleRecord::load(path).map_err(|error| self.broken(path, &error))?;
            let network = fresh.network.clone().try_load_record(record);
            network.map_err(|error| self.broken(path, &error))
        };
        let record =
            OptimizerRecord::load(&optimiser).map_err(|error| self.broken(&optimiser, &error))?;
        Ok(State {
            network: load_network(&network)?,
            chosen: load_network(&chosen)?,
            optimiser: fresh.optimiser.load_record(record),
            chosen_epoch,
            history,
        })
    }

    /// Replaces the stored state.
    pub(super) fn save(&self, state: &State) -> Result<(), TrainError> {
        let epoch = state.history.len();
        let network = self.tensors("network", epoch);
        let optimiser = self.tensors("optimiser", epoch);
        let written = |path: &Path, result: Result<(), RecordError>| {
            result.map_err(|error| self.broken(path, &error))
        };
        written(&network, state.network.clone().into_record().save(&network))?;
        written(&optimiser, state.optimiser.to_record().save(&optimiser))?;
        let chosen = self.tensors("chosen", state.chosen_epoch);
        if state.chosen_epoch == epoch {
            written(&chosen, state.chosen.clone().into_record().save(&chosen))?;
        }
        let file = StateFile {
            job: self.job.clone(),
            epoch,
            chosen_epoch: state.chosen_epoch,
            history: state.history.clone(),
        };
        let json = serde_json::to_vec_pretty(&file).expect("finite numbers and strings are JSON");
        write_atomically(&self.folder.join("state.json"), &json)?;
        self.remove_tensors_except(&[network, optimiser, chosen])
    }

    fn tensors(&self, name: &str, epoch: usize) -> PathBuf {
        self.folder.join(format!("{name}-{epoch}.bpk"))
    }

    fn remove_tensors_except(&self, kept: &[PathBuf]) -> Result<(), TrainError> {
        for entry in std::fs::read_dir(&self.folder).at(&self.folder)? {
            let path = entry.at(&self.folder)?.path();
            if path.extension().is_some_and(|extension| extension == "bpk") && !kept.contains(&path)
            {
                std::fs::remove_file(&path).at(&path)?;
            }
        }
        Ok(())
    }

    fn broken(&self, path: &Path, error: &dyn std::fmt::Display) -> TrainError {
        let reason = format!("{error}; remove {} to start again", self.folder.display());
        TrainError::Run {
            path: path.to_owned(),
            reason,
        }
    }
}

/// SHA-256 over everything that the weights depend on.
fn fingerprint(job: &FitJob<'_>) -> String {
    let FitJob {
        recipe,
        dataset,
        train,
        validation,
        labels,
        seed,
    } = job;
    let parts = format!(
        "{:?} {:?} {} {train:?} {validation:?} {labels:?} {seed}",
        recipe.network,
        recipe.training,
        dataset.fingerprint()
    );
    hex(&Sha256::digest(parts))
}
