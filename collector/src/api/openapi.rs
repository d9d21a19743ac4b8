//! The API's own document, made from the declared doors: a route cannot be missing from it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::authority::Retirement;
use super::people::SignIn;
use super::problem::Problem;
use crate::access::audit::{AuditPage, ChainReport};
use crate::access::gate::{Door, Face};
use crate::access::{AccountList, NewAccount, NewAdministrator, NewPassword, Principal, SignedIn};
use crate::fleet::{AuthorityStatus, ReplicaRoot, RootStatus, WaitingEndpoint};

/// Schemas that follow from our own types.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Problem,
    SignIn,
    SignedIn,
    Principal,
    NewAccount,
    NewAdministrator,
    NewPassword,
    AccountList,
    AuditPage,
    AuthorityStatus,
    ChainReport,
    Retirement,
    ReplicaRoot,
    RootStatus,
    WaitingEndpoint
)))]
struct Derived;

/// Schemas of the documents that `diagnosis` and the desk define; a test holds them against the types.
static DOCUMENTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../assets/documents.json")).expect("documents.json is an object of schemas")
});

/// The OpenAPI 3.1 document of `doors`.
pub(super) fn document(doors: &[Door]) -> Value {
    let mut paths = Map::new();
    for door in doors.iter().filter(|door| door.face == Face::Api) {
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        path[door.method.as_str().to_lowercase()] = operation(door);
    }
    let derived = serde_json::to_value(Derived::openapi()).unwrap_or_default();
    let mut schemas = derived["components"]["schemas"].as_object().cloned().unwrap_or_default();
    schemas.extend(DOCUMENTS.clone());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Firstline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Endpoint diagnostics on support tickets. Fields are added, never renamed or removed.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(door: &Door) -> Value {
    let places = door.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let places =
        places.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let query = door.told.query.iter().map(|(name, meaning)| {
        json!({ "name": name, "in": "query", "required": false, "description": meaning, "schema": { "type": "string" } })
    });
    let parameters: Vec<Value> = places.chain(query).collect();
    let mut operation = json!({
        "summary": door.told.summary,
        "operationId": operation_id(door),
        "parameters": parameters,
        "responses": {
            "2XX": response(door.told.answer),
            "default": {
                "description": "What went wrong.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
        "x-roles": door.roles.names(),
        "security": if door.roles.is_open() { json!([]) } else { json!([{ "bearer": [] }]) },
    });
    if !door.told.body.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": content(door.told.body) });
    }
    operation
}

fn response(schema: &str) -> Value {
    if schema.is_empty() {
        return json!({ "description": "Done." });
    }
    json!({ "description": "Done.", "content": content(schema) })
}

/// A schema by name; a media type (with a slash) stands for itself.
fn content(schema: &str) -> Value {
    let mut content = json!({});
    if schema.contains('/') {
        content[schema] = json!({});
    } else {
        content["application/json"] = json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } });
    }
    content
}

fn operation_id(door: &Door) -> String {
    let words = door.path.trim_start_matches("/api/v1/").split('/').map(|part| part.trim_matches(['{', '}']));
    format!("{}_{}", door.method.as_str().to_lowercase(), words.collect::<Vec<_>>().join("_").replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference leads somewhere.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.push(target.clone());
                }
                for inner in map.values() {
                    references(inner, found);
                }
            }
            Value::Array(list) => {
                for inner in list {
                    references(inner, found);
                }
            }
            _ => {}
        }
    }

    #[tokio::test]
    async fn every_reference_leads_to_a_schema() {
        let house = crate::api::tests::house().await;
        let document = document(&house.doors);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "the document refers to its schemas");
        for target in found {
            let name = target.trim_start_matches("#/components/schemas/");
            assert!(document["components"]["schemas"].get(name).is_some(), "{target} leads nowhere");
        }
    }

    #[tokio::test]
    async fn every_operation_has_a_summary_and_a_name_of_its_own() {
        let house = crate::api::tests::house().await;
        let mut names = std::collections::BTreeSet::new();
        for door in house.doors.iter().filter(|door| door.face == Face::Api) {
            assert!(!door.told.summary.is_empty(), "{}", door.path);
            assert!(names.insert(operation_id(door)), "{} twice", operation_id(door));
        }
    }
}
