//! A taxonomy as files, in and out, and links by which other tools read it.

use arborist_shared::api::taxonomies::{
    CreatedTaxonomyLink, NewTaxonomyLink, TaxonomyFile, TaxonomyFiles, TaxonomyLink,
    TaxonomyLinkList, TaxonomyPreview,
};
use web_sys::Blob;

use super::{Answer, address, delete, every_page, get, page, post, post_blob};

/// The files that a version can be downloaded as, with what each cannot hold.
pub async fn taxonomy_files(taxonomy: i64) -> Answer<Vec<TaxonomyFile>> {
    let files: TaxonomyFiles = get(&format!("/taxonomies/{taxonomy}/files"), &[]).await?;
    Ok(files.files)
}

/// Address of a version as a file.
pub fn taxonomy_file(taxonomy: i64, format: &str) -> String {
    let path = format!("/taxonomies/{taxonomy}/file");
    address(&path, &[("format", format.to_owned())])
}

/// Links to the newest version of a project, newest first.
pub async fn taxonomy_links(project: i64) -> Answer<Vec<TaxonomyLink>> {
    every_page(async |cursor| {
        let path = format!("/projects/{project}/taxonomy-links");
        let page: TaxonomyLinkList = get(&path, &page(cursor)).await?;
        Ok((page.links, page.next))
    })
    .await
}

pub async fn create_taxonomy_link(project: i64, name: String) -> Answer<CreatedTaxonomyLink> {
    let path = format!("/projects/{project}/taxonomy-links");
    post(&path, &[], &NewTaxonomyLink { name }).await
}

pub async fn revoke_taxonomy_link(link: i64) -> Answer<()> {
    delete(&format!("/taxonomy-links/{link}")).await
}

pub async fn preview_taxonomy(
    project: i64,
    format: &str,
    partial: bool,
    body: &Blob,
) -> Answer<TaxonomyPreview> {
    post_blob(
        &format!("/projects/{project}/taxonomies/preview"),
        &preview_query(format, partial),
        body,
    )
    .await
}

pub fn taxonomy_upload(project: i64, format: &str, name: &str) -> String {
    address(
        &format!("/projects/{project}/taxonomies"),
        &[("format", format.to_owned()), ("name", name.to_owned())],
    )
}

fn preview_query(format: &str, partial: bool) -> [(&'static str, String); 2] {
    [
        ("format", format.to_owned()),
        (
            "partial",
            if partial {
                "true".into()
            } else {
                String::new()
            },
        ),
    ]
}
