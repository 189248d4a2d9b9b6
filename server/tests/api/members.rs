//! Who is let into which project. The addresses come from the description of the interface, so that a new one is tried
//! without being named here; one whose kind is new fails these tests until somebody says what holds for it.

use arborist_shared::api::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Answer, Client, Estate, House};

/// An id that nothing has.
const NOTHING: i64 = 987_654_321;
const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Manager,
    Role::Reviewer,
    Role::Annotator,
    Role::Viewer,
];

/// A project and one of everything that it can hold.
struct Belongings {
    estate: Estate,
    document: i64,
    asset: i64,
    job: i64,
    runs: [i64; 2],
    comparison: i64,
    group: i64,
    /// One that was given up, since watching an open one does not end.
    draft: i64,
    link: i64,
}

impl Belongings {
    async fn new(client: &Client) -> Self {
        let estate = Estate::new(client).await;
        let runs = [
            estate.trained(client, json!({})).await,
            estate.trained(client, json!({"smoothing": 50.0})).await,
        ];
        let body = json!({"runs": runs, "resamples": 100});
        let compared = client.post("/api/v1/comparisons", &body).await;
        let comparison = compared.expect(201).json()["id"].as_i64().unwrap();
        let project = format!("/api/v1/projects/{}", estate.project);
        let vectors = format!("{project}/assets?kind=word_vectors");
        let job = client.finish(client.upload(&vectors, "the 1 2\n").await);
        let job = job.await;
        let documents = client.get(&format!("{project}/documents?limit=1")).await;
        let body = json!({"corpus": estate.corpus, "taxonomy": estate.taxonomy, "entries": [{"method": "toy"}]});
        let grouped = client.post(&format!("{project}/groups"), &body).await;
        let grouped = grouped.expect(201).json();
        client
            .watch(grouped["runs"][0]["job"].as_i64().unwrap())
            .await;
        let drafts = format!("/api/v1/taxonomies/{}/drafts", estate.taxonomy);
        let draft = client.post(&drafts, &json!({})).await.expect(201).json();
        let draft = draft["draft"]["id"].as_i64().unwrap();
        let discarded = client.delete(&format!("/api/v1/drafts/{draft}")).await;
        discarded.expect(200);
        let links = format!("{project}/taxonomy-links");
        let link = client.post(&links, &json!({})).await.expect(201).json();
        let link = link["link"]["id"].as_i64().unwrap();
        Self {
            document: documents.expect(200).json()["documents"][0]["id"]
                .as_i64()
                .unwrap(),
            asset: Client::made(&job),
            job: job["id"].as_i64().unwrap(),
            runs,
            comparison,
            group: grouped["group"]["id"].as_i64().unwrap(),
            draft,
            link,
            estate,
        }
    }

    /// The id that an address of this collection is asked with.
    fn id(&self, collection: &str) -> i64 {
        match collection {
            "projects" => self.estate.project,
            "taxonomies" => self.estate.taxonomy,
            "corpora" => self.estate.corpus,
            "documents" => self.document,
            "jobs" => self.job,
            "runs" => self.runs[0],
            "comparisons" => self.comparison,
            "groups" => self.group,
            "drafts" => self.draft,
            "taxonomy-links" => self.link,
            other => panic!("say here which of the {other} belongs to the project"),
        }
    }
}

/// What the description says of an address.
struct Operation {
    method: Method,
    path: String,
    /// Query parameters that have to be there.
    required: Vec<String>,
    takes_json: bool,
}

