//! What a listener tells of its services to clients that don't have the protocol.

use tonic::service::Routes;
use tonic_reflection::server::Builder;

use super::LARGEST_NAME_REQUEST;
use crate::Error;

/// Beside `routes`, what they are: both versions of the reflection service, of the encoded
/// `descriptors`.
///
/// # Errors
///
/// [`Error::Internal`] when these are broken.
pub(super) fn beside(routes: Routes, descriptors: &[&[u8]]) -> Result<Routes, Error> {
    let of_all = || {
        descriptors.iter().fold(Builder::configure(), |of, set| {
            of.register_encoded_file_descriptor_set(set)
        })
    };
    let broken = |error: tonic_reflection::server::Error| Error::Internal(error.to_string());
    let v1 = of_all().build_v1().map_err(broken)?;
    let v1alpha = of_all().build_v1alpha().map_err(broken)?;
    Ok(routes
        .add_service(v1.max_decoding_message_size(LARGEST_NAME_REQUEST))
        .add_service(v1alpha.max_decoding_message_size(LARGEST_NAME_REQUEST)))
}
