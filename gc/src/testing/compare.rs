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
    };
    for (reg, expected) in comparison.model.registers() {
        let value = registers.read(s, reg);
        comparison
            .value(expected, Sealed::value(value))
            .map_err(|what| format!("register {}: {what}", reg.0))?;
    }
    // In the order of discovery, an object has been found before its turn comes.
    for &id in &reachable {
        comparison.object(id).map_err(|what| {
            format!(
                "object {id} ({}): {what}",
                describe(&comparison.model.node(id).content)
            )
        })?;
    }
    let found = comparison.found;
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
    }
}

struct Comparison<'a, 'r, 't, 'h> {
    s: &'r Scope<'t, 'h>,
    model: &'a Model,
    /// Where each object of the model is, and which object of the model is at each place.
    found: HashMap<Id, Value>,
    owners: HashMap<u32, Id>,
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
        let Some(&value) = self.found.get(&id) else {
            return Err("was not found".to_owned());
        };
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
            Content::External { bytes } => {
                equal("external bytes", bytes, &s.external_bytes(object))?;
                let token = s.external_payload::<Token>(object).map(|t| t.id);
                equal("payload", &Some(id), &token)
            }
        }
    }
}
