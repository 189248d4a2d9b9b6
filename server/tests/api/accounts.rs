use arborist_server::app::ServeOptions;
use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::house::{House, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_sets_the_password_once() {
    let mut house = House::open().await;
    let visitor = house.anonymous();
    let session = visitor.get("/api/v1/session").await.expect(200).json();
    assert_eq!(
        (session["user"].is_null(), session["first_start"] == true),
        (true, true)
    );

    let wrong = json!({"token": "guess", "name": "admin", "password": PASSWORD});
    visitor
        .post("/api/v1/first-start", &wrong)
        .await
        .problem(401, "first_start_refused");
    let link = house.server().first_start_link().unwrap();
    assert!(
        link.starts_with("http://127.0.0.1:") && link.contains("/first-start?token="),
        "{link}"
    );
    let token = link.split_once("token=").unwrap().1.to_owned();
    let short = json!({"token": token, "name": "admin", "password": "short"});
    let problem = visitor
        .post("/api/v1/first-start", &short)
        .await
        .problem(422, "field_invalid");
    assert_eq!(problem["errors"][0]["field"], "/password");

    let right = json!({"token": token, "name": "admin", "password": PASSWORD});
    let answer = visitor
        .post("/api/v1/first-start", &right)
        .await
        .expect(200);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(answer.json()["user"]["role"], "admin");
    visitor.get("/api/v1/projects").await.expect(200);
    house
        .anonymous()
        .post("/api/v1/first-start", &right)
        .await
        .problem(409, "first_start_done");

    house.stop().await;
    house.start().await;
    assert!(house.server().first_start_link().is_none());
    assert_eq!(
        house.anonymous().get("/api/v1/session").await.json()["first_start"],
        false
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_the_cookie_travels_nowhere_else() {
    let mut house = House::open().await;
    house.stop().await;
    let options = ServeOptions {
        public_url: Some("https://trees.example/".to_owned()),
        ..house.options()
    };
    house.start_with(options).await;
    let link = house.server().first_start_link().unwrap();
    let token = link
        .strip_prefix("https://trees.example/first-start?token=")
        .unwrap();
    let visitor = house.anonymous();
    let admin = json!({"token": token, "name": "admin", "password": PASSWORD});
    let answer = visitor.post("/api/v1/first-start", &admin).await;
    let sign_in = json!({"name": "admin", "password": PASSWORD});
    let again = visitor.post("/api/v1/session", &sign_in).await;
    for answer in [answer.expect(200), again.expect(200)] {
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        for part in ["Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_and_out() {
    let house = House::open().await;
    house.admin().await;
    let visitor = house.anonymous();
    let sign_in = |password: &str| json!({"name": "admin", "password": password});
    visitor
        .post("/api/v1/session", &sign_in("wrong password"))
        .await
        .problem(401, "sign_in_refused");
    let nobody = json!({"name": "nobody", "password": PASSWORD});
    visitor
        .post("/api/v1/session", &nobody)
        .await
        .problem(401, "sign_in_refused");
    visitor
        .post("/api/v1/session", &sign_in(PASSWORD))
        .await
        .expect(200);
    assert_eq!(
        visitor.get("/api/v1/session").await.json()["user"]["name"],
        "admin"
    );
    visitor.delete("/api/v1/session").await.expect(204);
    visitor
        .get("/api/v1/projects")
        .await
        .problem(401, "sign_in_required");

    // Ten tries a minute for one name, right or wrong.
    let mut refused = None;
    for _ in 0..12 {
        let answer = visitor.post("/api/v1/session", &sign_in("guess")).await;
        if answer.status.as_u16() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.expect("guessing ends");
    assert!(answer.headers.contains_key("retry-after"));
    answer.problem(429, "too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_once_and_can_be_revoked() {
    let house = House::open().await;
    let admin = house.admin().await;
    let body = json!({"name": "nightly", "role": "viewer"});
    let created = admin.post("/api/v1/keys", &body).await.expect(201).json();
    let mut program = house.anonymous();
    program.key = Some(created["key"].as_str().unwrap().to_owned());
    program.get("/api/v1/projects").await.expect(200);
    program.get("/api/v1/keys").await.problem(403, "forbidden");
    program
        .post("/api/v1/projects", &json!({"name": "x"}))
        .await
        .problem(403, "forbidden");

    let keys = admin.get("/api/v1/keys").await.expect(200).json();
    assert_eq!(keys["keys"][0]["name"], "nightly");
    assert!(!keys.to_string().contains(program.key.as_deref().unwrap()));
    admin
        .delete(&format!("/api/v1/keys/{}", created["id"]))
        .await
        .expect(204);
    program
        .get("/api/v1/projects")
        .await
        .problem(401, "sign_in_required");
    admin
        .delete(&format!("/api/v1/keys/{}", created["id"]))
        .await
        .problem(404, "key_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_cannot_act() {
    let house = House::open().await;
    let admin = house.admin().await;
    let body = json!({"name": "Trees"});
    let create = || admin.request(Method::POST, "/api/v1/projects").json(&body);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        admin
            .send(create().header(name, value))
            .await
            .problem(403, "foreign_origin");
    }
    admin
        .send(
            create()
                .header("origin", admin.url.clone())
                .header("sec-fetch-site", "same-origin"),
        )
        .await
        .expect(201);
    // A key is not sent by a browser on its own.
    let program = house.key(Role::Manager).await;
    let request = program
        .request(Method::POST, "/api/v1/projects")
        .json(&body)
        .header("origin", "https://tool.example");
    program.send(request).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answers_without_sign_in_but_what_is_public() {
    let house = House::open().await;
    let visitor = house.anonymous();
    let document = visitor.get("/api/openapi.json").await.expect(200).json();
    let public = [
        ("get", "/api/v1/session"),
        ("post", "/api/v1/session"),
        ("delete", "/api/v1/session"),
        ("post", "/api/v1/first-start"),
        // The address is the secret.
        ("get", "/api/v1/remote-taxonomies/{token}"),
    ];
    let mut closed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if public.contains(&(method.as_str(), path.as_str())) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let request = visitor.request(method.clone(), &path.replace("{id}", "1"));
            let answer = visitor.send(request).await;
            if method == Method::HEAD {
                // Without a body to say why.
                assert_eq!(answer.status, 401, "{path}");
            } else {
                answer.problem(401, "sign_in_required");
            }
            closed += 1;
        }
    }
    assert!(closed > 20, "{closed}");
    for path in ["/healthz", "/readyz"] {
        visitor.get(path).await.expect(200);
    }
    visitor
        .get("/api/docs/")
        .await
        .problem(401, "sign_in_required");
    visitor
        .get("/api/v1/nothing")
        .await
        .problem(401, "sign_in_required");
    house
        .key(Role::Viewer)
        .await
        .get("/api/docs/")
        .await
        .expect(200);
    let mut stranger = house.anonymous();
    stranger.key = Some("arb_0000".to_owned());
    stranger
        .get("/api/v1/projects")
        .await
        .problem(401, "sign_in_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_what_it_may() {
    let house = House::open().await;
    let manager = house.key(Role::Manager).await;
    let project = manager.project().await;
    let job = manager
        .upload(
            &format!("/api/v1/projects/{project}/taxonomies"),
            "A\tRoot\n",
        )
        .await
        .expect(202)
        .json()["job"]
        .clone();
    let read = [
        format!("/api/v1/projects/{project}"),
        format!("/api/v1/projects/{project}/overview"),
        format!("/api/v1/projects/{project}/taxonomies"),
        format!("/api/v1/projects/{project}/corpora"),
        format!("/api/v1/projects/{project}/documents"),
        format!("/api/v1/projects/{project}/assets"),
        format!("/api/v1/projects/{project}/runs"),
        format!("/api/v1/jobs?project={project}"),
        format!("/api/v1/jobs/{job}"),
        "/api/v1/plugins".to_owned(),
    ];
    let write = [
        format!("/api/v1/projects/{project}/taxonomies"),
        format!("/api/v1/projects/{project}/taxonomies/preview"),
        format!("/api/v1/projects/{project}/corpora?taxonomy=1"),
        format!("/api/v1/projects/{project}/corpora/preview?taxonomy=1"),
        format!("/api/v1/projects/{project}/assets?kind=encoder"),
    ];
    for role in [Role::Viewer, Role::Annotator, Role::Reviewer] {
        let client = house.key(role).await;
        for path in &read {
            client.get(path).await.expect(200);
        }
        for path in &write {
            client
                .upload(path, "A\tRoot\n")
                .await
                .problem(403, "forbidden");
        }
        client
            .post(&format!("/api/v1/projects/{project}/runs"), &json!({}))
            .await
            .problem(403, "forbidden");
        client
            .delete(&format!("/api/v1/jobs/{job}"))
            .await
            .problem(403, "forbidden");
        client
            .post("/api/v1/projects", &json!({"name": "x"}))
            .await
            .problem(403, "forbidden");
    }
    for client in [manager, house.key(Role::Admin).await] {
        for path in &read {
            client.get(path).await.expect(200);
        }
        client.upload(&write[0], "A\tRoot\n").await.expect(202);
        client
            .post(&format!("/api/v1/projects/{project}/runs"), &json!({}))
            .await
            .problem(422, "field_invalid");
    }
}
