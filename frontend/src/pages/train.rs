//! Train: pick methods, set them up in forms made from their schemas, say on what and how often, start.
//!
//! The whole form stands in the address: a link shows a colleague the same, cloning a run opens it filled in.

pub mod cost;
pub mod hyperparameters;
pub mod method_cards;
pub mod review;

use std::rc::Rc;

use arborist_shared::api::assets::{Asset, AssetKind};
use arborist_shared::api::corpora::Corpus;
use arborist_shared::api::plugins::Plugins;
use arborist_shared::api::queue::{Device, DeviceKind};
use arborist_shared::manifest::AssetNeed;
use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::guide::chapter;
use super::overview::ProjectProps;
use crate::api;
use crate::components::field::{Choice, Field, Input, Select};
use crate::components::{
    Empty, Icon, Lines, Notice, NoticeKind, PageHeader, Panel, RouteLink, Variant, show,
};
use crate::format;
use crate::hooks::{UrlQuery, use_query, use_url_query};
use crate::model::train_form::TrainForm;
use crate::pages::run::configuration::encoder_name;
use crate::route::Route;

/// What the form needs to know.
struct Ground {
    plugins: Plugins,
    corpora: Vec<Corpus>,
    assets: Vec<Asset>,
    devices: Vec<Device>,
    /// The form that a cloned run makes.
    clone: Option<TrainForm>,
    n_labels: u64,
}

async fn ground(project: i64, clone: Option<i64>) -> api::Answer<Ground> {
    let plugins = api::plugins().await?;
    let corpora = api::corpora(project).await?;
    let assets = api::assets(project).await?;
    let devices = api::devices().await?.devices;
    let n_labels = api::taxonomies(project)
        .await?
        .first()
        .map(|taxonomy| taxonomy.n_labels)
        .unwrap_or_default();
    let clone = match clone {
        Some(run) => {
            let run = api::run(run).await?.run;
            let manifest = plugins
                .methods
                .iter()
                .find(|plugin| plugin.name == run.method)
                .map(|plugin| &plugin.manifest);
            Some(TrainForm::from_run(&run, manifest))
        }
        None => None,
    };
    Ok(Ground {
        plugins,
        corpora,
        assets,
        devices,
        clone,
        n_labels,
    })
}

#[component]
pub fn TrainPage(props: &ProjectProps) -> Html {
    let project = props.project;
    let query = use_url_query();
    let clone = query.id("clone");
    // The clone is read once; after that the address carries the form itself.
    let asked = use_state_eq(|| clone);
    let ground = use_query((project, *asked), |(project, clone)| ground(project, clone));
    let import = html! { <RouteLink to={Route::Import { project }} button={Variant::Primary} icon={Icon::Upload}>{ "Import documents" }</RouteLink> };
    html! {
        <div class="ab-page">
            <PageHeader title="Train" subtitle={html! { "Methods learn from the training documents; how good they are is measured on documents that they never see." }} />
            { show(&ground, html! { <Lines count={10} /> }, |ground| {
                if ground.plugins.methods.is_empty() {
                    html! { <Empty icon={Icon::Plug} title="No method is installed" action={html! { <RouteLink to={Route::Settings { project }} query={vec![("tab".to_owned(), "plugins".to_owned())]} button={Variant::Primary}>{ "See the plugins" }</RouteLink> }}>{ "Methods come as plugins. The settings list those that were found and why others were refused." }</Empty> }
                } else if ground.corpora.is_empty() {
                    html! { <Empty icon={Icon::Corpus} title="No documents to learn from" action={import} guide={chapter::DOCUMENTS}>{ "Import documents with labels first." }</Empty> }
                } else {
                    let known = Rc::new(Known { plugins: ground.plugins.clone(), corpora: ground.corpora.clone(), assets: ground.assets.clone(), devices: ground.devices.clone(), n_labels: ground.n_labels });
                    html! { <Form {project} {known} clone={ground.clone.clone()} query={query.clone()} /> }
                }
            }) }
        </div>
    }
}

