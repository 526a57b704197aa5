//! The labels of a model, as they are shown.

use ser_client::proto::StreamStarted;

use super::printable;

/// A model's labels, in its order: a label's place gives its colour.
#[derive(Debug, Default)]
pub(super) struct Labels(Vec<Label>);

/// A label fit to be printed.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: String,
    /// A capital letter that no other label has, which stands for it where there
    /// is room for one cell.
    pub(super) key: char,
}

impl Labels {
    pub(super) fn of(started: &StreamStarted) -> Self {
        let names = started.model.iter().flat_map(|model| &model.labels);
        let mut labels = Vec::<Label>::new();
        for name in names {
            let own = name.chars().map(|letter| letter.to_ascii_uppercase());
            let key = own
                .chain('A'..='Z')
                .find(|key| {
                    key.is_ascii_uppercase() && labels.iter().all(|label| label.key != *key)
                })
                // The 27th label.
                .unwrap_or('#');
            labels.push(Label {
                name: printable(name).into_owned(),
                key,
            });
        }
        Self(labels)
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|label| label.name == printable(name))
    }

    pub(super) fn get(&self, place: usize) -> Option<&Label> {
        self.0.get(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use ser_client::proto::Model;

    use super::*;

    fn keys(labels: &[&str]) -> String {
        let model = Model {
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            ..Model::default()
        };
        let labels = Labels::of(&StreamStarted {
            model: Some(model),
            ..StreamStarted::default()
        });
        labels.iter().map(|label| label.key).collect()
    }

    #[test]
    fn every_label_has_a_letter_of_its_own() {
        assert_eq!(keys(&["angry", "fear", "happy", "sad"]), "AFHS");
        assert_eq!(keys(&["sad", "surprised", "sd", "怒り", "1"]), "SUDAB");
        let many: Vec<_> = (0..28).map(|_| "x").collect();
        assert!(keys(&many).ends_with("##"));
    }
}
