//! Comparing a heap with its model: the same objects, contents and sharing.

use super::machine::{Registers, Token};
use super::model::{CLASSES, Content, Id, Model, Val};
use crate::Type;
use crate::object::Kind;
use crate::scope::{Ref, Scope, Sealed};
use crate::value::Value;
use std::collections::HashMap;

/// Compares everything that the registers reach; returns how many objects that are.
///
/// The model forgets what it cannot reach, and learns the ids that objects were given meanwhile.
pub(super) fn compare_all<'h>(
    s: &Scope<'_, 'h>,
    registers: &Registers<'_, 'h>,
    model: &mut Model,
) -> Result<usize, String> {
    let reachable = model.prune();
    let mut comparison = Comparison {
        s,
        model,
        found: HashMap::with_capacity(reachable.len()),
        owners: HashMap::with_capacity(reachable.len()),
        later: Vec::new(),
        cleared: Vec::new(),
    };
    for (reg, expected) in comparison.model.registers() {
        let value = registers.read(s, reg);
        comparison
            .value(expected, Sealed::value(value))
            .map_err(|what| format!("register {}: {what}", reg.0))?;
    }
    // In the order of discovery, an object has been found before its turn comes; but an ephemeron table may
    // come before its keys, and what only its values reach after it.
    let mut waiting = reachable.clone();
    while !waiting.is_empty() {
        let before = (waiting.len(), comparison.found.len());
        for id in std::mem::take(&mut waiting) {
            if !comparison.found.contains_key(&id) {
                comparison.later.push(id);
                continue;
            }
            comparison.object(id).map_err(|what| {
                let content = &comparison.model.node(id).content;
                format!("object {id} ({}): {what}", describe(content))
            })?;
        }
        waiting = std::mem::take(&mut comparison.later);
        if (waiting.len(), comparison.found.len()) == before {
            return Err(format!("objects {waiting:?} were not found"));
        }
    }
    let cleared = comparison.cleared;
    let found = comparison.found;
    for (reference, _) in cleared {
        model.node_mut(reference).content = Content::WeakRef(None);
    }
    for (id, value) in found {
        let identity = s.core().identity_if_any(value);
        let node = model.node_mut(id);
        match node.identity {
            Some(known) if known != identity => {
                return Err(format!(
                    "object {id}: its id was {known}, now it is {identity}"
                ));
            }
            None if identity != 0 => node.identity = Some(identity),
            _ => {}
        }
    }
    Ok(reachable.len())
}

fn describe(content: &Content) -> &'static str {
    match content {
        Content::Object { class, .. } => CLASSES[*class].0,
        Content::Array(_) => "array",
        Content::Context(_) => "context",
        Content::Closure(_) => "closure",
        Content::Text(_) => "string",
        Content::Number(_) => "number",
        Content::Bytes(_) => "bytes",
        Content::Map(_) => "map",
        Content::Deque(_) => "deque",
        Content::External { .. } => "external",
        Content::WeakRef(_) => "weak reference",
        Content::WeakMap(_) => "ephemeron table",
    }
}

struct Comparison<'a, 'r, 't, 'h> {
    s: &'r Scope<'t, 'h>,
    model: &'a Model,
    /// Where each object of the model is, and which object of the model is at each place.
    found: HashMap<Id, Value>,
    owners: HashMap<u32, Id>,
    /// Objects that can only be compared when others have been found.
    later: Vec<Id>,
    /// Weak references whose targets have died.
    cleared: Vec<(Id, Id)>,
}

/// Fails unless two things are equal.
fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

