//! Checks on what a model leaves behind.

use super::{Failure, Subject, ensure};

/// Loads before memory is looked at: allocators and libraries keep what they
/// once asked for.
const WARM_UP: usize = 20;

/// Memory may grow by this all the same, in bytes.
const SLACK: usize = 1 << 20;

/// What is left behind grows in each of these; what an allocator keeps for a thread
/// that came at the wrong moment, in one.
const ROUNDS: usize = 4;

/// Loading and unloading again and again leaves nothing behind: memory grows by
/// less than a model. It looks at the whole process, so nothing else may run in
/// it. On systems without `/proc` it only loads.
///
/// # Errors
///
/// When memory grew, or a load failed.
pub fn repeated_loads(subject: &Subject<'_>) -> Result<(), Failure> {
    let limit = subject.package.graph.len().max(SLACK);
    // So many that keeping each model would show: eight times the limit.
    let loads = (8 * limit / subject.package.graph.len()).clamp(100, 1_000);
    load_and_drop(subject, WARM_UP)?;
    let mut least = usize::MAX;
    for _ in 0..ROUNDS {
        let before = resident();
        load_and_drop(subject, loads / ROUNDS)?;
        if let (Some(before), Some(after)) = (before, resident()) {
            least = least.min(after.saturating_sub(before));
        }
    }
    if least < usize::MAX {
        let growth = ROUNDS * least;
        ensure(growth < limit, || {
            format!("{loads} loads left {growth} bytes behind, expected less than {limit}")
        })?;
    }
    Ok(())
}

fn load_and_drop(subject: &Subject<'_>, times: usize) -> Result<(), Failure> {
    for _ in 0..times {
        let model = subject.load()?;
        drop(model.instance()?);
    }
    Ok(())
}

/// Resident memory of this process in bytes.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
