//! Word of an object's death: what JavaScript's `FinalizationRegistry` is made of.

use super::Weak;
use crate::heap::Core;
use crate::marker::Marker;
use crate::scope::{Init, Local, Operand, Scope};
use crate::value::Value;
use std::collections::VecDeque;

/// The finalisers of one heap.
#[derive(Default)]
pub(super) struct Finalizers {
    /// In the order in which they were registered.
    waiting: Vec<Finalizer>,
    /// Those before this one have old targets and held values.
    first_young: usize,
    /// Held values of those whose targets are dead, in the order in which they became ready.
    ready: VecDeque<Value>,
}

struct Finalizer {
    target: Value,
    held: Value,
}

impl Finalizers {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.ready.is_empty()
    }

    pub(super) fn visit_held(&mut self, mut visit: impl FnMut(Value) -> Value) {
        for finalizer in &mut self.waiting {
            finalizer.held = visit(finalizer.held);
        }
        for held in &mut self.ready {
            *held = visit(*held);
        }
    }

    pub(super) fn held(&self) -> impl Iterator<Item = Value> + '_ {
        let waiting = self.waiting.iter().map(|finalizer| finalizer.held);
        waiting.chain(self.ready.iter().copied())
    }

    pub(super) fn all_values(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        let targets = self.waiting.iter().map(|finalizer| finalizer.target);
        let targets = targets.map(|target| ("the target of a finaliser", target));
        targets.chain(
            self.held()
                .map(|held| ("the held value of a finaliser", held)),
        )
    }

    pub(super) fn after_scavenge(&mut self, core: &Core, from: (u32, u32)) {
        for mut finalizer in self.waiting.split_off(self.first_young) {
            if core.survives(finalizer.target, from) {
                finalizer.target = core.after_scavenge(finalizer.target, from);
                self.waiting.push(finalizer);
            } else {
                self.ready.push_back(finalizer.held);
            }
        }
        self.skip_old(core, self.first_young);
    }

    pub(super) fn clear(&mut self, core: &Core, marker: &Marker) {
        for finalizer in std::mem::take(&mut self.waiting) {
            if core.found_alive(marker, finalizer.target) {
                self.waiting.push(finalizer);
            } else {
                self.ready.push_back(finalizer.held);
            }
        }
        self.skip_old(core, 0);
    }

    /// Finds the first that is young, from `first` on.
    fn skip_old(&mut self, core: &Core, first: usize) {
        let old = |f: &&Finalizer| !core.is_young(f.target) && !core.is_young(f.held);
        self.first_young = first + self.waiting[first..].iter().take_while(old).count();
    }

    pub(super) fn after_evacuation(&mut self, moved: impl Fn(Value) -> Value) {
        for finalizer in &mut self.waiting {
            finalizer.target = moved(finalizer.target);
        }
        self.visit_held(moved);
    }
}

impl Weak {
    fn register(&mut self, finalizer: Finalizer) {
        self.finalizers.waiting.push(finalizer);
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// Asks to be told of `target`'s death: `held` becomes ready then ([`Scope::next_finalizer`]).
    ///
    /// With weak references this makes a cache whose values go when nobody else uses them:
    ///
    /// ```
    /// use heaplab_gc::{CollectionKind, CollectionReason, Heap, HeapOptions};
    ///
    /// let mut heap = Heap::new(HeapOptions::with_limits(8 << 20, 1 << 20))?;
    /// let (cache, used) = heap.enter(|s| {
    ///     let cache = s.map()?;
    ///     let used = s.array(1)?;
    ///     for name in ["logo", "photo"] {
    ///         s.scope(|t| {
    ///             let (key, picture) = (t.string(name)?, t.bytes(1000)?);
    ///             let weak = t.weak_ref(picture)?;
    ///             t.map_set(cache, key, weak)?;
    ///             t.finalizer(picture, key);
    ///             if name == "logo" {
    ///                 t.set(used, 0, picture);
    ///             }
    ///             Ok::<(), heaplab_gc::HeapLimitReached>(())
    ///         })?;
    ///     }
    ///     Ok::<_, heaplab_gc::HeapLimitReached>((s.global(cache), s.global(used)))
    /// })
    /// .expect("room");
    /// // One scavenge is enough: the picture that nobody uses has died young.
    /// heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    /// heap.enter(|s| {
    ///     let cache = s.local(&cache);
    ///     while let Some(key) = s.next_finalizer() {
    ///         s.map_remove(cache, key);
    ///     }
    ///     assert_eq!(s.map_len(cache), 1);
    ///     let logo = s.map_get_str(cache, "logo").expect("an entry");
    ///     assert!(s.weak_target(logo).is_some());
    /// });
    /// # drop(used);
    /// # Ok::<(), heaplab_gc::HeapError>(())
    /// ```
    ///
    /// An object may have any number of finalisers. What `held` reaches is kept alive: if that is the target
    /// itself, it never dies.
    ///
    /// # Panics
    /// If `target` is no object.
    pub fn finalizer<'v>(&self, target: impl Operand<'h>, held: impl Into<Init<'v, 'h>>) {
        let (core, target) = (self.core(), target.value());
        assert!(
            core.is_heap_object(target),
            "a finaliser of {:?}",
            core.type_of(target)
        );
        core.weak.register(Finalizer {
            target,
            held: held.into().value(),
        });
    }

    /// The held value of the next finaliser whose target has died.
    ///
    /// Those of one collection come in the order in which they were registered, those of earlier collections
    /// before them. Each comes once.
    pub fn next_finalizer(&mut self) -> Option<Local<'s, 'h>> {
        let held = self.core().weak.finalizers.ready.pop_front()?;
        Some(self.root_value(held))
    }
}