/// What the form chooses from.
#[derive(PartialEq)]
pub struct Known {
    pub plugins: Plugins,
    pub corpora: Vec<Corpus>,
    pub assets: Vec<Asset>,
    pub devices: Vec<Device>,
    pub n_labels: u64,
}

#[derive(PartialEq, Properties)]
struct FormProps {
    project: i64,
    known: Rc<Known>,
    clone: Option<TrainForm>,
    query: UrlQuery,
}

#[component]
fn Form(props: &FormProps) -> Html {
    let known = &props.known;
    let form = {
        let (clone, query) = (props.clone.clone(), props.query.clone());
        use_state_eq(move || match clone {
            Some(form) if query.get("clone").is_some() => form,
            _ => TrainForm::from_pairs(query.pairs()),
        })
    };
    // The address follows a moment later: browsers limit how often it may change.
    {
        let query = props.query.clone();
        use_effect_with((*form).clone(), move |form| {
            let pairs = form.to_pairs();
            let timeout = Timeout::new(300, move || query.replace_all(pairs));
            move || drop(timeout)
        });
    }
    let corpus = form
        .corpus
        .and_then(|id| known.corpora.iter().find(|corpus| corpus.id == id))
        .or(known.corpora.first())
        .cloned();
    let change = {
        let form = form.clone();
        Callback::from(move |next: TrainForm| form.set(next))
    };
    let set = |apply: fn(&mut TrainForm, String)| {
        let form = form.clone();
        Callback::from(move |value: String| {
            let mut next = (*form).clone();
            apply(&mut next, value);
            form.set(next);
        })
    };
    let picked: Vec<_> = form
        .methods
        .iter()
        .filter_map(|choice| {
            known
                .plugins
                .methods
                .iter()
                .find(|plugin| plugin.name == choice.method)
        })
        .cloned()
        .collect();
    let problems = form.problems(&known.plugins.methods);
    let seed_error = problems
        .iter()
        .find(|(method, field, _)| method.is_empty() && field == "seeds")
        .map(|(_, _, message)| AttrValue::from(message.clone()));
    let needs = |need: fn(&arborist_shared::manifest::MethodManifest) -> AssetNeed| {
        picked
            .iter()
            .any(|plugin| need(&plugin.manifest) != AssetNeed::None)
    };
    let needs_encoder = needs(|manifest| manifest.encoder);
    let needs_vectors = needs(|manifest| manifest.word_vectors);
    html! {
        <div class="ab-train">
            <div class="ab-train__main">
                <Panel title="1. Methods" testid="train-methods">
                    <method_cards::MethodCards project={props.project} known={known.clone()} form={(*form).clone()} onchange={change.clone()} corpus={corpus.clone()} />
                </Panel>
                if !picked.is_empty() {
                    <Panel title="2. Settings of each method" testid="train-settings">
                        for plugin in picked.iter() {
                            <hyperparameters::MethodSettings key={plugin.name.clone()} plugin={plugin.clone()} form={(*form).clone()} onchange={change.clone()} />
                        }
                    </Panel>
                }
                <Panel title={if picked.is_empty() { "2. Documents and repetitions" } else { "3. Documents and repetitions" }} testid="train-ground">
                    <div class="ab-form__grid">
                        <Field id="corpus" label="Corpus" help={html! { { corpus.as_ref().map(parts_of).unwrap_or_default() } }}>
                            <Select id="corpus" value={corpus.as_ref().map(|corpus| corpus.id.to_string()).unwrap_or_default()} onchange={set(|form, value| form.corpus = value.parse().ok())} testid="train-corpus" choices={corpora(&known.corpora)} />
                        </Field>
                        <Field id="seeds" label="Seeds" error={seed_error.clone()} help={html! { "One run for each seed; three show how much chance is in a result." }}>
                            <Input id="seeds" value={form.seeds.clone()} placeholder="1" inputmode="numeric" invalid={seed_error.is_some()} onchange={set(|form, value| form.seeds = value)} testid="train-seeds" />
                        </Field>
                        <Field id="device" label="Device" help={html! { "Automatic takes a free graphics card, else the processor." }}>
                            <Select id="device" value={form.device.clone()} onchange={set(|form, value| form.device = value)} testid="train-device" choices={devices(&form.device, &known.devices)} />
                        </Field>
                        if needs_encoder {
                            <Field id="encoder" label="Pretrained encoder" help={html! { "Where a BERT method starts from." }}>
                                <Select id="encoder" value={form.encoder.clone()} onchange={set(|form, value| form.encoder = value)} testid="train-encoder" choices={encoders(&known.assets)} />
                            </Field>
                        }
                        if needs_vectors {
                            <Field id="word-vectors" label="Word vectors" help={html! { "Without them the words start at random." }}>
                                <Select id="word-vectors" value={form.word_vectors.clone()} onchange={set(|form, value| form.word_vectors = value)} testid="train-word-vectors" choices={word_vectors(&known.assets)} />
                            </Field>
                        }
                    </div>
                    if let Some(corpus) = &corpus {
                        if corpus.n_validation == 0 { <Notice kind={NoticeKind::Warning} title="No validation documents"><p>{ "Methods that watch their progress cannot stop in time or choose their best state." }</p></Notice> }
                        if corpus.n_test == 0 { <Notice kind={NoticeKind::Warning} title="No test documents"><p>{ "The quality of the runs cannot be measured on this corpus." }</p></Notice> }
                    }
                </Panel>
            </div>
            if let Some(corpus) = corpus {
                <review::Review project={props.project} known={known.clone()} form={(*form).clone()} {corpus} />
            }
        </div>
    }
}

