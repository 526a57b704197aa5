//! `ser-server backends`: what there is to run models on.

use std::{collections::BTreeMap, fmt};

use ser_backend::{Backend, BackendError};
use serde::Serialize;
use toml::Table;

use crate::{
    Error,
    cli::{self, Inventory},
    config::{self, Overrides},
    models::BackendRegistry,
};

/// A backend on this machine.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct BackendReport {
    backend: String,
    available: bool,
    /// Why it isn't available.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    providers: Vec<ProviderReport>,
}

/// One of its execution providers.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ProviderReport {
    name: String,
    available: bool,
    /// Why it isn't available.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Prints which of `backends` and of the configured plugins are available here, and
/// why the rest aren't.
///
/// # Errors
///
/// When the configuration is wrong, or standard output can't be written to.
pub fn print(asked: &Inventory, backends: BackendRegistry) -> Result<(), Error> {
    let config = config::load(asked.config.as_deref(), &Overrides::default())?.config;
    let backends = backends.with_plugins(&config.plugins)?;
    let reports: Vec<_> = backends
        .iter()
        .map(|backend| report(backend, &config.models.settings))
        .collect();
    let text = if asked.json {
        let json = serde_json::to_string_pretty(&reports);
        json.expect("names and reasons are JSON") + "\n"
    } else {
        reports.iter().map(ToString::to_string).collect()
    };
    cli::print(&text)
}

fn report(backend: &dyn Backend, settings: &BTreeMap<String, Table>) -> BackendReport {
    let none = Table::new();
    let settings = settings.get(backend.name()).unwrap_or(&none);
    let (reason, providers) = match backend.providers(settings) {
        Ok(providers) => (None, providers),
        Err(BackendError::Unavailable { reason, .. }) => (Some(reason), Vec::new()),
        Err(error) => (Some(error.to_string()), Vec::new()),
    };
    BackendReport {
        backend: backend.name().to_owned(),
        available: reason.is_none(),
        reason,
        providers: providers
            .into_iter()
            .map(|provider| ProviderReport {
                name: provider.name,
                available: provider.problem.is_none(),
                reason: provider.problem,
            })
            .collect(),
    }
}

impl fmt::Display for BackendReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.backend)?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  not available: {reason}")?;
        }
        for ProviderReport { name, reason, .. } in &self.providers {
            match reason {
                None => writeln!(f, "  {name:<10} available")?,
                Some(reason) => writeln!(f, "  {name:<10} not available: {reason}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ser_backend::{DeviceOptions, Model, ModelPackage, ProviderStatus};

    use super::*;

    /// Knows two providers, one of which works; or nothing, if its settings say so.
    struct TwoProviders;

    impl Backend for TwoProviders {
        fn name(&self) -> &str {
            "two"
        }

        fn probe(&self) -> Result<(), BackendError> {
            unreachable!("the providers say it")
        }

        fn providers(&self, settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
            if settings.contains_key("broken") {
                return Err(BackendError::Unavailable {
                    backend: "two".to_owned(),
                    reason: "broken".to_owned(),
                });
            }
            let status = |name: &str, problem: Option<&str>| ProviderStatus {
                name: name.to_owned(),
                problem: problem.map(str::to_owned),
            };
            Ok(vec![status("cpu", None), status("cuda", Some("no GPU"))])
        }

        fn load(
            &self,
            _package: &ModelPackage,
            _options: &DeviceOptions,
        ) -> Result<Box<dyn Model>, BackendError> {
            unreachable!("nothing is loaded")
        }
    }

    #[test]
    fn every_provider_has_a_line_with_its_reason() {
        let report = report(&TwoProviders, &BTreeMap::new());
        assert_eq!(
            report.to_string(),
            "two\n  cpu        available\n  cuda       not available: no GPU\n"
        );
        let json = serde_json::to_value(&report).unwrap();
        let expected = serde_json::json!({
            "backend": "two",
            "available": true,
            "providers": [
                {"name": "cpu", "available": true},
                {"name": "cuda", "available": false, "reason": "no GPU"},
            ],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_backend_sees_its_own_settings_and_may_be_missing() {
        let settings = toml::from_str("[two]\nbroken = true\n").unwrap();
        let report = report(&TwoProviders, &settings);
        assert_eq!(report.to_string(), "two\n  not available: broken\n");
        assert!(!report.available && report.providers.is_empty());
    }
}
