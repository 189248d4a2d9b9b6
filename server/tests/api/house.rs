//! A server in a directory of its own, and clients that talk to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use arborist_server::accounts::create_key;
use arborist_server::app::ServeOptions;
use arborist_server::http::{self, Server};
use arborist_server::work::ChildProgram;
use arborist_shared::api::accounts::Role;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Labels of the generated corpus, `child<TAB>parent`.
pub(crate) const TAXONOMY: &str = "animals\tRoot\nbirds\tanimals\nowls\tbirds\nfish\tanimals\nplants\tRoot\ntrees\tplants\noaks\ttrees\n";
/// Deepest labels, and the words that speak for them.
const TOPICS: [(&str, &str); 3] = [
    ("owls", "night feather hoot"),
    ("fish", "water fin scale"),
    ("oaks", "acorn bark leaf"),
];
pub(crate) const PASSWORD: &str = "correct horse battery";
/// PostgreSQL server on which the houses keep their databases, where one is named: `postgres://user@host:port`. Without it
/// each has a file of SQLite.
const POSTGRES: &str = "ARBORIST_TEST_POSTGRES";

/// A server and the directory that outlives it.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    server: Option<Server>,
    /// On PostgreSQL: the server's URL and the name of our database.
    database: Option<(String, String)>,
}

impl House {
    fn empty() -> Self {
        let database = std::env::var(POSTGRES)
            .ok()
            .map(|server| (server, format!("house_{:016x}", rand::random::<u64>())));
        Self {
            dir: TempDir::new().unwrap(),
            server: None,
            database,
        }
    }

    /// Where the database is, where that is not the data directory.
    pub(crate) fn database_url(&self) -> Option<String> {
        let (server, name) = self.database.as_ref()?;
        Some(format!("{server}/{name}"))
    }

    /// A fresh server without plugins.
    pub(crate) async fn open() -> Self {
        let mut house = Self::empty();
        house.start().await;
        house
    }

    /// A fresh server that offers the toy method.
    pub(crate) async fn with_toy() -> Self {
        Self::with_plugin("plugin_toy").await
    }

    /// A fresh server that offers what this library of the plugin API's examples has.
    pub(crate) async fn with_plugin(name: &str) -> Self {
        let mut house = Self::empty();
        let output = Command::new(env!("CARGO_BIN_EXE_arborist"))
            .args(["plugins", "add"])
            .arg(library(name))
            .arg("--data-dir")
            .arg(house.data_dir())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        house.start().await;
        house
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn options(&self) -> ServeOptions {
        ServeOptions {
            bind: "127.0.0.1:0".to_owned(),
            database_url: self.database_url(),
            plugin_dirs: Vec::new(),
            program: ChildProgram::at(env!("CARGO_BIN_EXE_arborist")),
            ..ServeOptions::new(self.data_dir()).unwrap()
        }
    }

    pub(crate) async fn start(&mut self) {
        self.start_with(self.options()).await;
    }

    pub(crate) async fn start_with(&mut self, options: ServeOptions) {
        assert!(self.server.is_none());
        self.server = Some(http::start(options).await.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Somebody whom the server does not know.
    pub(crate) fn anonymous(&self) -> Client {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        Client {
            http,
            url: format!("http://{}", self.server().address()),
            key: None,
        }
    }

    /// A program with a key of this role.
    pub(crate) async fn key(&self, role: Role) -> Client {
        let created = create_key(&self.server().app().db, "test", role, None)
            .await
            .unwrap();
        Client {
            key: Some(created.key),
            ..self.anonymous()
        }
    }

    /// The administrator in a browser, after the first start.
    pub(crate) async fn admin(&self) -> Client {
        let client = self.anonymous();
        let link = self.server().first_start_link().unwrap();
        let token = link.split_once("token=").unwrap().1.to_owned();
        let body = json!({"token": token, "name": "admin", "password": PASSWORD});
        client.post("/api/v1/first-start", &body).await.expect(200);
        client
    }

    /// Somebody in a browser, with this role on the server and these in projects, signed in with the administrator's
    /// password. There is no address that makes people yet, so they are put where sign-in and access look for them.
    pub(crate) async fn person(
        &self,
        name: &str,
        role: Role,
        memberships: &[(i64, Role)],
    ) -> Client {
        let word = |role: Role| json!(role).as_str().unwrap().to_owned();
        let db = self.server().app().db.write();
        let person = format!(
            "INSERT INTO \"user\" (name, password_hash, role, created_at, updated_at) \
             SELECT '{name}', password_hash, '{}', created_at, updated_at FROM \"user\" WHERE name = 'admin'",
            word(role)
        );
        db.execute_unprepared(&person).await.unwrap();
        for (project, role) in memberships {
            let member = format!(
                "INSERT INTO member (user_id, project_id, role, created_at) \
                 SELECT id, {project}, '{}', created_at FROM \"user\" WHERE name = '{name}'",
                word(*role)
            );
            db.execute_unprepared(&member).await.unwrap();
        }
        self.sign_in(name).await
    }

    /// Somebody who is known, in a browser.
    pub(crate) async fn sign_in(&self, name: &str) -> Client {
        let client = self.anonymous();
        let body = json!({"name": name, "password": PASSWORD});
        client.post("/api/v1/session", &body).await.expect(200);
        client
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let Some((server, name)) = self.database.take() else {
            return;
        };
        // Not within the test's runtime, which may be about to end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let url = format!("{server}/postgres");
                let connection = sea_orm::Database::connect(url).await.unwrap();
                let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
                connection.execute_unprepared(&drop).await.unwrap();
            });
        });
        // Only litter would be left.
        let _ = dropping.join();
    }
}