impl Operation {
    /// All that need a sign-in.
    async fn all(client: &Client) -> Vec<Self> {
        let document = client.get("/api/openapi.json").await.expect(200).json();
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                // Public, or for agents with the token of an attempt, which is nobody's role.
                let security = &operation["security"];
                if *security == json!([{}]) || *security == json!([{"agent": []}]) {
                    continue;
                }
                let parameters = operation["parameters"].as_array();
                let required = parameters.into_iter().flatten().filter(|parameter| {
                    parameter["in"] == "query" && parameter["required"] == true
                });
                operations.push(Self {
                    method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                    path: path.clone(),
                    required: required
                        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                        .collect(),
                    takes_json: operation["requestBody"]["content"]["application/json"].is_object(),
                });
            }
        }
        assert!(operations.len() > 30, "{}", operations.len());
        operations
    }

    /// Those on something that belongs to a project, or on a project.
    async fn on_belongings(client: &Client) -> Vec<Self> {
        let mut operations = Self::all(client).await;
        operations.retain(|operation| {
            // Keys and devices belong to the server, uploads to whoever began them; prepared exports go away when they are
            // deleted, and have tests of their own.
            let apart = ["keys", "devices", "uploads", "exports"];
            operation.path.contains('{') && !apart.contains(&operation.collection())
        });
        assert!(operations.len() > 20, "{}", operations.len());
        operations
    }

    fn collection(&self) -> &str {
        let rest = self.path.strip_prefix("/api/v1/").unwrap();
        rest.split('/').next().unwrap()
    }

    async fn call(&self, client: &Client, id: i64, of: &Belongings) -> Answer {
        let path = self.path.replace("{id}", &id.to_string());
        assert!(!path.contains('{'), "say here what `{path}` is asked with");
        let query: Vec<String> = self
            .required
            .iter()
            .map(|name| match name.as_str() {
                "taxonomy" => format!("taxonomy={}", of.estate.taxonomy),
                "kind" => "kind=encoder".to_owned(),
                "id" => "id=owls".to_owned(),
                other => panic!("say here what `{other}` of `{path}` is asked with"),
            })
            .collect();
        let path = format!("{path}?{}", query.join("&"));
        let mut request = client.request(self.method.clone(), &path);
        if self.takes_json {
            request = request.json(&json!({}));
        }
        client.send(request).await
    }
}

