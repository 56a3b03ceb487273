//! What happens when the impossible does: a short message, and exit code 70.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use crate::exit_code::ExitCode;

/// Replaces Rust's panic message, which tells a user nothing, by one that tells whose fault it is and
/// what to do. Ends the process there and then, from whichever thread: a program that lost a worker
/// must not hang, and must not go on to report success. Files that were being written become
/// visible only by their last rename, so ending at any moment is safe.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        // Standard error may be closed; there is nobody left to tell.
        let _ = std::io::stderr().write_all(message(info).as_bytes());
        end();
    }));
}

#[expect(clippy::disallowed_methods, reason = "`cli` ends the process; a hook cannot return")]
fn end() -> ! {
    std::process::exit(ExitCode::Bug.describe().0.into())
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let what = info.payload_as_str().unwrap_or("(no message)");
    let place = info.location().map_or_else(|| "(unknown)".to_owned(), ToString::to_string);
    let backtrace = std::backtrace::Backtrace::capture();
    let trace = match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => format!("{backtrace}\n"),
        _ => String::new(),
    };
    format!(
        "\nerror: this is a bug in lightship, not a mistake of yours\n  \
           what: {what}\n  \
           where: {place}\n  \
           version: {version} ({os} {arch})\n  \
           try: report it with the command that you typed; RUST_BACKTRACE=1 shows more\n{trace}",
        version = env!("CARGO_PKG_VERSION"),
        os = std::env::consts::OS,
        arch = std::env::consts::ARCH,
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Not a test of its own: the next test runs it in a process of its own, which it ends.
    #[test]
    #[ignore = "ends its process; run by `a_panic_on_any_thread_ends_in_70`"]
    fn helper_panics_on_a_worker_thread() {
        super::install_hook();
        let worker = std::thread::spawn(|| panic!("the sea is dry"));
        let _ = worker.join();
    }

    #[test]
    fn a_panic_on_any_thread_ends_in_70() {
        let name = "bug::tests::helper_panics_on_a_worker_thread";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture"])
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(70), "{stderr}");
        assert!(stderr.contains("bug in lightship") && stderr.contains("the sea is dry"));
        assert!(stderr.contains("bug.rs:"), "{stderr}");
    }
}
