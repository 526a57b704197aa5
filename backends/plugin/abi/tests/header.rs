//! Compiles the header and compares it with the Rust types, number by number.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    mem::{offset_of, size_of},
    path::Path,
    process::Command,
};

use ser_plugin_abi as abi;

/// What both sides must agree on: a C expression and its value in Rust.
struct Facts(Vec<(String, usize)>);

macro_rules! structs {
    ($facts:ident: $($c:literal = $rust:ident { $($member:ident),* $(,)? })*) => {
        $(
            $facts.add(concat!("sizeof(struct ", $c, ")"), size_of::<abi::$rust>());
            $(
                $facts.add(
                    concat!("offsetof(struct ", $c, ", ", stringify!($member), ")"),
                    offset_of!(abi::$rust, $member),
                );
                $facts.add(
                    concat!("sizeof(((struct ", $c, " *)0)->", stringify!($member), ")"),
                    size_of_member(|value: &abi::$rust| &raw const value.$member),
                );
            )*
            // Fails to compile if the struct has other members too.
            let _ = |value: abi::$rust| {
                let abi::$rust { $($member: _),* } = value;
            };
        )*
    };
}

impl Facts {
    fn add(&mut self, expression: &str, value: usize) {
        self.0.push((expression.to_owned(), value));
    }
}

fn size_of_member<S, M>(_: impl Fn(&S) -> *const M) -> usize {
    size_of::<M>()
}

fn facts() -> BTreeMap<String, usize> {
    let mut facts = Facts(Vec::new());
    facts.add("SER_PLUGIN_ABI", abi::ABI as usize);
    facts.add("SER_MAX_ROWS", abi::MAX_ROWS);
    facts.add("sizeof(ser_status)", size_of::<abi::Status>());
    for (name, status) in [
        ("SER_OK", abi::Status::OK),
        ("SER_ERROR_UNAVAILABLE", abi::Status::UNAVAILABLE),
        ("SER_ERROR_SETTINGS", abi::Status::SETTINGS),
        ("SER_ERROR_PACKAGE", abi::Status::PACKAGE),
        ("SER_ERROR_UNSUPPORTED", abi::Status::UNSUPPORTED),
        ("SER_ERROR_FAILED", abi::Status::FAILED),
    ] {
        facts.add(name, usize::try_from(status.0).unwrap());
    }
    structs! { facts:
        "ser_host" = Host { size, oldest_abi, newest_abi }
        "ser_description" = Description {
            size, execution_providers, execution_provider_count,
        }
        "ser_load_request" = LoadRequest {
            size, package, model_toml, graph, graph_size, steps, width, state, classes,
            execution_providers, execution_provider_count, settings,
        }
        "ser_model_info" = ModelInfo { size, execution_provider, numerics, batch_invariant }
        "ser_batch" = Batch {
            size, rows, features, state, valid_steps, posteriors, next_state,
        }
        "ser_plugin" = Plugin {
            size, abi, description_size, load_request_size, model_info_size, batch_size, name,
            version, describe, load, instance, infer, unload, last_error,
        }
    }
    facts.0.into_iter().collect()
}

/// Signatures that the compiler compares with those of the header.
const SIGNATURES: &str = r"
static ser_status describe(struct ser_description *d) { (void)d; return SER_OK; }
static ser_status load(const struct ser_load_request *r, struct ser_model **m,
                       struct ser_model_info *i) { (void)r; (void)m; (void)i; return SER_OK; }
static ser_status instance(struct ser_model *m, struct ser_model **o) { (void)m; (void)o; return SER_OK; }
static ser_status infer(struct ser_model *m, const struct ser_batch *b) { (void)m; (void)b; return SER_OK; }
static void unload(struct ser_model *m) { (void)m; }
static const char *last_error(void) { return 0; }
const struct ser_plugin *ser_plugin_handshake(const struct ser_host *host) {
    static const struct ser_plugin plugin = {
        SER_PLUGIN_HEAD, .name = 0, .version = 0, .describe = describe, .load = load,
        .instance = instance, .infer = infer, .unload = unload, .last_error = last_error,
    };
    (void)host;
    return &plugin;
}
";

#[test]
fn the_header_and_the_rust_types_agree() {
    let expected = facts();
    let mut program = String::from("#include <ser_backend_plugin.h>\n#include <stdio.h>\n");
    program.push_str(SIGNATURES);
    program.push_str("int main(void) {\n");
    for expression in expected.keys() {
        writeln!(
            program,
            "    printf(\"{expression}\\t%zu\\n\", (size_t)({expression}));"
        )
        .unwrap();
    }
    program.push_str("    return 0;\n}\n");

    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("facts.c"), folder.path().join("facts"));
    fs::write(&source, program).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .args([&include, &source])
        .arg("-o")
        .arg(&binary)
        .output()
        .expect("a C compiler named cc");
    let errors = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{errors}");

    let printed = Command::new(&binary).output().unwrap();
    let found: BTreeMap<String, usize> = String::from_utf8(printed.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let (expression, value) = line.split_once('\t').unwrap();
            (expression.to_owned(), value.parse().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
}

/// A member that only the header has would change no offset if it fitted into
/// padding, so the members are counted too.
#[test]
fn the_header_has_no_other_members() {
    let header = include_str!("../../include/ser_backend_plugin.h");
    let expected = facts();
    for (name, rest) in header
        .split("\nstruct ")
        .skip(1)
        .filter_map(|text| text.split_once(" {\n"))
        .filter(|(name, _)| !name.contains(';'))
    {
        let (body, _) = rest.split_once("\n};").unwrap();
        let members = without_comments(body).matches(';').count();
        let prefix = format!("offsetof(struct {name},");
        let known = expected.keys().filter(|key| key.starts_with(&prefix));
        assert_eq!(members, known.count(), "members of struct {name}");
    }
}

fn without_comments(text: &str) -> String {
    text.split("/*")
        .enumerate()
        .map(|(at, part)| match at {
            0 => part,
            _ => part.split_once("*/").unwrap().1,
        })
        .collect()
}
