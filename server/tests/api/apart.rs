//! A server in a process of its own, which can be killed as a power cut would.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use arborist_server::accounts::create_key;
use arborist_server::db::Db;
use arborist_shared::api::accounts::Role;

use crate::house::{Client, House};

pub(crate) struct Apart {
    process: Child,
    /// Kept open: a server whose console is gone does not start.
    _console: BufReader<ChildStdout>,
    url: String,
}

impl Apart {
    /// Starts on the data directory of a house that is stopped.
    pub(crate) fn start(house: &House) -> Self {
        Self::start_where(house, &[])
    }

    /// [`Apart::start`], where these variables say where things lie.
    pub(crate) fn start_where(house: &House, variables: &[(&str, &Path)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_arborist"))
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(house.data_dir())
            .envs(variables.iter().copied())
            .envs(
                house
                    .database_url()
                    .map(|url| ("ARBORIST_DATABASE_URL", url)),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut console = BufReader::new(process.stdout.take().unwrap());
        let url = console.by_ref().lines().find_map(|line| {
            let line = line.unwrap();
            let (_, url) = line.split_once("listens on ")?;
            Some(url.trim().to_owned())
        });
        Self {
            process,
            _console: console,
            url: url.unwrap(),
        }
    }

    /// A program with a key of this role.
    pub(crate) async fn key(&self, house: &House, role: Role) -> Client {
        let db = Db::open(&house.options().database_url()).await.unwrap();
        let created = create_key(&db, "test", role, None).await.unwrap();
        db.close().await;
        Client {
            http: reqwest::Client::new(),
            url: self.url.clone(),
            key: Some(created.key),
        }
    }

    /// Kills it where it stands.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; after `kill` there is nothing any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