fn parts_of(corpus: &Corpus) -> String {
    format!(
        "{} train, {} validation, {} test",
        format::count(corpus.n_train),
        format::count(corpus.n_validation),
        format::count(corpus.n_test)
    )
}

fn corpora(corpora: &[Corpus]) -> Vec<Choice> {
    let words = |corpus: &Corpus| {
        format!(
            "Version {} · {}",
            corpus.version,
            format::counted(corpus.n_documents, "document", "documents")
        )
    };
    corpora
        .iter()
        .map(|corpus| (corpus.id.to_string().into(), words(corpus).into()))
        .collect()
}

/// The devices of the server; one that a copied run names stays, though it is not there any more.
fn devices(current: &str, known: &[Device]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = vec![
        ("".into(), "Automatic".into()),
        ("cpu".into(), "Processor".into()),
    ];
    let others = known.iter().filter(|device| device.kind != DeviceKind::Cpu);
    choices.extend(others.map(|device| {
        let words = match device.kind {
            DeviceKind::Cluster => device.title.clone(),
            DeviceKind::Cpu | DeviceKind::Cuda => format!(
                "Graphics card {} · {}",
                device.name.trim_start_matches("cuda:"),
                device.title
            ),
        };
        (device.name.clone().into(), words.into())
    }));
    if choices.iter().all(|(value, _)| value != current) {
        choices.push((
            current.to_owned().into(),
            format!("{current}, not here").into(),
        ));
    }
    choices
}

fn encoders(assets: &[Asset]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = vec![
        ("".into(), "As the method decides".into()),
        ("minilm".into(), encoder_name("minilm").into()),
    ];
    choices.extend(of_kind(assets, AssetKind::Encoder));
    choices
}

fn word_vectors(assets: &[Asset]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = vec![("".into(), "None".into())];
    choices.extend(of_kind(assets, AssetKind::WordVectors));
    choices
}

fn of_kind(assets: &[Asset], kind: AssetKind) -> impl Iterator<Item = Choice> {
    assets
        .iter()
        .filter(move |asset| asset.kind == kind)
        .map(|asset| {
            (
                asset.id.to_string().into(),
                format!("{} · {}", format::middle(&asset.name, 40), asset.summary).into(),
            )
        })
}
