//! A JSON value against the schema that the API publishes: every structural fault at once, each with its
//! place.
//!
//! The schema is the one in `/v1/openapi.json`, so what is refused and what is documented are the same.
//! Limit: it knows what our schemas use (types, properties, required, items, references, alternatives with
//! null), no more.

use super::parts;
use crate::problem::FieldFault;
use serde_json::Value;
use std::sync::LazyLock;

/// Deepest value that is looked at; ours are four deep.
const MAX_DEPTH: usize = 16;

/// The schemas of the document, by name.
static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    let document = serde_json::to_value(parts().split_for_parts().1).unwrap_or_default();
    document["components"]["schemas"].clone()
});

/// Every structural fault of a value that should be of a schema.
pub(super) fn faults(value: &Value, schema: &str) -> Vec<FieldFault> {
    let mut reading = Reading { path: Vec::new(), faults: Vec::new() };
    reading.check(value, &SCHEMAS[schema]);
    reading.faults
}

struct Reading {
    /// Names and indices from the root to the value at hand.
    path: Vec<String>,
    faults: Vec<FieldFault>,
}

impl Reading {
    fn check(&mut self, value: &Value, schema: &Value) {
        if self.path.len() > MAX_DEPTH {
            return;
        }
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap_or_default();
            return self.check(value, &SCHEMAS[name]);
        }
        if let Some(ways) = schema["oneOf"].as_array() {
            // Ours are a schema or null.
            if value.is_null() && ways.iter().any(|way| way["type"] == "null") {
                return;
            }
            if let Some(way) = ways.iter().find(|way| way["type"] != "null") {
                return self.check(value, way);
            }
        }
        if !fits(value, &schema["type"]) {
            return self.fault("il valore non è del tipo previsto");
        }
        match value {
            Value::Object(fields) => self.check_object(fields, schema),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.inside(&index.to_string(), |reading| {
                        reading.check(item, &schema["items"])
                    });
                }
            }
            _ => {}
        }
    }

    fn check_object(&mut self, fields: &serde_json::Map<String, Value>, schema: &Value) {
        let known = &schema["properties"];
        for (name, value) in fields {
            let own = &known[name];
            let other = &schema["additionalProperties"];
            if !own.is_null() {
                self.inside(name, |reading| reading.check(value, own));
            } else if other.is_object() {
                self.inside(name, |reading| reading.check(value, other));
            } else {
                let reason = format!("il campo «{name}» non esiste");
                self.inside(name, |reading| reading.fault(&reason));
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                let reason = format!("manca il campo «{name}»");
                self.inside(name, |reading| reading.fault(&reason));
            }
        }
    }

    fn inside(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        self.path.push(step.to_owned());
        look(self);
        self.path.pop();
    }

    fn fault(&mut self, reason: &str) {
        self.faults.push(FieldFault::at(&self.path, reason));
    }
}

/// Whether a value is of a type, or of one of several.
fn fits(value: &Value, types: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| fits(value, one)),
        Value::String(name) => match name.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_structural_fault_is_told_at_once_with_its_place() {
        let value = json!({
            "template": 7,
            "plan": "email",
            "case": { "number": "41", "year": "2026", "colour": "red" },
            "recipients": [{ "emal": "x" }, "Anna", { "extra": { "a/b": 1 } }],
            "meeting": {},
        });
        let told = faults(&value, "NoticeInput");
        let mut places: Vec<_> = told.iter().map(|fault| fault.pointer.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "/case/colour",
                "/case/year",
                "/meeting/at",
                "/recipients/0/emal",
                "/recipients/1",
                "/recipients/2/extra/a~1b",
                "/template",
            ]
        );
        let emal = told.iter().find(|fault| fault.field == "recipients[0].emal").unwrap();
        assert_eq!(emal.reason, "il campo «emal» non esiste");
    }

    #[test]
    fn what_is_no_object_at_all_is_one_fault_at_the_root() {
        let told = faults(&json!([1]), "NoticeInput");
        assert_eq!((told.len(), told[0].pointer.as_str()), (1, ""));
    }
}
