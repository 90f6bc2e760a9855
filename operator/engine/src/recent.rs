//! A few values met last, for sharing: who makes one that equals another drops its own.

/// Values kept.
const MOST: usize = 16;

/// A few values, the one found or kept last at the end.
pub(crate) struct Recent<T>(Vec<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Recent<T> {
    /// The value that passes a test.
    pub(crate) fn find(&mut self, test: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.0.iter().rposition(test)?;
        let found = self.0[at].clone();
        self.0[at..].rotate_left(1);
        Some(found)
    }

    /// Keeps a value, in place of the one that was not met for longest.
    pub(crate) fn keep(&mut self, value: T) -> T {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(value.clone());
        value
    }

    /// The value kept that is the same as this one, or else this one.
    pub(crate) fn share(&mut self, value: T, same: impl Fn(&T, &T) -> bool) -> T {
        match self.find(|other| same(other, &value)) {
            Some(found) => found,
            None => self.keep(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_stays_however_many_others_come_by() {
        let mut recent = Recent::default();
        let kept = recent.keep(std::sync::Arc::new(0));
        for other in 1..100 {
            recent.keep(std::sync::Arc::new(other));
            let again = recent.share(std::sync::Arc::new(0), |a, b| a == b);
            assert!(std::sync::Arc::ptr_eq(&again, &kept));
        }
        assert_eq!(recent.0.len(), MOST);
        assert!(recent.find(|value| **value == 1).is_none(), "not met for long");
    }
}
