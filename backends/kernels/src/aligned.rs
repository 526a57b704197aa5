//! Memory that starts at a cache line.

/// Floats of a cache line.
const CACHE_LINE: usize = 64 / size_of::<f32>();

/// Floats that start at a cache line, so that no vector lies across two.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    pub(crate) fn zeros(len: usize) -> Self {
        let mut aligned = Self::default();
        aligned.resize(len);
        aligned
    }

    /// Exactly `len` values; what they are is open.
    pub(crate) fn resize(&mut self, len: usize) {
        if self.values.len() < len + CACHE_LINE {
            self.values = vec![0.0; len + CACHE_LINE];
            // The heap block stays where it is when the vector moves.
            self.start = self.values.as_ptr().align_offset(64);
        }
        self.len = len;
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut clone = Self::zeros(self.len);
        clone.copy_from_slice(self);
        clone
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}
