//! Models and the memory that they may hold together.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use arborist_server::app::ServeOptions;
use arborist_shared::api::accounts::Role;
use serde_json::{Value, json};

use super::{predicted, trained};
use crate::house::{Client, Estate, House, wait_until};

/// Processes that keep the model of this run loaded.
fn keepers(house: &House, run: i64) -> Vec<u32> {
    let directory = house.data_dir().canonicalize().unwrap();
    let needle = format!(
        "--serve\0{}\0",
        directory.join(format!("runs/{run}")).display()
    );
    let is_one = |process: &u32| {
        std::fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&needle))
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(is_one)
        .collect()
}

async fn nobody_keeps(house: &House, run: i64) {
    wait_until("a model is gone", || async {
        keepers(house, run).is_empty()
    })
    .await;
}

/// Resident memory of a process.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kibibytes.parse::<u64>().unwrap() * 1024
}

/// Starts the server again with so much memory for models.
async fn with_memory(house: &mut House, client: &Client, memory: u64) -> Client {
    house.stop().await;
    let options = ServeOptions {
        model_memory: Some(memory),
        ..house.options()
    };
    house.start_with(options).await;
    Client {
        url: format!("http://{}", house.server().address()),
        ..client.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_makes_room_for_the_next_when_memory_is_short() {
    let mut house = House::with_toy().await;
    let client = house.key(Role::Manager).await;
    let estate = Estate::new(&client).await;
    let runs = [
        estate.trained(&client, json!({})).await,
        estate.trained(&client, json!({"smoothing": 2.0})).await,
    ];
    let body = json!({"documents": [{"id": "a", "text": "night feather hoot"}]});
    let ask = async |client: &Client, run: i64| {
        let path = format!("/api/v1/runs/{run}/predict");
        let answer = client.post(&path, &body).await.expect(200).json();
        assert!(predicted(&answer["documents"][0]).contains(&"owls"));
    };
    let turns = [runs[0], runs[1], runs[0], runs[1]];

    // Room for both.
    let client = with_memory(&mut house, &client, 1 << 40).await;
    for run in turns {
        ask(&client, run).await;
    }
    let kept = runs.map(|run| keepers(&house, run));
    let bytes = kept.map(|kept| match kept[..] {
        [process] => resident_bytes(process),
        _ => panic!("{kept:?} keep a model"),
    });

    // Room for one.
    let client = with_memory(&mut house, &client, bytes[0].max(bytes[1]) * 3 / 2).await;
    for run in turns {
        ask(&client, run).await;
        assert_eq!(
            keepers(&house, run).len(),
            1,
            "the model that answers stays"
        );
        let other = runs[usize::from(run == runs[0])];
        nobody_keeps(&house, other).await;
    }

    // Room for none: each answers, and goes.
    let client = with_memory(&mut house, &client, 1).await;
    for run in turns {
        ask(&client, run).await;
        nobody_keeps(&house, run).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_too_large_stays_until_its_stream_has_ended() {
    let (mut house, client, run) = trained().await;
    let client = with_memory(&mut house, &client, 1).await;
    let address = house.server().address();
    let key = client.key.clone().unwrap();
    let (say, mut said) = tokio::sync::mpsc::channel::<Value>(1);
    let (go_on, mut may_go_on) = tokio::sync::mpsc::channel::<()>(1);
    let talk = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /api/v1/runs/{run}/predict HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        .unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for n in 0..3 {
            let line = format!("{{\"id\":\"d{n}\",\"text\":\"night feather\"}}\n");
            write!(stream, "{:x}\r\n{line}\r\n", line.len()).unwrap();
            let answer = loop {
                let mut line = String::new();
                assert!(reader.read_line(&mut line).unwrap() > 0);
                if line.starts_with("{\"id\"") {
                    break serde_json::from_str(&line).unwrap();
                }
            };
            say.blocking_send(answer).unwrap();
            may_go_on.blocking_recv().unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut rest = String::new();
        while !rest.ends_with("0\r\n\r\n") {
            assert!(reader.read_line(&mut rest).unwrap() > 0);
        }
    });
    let mut processes = Vec::new();
    for n in 0..3 {
        let answer = said.recv().await.unwrap();
        assert_eq!(answer["id"], format!("d{n}"));
        assert!(answer["labels"].is_array(), "{answer}");
        // Who asks beside the stream is answered by the same process.
        let body = json!({"documents": [{"id": "a", "text": "acorn"}]});
        let path = format!("/api/v1/runs/{run}/predict");
        client.post(&path, &body).await.expect(200);
        processes.extend(keepers(&house, run));
        go_on.send(()).await.unwrap();
    }
    assert_eq!(processes.len(), 3);
    processes.dedup();
    assert_eq!(processes.len(), 1, "the model was loaded again");
    talk.await.unwrap();
    nobody_keeps(&house, run).await;
}
