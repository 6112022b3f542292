//! Two threads for what is large.

/// Runs the work on this thread, and at the same time on a second one where it is wanted and can
/// be had. The work shares out what there is to do by itself.
pub fn on_both<T: Send>(second: bool, work: impl Fn() -> T + Sync) -> Vec<T> {
    let mut outcomes = Vec::new();
    std::thread::scope(|scope| {
        let other = second
            .then(|| std::thread::Builder::new().spawn_scoped(scope, || crate::abi::quiet(&work)))
            .and_then(Result::ok);
        outcomes.push(work());
        match other.map(|thread| thread.join()) {
            Some(Ok(outcome)) => outcomes.push(outcome),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
    });
    outcomes
}
