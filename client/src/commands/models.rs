//! `ser-client models`: what the server can recognise with.

use crate::{
    cli::{Connection, ModelsArgs},
    failure::Failure,
    output::{self, notes},
};

pub(crate) async fn run(connection: &Connection, args: &ModelsArgs) -> Result<(), Failure> {
    let client = super::connect(connection).await?;
    let models = match &args.name {
        Some(name) => vec![client.model(name).await?],
        None => client.models().await?,
    };
    if models.is_empty() {
        notes().say(
            "no models are served; an operator loads one with `ser-client admin load \
             NAME/VERSION`\n",
        );
    }
    let mut out = anstream::stdout();
    for model in &models {
        if args.json {
            output::json::write_model(&mut out, model)?;
        } else {
            output::model::write(&mut out, model)?;
        }
    }
    Ok(())
}
