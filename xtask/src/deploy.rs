//! `cargo xtask deploy`: holds `deploy/` against everything that will read it.

use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::{Error, Workspace, prometheus, setup};

/// How many streams a rollout has to carry over.
const STREAMS: &str = "30";

/// HAProxy, with what it links that a minimal Debian lacks.
const HAPROXY: [&str; 4] = [
    "haproxy",
    "liblua5.3-0",
    "libopentracing-c-wrapper0",
    "libopentracing1",
];

/// Builds the server and the client, and checks with them and with pinned tools: the
/// overlays, the container image's recipe, rules, alerts and the dashboard.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let packages = ["--package", "ser-server", "--package", "ser-client"];
    let build = workspace.cargo().arg("build").args(packages);
    build.arg("--bins").run()?;
    let tools = Tools::install(workspace)?;
    let shell = &workspace.shell;
    let Tools { python, .. } = &tools;

    let rendered = workspace.target("deploy/rendered");
    shell.remove_path(&rendered)?;
    let (server, types) = (
        workspace.program("ser-server"),
        workspace.target("deploy/types"),
    );
    let check = workspace.path("deploy/check/check.py");
    cmd!(shell, "{python} {check} {server} {types} {rendered}").run()?;
    let (checkov, policies) = (&tools.checkov, workspace.path("deploy/check/checkov.yaml"));
    cmd!(
        shell,
        "{checkov} --config-file {policies} --directory {rendered}"
    )
    .run()?;

    let containerfile = workspace.path("deploy/Containerfile");
    let hadolint = python.with_file_name("hadolint");
    cmd!(shell, "{hadolint} --failure-threshold info {containerfile}").run()?;

    let rules = rules(workspace, &tools)?;
    let (client, prometheus) = (workspace.program("ser-client"), &tools.prometheus);
    let (live, manifest) = (
        workspace.path("deploy/check/live.py"),
        rendered.join("cpu.yaml"),
    );
    cmd!(
        shell,
        "{python} {live} {server} {client} {prometheus} {manifest} {rules}"
    )
    .run()?;

    setup::debian(workspace, &["iproute2"], || setup::has(workspace, "ip"))?;
    let haproxy = setup::unpacked(workspace, "haproxy", &HAPROXY)?;
    let libraries = haproxy.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let (rollout, proxy) = (
        workspace.path("deploy/check/rollout.py"),
        haproxy.join("usr/sbin/haproxy"),
    );
    // Another build, as an image has it, of the same numerics.
    let stripped = workspace.target("deploy/ser-server");
    cmd!(shell, "strip -o {stripped} {server}").run()?;
    let rollout = cmd!(
        shell,
        "{python} {rollout} {server} {stripped} {client} {proxy} {manifest} {STREAMS}"
    );
    rollout.env("LD_LIBRARY_PATH", libraries).run()?;
    Ok(())
}

/// What the checks run on.
struct Tools {
    /// The interpreter that has the packages of `deploy/check/requirements.txt`, with
    /// their programs beside it.
    python: PathBuf,
    checkov: PathBuf,
    /// The folder of `prometheus` and `promtool`.
    prometheus: PathBuf,
}

impl Tools {
    fn install(workspace: &Workspace) -> Result<Self, Error> {
        let pinned = "deploy/check/requirements.txt";
        let python = setup::python_with(workspace, "venv-deploy", pinned)?;
        let kserve = workspace.path("deploy/check/kserve.txt");
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        let alone = ["--no-deps", "--require-hashes", "--requirement"];
        let pip = workspace.shell.cmd(&python).args(install);
        pip.args(alone).arg(kserve).quiet().run()?;
        let pinned = "deploy/check/checkov.txt";
        let checkov = setup::python_with(workspace, "venv-checkov", pinned)?;
        Ok(Self {
            python,
            checkov: checkov.with_file_name("checkov"),
            prometheus: prometheus::programs(workspace)?,
        })
    }
}

/// Checks and tests the rules. Gives them as Prometheus itself reads them: the manifest
/// has them inside a resource of the operator's.
fn rules(workspace: &Workspace, tools: &Tools) -> Result<PathBuf, Error> {
    let shell = &workspace.shell;
    let monitoring = workspace.path("deploy/components/monitoring");
    let folder = workspace.target("deploy/rules");
    shell.create_dir(&folder)?;
    let rules = folder.join("rules.json");
    let Tools {
        python, prometheus, ..
    } = tools;
    let runbook = workspace.path("docs/runbook.md");
    let extract = workspace.path("deploy/check/rules.py");
    let tests = monitoring.join("rules.test.yaml");
    cmd!(shell, "{python} {extract} {monitoring} {runbook} {rules}").run()?;
    shell.copy_file(&tests, &folder)?;
    let promtool = prometheus.join("promtool");
    cmd!(
        shell,
        "{promtool} check rules --lint=all --lint-fatal {rules}"
    )
    .run()?;
    let tests = folder.join(file_name(&tests));
    cmd!(shell, "{promtool} test rules {tests}").run()?;
    Ok(rules)
}

fn file_name(path: &Path) -> &std::ffi::OsStr {
    path.file_name().expect("it names a file")
}
