use std::path::Path;

use arborist_shared::api::accounts::Role;
use serde_json::Value;

use crate::house::House;

/// `docs/openapi.json` is what the server says. `ARBORIST_UPDATE_OPENAPI=1 cargo test -p arborist-server --test api openapi`
/// rewrites it, as `cargo xtask openapi` does; read the difference before committing it.
#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_one_in_the_docs() {
    let house = House::open().await;
    let served = house
        .anonymous()
        .get("/api/openapi.json")
        .await
        .expect(200)
        .json();
    assert!(
        served["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        served["openapi"]
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    if std::env::var_os("ARBORIST_UPDATE_OPENAPI").is_some() {
        std::fs::write(
            &path,
            format!("{}\n", serde_json::to_string_pretty(&served).unwrap()),
        )
        .unwrap();
    }
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(
        served == written,
        "docs/openapi.json is not what the server describes; run `cargo xtask openapi` and read the difference"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_to_try_it_is_found_without_its_slash() {
    let house = House::open().await;
    let client = house.key(Role::Viewer).await;
    let page = client.get("/api/docs").await.expect(200);
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.to_lowercase().contains("swagger"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reference_in_the_description_leads_somewhere() {
    let house = House::open().await;
    let document = house.anonymous().get("/api/openapi.json").await.json();
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(reference) if key == "$ref" => found.push(reference),
                        value => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
}
