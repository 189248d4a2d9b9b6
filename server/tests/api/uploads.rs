//! Files in pieces: broken off and gone on with, by whom they belong to, whatever the server did meanwhile.

use std::time::{Duration, SystemTime};

use arborist_shared::api::accounts::Role;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::house::{Answer, Client, House, TAXONOMY, corpus, wait_until};

const PIECE: &str = "application/offset+octet-stream";

fn again(house: &House, client: &Client) -> Client {
    Client {
        url: format!("http://{}", house.server().address()),
        ..client.clone()
    }
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn begin(client: &Client, project: i64, body: Value) -> String {
    let path = format!("/api/v1/projects/{project}/uploads");
    let answer = client.post(&path, &body).await.expect(201);
    let id = answer.json()["upload"]["id"].as_str().unwrap().to_owned();
    let address = format!("/api/v1/uploads/{id}");
    assert_eq!(answer.headers["location"], address);
    address
}

async fn send(client: &Client, upload: &str, offset: usize, body: impl Into<Body>) -> Answer {
    let request = client.request(Method::PATCH, upload);
    let request = request
        .header("content-type", PIECE)
        .header("upload-offset", offset);
    client.send(request.body(body)).await
}

/// How much the server says has arrived.
async fn arrived(client: &Client, upload: &str) -> usize {
    let answer = client.send(client.request(Method::HEAD, upload)).await;
    let answer = answer.expect(200);
    assert_eq!(answer.headers["tus-resumable"], "1.0.0");
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.headers["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn id_of(upload: &str) -> &str {
    upload.rsplit('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_broke_off_and_becomes_a_corpus() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let file = corpus(0, 40_000).into_bytes();
    let new = json!({
        "name": "C:\\data\\news.jsonl", "n_bytes": file.len(), "content_hash": digest(&file), "mark": "news 1",
    });
    let upload = begin(&client, project, new).await;
    let third = file.len() / 3;
    let answer = send(&client, &upload, 0, file[..third].to_vec()).await;
    let answer = answer.expect(204);
    assert_eq!(answer.headers["upload-offset"], third.to_string());
    assert_eq!(arrived(&client, &upload).await, third);

    // A connection that is lost in the middle of a piece: what came over it counts.
    let piece = file[third..2 * third].to_vec();
    let broken = stream::iter([Ok(piece), Err(std::io::Error::other("the cable"))]);
    let request = client.request(Method::PATCH, &upload);
    let request = request
        .header("content-type", PIECE)
        .header("upload-offset", third);
    let lost = request.body(Body::wrap_stream(broken)).send().await;
    assert!(lost.is_err());

    // What has arrived outlives the server, with what it is.
    house.stop().await;
    house.start().await;
    let client = again(&house, &client);
    let offset = arrived(&client, &upload).await;
    assert!((third..=2 * third).contains(&offset), "{offset}");
    let list = format!("/api/v1/projects/{project}/uploads");
    let open = client
        .get(&format!("{list}?mark=news%201"))
        .await
        .expect(200);
    let open = &open.json()["uploads"];
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &open[0]["name"],
            &open[0]["n_bytes"],
            &open[0]["n_received"]
        ),
        (&json!("news.jsonl"), &json!(file.len()), &json!(offset))
    );
    let none = client.get(&format!("{list}?mark=other")).await.json();
    assert_eq!(none["uploads"], json!([]));

    let import = format!(
        "/api/v1/projects/{project}/corpora?taxonomy={taxonomy}&upload={}",
        id_of(&upload)
    );
    let early = client.upload(&import, "").await;
    early.problem(409, "upload_incomplete");
    let rest = file[offset..].to_vec();
    send(&client, &upload, offset, rest).await.expect(204);
    let job = client.finish(client.upload(&import, "").await).await;
    assert_eq!(job["title"], "Import corpus news.jsonl");
    let made = Client::made(&job);
    let shown = client.get(&format!("/api/v1/corpora/{made}")).await.json();
    assert_eq!(shown["corpus"]["n_documents"], 40_000);

    // It is the job's own now, and the job is done.
    client.get(&upload).await.problem(404, "upload_not_found");
    let once_more = client.upload(&import, "").await;
    once_more.problem(404, "upload_not_found");
    let left = std::fs::read_dir(house.data_dir().join("uploads")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let path = format!("/api/v1/projects/{project}/uploads");
    for (body, field) in [
        (json!({"name": "a", "n_bytes": 0}), "/n_bytes"),
        (json!({"name": "a", "n_bytes": 1_u64 << 40}), "/n_bytes"),
        (
            json!({"name": "a", "n_bytes": 1, "content_hash": "abc"}),
            "/content_hash",
        ),
        (
            json!({"name": "a", "n_bytes": 1, "mark": "x".repeat(2_001)}),
            "/mark",
        ),
    ] {
        let problem = client
            .post(&path, &body)
            .await
            .problem(422, "field_invalid");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let upload = begin(&client, project, json!({"name": "a", "n_bytes": 10})).await;
    let wrong = send(&client, &upload, 3, "345").await;
    let problem = wrong.problem(409, "upload_offset");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Upload-Offset: 0")
    );
    send(&client, &upload, 0, "0123").await.expect(204);
    // Sent twice: nothing is written twice.
    let twice = send(&client, &upload, 0, "0123").await;
    twice.problem(409, "upload_offset");
    let long = send(&client, &upload, 4, "456789abc").await;
    long.problem(413, "payload_too_large");
    // Without a length beforehand, what fits is kept.
    let endless = stream::iter(["45", "6789abc"].map(Ok::<_, std::io::Error>));
    let long = send(&client, &upload, 4, Body::wrap_stream(endless)).await;
    long.problem(413, "payload_too_large");
    assert!([4, 6].contains(&arrived(&client, &upload).await));

    let request = client.request(Method::PATCH, &upload).body("456789");
    let without = client.send(request).await;
    without.problem(415, "unsupported_media_type");
    let request = client.request(Method::PATCH, &upload).body("456789");
    let without = client.send(request.header("content-type", PIECE)).await;
    without.problem(400, "bad_request");

    // What arrives is not what was said: it goes, and has to be sent again.
    let said = json!({"name": "a", "n_bytes": 4, "content_hash": digest(b"abcd")});
    let corrupt = begin(&client, project, said).await;
    let wrong = send(&client, &corrupt, 0, "abcx").await;
    wrong.problem(422, "upload_corrupt");
    client.get(&corrupt).await.problem(404, "upload_not_found");

    client.delete(&upload).await.expect(204);
    let gone = send(&client, &upload, 4, "456789").await;
    gone.problem(404, "upload_not_found");
    for odd in ["..%2F..%2Fdatabase", "0123abcd", &"z".repeat(32)] {
        let odd = client.get(&format!("/api/v1/uploads/{odd}")).await;
        odd.problem(404, "upload_not_found");
    }
    for _ in 0..20 {
        begin(&client, project, json!({"name": "a", "n_bytes": 10})).await;
    }
    let many = client
        .post(&path, &json!({"name": "a", "n_bytes": 10}))
        .await;
    many.problem(429, "too_many_uploads");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_owners_and_of_one_project() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let other = house.key(Role::Manager).await;
    let viewer = house.key(Role::Viewer).await;
    let (project, elsewhere) = (client.project().await, client.project().await);
    let new = json!({"name": "tree.tsv", "n_bytes": TAXONOMY.len()});
    let list = format!("/api/v1/projects/{project}/uploads");
    viewer.post(&list, &new).await.problem(403, "forbidden");
    let upload = begin(&client, project, new).await;
    for request in [Method::GET, Method::DELETE] {
        let answer = other.send(other.request(request, &upload)).await;
        answer.problem(404, "upload_not_found");
    }
    let foreign = send(&other, &upload, 0, TAXONOMY).await;
    foreign.problem(404, "upload_not_found");
    assert_eq!(other.get(&list).await.json()["uploads"], json!([]));
    send(&client, &upload, 0, TAXONOMY).await.expect(204);
    let id = id_of(&upload);
    let import = |project: i64| format!("/api/v1/projects/{project}/taxonomies?upload={id}");
    let foreign = other.upload(&import(project), "").await;
    foreign.problem(404, "upload_not_found");
    let wrong = client.upload(&import(elsewhere), "").await;
    wrong.problem(422, "field_invalid");
    // It can still be taken, once.
    Client::made(
        &client
            .finish(client.upload(&import(project), "").await)
            .await,
    );
    let twice = client.upload(&import(project), "").await;
    twice.problem(404, "upload_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_request_goes_on_with_an_upload() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let upload = begin(&client, project, json!({"name": "a", "n_bytes": 8})).await;
    // A sender that fell silent without closing its connection, as laptops do that are shut.
    let first = stream::iter([Ok::<_, std::io::Error>("0123")]);
    let silent = futures_util::StreamExt::chain(first, stream::pending());
    let (here, at) = (client.clone(), upload.clone());
    let silent = tokio::spawn(async move { send(&here, &at, 0, Body::wrap_stream(silent)).await });
    // It comes back and asks how far it got; the request that it makes then ends the silent one.
    let (here, at) = (client.clone(), upload.clone());
    wait_until("the new request is served", || {
        let (client, upload) = (here.clone(), at.clone());
        async move {
            let offset = arrived(&client, &upload).await;
            let rest = "01234567".get(offset..).unwrap();
            send(&client, &upload, offset, rest).await.status == 204
        }
    })
    .await;
    silent.await.unwrap().problem(409, "upload_offset");
    assert_eq!(arrived(&client, &upload).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_goes_on_with_is_removed() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let new = || json!({"name": "a", "n_bytes": 8});
    let (old, young) = (
        begin(&client, project, new()).await,
        begin(&client, project, new()).await,
    );
    let uploads = house.data_dir().join("uploads");
    let file = std::fs::File::options()
        .write(true)
        .open(uploads.join(id_of(&old)))
        .unwrap();
    let days = Duration::from_secs(3 * 24 * 3600);
    file.set_modified(SystemTime::now() - days).unwrap();
    client.get(&old).await.problem(404, "upload_not_found");
    house.stop().await;
    house.start().await;
    let client = again(&house, &client);
    client.get(&old).await.problem(404, "upload_not_found");
    client.get(&young).await.expect(200);
    // The file, and what it is.
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 2);
}
