//! Values at indexes that do not change while a value is there; free indexes are given out again.
//!
//! Objects of the heap that own something beside it (outside bytes, weak targets, tables of ephemerons) hold
//! such an index instead of an address.

/// Values by index, with a list of the free indexes.
pub(crate) struct Pool<T> {
    values: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Pool<T> {
    /// Puts a value in; the index that was freed last is taken first.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.values[index as usize] = Some(value);
                index
            }
            None => {
                self.values.push(Some(value));
                (self.values.len() - 1) as u32
            }
        }
    }

    /// Takes a value out; `None` if the index is free.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.values.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(value)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.values.get(index as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.values.get_mut(index as usize)?.as_mut()
    }

    /// Whether no value is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values in it.
    pub(crate) fn len(&self) -> usize {
        self.values.len() - self.free.len()
    }

    /// All indexes that were ever given out.
    pub(crate) fn indexes(&self) -> std::ops::Range<u32> {
        0..self.values.len() as u32
    }

    /// The values with their indexes, in order of index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..)
            .zip(&self.values)
            .filter_map(|(index, value)| Some((index, value.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..)
            .zip(&mut self.values)
            .filter_map(|(index, value)| Some((index, value.as_mut()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;

    #[test]
    fn free_indexes_are_given_out_again_and_no_other() {
        let mut pool = Pool::default();
        assert_eq!([10, 11, 12].map(|n| pool.insert(n)), [0, 1, 2]);
        assert_eq!(pool.remove(1), Some(11));
        assert_eq!(pool.remove(1), None, "freed once");
        assert_eq!(pool.remove(9), None);
        assert_eq!((pool.len(), pool.get(1), pool.get(2)), (2, None, Some(&12)));
        assert_eq!(pool.iter().collect::<Vec<_>>(), [(0, &10), (2, &12)]);
        assert_eq!((pool.insert(13), pool.insert(14)), (1, 3));
        *pool.get_mut(3).expect("there") += 1;
        assert_eq!(pool.indexes(), 0..4);
        for index in pool.indexes() {
            pool.remove(index);
        }
        assert!(pool.is_empty());
    }
}
