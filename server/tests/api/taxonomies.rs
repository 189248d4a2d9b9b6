use arborist_shared::api::accounts::Role;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::house::{Client, House, TAXONOMY};

#[tokio::test(flavor = "multi_thread")]
async fn a_taxonomy_is_uploaded_and_browsed() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let upload = format!("/api/v1/projects/{project}/taxonomies");
    let form = Form::new()
        .text("comment", "ours")
        .part("file", Part::text(TAXONOMY).file_name("../tree.tsv"));
    let job = client
        .finish(
            client
                .send(client.request(Method::POST, &upload).multipart(form))
                .await,
        )
        .await;
    assert_eq!(job["kind"], "import_taxonomy");
    assert_eq!(job["title"], "Import taxonomy tree.tsv");
    assert_eq!(job["result"]["type"], "taxonomy");
    let id = Client::made(&job);

    let taxonomy = client
        .get(&format!("/api/v1/taxonomies/{id}"))
        .await
        .expect(200)
        .json()["taxonomy"]
        .clone();
    for (key, value) in [
        ("n_labels", json!(7)),
        ("depth", json!(3)),
        ("version", json!(1)),
        ("name", json!("tree.tsv")),
    ] {
        assert_eq!(taxonomy[key], value, "{key}");
    }
    let listed = client.get(&upload).await.expect(200).json();
    assert_eq!(listed["taxonomies"], json!([taxonomy]));

    let labels = |query: &str| {
        let (client, path) = (
            client.clone(),
            format!("/api/v1/taxonomies/{id}/labels?{query}"),
        );
        async move { client.get(&path).await.expect(200).json() }
    };
    let ids = |page: &Value| -> Vec<String> {
        page["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(&labels("").await),
        [
            "animals", "birds", "owls", "fish", "plants", "trees", "oaks"
        ]
    );
    assert_eq!(ids(&labels("parent=").await), ["animals", "plants"]);
    let below = labels("parent=animals").await;
    assert_eq!(ids(&below), ["birds", "fish"]);
    assert_eq!(below["labels"][0]["path"], json!(["animals", "birds"]));
    assert_eq!(
        (
            below["labels"][0]["level"].as_i64(),
            below["labels"][0]["n_children"].as_i64()
        ),
        (Some(2), Some(1))
    );
    assert_eq!(ids(&labels("search=S&limit=3").await).len(), 3);
    assert_eq!(ids(&labels("search=owl").await), ["owls"]);
    assert_eq!(
        ids(&labels("search=s&parent=plants").await),
        ["trees", "oaks"]
    );
    let first = labels("limit=4").await;
    assert_eq!(ids(&first).len(), 4);
    let second = labels(&format!(
        "limit=4&cursor={}",
        first["next"].as_str().unwrap()
    ))
    .await;
    assert_eq!(ids(&second), ["plants", "trees", "oaks"]);
    assert!(second["next"].is_null());
    let file = client.get(&format!("/api/v1/taxonomies/{id}/file")).await;
    let file = file.expect(200).json();
    assert_eq!(
        file["labels"][2],
        json!({"id": "owls", "name": "owls", "parents": ["birds"]})
    );
    let again = client
        .finish(client.upload(&upload, file.to_string()).await)
        .await;
    assert_eq!(
        Client::made(&again),
        id,
        "the same content is the same version"
    );
    client
        .get(&format!("/api/v1/taxonomies/{id}/labels?parent=rocks"))
        .await
        .problem(422, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_count_and_the_same_content_makes_none() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let first = client.taxonomy(project).await;
    assert_eq!(client.taxonomy(project).await, first);
    let upload = format!("/api/v1/projects/{project}/taxonomies");
    let job = client
        .finish(
            client
                .upload(&upload, "A\tRoot\nB\tRoot\nC\tA\nC\tB\n")
                .await,
        )
        .await;
    let listed = client.get(&upload).await.json();
    assert_eq!(listed["taxonomies"][0]["id"], Client::made(&job));
    assert_eq!(listed["taxonomies"][0]["version"], 2);
    assert_eq!(listed["taxonomies"][0]["n_multi_parent"], 1);
    assert_eq!(listed["taxonomies"][1]["id"], first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_taxonomy_fails_with_line_and_column() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let upload = format!("/api/v1/projects/{project}/taxonomies");
    let job = client
        .finish(
            client
                .upload(&format!("{upload}?format=tsv"), "A\tB\nB\tA\n")
                .await,
        )
        .await;
    assert_eq!(job["status"], "failed");
    assert!(job["error"].as_str().unwrap().contains("cycle"), "{job}");
    client
        .upload(&format!("{upload}?format=owl"), "x")
        .await
        .problem(422, "field_invalid");
    assert_eq!(client.get(&upload).await.json()["taxonomies"], json!([]));
    // The upload is gone.
    assert_eq!(
        std::fs::read_dir(house.data_dir().join("uploads"))
            .unwrap()
            .count(),
        0
    );

    let preview = client
        .upload(&format!("{upload}/preview"), TAXONOMY)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (preview["n_labels"].as_i64(), preview["format"].as_str()),
        (Some(7), Some("tsv"))
    );
    assert_eq!(preview["labels_per_level"], json!([2, 3, 2]));
    let cut = client
        .upload(
            &format!("{upload}/preview?partial=true"),
            &TAXONOMY.as_bytes()[..20],
        )
        .await
        .expect(200)
        .json();
    assert_eq!(cut["n_labels"], 1);
    let broken = client
        .upload(&format!("{upload}/preview?format=json"), "{")
        .await
        .expect(200)
        .json();
    assert!(
        broken["error"].as_str().unwrap().contains("line 1"),
        "{broken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_labels_survives_a_restart() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let details = json!({
        "language": "en",
        "names": [{"name": "Eulen", "language": "de", "kind": "preferred"}],
        "notes": [{"text": "Not those of Minerva."}],
        "notation": "598.97",
        "deprecated": true,
        "replaced_by": "birds",
    });
    let file = json!({"labels": [
        {"id": "birds", "name": "Birds", "parents": []},
        {"id": "owls", "name": "Owls", "parents": ["birds"], "details": details},
    ]});
    let upload = format!("/api/v1/projects/{project}/taxonomies");
    let made = client
        .finish(client.upload(&upload, file.to_string()).await)
        .await;
    let id = Client::made(&made);
    house.stop().await;
    house.start().await;
    let client = house.key(Role::Manager).await;
    let kept = client.get(&format!("/api/v1/taxonomies/{id}/file")).await;
    assert_eq!(kept.expect(200).json(), file);
    // What was read back is what the content hash is of.
    let again = client
        .finish(client.upload(&upload, file.to_string()).await)
        .await;
    assert_eq!(Client::made(&again), id);
}
