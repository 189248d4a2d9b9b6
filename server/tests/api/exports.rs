//! Exports as jobs: written once, fetched from any byte on, and gone after a while.

use std::time::{Duration, SystemTime};

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::house::{Answer, Client, Estate, House};

async fn export(client: &Client, corpus: i64, body: &Value) -> Answer {
    client
        .post(&format!("/api/v1/corpora/{corpus}/exports"), body)
        .await
}

async fn part(client: &Client, path: &str, range: &str) -> Answer {
    let request = client.request(Method::GET, path);
    client.send(request.header("range", range)).await
}

fn again(house: &House, client: &Client) -> Client {
    Client {
        url: format!("http://{}", house.server().address()),
        ..client.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_written_once_and_fetched_from_any_byte_on() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let viewer = house.key(Role::Viewer).await;
    let wish = json!({"format": "csv", "split": "train"});
    let accepted = export(&viewer, estate.corpus, &wish).await;
    let job = viewer.finish(accepted).await;
    assert_eq!(
        (&job["kind"], &job["title"], &job["result"]["type"]),
        (
            &json!("export_corpus"),
            &json!("Export corpus-1-train.csv"),
            &json!("export")
        )
    );
    assert_eq!(job["progress"][0]["current"], 120, "{job}");
    let id = Client::made(&job);
    let path = format!("/api/v1/exports/{id}");
    let file = viewer.get(&path).await.expect(200);
    let direct = format!(
        "/api/v1/corpora/{}/export?format=csv&split=train",
        estate.corpus
    );
    let direct = viewer.get(&direct).await.expect(200);
    assert_eq!(file.body, direct.body);
    for header in ["content-type", "content-disposition"] {
        assert_eq!(file.headers[header], direct.headers[header]);
    }

    // As a download goes on that broke off, also with a server that was started again meanwhile.
    let half = file.body.len() / 2;
    house.stop().await;
    house.start().await;
    let viewer = again(&house, &viewer);
    let rest = part(&viewer, &path, &format!("bytes={half}-")).await;
    let rest = rest.expect(206);
    assert_eq!([&file.body[..half], &rest.body].concat(), file.body);
    assert_eq!(
        rest.headers["content-range"],
        format!("bytes {half}-{}/{}", file.body.len() - 1, file.body.len())
    );
    assert_eq!(rest.headers["etag"], file.headers["etag"]);
    let packed = viewer.request(Method::GET, &path);
    let packed = viewer.send(packed.header("accept-encoding", "gzip")).await;
    assert_eq!(packed.headers["content-encoding"], "identity");
    assert_eq!(packed.body, file.body);
    let beyond = part(&viewer, &path, "bytes=999999999-").await;
    let length = format!("bytes */{}", file.body.len());
    assert_eq!(beyond.headers["content-range"], length);
    beyond.problem(416, "range_not_satisfiable");
    let other = viewer.request(Method::GET, &path);
    let other = other
        .header("range", "bytes=5-")
        .header("if-range", "\"of another file\"");
    assert_eq!(viewer.send(other).await.expect(200).body, file.body);

    // The same again is there already; another one is not.
    let same = export(&viewer, estate.corpus, &wish).await.expect(202);
    assert_eq!(same.json()["job"], job["id"]);
    let all = export(&viewer, estate.corpus, &json!({})).await;
    let all = Client::made(&viewer.finish(all).await);
    let list = format!("/api/v1/projects/{}/exports", estate.project);
    let exports = viewer.get(&list).await.expect(200).json()["exports"].clone();
    assert_eq!(
        (&exports[0]["id"], &exports[1]["id"]),
        (&json!(all), &json!(id))
    );
    assert_eq!(exports[0]["format"], "jsonl");
    assert_eq!(exports[0]["split"], Value::Null);
    let shown = &exports[1];
    assert_eq!(shown["name"], "corpus-1-train.csv");
    assert_eq!(shown["corpus"], estate.corpus);
    assert_eq!(shown["n_bytes"], file.body.len());
    assert!(shown["until"].is_string());
    let first = viewer.get(&format!("{list}?limit=1")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = viewer.get(&format!("{list}?limit=1&cursor={next}")).await;
    assert_eq!(second.json()["exports"][0]["id"], id);

    house.admin().await;
    let stranger = house.person("eve", Role::Viewer, &[]).await;
    stranger.get(&path).await.problem(404, "export_not_found");
    export(&viewer, estate.corpus, &json!({"format": "txt"}))
        .await
        .problem(422, "field_invalid");
    export(&viewer, estate.corpus, &json!({"split": "rest"}))
        .await
        .problem(422, "field_invalid");
    export(&viewer, 99, &json!({}))
        .await
        .problem(404, "corpus_not_found");
    // The id of a job that does something else.
    let other = viewer.get("/api/v1/jobs?limit=50").await.json();
    let other = other["jobs"].as_array().unwrap().last().unwrap()["id"].clone();
    let none = format!("/api/v1/exports/{other}");
    viewer.get(&none).await.problem(404, "export_not_found");

    viewer.delete(&path).await.problem(403, "forbidden");
    let manager = again(&house, &client);
    manager.delete(&path).await.expect(204);
    viewer.get(&path).await.problem(404, "export_not_found");
    let anew = export(&viewer, estate.corpus, &wish).await;
    let anew = Client::made(&viewer.finish(anew).await);
    assert_ne!(anew, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_waits_is_cancelled_and_outlives_the_server() {
    let mut house = House::open().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    // Another server is at an export of this project, so that ours wait.
    let db = house.server().app().db.write();
    let columns = "project_id, slot, title, request, progress, attempts, interruptions, cancel_requested, created_at, priority, position, history";
    db.execute_unprepared(&format!(
        "INSERT INTO job (kind, {columns}, status, lease_owner, lease_until) \
         SELECT 'export_corpus', {columns}, 'running', 'elsewhere', '2999-01-01T00:00:00+00:00' FROM job \
         WHERE kind = 'import_corpus'"
    ))
    .await
    .unwrap();
    let wait = async |client: &Client, format: &str| {
        let accepted = export(client, estate.corpus, &json!({"format": format})).await;
        accepted.expect(202).json()["job"].as_i64().unwrap()
    };
    house.admin().await;
    let viewer = [(estate.project, Role::Viewer)];
    let viewer = house.person("vera", Role::Viewer, &viewer).await;
    let cancelled = wait(&viewer, "csv").await;
    let kept = wait(&client, "tsv").await;
    assert_eq!(wait(&client, "tsv").await, kept);
    let path = format!("/api/v1/exports/{kept}");
    client.get(&path).await.problem(409, "export_not_ready");
    let list = format!("/api/v1/projects/{}/exports", estate.project);
    let exports = client.get(&list).await.json()["exports"].clone();
    assert_eq!(exports.as_array().unwrap().len(), 2);
    assert_eq!(exports[0]["n_bytes"], Value::Null);
    // Whoever asked for a file may do without it, and without no other.
    let other = viewer.delete(&format!("/api/v1/jobs/{kept}")).await;
    other.problem(403, "forbidden");
    let own = viewer.delete(&format!("/api/v1/jobs/{cancelled}")).await;
    own.expect(200);
    let ended = client.watch(cancelled).await.pop().unwrap().1;
    assert_eq!(ended["status"], "cancelled");
    let gone = format!("/api/v1/exports/{cancelled}");
    client.get(&gone).await.problem(409, "export_not_ready");
    let exports = client.get(&list).await.json()["exports"].clone();
    assert_eq!(exports.as_array().unwrap().len(), 1);

    house.stop().await;
    // Half a file of a server that was killed while it wrote, and a whole one whose time is over.
    let folder = house.data_dir().join("exports");
    std::fs::write(folder.join(format!("{kept}.partial")), "half").unwrap();
    std::fs::write(folder.join("77"), "old").unwrap();
    let old = std::fs::File::options().write(true).open(folder.join("77"));
    let month = Duration::from_secs(30 * 24 * 3600);
    old.unwrap()
        .set_modified(SystemTime::now() - month)
        .unwrap();
    house.start().await;
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let over = "UPDATE job SET status = 'failed' WHERE lease_owner = 'elsewhere'";
    let db = house.server().app().db.write();
    db.execute_unprepared(over).await.unwrap();
    let client = again(&house, &client);
    let job = client.watch(kept).await.pop().unwrap().1;
    assert_eq!(Client::made(&job), kept);
    let file = client.get(&path).await.expect(200);
    assert_eq!(file.body.split(|&byte| byte == b'\n').count(), 202);
}
