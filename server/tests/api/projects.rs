use arborist_shared::api::accounts::Role;
use serde_json::json;

use crate::house::{Client, Estate, House};

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_listed_and_shown() {
    let house = House::open().await;
    let client = house.admin().await;
    for name in ["", "  ", "a\nb"] {
        client
            .post("/api/v1/projects", &json!({"name": name}))
            .await
            .problem(422, "field_invalid");
    }
    let made = client
        .post("/api/v1/projects", &json!({"name": " Trees "}))
        .await
        .expect(201);
    let project = made.json()["project"].clone();
    assert_eq!(
        (project["name"].as_str(), project["role"].as_str()),
        (Some("Trees"), Some("admin"))
    );
    assert_eq!(
        made.headers["location"],
        format!("/api/v1/projects/{}", project["id"])
    );
    let listed = client.get("/api/v1/projects").await.expect(200).json();
    assert_eq!(listed["projects"][0], project);
    assert_eq!(
        client
            .get(&format!("/api/v1/projects/{}", project["id"]))
            .await
            .json()["project"],
        project
    );
    client
        .get("/api/v1/projects/99")
        .await
        .problem(404, "project_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_what_there_is() {
    let house = House::with_toy().await;
    let client: Client = house.key(Role::Manager).await;
    let project = client.project().await;
    let empty = client
        .get(&format!("/api/v1/projects/{project}/overview"))
        .await
        .expect(200)
        .json();
    assert!(
        empty["taxonomy"].is_null() && empty["corpus"].is_null() && empty["best_run"].is_null()
    );

    let estate = Estate::new(&client).await;
    let run = estate.trained(&client, json!({})).await;
    let overview = client
        .get(&format!("/api/v1/projects/{}/overview", estate.project))
        .await
        .expect(200)
        .json();
    assert_eq!(overview["taxonomy"]["id"], estate.taxonomy);
    assert_eq!(overview["corpus"]["id"], estate.corpus);
    assert_eq!(overview["best_run"]["id"], run);
    assert_eq!(overview["n_runs"], 1);
    assert_eq!(overview["jobs"].as_array().unwrap().len(), 3);
}