/// What a problem says, without the id that was asked for.
fn said(answer: &Answer, id: i64) -> (Value, String) {
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    (
        problem["type"].clone(),
        detail.replace(&id.to_string(), "…"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_project_has_is_not_there() {
    let house = House::with_toy().await;
    let admin = house.admin().await;
    let own = Belongings::new(&admin).await;
    let foreign = Belongings::new(&admin).await;
    let member = [(own.estate.project, Role::Admin)];
    let people = [
        ("a member of another", Role::Viewer, &member[..]),
        ("an annotator of the server", Role::Annotator, &[]),
        ("a manager of the server", Role::Manager, &[]),
    ];
    let operations = Operation::on_belongings(&admin).await;
    for (name, role, memberships) in people {
        let person = house.person(name, role, memberships).await;
        for operation in &operations {
            let id = foreign.id(operation.collection());
            let what = format!("{name}: {} {}", operation.method, operation.path);
            let answer = operation.call(&person, id, &foreign).await;
            assert_eq!(answer.status, 404, "{what}");
            // Not a word differs from what is said of an id that nothing has.
            let unknown = operation.call(&person, NOTHING, &foreign).await;
            let (kind, detail) = said(&answer, id);
            assert_eq!((kind, detail), said(&unknown, NOTHING), "{what}");
        }
    }
    // The same addresses lead the member, and the server's administrator, to what is theirs.
    let member = house.sign_in("a member of another").await;
    for operation in &operations {
        let id = own.id(operation.collection());
        for client in [&member, &admin] {
            let answer = operation.call(client, id, &own).await;
            let status = answer.status.as_u16();
            let what = format!("{} {}", operation.method, operation.path);
            assert!(
                matches!(status, 200..=299 | 400 | 409 | 422),
                "{what} answers {status}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_is_ones_own_and_requests_may_name_no_more() {
    let house = House::with_toy().await;
    let admin = house.admin().await;
    let own = Belongings::new(&admin).await;
    let foreign = Belongings::new(&admin).await;
    let memberships = [(own.estate.project, Role::Manager)];
    let member = house.person("member", Role::Viewer, &memberships).await;
    let nobody = house.person("nobody", Role::Viewer, &[]).await;

    let projects = |answer: Value| -> Vec<(i64, String)> {
        let projects = answer["projects"].as_array().unwrap().iter();
        projects
            .map(|project| {
                (
                    project["id"].as_i64().unwrap(),
                    project["role"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    };
    let of = async |client: &Client| {
        let projects = projects(client.get("/api/v1/projects").await.expect(200).json());
        let jobs = client.get("/api/v1/jobs").await.expect(200).json();
        let mut among: Vec<i64> = jobs["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["project"].as_i64().unwrap())
            .collect();
        among.sort_unstable();
        among.dedup();
        (projects, among)
    };
    let (one, other) = (own.estate.project, foreign.estate.project);
    assert_eq!(
        of(&member).await,
        (vec![(one, "manager".to_owned())], vec![one])
    );
    assert_eq!(of(&nobody).await, (vec![], vec![]));
    let all = [(other, "admin".to_owned()), (one, "admin".to_owned())];
    assert_eq!(of(&admin).await, (all.to_vec(), vec![one, other]));
    let shown = member.get(&format!("/api/v1/projects/{one}")).await;
    assert_eq!(shown.expect(200).json()["project"]["role"], "manager");
    member
        .get(&format!("/api/v1/jobs?project={other}"))
        .await
        .problem(404, "project_not_found");

    // What belongs to another project is no part of a request in one's own.
    let path = format!("/api/v1/projects/{one}");
    member
        .get(&format!(
            "{path}/documents?corpus={}",
            foreign.estate.corpus
        ))
        .await
        .problem(404, "corpus_not_found");
    for upload in ["corpora", "corpora/preview"] {
        let taxonomy = foreign.estate.taxonomy;
        member
            .upload(&format!("{path}/{upload}?taxonomy={taxonomy}"), "{}\n")
            .await
            .problem(422, "field_invalid");
    }
    for (field, id) in [
        ("corpus", foreign.estate.corpus),
        ("taxonomy", foreign.estate.taxonomy),
        ("encoder", foreign.asset),
        ("word_vectors", foreign.asset),
    ] {
        let mut body = own.estate.run(json!({}));
        body[field] = json!(id);
        for address in [own.estate.runs(), own.estate.runs() + "/estimate"] {
            let problem = member.post(&address, &body).await;
            let problem = problem.problem(422, "field_invalid");
            assert_eq!(problem["errors"][0]["field"], format!("/{field}"));
        }
    }
    for runs in [foreign.runs, [own.runs[0], foreign.runs[0]]] {
        member
            .post("/api/v1/comparisons", &json!({"runs": runs}))
            .await
            .problem(404, "run_not_found");
    }

    // The model of a run that is loaded tells its project itself, and is no way in either.
    let predict = format!("/api/v1/runs/{}/predict", foreign.runs[0]);
    let body = json!({"documents": [{"id": "a", "text": "night feather hoot"}]});
    admin.post(&predict, &body).await.expect(200);
    for person in [&member, &nobody] {
        let refused = person.post(&predict, &body).await;
        refused.problem(404, "run_not_found");
    }
    let predict = format!("/api/v1/runs/{}/predict", own.runs[0]);
    member.post(&predict, &body).await.expect(200);
}

/// The least role in a project that an operation on it takes: whatever is more than looking is for managers, except these.
fn least(operation: &Operation) -> Role {
    const FOR_ALL: [&str; 3] = [
        "/api/v1/corpora/{id}/exports",
        "/api/v1/projects/{id}/runs/estimate",
        "/api/v1/runs/{id}/predict",
    ];
    /// Who judges documents.
    const FOR_ANNOTATORS: [&str; 2] = [
        "/api/v1/corpora/{id}/reviews/decisions",
        "/api/v1/corpora/{id}/reviews/undo",
    ];
    /// Who reviews proposes changes of the taxonomy, too; publishing them is for managers.
    const FOR_REVIEWERS: [&str; 8] = [
        "/api/v1/corpora/{id}/reviews/apply",
        "/api/v1/corpora/{id}/reviews/proposals",
        "/api/v1/taxonomies/{id}/drafts",
        "/api/v1/drafts/{id}",
        "/api/v1/drafts/{id}/edits",
        "/api/v1/drafts/{id}/undo",
        "/api/v1/drafts/{id}/redo",
        "/api/v1/drafts/{id}/rebase",
    ];
    match operation.method {
        // Only who may send files has some under way.
        Method::GET if operation.path == "/api/v1/projects/{id}/uploads" => Role::Manager,
        Method::GET => Role::Viewer,
        _ if FOR_ANNOTATORS.contains(&operation.path.as_str()) => Role::Annotator,
        _ if FOR_REVIEWERS.contains(&operation.path.as_str()) => Role::Reviewer,
        Method::POST if FOR_ALL.contains(&operation.path.as_str()) => Role::Viewer,
        _ => Role::Manager,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_member_may_do_what_their_role_in_the_project_may() {
    let house = House::with_toy().await;
    let admin = house.admin().await;
    let own = Belongings::new(&admin).await;
    let operations = Operation::on_belongings(&admin).await;
    for role in ROLES {
        // What they are to the server does not matter: neither more nor less follows from it.
        let (server, name) = match role {
            Role::Viewer => (Role::Manager, "manages the server, views here".to_owned()),
            role => (Role::Viewer, format!("{role:?}")),
        };
        let memberships = [(own.estate.project, role)];
        let member = house.person(&name, server, &memberships).await;
        for operation in &operations {
            let id = own.id(operation.collection());
            let answer = operation.call(&member, id, &own).await;
            let what = format!("{role:?}: {} {}", operation.method, operation.path);
            if role <= least(operation) {
                let status = answer.status.as_u16();
                assert!(
                    matches!(status, 200..=299 | 400 | 409 | 422),
                    "{what} answers {status}"
                );
            } else {
                assert_eq!(answer.status, 403, "{what}");
                answer.problem(403, "forbidden");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_may_do_what_their_role_on_the_server_may() {
    let house = House::open().await;
    let admin = house.admin().await;
    let mut operations = Operation::all(&admin).await;
    operations.retain(|operation| {
        !operation.path.contains('{') || ["keys", "devices"].contains(&operation.collection())
    });
    for role in ROLES {
        let person = house.person(&format!("{role:?}"), role, &[]).await;
        for operation in &operations {
            let (least, body) = match (operation.method.as_str(), operation.path.as_str()) {
                ("GET", "/api/v1/keys") | ("DELETE", "/api/v1/keys/{id}") => {
                    (Role::Admin, json!({}))
                }
                ("POST", "/api/v1/keys") => {
                    (Role::Admin, json!({"name": "nightly", "role": "viewer"}))
                }
                ("POST", "/api/v1/projects") => (Role::Manager, json!({"name": "Trees"})),
                // Made by whoever asks first; the administrator's is not everybody's.
                ("POST", "/api/v1/sample-project") => (Role::Manager, json!({})),
                ("POST", "/api/v1/comparisons") => (Role::Viewer, json!({"runs": [1, 2]})),
                (
                    "GET",
                    "/api/v1/devices" | "/api/v1/jobs" | "/api/v1/plugins" | "/api/v1/projects"
                    | "/api/v1/queue",
                ) => (Role::Viewer, json!({})),
                ("PATCH", "/api/v1/devices/{name}") => (Role::Admin, json!({"state": "enabled"})),
                ("GET", "/api/v1/limits") => (Role::Admin, json!({})),
                ("PUT", "/api/v1/limits") => (Role::Admin, json!({"limits": []})),
                (method, path) => panic!("say here who may {method} {path}"),
            };
            let path = operation.path.replace("{id}", &NOTHING.to_string());
            let path = path.replace("{name}", "cpu");
            let mut request = person.request(operation.method.clone(), &path);
            if operation.takes_json {
                request = request.json(&body);
            }
            let answer = person.send(request).await;
            let what = format!("{role:?}: {} {path}", operation.method);
            assert_eq!(answer.status == 403, role > least, "{what}");
            assert!(!answer.status.is_server_error(), "{what}");
        }
    }
    // Making a project makes one its administrator, and nobody else.
    let manager = house.sign_in("Manager").await;
    let project = manager.project().await;
    let shown = manager.get(&format!("/api/v1/projects/{project}")).await;
    assert_eq!(shown.expect(200).json()["project"]["role"], "admin");
    let viewer = house.sign_in("Viewer").await;
    viewer
        .get(&format!("/api/v1/projects/{project}"))
        .await
        .problem(404, "project_not_found");
}
