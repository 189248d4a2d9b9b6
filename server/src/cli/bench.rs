//! `arborist bench`: what a paper reports, measured on a corpus of one's own.

mod papers;

use clap::{Args, Subcommand};

use super::CliError;

#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Train the rows of the papers' tables, and print the published figures beside ours
    Papers(Box<papers::Papers>),
}

impl Bench {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self.what {
            What::Papers(papers) => papers.run().await,
        }
    }
}
