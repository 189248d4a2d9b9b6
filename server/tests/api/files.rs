//! Corpus files as people have them: packed, in other encodings, damaged, hostile.

use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use crate::house::{Client, House, corpus};

/// A table in another encoding, packed, with columns of its own names.
#[tokio::test(flavor = "multi_thread")]
async fn a_packed_table_in_another_encoding_comes_in() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let mut table = b"Nr;Beschreibung;Thema;Jahr\n".to_vec();
    for row in [
        "1;Größe der Eulen;animals > birds > owls|plants;2020\n",
        "2;Käse;fish;2021\n",
        "3;Äpfel;rocks;2021\n",
    ] {
        table.extend(row.chars().map(|letter| letter as u8));
    }
    let columns = "text_column=Beschreibung&id_column=Nr&label_columns=Thema&date_column=Jahr";
    let preview =
        format!("/api/v1/projects/{project}/corpora/preview?taxonomy={taxonomy}&{columns}");
    let shown = client
        .upload(&preview, gzip(&table))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&shown["format"], &shown["encoding"], &shown["columns"]),
        (
            &json!("csv"),
            &json!("windows-1252"),
            &json!(["Nr", "Beschreibung", "Thema", "Jahr"])
        )
    );
    assert_eq!(shown["reading"]["path_separator"], " > ", "{shown}");
    assert_eq!(
        shown["rows"][0]["paths"],
        json!([["animals", "birds", "owls"], ["plants"]])
    );
    assert_eq!(shown["unknown_labels"][0]["label"], "rocks");

    let path =
        format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}&name=t.csv.gz&{columns}");
    let corpus = Client::made(
        &client
            .finish(client.upload(&path, gzip(&table)).await)
            .await,
    );
    let page = documents(&client, project, corpus).await;
    let keys: Vec<&Value> = page["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["key"])
        .collect();
    assert_eq!(keys, ["1", "2"]);
    assert_eq!(page["documents"][0]["text"], "Gr\u{f6}\u{df}e der Eulen");
    assert_eq!(page["documents"][0]["explicit"], json!(["owls", "plants"]));
    client
        .upload(&format!("{preview}&format=xls"), table)
        .await
        .problem(422, "field_invalid");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Files that are damaged or mean harm end their job with a sentence; the server stays up.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_fail_with_a_reason() {
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    let packed = gzip(corpus(0, 500).as_bytes());
    let zip = |name: &str| {
        use std::io::Write as _;
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(corpus(0, 5).as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    };
    for (file, reason) in [
        (packed[..packed.len() / 2].to_vec(), "cut off"),
        (zip("../../../evil.jsonl"), "outside of itself"),
        (b"PK\x03\x04".to_vec(), "archive cannot be read"),
        (b"{\"text\":\"a\\u0000b\"}\n".to_vec(), "NUL character"),
        (vec![0; 5_000], "none of 1 rows could be read"),
    ] {
        let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
        let job = client.finish(client.upload(&path, file).await).await;
        assert_eq!(job["status"], "failed", "{reason}: {job}");
        assert!(job["error"].as_str().unwrap().contains(reason), "{job}");
    }
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let job = client
        .finish(client.upload(&path, zip("fine.jsonl")).await)
        .await;
    Client::made(&job);
    assert!(!house.dir.path().join("evil.jsonl").exists());
    let listed = client
        .get(&format!("/api/v1/projects/{project}/corpora"))
        .await
        .json();
    assert_eq!(listed["corpora"].as_array().unwrap().len(), 1);
}

async fn documents(client: &Client, project: i64, corpus: i64) -> Value {
    let path = format!("/api/v1/projects/{project}/documents?corpus={corpus}");
    client.get(&path).await.expect(200).json()
}

/// The most that this process, the server in it, has held in memory, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_100_megabytes_is_a_reject_and_takes_little_memory() {
    const LINE: usize = 100_000_000;
    let house = House::open().await;
    let client = house.key(Role::Manager).await;
    let project = client.project().await;
    let taxonomy = client.taxonomy(project).await;
    // Whatever else takes memory has been taken by the first import.
    client.corpus(project, taxonomy, corpus(0, 2_000)).await;
    let before = peak_memory();
    let fine =
        |id: &str| format!("{{\"id\":\"{id}\",\"text\":\"text of {id}\",\"labels\":[\"owls\"]}}\n");
    let piece = b"x".repeat(1_000_000);
    let pieces = std::iter::once(format!("{}{{\"text\":\"", fine("first")).into_bytes())
        .chain(std::iter::repeat_n(piece, LINE / 1_000_000))
        .chain([format!("\"}}\n{}", fine("last")).into_bytes()])
        .map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let path = format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}");
    let job = client.finish(client.upload(&path, body).await).await;
    let made = Client::made(&job);
    let grown = peak_memory() - before;
    assert!(grown < LINE as u64 * 3 / 4, "{grown} bytes more");
    let shown = client.get(&format!("/api/v1/corpora/{made}")).await.json();
    assert_eq!(shown["corpus"]["n_documents"], 2);
    assert_eq!(shown["corpus"]["n_rejected"], 1);
    let path = format!("/api/v1/corpora/{made}/rejects");
    let reject = client.get(&path).await.expect(200).json();
    assert_eq!(reject["line"], 2);
    let reason = format!(
        "found a row of {} bytes, expected at most {}",
        LINE + "{\"text\":\"\"}\n".len(),
        16 << 20
    );
    assert_eq!(reject["reason"], reason);
    assert!(reject["row"].as_str().unwrap().len() < 20_000);
    client.get("/readyz").await.expect(200);
}
