//! The program under test: the same `main` as `cemem`, built where the tests can find it.

fn main() -> std::process::ExitCode {
    cemem_cli::main_impl()
}
