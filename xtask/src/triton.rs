//! Clients of other inference servers, unmodified, against ours.

use xshell::cmd;

use crate::{Error, Workspace, interrupts::Interrupts, server::Server, setup};

/// Installs Triton's Python client and its load generator, and has them ask a server
/// for all that `tests/triton/check.py` names.
pub(crate) fn verify(workspace: &Workspace) -> Result<(), Error> {
    let shell = &workspace.shell;
    let python = setup::python_with(workspace, "venv-triton", "tests/triton/requirements.txt")?;
    // The versions of the client in the two environments exclude each other.
    let environment = "venv-perf-analyzer";
    let its_python = setup::python_with(workspace, environment, "tests/triton/perf-analyzer.txt")?;
    let program = its_python.with_file_name("perf_analyzer");
    let cuda = "import nvidia.cuda_runtime as cuda; print(cuda.__path__[0])";
    let cuda = cmd!(shell, "{its_python} -c {cuda}").read()?;
    let _libraries = shell.push_env("LD_LIBRARY_PATH", format!("{cuda}/lib"));
    let works = || {
        let version = cmd!(shell, "{program} --version").quiet();
        version.ignore_stdout().ignore_stderr().run().is_ok()
    };
    setup::debian(workspace, &["libb64-0d"], works)?;

    let mut interrupts = Interrupts::hold()?;
    let server = Server::start(workspace, &mut interrupts)?;
    let check = workspace.path("tests/triton/check.py");
    let client = workspace.program("ser-client");
    let address = server.address.trim_start_matches("http://");
    cmd!(shell, "{python} {check} {address} {client} {program}").run()?;
    interrupts.check()?;
    server.stop()
}
