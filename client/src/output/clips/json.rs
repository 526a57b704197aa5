//! JSON lines, with the fields of `stream --json`.

use std::{
    io::{self, Write},
    path::Path,
};

use ser_client::Classification;
use serde::Serialize;

use super::{Overall, Report, Total};
use crate::{
    cli::Per,
    output::{
        json::{ResultFields, SummaryFields, write_line},
        short_name,
    },
};

/// The reference of the formats for programs, part of the help of `classify`.
pub(crate) const JSON_HELP: &str = r#"JSON lines (--json): one object a line, `type` first. Times and durations are
seconds; a field that does not apply is left out. Files come in the order in
which they were named; within a folder, in the order of their names.

  clip     file, verdict (emotion, uncertain, no_speech), confidence (the
           probability of overall_label), warnings [narrow_band,
           clipped_audio], and the fields of a `summary` of `stream --json`
  window   with --per window instead: file, and the fields of a `result` of
           `stream --json`
  failed   file, reason
  total    last: classified, failed, untried (clips), audio, elapsed

CSV (--format csv) has a header and the same fields: of a clip a column
`time LABEL` and `probability LABEL` for each emotion; `error` says why a file
failed. A line of a failed file has nothing else."#;

pub(super) struct JsonLines {
    per: Per,
    out: Box<dyn Write>,
}

impl JsonLines {
    pub(super) fn new(per: Per, out: Box<dyn Write>) -> Self {
        Self { per, out }
    }
}

impl Report for JsonLines {
    fn clip(&mut self, file: &Path, said: &Classification) -> io::Result<()> {
        let file = &*file.to_string_lossy();
        match self.per {
            Per::Clip => {
                for overall in Overall::of(said) {
                    write_line(&mut self.out, &Line::clip(file, said, &overall))?;
                }
            }
            Per::Window => {
                for result in &said.results {
                    let result = ResultFields::new(result);
                    write_line(&mut self.out, &Line::Window { file, result })?;
                }
            }
        }
        Ok(())
    }

    fn failed(&mut self, file: &Path, reason: &str) -> io::Result<()> {
        let file = &*file.to_string_lossy();
        write_line(&mut self.out, &Line::Failed { file, reason })
    }

    fn finish(&mut self, total: &Total) -> io::Result<()> {
        let line = Line::Total {
            classified: total.classified,
            failed: total.failed,
            untried: total.untried,
            audio: total.audio.as_secs_f64(),
            elapsed: total.elapsed.as_secs_f64(),
        };
        write_line(&mut self.out, &line)
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Clip {
        file: &'a str,
        verdict: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        confidence: Option<f32>,
        warnings: Vec<String>,
        #[serde(flatten)]
        summary: SummaryFields<'a>,
    },
    Window {
        file: &'a str,
        #[serde(flatten)]
        result: ResultFields<'a>,
    },
    Failed {
        file: &'a str,
        reason: &'a str,
    },
    Total {
        classified: usize,
        failed: usize,
        untried: usize,
        audio: f64,
        elapsed: f64,
    },
}

impl<'a> Line<'a> {
    fn clip(file: &'a str, said: &Classification, overall: &Overall<'a>) -> Self {
        Self::Clip {
            file,
            verdict: short_name(overall.verdict.as_str_name(), "VERDICT_"),
            confidence: overall.best().map(|best| best.probability),
            warnings: super::warnings(said, overall).collect(),
            summary: SummaryFields::new(overall.summary),
        }
    }
}