impl<'h> Comparison<'_, '_, '_, 'h> {
    /// Compares a value; remembers where its object is, and that nothing else is there.
    fn value(&mut self, expected: Val, value: Value) -> Result<(), String> {
        match expected {
            Val::Undefined => equal("value", &Value::UNDEFINED, &value),
            Val::Int(n) => equal("integer", &Some(n), &value.as_smi()),
            Val::Ref(id) => {
                if !value.is_ref() || value.0 <= Value::HOLE.0 {
                    return Err(format!("expected object {id}, found {value:?}"));
                }
                if let Some(&there) = self.found.get(&id) {
                    return equal("one object in two places", &there, &value);
                }
                self.found.insert(id, value);
                match self.owners.insert(value.0, id) {
                    Some(other) => Err(format!("objects {other} and {id} are one")),
                    None => Ok(()),
                }
            }
        }
    }

    fn slots(&mut self, object: Ref<'_, 'h>, slots: &[Val]) -> Result<(), String> {
        equal("slots", &slots.len(), &self.s.slot_count(object))?;
        for (i, &slot) in slots.iter().enumerate() {
            let value = Sealed::value(self.s.get(object, i));
            self.value(slot, value)
                .map_err(|what| format!("slot {i}: {what}"))?;
        }
        Ok(())
    }

    fn object(&mut self, id: Id) -> Result<(), String> {
        let s = self.s;
        let value = self.found[&id];
        let object = s.lend(value);
        let model = self.model;
        let content = &model.node(id).content;
        let kind = match content {
            Content::Object { .. } => Kind::Object,
            Content::Array(_) => Kind::Array,
            Content::Context(_) => Kind::Context,
            Content::Closure(_) => Kind::Closure,
            Content::Text(_) => Kind::String,
            Content::Number(_) => Kind::Number,
            Content::Bytes(_) => Kind::Bytes,
            Content::Map(_) => Kind::Map,
            Content::Deque(_) => Kind::Deque,
            Content::External { .. } => Kind::External,
            Content::WeakRef(_) => Kind::WeakRef,
            Content::WeakMap(_) => Kind::EphemeronTable,
        };
        equal("type", &Type::Object(kind), &s.type_of(object))?;
        match content {
            Content::Object { class, slots, raw } => {
                let name = s.shape_of(object).map(|shape| shape.name.to_string());
                equal("class", &Some(CLASSES[*class].0.to_owned()), &name)?;
                self.slots(object, slots)?;
                equal("raw bytes", &raw.as_slice(), &s.raw(object))
            }
            Content::Array(slots) | Content::Context(slots) | Content::Closure(slots) => {
                self.slots(object, slots)
            }
            Content::Text(text) => equal("text", &Some(text.as_str()), &s.as_str(object)),
            Content::Number(n) => equal(
                "number",
                &Some(n.to_bits()),
                &s.as_number(object).map(f64::to_bits),
            ),
            Content::Bytes(bytes) => equal("bytes", &bytes.as_slice(), &s.raw(object)),
            Content::Map(map) => {
                equal("entries", &map.len(), &s.map_len(object))?;
                let mut cursor = 0;
                for &(key, expected) in map.entries.iter().flatten() {
                    let Some((next, real_key, real_value)) = s.map_next(object, cursor) else {
                        return Err("ends early".to_owned());
                    };
                    cursor = next;
                    self.value(key, Sealed::value(real_key))?;
                    self.value(expected, Sealed::value(real_value))?;
                    let looked_up = s.map_get(object, real_key).map(Sealed::value);
                    equal("looked up", &Some(Sealed::value(real_value)), &looked_up)?;
                }
                match s.map_next(object, cursor) {
                    Some(_) => Err("has an entry too many".to_owned()),
                    None => Ok(()),
                }
            }
            Content::Deque(values) => {
                equal("length", &values.len(), &s.deque_len(object))?;
                for (i, &expected) in values.iter().enumerate() {
                    let Some(value) = s.deque_get(object, i) else {
                        return Err(format!("has no element {i}"));
                    };
                    self.value(expected, Sealed::value(value))?;
                }
                Ok(())
            }
            Content::WeakRef(target) => {
                let found = s.weak_target(object).map(Sealed::value);
                match (*target, found) {
                    (None, Some(_)) => Err("came back from the dead".to_owned()),
                    (Some(target), None) if self.model.was_alive(target) => {
                        Err(format!("was cleared, but {target} is reachable"))
                    }
                    (Some(target), None) => {
                        self.cleared.push((id, target));
                        Ok(())
                    }
                    (Some(target), Some(value)) if self.model.was_alive(target) => {
                        self.value(Val::Ref(target), value)
                    }
                    _ => Ok(()),
                }
            }
            Content::WeakMap(entries) => {
                let (mut alive, length) = (0, s.weak_map_len(object));
                let mut missing = false;
                for (&key, &expected) in entries {
                    if !self.model.was_alive(key) {
                        continue;
                    }
                    alive += 1;
                    let Some(&at) = self.found.get(&key) else {
                        // It may be found through another entry.
                        missing = true;
                        continue;
                    };
                    let Some(value) = s.weak_map_get(object, s.lend(at)).map(Sealed::value) else {
                        return Err(format!("has lost the entry of {key}"));
                    };
                    self.value(expected, value)?;
                }
                if missing {
                    self.later.push(id);
                    return Ok(());
                }
                if (alive..=entries.len()).contains(&length) {
                    Ok(())
                } else {
                    Err(format!(
                        "has {length} entries, of {} with {alive} live keys",
                        entries.len()
                    ))
                }
            }
            Content::External { bytes } => {
                equal("external bytes", bytes, &s.external_bytes(object))?;
                let token = s.external_payload::<Token>(object).map(|t| t.id);
                equal("payload", &Some(id), &token)
            }
        }
    }
}
