//! `ser-client admin`: which models the server serves, and what it logs.

use ser_client::{
    AdminClient, Error,
    admin_proto::{LogLevel, RepositoryModel},
};

use crate::{
    cli::{AdminAction, AdminArgs, Connection, LogLevelArgs},
    failure::Failure,
    output,
};

/// What the admin service answers.
enum Answer {
    Models(Vec<RepositoryModel>),
    Level(LogLevel),
}

pub(crate) async fn run(connection: &Connection, args: &AdminArgs) -> Result<(), Failure> {
    let answer = ask(connection, args).await.map_err(Failure::Admin)?;
    let mut out = anstream::stdout();
    let models = match answer {
        Answer::Models(models) => models,
        Answer::Level(level) if args.json => {
            return Ok(output::json::write_log_level(&mut out, &level)?);
        }
        Answer::Level(level) => return Ok(output::log_level::write(&mut out, &level)?),
    };
    for model in &models {
        if args.json {
            output::json::write_repository_model(&mut out, model)?;
        } else {
            output::repository::write(&mut out, model)?;
        }
    }
    Ok(())
}

async fn ask(connection: &Connection, args: &AdminArgs) -> Result<Answer, Error> {
    let servers = std::slice::from_ref(&args.admin_server);
    let admin = AdminClient::over(connection.client(servers).connect().await?);
    let models = match &args.action {
        AdminAction::LogLevel(args) => return log_level(&admin, args).await.map(Answer::Level),
        AdminAction::List => admin.list().await?,
        AdminAction::Load(change) => vec![admin.load(&change.model, change.wait).await?],
        AdminAction::Reload(change) => vec![admin.reload(&change.model, change.wait).await?],
        AdminAction::Unload(change) => vec![admin.unload(&change.model, change.wait).await?],
    };
    Ok(Answer::Models(models))
}

async fn log_level(admin: &AdminClient, args: &LogLevelArgs) -> Result<LogLevel, Error> {
    match &args.filter {
        None if !args.reset => admin.log_level().await,
        filter => admin.set_log_level(filter.as_deref(), args.lasts).await,
    }
}
