//! `ser.admin.v1.Logging`: what the server logs, while it runs.

use std::time::Duration;

use ser_proto::admin::v1::{
    GetLogLevelRequest, GetLogLevelResponse, LogLevel as LogLevelMessage, SetLogLevelRequest,
    SetLogLevelResponse, logging_server::Logging,
};
use tonic::{Request, Response, Status};

use crate::{
    Error,
    session::text,
    telemetry::{Level, LogLevel},
};

/// For how long a level may last that ends by itself.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Service {
    level: LogLevel,
}

impl Service {
    pub(super) fn new(level: LogLevel) -> Self {
        Self { level }
    }
}

#[tonic::async_trait]
impl Logging for Service {
    async fn get_log_level(
        &self,
        _request: Request<GetLogLevelRequest>,
    ) -> Result<Response<GetLogLevelResponse>, Status> {
        let level = Some(message(self.level.get()));
        Ok(Response::new(GetLogLevelResponse { level }))
    }

    async fn set_log_level(
        &self,
        request: Request<SetLogLevelRequest>,
    ) -> Result<Response<SetLogLevelResponse>, Status> {
        let SetLogLevelRequest { level, lasts } = request.into_inner();
        let lasts = lasts.map(duration).transpose()?;
        let level = Some(level.as_str()).filter(|level| !level.is_empty());
        let level = Some(message(self.level.set(level, lasts)?));
        Ok(Response::new(SetLogLevelResponse { level }))
    }
}

fn duration(lasts: prost_types::Duration) -> Result<Duration, Error> {
    let found = text::proto_seconds(lasts);
    Duration::try_from(lasts)
        .ok()
        .filter(|lasts| !lasts.is_zero() && *lasts <= LONGEST)
        .ok_or_else(|| Error::invalid("lasts", found, "more than 0s, at most 24h"))
}

fn message(level: Level) -> LogLevelMessage {
    LogLevelMessage {
        level: level.level,
        configured: level.configured,
        reverts_in: level
            .reverts_in
            .and_then(|duration| duration.try_into().ok()),
    }
}
