//! The executable `arborist`.

use std::process::ExitCode;

fn main() -> ExitCode {
    arborist_server::cli::main()
}
