//! The attributes of a node, each of which must be understood.

use crate::onnx::{AttributeProto, attribute_proto::AttributeType};

/// Hands attributes out; what nobody asked for is an error in the end.
pub(super) struct Attributes<'a> {
    left: Vec<&'a AttributeProto>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(attributes: &'a [AttributeProto]) -> Self {
        Self {
            left: attributes.iter().collect(),
        }
    }

    pub(super) fn take(
        &mut self,
        name: &str,
        expected: AttributeType,
    ) -> Result<Option<&'a AttributeProto>, String> {
        let Some(at) = self
            .left
            .iter()
            .position(|attribute| attribute.name() == name)
        else {
            return Ok(None);
        };
        let attribute = self.left.swap_remove(at);
        if attribute.ref_attr_name.is_some() || attribute.r#type() != expected as i32 {
            return Err(format!("attribute {name} is not of type {expected:?}"));
        }
        Ok(Some(attribute))
    }

    pub(super) fn int(&mut self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self
            .take(name, AttributeType::Int)?
            .map_or(default, AttributeProto::i))
    }

    pub(super) fn float(&mut self, name: &str, default: f32) -> Result<f32, String> {
        Ok(self
            .take(name, AttributeType::Float)?
            .map_or(default, AttributeProto::f))
    }

    pub(super) fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, String> {
        Ok(self
            .take(name, AttributeType::Ints)?
            .map(|attribute| &attribute.ints[..]))
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, String> {
        let attribute = self.take(name, AttributeType::String)?;
        Ok(attribute.map(|attribute| String::from_utf8_lossy(attribute.s()).into_owned()))
    }

    pub(super) fn strings(&mut self, name: &str) -> Result<Option<Vec<String>>, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let attribute = self.take(name, AttributeType::Strings)?;
        Ok(attribute.map(|attribute| attribute.strings.iter().map(text).collect()))
    }

    pub(super) fn finish(self) -> Result<(), String> {
        match self.left.first() {
            None => Ok(()),
            Some(attribute) => Err(format!("attribute {} is not supported", attribute.name())),
        }
    }
}
