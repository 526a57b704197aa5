//! `ser-server config print`.

use serde_json::{Value, json};

use super::{
    super::{Overrides, keys},
    Config, Problem, file, from_file, settings,
};

fn flags() -> Overrides {
    Overrides {
        log_level: Some("warn".to_owned()),
        ..Overrides::default()
    }
}

const FILE: &str = "
[limits]
idle = \"1m 30s\"
[models.settings.onnx]
buckets = [8, 64]
profile = { min = 1, \"a b\" = 2.0 }
[[models.packages]]
path = \"/models/a/1\"
settings = { threads = 2 }
[plugins]
\"odd.name\" = \"/lib/odd.so\"
";

#[test]
fn what_is_printed_can_be_read_back() {
    let file = file(FILE);
    let settings = settings(Some(&file), &[("SER__LIMITS__CHUNK_BYTES", "7")], &flags()).unwrap();
    let printed = settings.to_toml();
    assert_eq!(from_file(&printed).unwrap(), settings.config, "{printed}");
    let defaults = super::settings(None, &[], &Overrides::default()).unwrap();
    assert_eq!(from_file(&defaults.to_toml()).unwrap(), Config::default());
}

/// Found by fuzzing.
#[test]
fn no_name_ends_the_line_that_it_is_printed_on() {
    let file = file("[plugins]\n\"a\\nb\" = \"/a\\nb\"\n\"\\u007f\\\"\" = \"/c\"\n");
    let variables = [("SER__MODELS__SETTINGS__BURN__A\nB", "1")];
    let settings = settings(Some(&file), &variables, &Overrides::default()).unwrap();
    let printed = settings.to_toml();
    assert_eq!(from_file(&printed).unwrap(), settings.config, "{printed}");
}

#[test]
fn every_value_is_printed_with_its_origin() {
    let file = file(FILE);
    let settings = settings(Some(&file), &[("SER__LIMITS__CHUNK_BYTES", "7")], &flags()).unwrap();
    let path = file.path.display();
    let printed = settings.to_toml();
    for line in [
        format!("idle = \"1m 30s\"  # {path}:3"),
        "chunk_bytes = 7  # environment variable SER__LIMITS__CHUNK_BYTES".to_owned(),
        "level = \"warn\"  # flag --log-level".to_owned(),
        "format = \"pretty\"  # default".to_owned(),
        format!("buckets = [8, 64]  # {path}:5"),
        format!("path = \"/models/a/1\"  # {path}:8"),
        "#directory =  # not set".to_owned(),
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}\n{printed}"
        );
    }
    let json: Value = serde_json::from_str(&settings.to_json()).unwrap();
    assert_eq!(
        json["limits"]["idle"],
        json!({"value": "1m 30s", "origin": format!("{path}:3")})
    );
    assert_eq!(
        json["models"]["packages"][0]["path"],
        json!({"value": "/models/a/1", "origin": format!("{path}:8")})
    );
    assert_eq!(
        json["models"]["directory"],
        json!({"value": null, "origin": "default"})
    );
    for path in keys::root().paths() {
        let pointer = format!("/{}", path.replace('.', "/"));
        assert!(json.pointer(&pointer).is_some(), "{path}");
    }
}

#[test]
fn a_secret_in_a_url_is_refused_and_not_shown() {
    for url in [
        "https://me:swordfish@collector:4317",
        "http://swordfish@collector",
        "me:sword fish@swordfish",
    ] {
        let text = format!("[telemetry]\nendpoint = \"{url}\"\n");
        let [problem] = from_file(&text).unwrap_err().try_into().unwrap();
        let problem = Problem::to_string(&problem);
        assert!(
            problem.ends_with(
                "ser.toml:2: telemetry.endpoint: a URL with a user or a password; expected one \
                 without, and the header that says who sends in telemetry.headers_file"
            ),
            "{problem}"
        );
        assert!(!problem.contains("swordfish"), "{problem}");
    }
}
