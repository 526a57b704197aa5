//! The models that are served: found, loaded, checked against their own golden
//! rows and audio, and looked up by name.

mod backends;
#[cfg(feature = "embedded-model")]
mod embedded;
mod load;
mod plans;
mod registry;
mod replay;
mod selector;
mod served;

#[cfg(test)]
mod tests;

pub use backends::BackendRegistry;
pub use registry::ModelRegistry;
pub use served::ServedModel;
