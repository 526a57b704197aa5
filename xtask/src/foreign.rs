//! The models of other frameworks that the tests import, exported anew.

use xshell::cmd;

use crate::{Error, Workspace, setup};

/// Frameworks by the folder of their script.
const FRAMEWORKS: [&str; 2] = ["keras", "pytorch"];

/// Installs each framework into an environment of its own, exports its model again
/// and compares nodes, weights and probabilities with those in the repository.
pub(crate) fn verify(workspace: &Workspace) -> Result<(), Error> {
    for framework in FRAMEWORKS {
        let folder = format!("backends/graph/tests/foreign/{framework}");
        let environment = format!("venv-{framework}");
        let requirements = format!("{folder}/requirements.txt");
        let python = setup::python_with(workspace, &environment, &requirements)?;
        let script = workspace.path(&folder).join("make.py");
        cmd!(workspace.shell, "{python} {script} --check").run()?;
    }
    Ok(())
}
