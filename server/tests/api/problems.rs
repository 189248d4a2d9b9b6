use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_is_a_problem() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;

    let malformed = client
        .request(Method::POST, "/api/v1/projects")
        .header("content-type", "application/json")
        .body("{\"name\":");
    let problem = client.send(malformed).await.problem(400, "malformed_json");
    assert_eq!(problem["instance"], "/api/v1/projects");
    client
        .post("/api/v1/projects", &json!({"title": "x"}))
        .await
        .problem(400, "malformed_json");
    let text = client
        .request(Method::POST, "/api/v1/projects")
        .header("content-type", "text/plain")
        .body("{}");
    client
        .send(text)
        .await
        .problem(415, "unsupported_media_type");
    let huge = client
        .request(Method::POST, "/api/v1/projects")
        .header("content-type", "application/json")
        .body("x".repeat(2 << 20));
    client.send(huge).await.problem(413, "payload_too_large");

    client
        .get(&format!("/api/v1/projects/{project}/runs?limit=many"))
        .await
        .problem(400, "malformed_query");
    client
        .get(&format!("/api/v1/projects/{project}/runs?cursor=nonsense"))
        .await
        .problem(400, "cursor_invalid");
    client
        .upload(
            &format!("/api/v1/projects/{project}/assets?kind=pickle"),
            "x",
        )
        .await
        .problem(400, "malformed_query");
    client
        .get("/api/v1/projects/abc")
        .await
        .problem(404, "route_not_found");
    client
        .get("/api/v1/nothing/here")
        .await
        .problem(404, "route_not_found");
    client
        .get("/api/nothing")
        .await
        .problem(404, "route_not_found");
    client
        .send(client.request(Method::PUT, "/api/v1/projects"))
        .await
        .problem(404, "route_not_found");
    for (path, code) in [
        ("/api/v1/projects/9", "project_not_found"),
        ("/api/v1/taxonomies/9", "taxonomy_not_found"),
        ("/api/v1/taxonomies/9/labels", "taxonomy_not_found"),
        ("/api/v1/corpora/9", "corpus_not_found"),
        ("/api/v1/corpora/9/rejects", "corpus_not_found"),
        ("/api/v1/documents/9", "document_not_found"),
        ("/api/v1/jobs/9", "job_not_found"),
        ("/api/v1/jobs/9/events", "job_not_found"),
        ("/api/v1/runs/9", "run_not_found"),
        ("/api/v1/runs/9/metrics", "run_not_found"),
        ("/api/v1/comparisons/9", "comparison_not_found"),
    ] {
        client.get(path).await.problem(404, code);
    }
    client
        .upload(&format!("/api/v1/projects/{project}/taxonomies"), "")
        .await
        .problem(400, "malformed_upload");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_keep_browsers_careful() {
    let house = House::open().await;
    for path in ["/", "/runs/7", "/api/v1/session"] {
        let answer = house.anonymous().get(path).await;
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval'")
                && !policy.contains("script-src 'self' 'unsafe-inline'")
        );
        assert!(policy.contains("frame-ancestors 'none'"));
    }
    assert_eq!(
        house.anonymous().get("/api/v1/session").await.headers["cache-control"],
        "no-store"
    );
}