/// Somebody who talks to a server.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) key: Option<String>,
}

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&self.body)))
    }

    /// A problem with this status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["type"], format!("urn:arborist:{code}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(
            problem["title"].is_string()
                && problem["detail"].is_string()
                && problem["instance"].is_string()
        );
        problem
    }
}

impl Client {
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn upload(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(Method::POST, path).body(body)).await
    }

    pub(crate) async fn project(&self) -> i64 {
        self.post("/api/v1/projects", &json!({"name": "Trees"}))
            .await
            .expect(201)
            .json()["project"]["id"]
            .as_i64()
            .unwrap()
    }

    /// Watches the job of an accepted request to its end.
    pub(crate) async fn finish(&self, accepted: Answer) -> Value {
        let accepted = accepted.expect(202);
        let job = accepted.json()["job"].as_i64().unwrap();
        assert_eq!(accepted.headers["location"], format!("/api/v1/jobs/{job}"));
        self.watch(job).await.pop().unwrap().1
    }

    /// Events of a job until its end.
    pub(crate) async fn watch(&self, job: i64) -> Vec<(String, Value)> {
        let answer = self
            .get(&format!("/api/v1/jobs/{job}/events"))
            .await
            .expect(200);
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let text = String::from_utf8(answer.body).unwrap();
        let events = text
            .split("\n\n")
            .map(|event| match event.strip_prefix("id: ") {
                // The number of an event of a run; a test of its own looks at those.
                Some(numbered) => numbered.split_once('\n').unwrap().1,
                None => event,
            })
            .filter(|event| event.starts_with("event: "))
            .map(|event| {
                let (name, data) = event
                    .strip_prefix("event: ")
                    .unwrap()
                    .split_once("\ndata: ")
                    .unwrap();
                (name.to_owned(), serde_json::from_str(data).unwrap())
            });
        events.collect()
    }

    /// The id of what a job made.
    #[track_caller]
    pub(crate) fn made(job: &Value) -> i64 {
        assert_eq!(job["status"], "succeeded", "{job}");
        job["result"]["id"].as_i64().unwrap()
    }

    pub(crate) async fn taxonomy(&self, project: i64) -> i64 {
        let path = format!("/api/v1/projects/{project}/taxonomies?name=tree.tsv");
        Self::made(&self.finish(self.upload(&path, TAXONOMY).await).await)
    }

    pub(crate) async fn corpus(&self, project: i64, taxonomy: i64, rows: String) -> i64 {
        let path =
            format!("/api/v1/projects/{project}/corpora?taxonomy={taxonomy}&name=news.jsonl");
        Self::made(&self.finish(self.upload(&path, rows).await).await)
    }
}

/// A project with taxonomy and corpus.
pub(crate) struct Estate {
    pub(crate) project: i64,
    pub(crate) taxonomy: i64,
    pub(crate) corpus: i64,
}

impl Estate {
    pub(crate) async fn new(client: &Client) -> Self {
        let project = client.project().await;
        let taxonomy = client.taxonomy(project).await;
        let corpus = client.corpus(project, taxonomy, corpus(0, 200)).await;
        Self {
            project,
            taxonomy,
            corpus,
        }
    }

    pub(crate) fn run(&self, hyperparameters: Value) -> Value {
        json!({"method": "toy", "corpus": self.corpus, "taxonomy": self.taxonomy, "hyperparameters": hyperparameters})
    }

    pub(crate) fn runs(&self) -> String {
        format!("/api/v1/projects/{}/runs", self.project)
    }

    /// A run that has succeeded.
    pub(crate) async fn trained(&self, client: &Client, hyperparameters: Value) -> i64 {
        let job = client
            .finish(client.post(&self.runs(), &self.run(hyperparameters)).await)
            .await;
        assert_eq!(job["result"]["type"], "run", "{job}");
        Client::made(&job)
    }
}

/// Rows with ids from `first` on, with the three parts mixed.
pub(crate) fn corpus(first: usize, n: usize) -> String {
    let mut rows = String::new();
    for id in first..first + n {
        let (one, one_words) = TOPICS[id % 3];
        let (two, two_words) = TOPICS[(id / 3) % 3];
        let split = ["train", "train", "train", "validation", "test"][id % 5];
        writeln!(
            rows,
            "{{\"id\":\"d{id}\",\"text\":\"{one_words} and {two_words} number{id}\",\"labels\":[\"{one}\",\"{two}\"],\
             \"split\":\"{split}\"}}"
        )
        .unwrap();
    }
    rows
}

/// Waits until something is the case, for a minute at most.
pub(crate) async fn wait_until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), waiting)
            .await
            .is_ok(),
        "waited in vain until {what}"
    );
}

/// A library that the examples of the plugin API build, beside the test executable.
pub(crate) fn library(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(format!("lib{name}.so"));
    if !path.is_file() {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args([
            "build",
            "--quiet",
            "--package",
            "arborist-plugin-api",
            "--examples",
        ]);
        command.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            command.arg("--release");
        }
        assert!(
            command.status().unwrap().success(),
            "cannot build the libraries of the tests"
        );
    }
    path
}
