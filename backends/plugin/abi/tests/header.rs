//! Compiles the header and compares it with the Rust types: numbers, sizes,
//! places and the type of every member.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    collections::BTreeMap,
    ffi::c_char,
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
                $facts.add_type(
                    concat!("((struct ", $c, " *)0)->", stringify!($member)),
                    &type_of(|value: &abi::$rust| &raw const value.$member),
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

    fn add_type(&mut self, expression: &str, c: &str) {
        self.add(&format!("_Generic({expression}, {c}: 1, default: 0)"), 1);
    }
}

/// What C calls a type.
trait InC {
    fn c() -> String;
}

macro_rules! in_c {
    ($($rust:ty = $c:literal),* $(,)?) => {
        $(impl InC for $rust {
            fn c() -> String {
                $c.to_owned()
            }
        })*
    };
}

in_c! {
    () = "void", f32 = "float", i32 = "int32_t", u8 = "uint8_t", u32 = "uint32_t",
    usize = "size_t", c_char = "char", abi::Status = "ser_status",
    abi::Batch = "struct ser_batch", abi::Description = "struct ser_description",
    abi::Host = "struct ser_host", abi::LoadRequest = "struct ser_load_request",
    abi::Model = "struct ser_model", abi::ModelInfo = "struct ser_model_info",
    abi::Plugin = "struct ser_plugin",
}

impl<T: InC> InC for *const T {
    fn c() -> String {
        format!("{} const *", T::c())
    }
}

impl<T: InC> InC for *mut T {
    fn c() -> String {
        format!("{} *", T::c())
    }
}

/// A function that may be missing.
impl<F: InC> InC for Option<F> {
    fn c() -> String {
        F::c()
    }
}

macro_rules! functions_in_c {
    ($(($($argument:ident),*))*) => {
        $(impl<$($argument: InC,)* R: InC> InC for unsafe extern "C" fn($($argument),*) -> R {
            fn c() -> String {
                let arguments: [String; _] = [$($argument::c()),*];
                let arguments = match arguments.is_empty() {
                    true => "void".to_owned(),
                    false => arguments.join(", "),
                };
                format!("{} (*)({arguments})", R::c())
            }
        })*
    };
}

functions_in_c! { () (A) (A, B) (A, B, C) }

fn type_of<S, M: InC>(_: impl Fn(&S) -> *const M) -> String {
    M::c()
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
    facts.add_type("ser_plugin_handshake", &abi::Handshake::c());
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

#[test]
fn the_header_and_the_rust_types_agree() {
    let expected = facts();
    let mut program = String::from("#include <ser_backend_plugin.h>\n#include <stdio.h>\n");
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
