use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::House;

const PATH: &str = "/api/v1/sample-project";

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_project_is_made_once_and_explains_the_product() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let body = json!({});
    // Asked twice at once, before there is anything.
    let (one, two) = tokio::join!(client.post(PATH, &body), client.post(PATH, &body));
    let (one, two) = (one.expect(202), two.expect(202));
    assert_eq!(one.json(), two.json());
    let job = one.json()["job"].as_i64().unwrap();
    assert_eq!(one.headers["location"], format!("/api/v1/jobs/{job}"));
    let ended = client.watch(job).await.pop().unwrap().1;
    assert_eq!(ended["status"], "succeeded", "{ended}");

    let again = client.post(PATH, &body).await.expect(200).json();
    assert_eq!(
        (&again["job"], &again["project"]),
        (&Value::Null, &one.json()["project"])
    );
    let projects = client.get("/api/v1/projects").await.json();
    assert_eq!(projects["projects"].as_array().unwrap().len(), 1);
    let project = one.json()["project"]["id"].as_i64().unwrap();
    let overview = client
        .get(&format!("/api/v1/projects/{project}/overview"))
        .await
        .expect(200)
        .json();
    let (corpus, taxonomy) = (&overview["corpus"], &overview["taxonomy"]);
    assert_eq!(corpus["version"], 1, "{corpus}");
    let documents = corpus["n_documents"].as_u64().unwrap();
    assert!((2_900..=3_100).contains(&documents), "{documents}");
    for part in ["n_train", "n_validation", "n_test"] {
        assert!(corpus[part].as_u64().unwrap() > 200, "{corpus}");
    }
    assert!(taxonomy["n_labels"].as_u64().unwrap() >= 40, "{taxonomy}");
    assert_eq!(taxonomy["depth"], 3, "{taxonomy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_project_takes_the_role_that_projects_take() {
    let house = House::open().await;
    let body = json!({});
    house
        .anonymous()
        .post(PATH, &body)
        .await
        .problem(401, "sign_in_required");
    for role in [Role::Viewer, Role::Annotator, Role::Reviewer] {
        let client = house.key(role).await;
        client.post(PATH, &body).await.problem(403, "forbidden");
    }
    let manager = house.key(Role::Manager).await;
    let projects = manager.get("/api/v1/projects").await.json();
    assert_eq!(projects["projects"], json!([]));
    let made = manager.post(PATH, &body).await.expect(202).json();
    manager.watch(made["job"].as_i64().unwrap()).await;
    // Who may look at it is told where it is.
    let viewer = house.key(Role::Viewer).await;
    viewer.post(PATH, &body).await.expect(200);
}
