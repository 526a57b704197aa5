//! `docs/grpcurl.md` shows what grpcurl really prints. The release of grpcurl
//! that the tests install is for Linux on x86-64.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use ser_tests::{
    program::run,
    server::{ServerProcess, until_serving},
};

/// What commands on the page are to take the place of which addresses.
const SERVER: &str = "127.0.0.1:50051";
const ADMIN: &str = "127.0.0.1:50052";

/// Lines left out on the page.
const ELLIPSIS: &str = "…";

/// Fields whose values differ from stream to stream, or from processor to
/// processor.
const UNSTABLE: [&str; 2] = [r#""streamId": "#, r#""numerics": "#];

/// Backends and processors agree on probabilities so far.
const TOLERANCE: f64 = 1e-5;

/// One command of the page, and the lines that it prints.
#[derive(Debug)]
struct Call {
    command: String,
    expected: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The calls of all blocks of `page` that are marked as `console`.
fn calls(page: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut lines = page.lines();
    while lines.by_ref().any(|line| line == "```console") {
        let mut block = lines.by_ref().take_while(|line| *line != "```");
        while let Some(line) = block.next() {
            let Some(first) = line.strip_prefix("$ ") else {
                let call = calls.last_mut().expect("a block begins with a command");
                call.expected.push(line.to_owned());
                continue;
            };
            let mut command = first.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(block.next().expect("a command goes on"));
            }
            calls.push(Call {
                command,
                expected: Vec::new(),
            });
        }
    }
    calls
}

/// What the shell prints, both outputs together.
async fn printed(command: &str) -> Vec<String> {
    let python = env::var_os("SER_PYTHON");
    let python = python.expect("SER_PYTHON names the interpreter that `cargo xtask test` sets up");
    let programs = Path::new(&python).parent().expect("a folder of programs");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [programs.to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(root())
        .env("PATH", env::join_paths(path).expect("folders"));
    let ended = run(shell).await;
    ended.stdout.lines().map(str::to_owned).collect()
}

/// Whether a printed line is what the page shows.
fn alike(expected: &str, printed: &str) -> bool {
    let number = |line: &str| -> Option<f64> {
        let number = line.trim_start().strip_prefix(r#""probability": "#)?;
        number.trim_end_matches(',').parse().ok()
    };
    if let (Some(expected), Some(printed)) = (number(expected), number(printed)) {
        return (expected - printed).abs() <= TOLERANCE;
    }
    let unstable = UNSTABLE
        .iter()
        .find(|field| expected.trim_start().starts_with(*field));
    match unstable {
        Some(field) => printed.trim_start().starts_with(field),
        None => expected == printed,
    }
}

/// Whether all lines are, an ellipsis standing for at least one.
fn all_alike(expected: &[String], printed: &[String]) -> bool {
    match expected {
        [] => printed.is_empty(),
        [line, rest @ ..] if line.trim() == ELLIPSIS => {
            (1..=printed.len()).any(|left_out| all_alike(rest, &printed[left_out..]))
        }
        [line, rest @ ..] => match printed {
            [first, printed @ ..] => alike(line, first) && all_alike(rest, printed),
            [] => false,
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PYTHON"]
async fn every_call_prints_what_the_page_shows() {
    let page = fs::read_to_string(root().join("docs/grpcurl.md")).unwrap();
    let calls = calls(&page);
    assert!(calls.len() > 10, "{calls:#?}");

    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("admin");
    let server = ServerProcess::start(
        &["--admin-listen", "127.0.0.1:0"],
        &[("SER__ADMIN__PORT_FILE", port_file.to_str().unwrap())],
    );
    until_serving(server.channel().await).await;
    let url = server.url();
    let address = url.strip_prefix("http://").unwrap();
    let admin_port = fs::read_to_string(port_file).unwrap();
    let admin = format!("127.0.0.1:{}", admin_port.trim());

    for Call { command, expected } in calls {
        let command_here = command.replace(SERVER, address).replace(ADMIN, &admin);
        let printed = printed(&command_here).await;
        assert!(
            all_alike(&expected, &printed),
            "$ {command}\nprints\n{}\nand not\n{}",
            printed.join("\n"),
            expected.join("\n"),
        );
    }
}
