//! The steps on maps and on weak things.

use super::machine::{Machine, Registers, Stop, equal};
use super::model::{Content, ModelMap, Val};
use super::{Op, Reg};
use crate::Smi;
use crate::scope::Scope;
use std::collections::BTreeMap;

impl Machine {
    pub(super) fn map_step<'h>(
        &mut self,
        t: &mut Scope<'_, 'h>,
        regs: &Registers<'_, 'h>,
        op: Op,
    ) -> Result<(), Stop> {
        let (Op::MapSet { map, .. }
        | Op::MapFill { map, .. }
        | Op::MapGet { map, .. }
        | Op::MapRemove { map, .. }
        | Op::MapDrain { map, .. }
        | Op::MapClear { map }) = op
        else {
            return Ok(());
        };
        if self.model.map(map).is_none() {
            return Ok(());
        }
        let real = regs.root(t, map);
        match op {
            Op::MapSet { key, value, .. } => {
                let (real_key, real_value) = (regs.root(t, key), regs.root(t, value));
                t.map_set(real, real_key, real_value)?;
                let (stored, value) = (self.model.get(key), self.model.get(value));
                self.model_map_set(map, stored, value);
            }
            Op::MapFill { first, count, .. } => {
                for n in i32::from(first)..i32::from(first) + i32::from(count) {
                    t.map_set(real, Smi::wrapping(n), Smi::wrapping(n + 1))?;
                    self.model_map_set(map, Val::Int(n), Val::Int(n + 1));
                }
            }
            Op::MapGet { dst, key, .. } => {
                let key_of = self.model.key(self.model.get(key));
                let expected = self.model.map(map).and_then(|m| m.get(&key_of));
                let found = t.map_get(real, regs.read(t, key));
                self.popped(t, regs, dst, expected, found)?;
            }
            Op::MapRemove { key, .. } => {
                let key_of = self.model.key(self.model.get(key));
                let expected = self.model.map_mut(map).and_then(|m| m.remove(&key_of));
                let found = t.map_remove(real, regs.read(t, key));
                equal("removed", expected.is_some(), found.is_some())?;
            }
            Op::MapDrain { first, count, .. } => {
                for n in i32::from(first)..i32::from(first) + i32::from(count) {
                    let key = self.model.key(Val::Int(n));
                    let expected = self.model.map_mut(map).and_then(|m| m.remove(&key));
                    let found = t.map_remove(real, Smi::wrapping(n));
                    equal("removed", expected.is_some(), found.is_some())?;
                }
            }
            Op::MapClear { .. } => {
                t.map_clear(real);
                self.model
                    .map_mut(map)
                    .into_iter()
                    .for_each(|m| *m = ModelMap::default());
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn weak_step<'h>(
        &mut self,
        t: &mut Scope<'_, 'h>,
        regs: &Registers<'_, 'h>,
        op: Op,
    ) -> Result<(), Stop> {
        match op {
            Op::WeakRef { dst, target } => {
                if let Val::Ref(id) = self.model.get(target) {
                    let real = regs.root(t, target);
                    let weak = t.weak_ref(real)?;
                    self.define(t, regs, dst, weak, Content::WeakRef(Some(id)));
                }
            }
            Op::WeakTarget { dst, weak } => {
                if let Some((id, &Content::WeakRef(target))) = self.model.object(weak) {
                    let found = t.weak_target(regs.read(t, weak));
                    match (target, found) {
                        (Some(target), Some(real)) => {
                            regs.write(t, dst, real);
                            self.model.set(dst, Val::Ref(target));
                        }
                        (Some(target), None) => {
                            let alive = self.model.reachable().contains(&target);
                            equal("life of a cleared target", false, alive)?;
                            self.model.node_mut(id).content = Content::WeakRef(None);
                        }
                        (None, found) => {
                            equal("target of a cleared reference", false, found.is_some())?
                        }
                    }
                }
            }
            Op::WeakMap { dst } => {
                let map = t.weak_map()?;
                self.define(t, regs, dst, map, Content::WeakMap(BTreeMap::new()));
            }
            Op::WeakMapSet { map, key, value } => {
                if let (Some(_), Val::Ref(key_id)) = (self.model.weak_map(map), self.model.get(key))
                {
                    let value_root = regs.root(t, value);
                    t.weak_map_set(regs.read(t, map), regs.read(t, key), value_root)?;
                    let value = self.model.get(value);
                    if let Some(entries) = self.model.weak_map_mut(map) {
                        entries.insert(key_id, value);
                    }
                }
            }
            Op::WeakMapGet { dst, map, key } => {
                if let (Some((_, entries)), Val::Ref(key_id)) =
                    (self.model.weak_map(map), self.model.get(key))
                {
                    let expected = entries.get(&key_id).copied();
                    let found = t.weak_map_get(regs.read(t, map), regs.read(t, key));
                    self.popped(t, regs, dst, expected, found)?;
                }
            }
            Op::WeakMapRemove { map, key } => {
                if let (Some(_), Val::Ref(key_id)) = (self.model.weak_map(map), self.model.get(key))
                {
                    let found = t.weak_map_remove(regs.read(t, map), regs.read(t, key));
                    let removed = self.model.weak_map_mut(map).and_then(|m| m.remove(&key_id));
                    equal("removed", removed.is_some(), found)?;
                }
            }
            Op::Finalizer { target } => {
                if let Val::Ref(id) = self.model.get(target) {
                    let held = Smi::wrapping(self.finalizers.len() as i32);
                    t.finalizer(regs.read(t, target), held);
                    self.finalizers.push(Some(id));
                }
            }
            Op::NextFinalizer => {
                if let Some(held) = t.next_finalizer() {
                    let held = t.as_integer(held);
                    self.take_finalizer(held)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A finaliser has become ready: it is one that was registered, and its target is dead.
    fn take_finalizer(&mut self, held: Option<i32>) -> Result<(), Stop> {
        let target = held
            .and_then(|n| self.finalizers.get_mut(n as usize))
            .and_then(Option::take);
        let Some(target) = target else {
            return Err(Stop::Disagree(format!("no finaliser holds {held:?}")));
        };
        let alive = self.model.reachable().contains(&target);
        equal("life of a finalised target", false, alive)
    }

    fn model_map_set(&mut self, map: Reg, key: Val, value: Val) {
        let key_of = self.model.key(key);
        if let Some(map) = self.model.map_mut(map) {
            map.set(key_of, key, value);
        }
    }
}
