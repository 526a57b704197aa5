//! `ser-client admin`: which models the server serves.

use ser_client::{AdminClient, Error, admin_proto::RepositoryModel};

use crate::{
    cli::{AdminAction, AdminArgs, Connection},
    failure::Failure,
    output,
};

pub(crate) async fn run(connection: &Connection, args: &AdminArgs) -> Result<(), Failure> {
    let models = ask(connection, args).await.map_err(Failure::Admin)?;
    let mut out = anstream::stdout();
    for model in &models {
        if args.json {
            output::json::write_repository_model(&mut out, model)?;
        } else {
            output::repository::write(&mut out, model)?;
        }
    }
    Ok(())
}

async fn ask(connection: &Connection, args: &AdminArgs) -> Result<Vec<RepositoryModel>, Error> {
    let admin = AdminClient::connect(&args.admin_server, connection.timeouts()).await?;
    Ok(match &args.action {
        AdminAction::List => admin.list().await?,
        AdminAction::Load(change) => vec![admin.load(&change.model, change.wait).await?],
        AdminAction::Reload(change) => vec![admin.reload(&change.model, change.wait).await?],
        AdminAction::Unload(change) => vec![admin.unload(&change.model, change.wait).await?],
    })
}
