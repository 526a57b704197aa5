//! Ctrl-C: the first ends what is under way in good order, the second at once.

use std::io;

use tokio::sync::watch;

/// Takes over Ctrl-C. The first turns the value to true, which whoever holds the
/// sender can do, too.
pub(crate) fn watch() -> io::Result<(watch::Sender<bool>, watch::Receiver<bool>)> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(stop_on(take_interrupts()?, stop.clone()));
    Ok((stop, stopped))
}

/// The first Ctrl-C stops, the second ends the process.
async fn stop_on(mut interrupts: Interrupts, stop: watch::Sender<bool>) {
    if interrupts.recv().await.is_some() {
        stop.send_replace(true);
        anstream::eprintln!("stopping; press Ctrl-C again to leave without the summary");
    }
    if interrupts.recv().await.is_some() {
        std::process::exit(130);
    }
}

#[cfg(unix)]
type Interrupts = tokio::signal::unix::Signal;
#[cfg(windows)]
type Interrupts = tokio::signal::windows::CtrlC;

/// From here on, Ctrl-C no longer ends the process by itself.
fn take_interrupts() -> io::Result<Interrupts> {
    #[cfg(unix)]
    return tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    #[cfg(windows)]
    return tokio::signal::windows::ctrl_c();
}
