//! Calls that may not take for ever.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak, mpsc},
    thread,
    time::Duration,
};

/// Runs calls on threads of their own and gives up on those that are late.
///
/// A thread that is given up on can't be stopped: it stays until its call
/// returns, and then drops what the call made. So that such threads can't pile
/// up, nothing more is made until it is gone.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    late: Mutex<Vec<Late>>,
}

/// A call that was given up on, for as long as its thread lives.
#[derive(Debug)]
struct Late {
    call: Weak<()>,
    name: &'static str,
}

/// A call that goes on in a thread of its own.
struct Running<T> {
    call: Weak<()>,
    name: &'static str,
    result: mpsc::Receiver<T>,
}

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// It took too long.
    Late {
        call: &'static str,
        deadline: Duration,
    },
    /// One before it still hasn't returned.
    Blocked { call: &'static str },
    /// The thread panicked, or there could be none.
    Thread(String),
}

impl fmt::Display for NoResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late { call, deadline } => {
                write!(formatter, "{call} has not returned within {deadline:?}")
            }
            Self::Blocked { call } => {
                write!(
                    formatter,
                    "an earlier call of {call} has not returned until now"
                )
            }
            Self::Thread(reason) => formatter.write_str(reason),
        }
    }
}

impl Caller {
    /// The result of `call`, if it comes within `deadline`. `name` says in
    /// errors what is called.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        deadline: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        self.expect_none_late()?;
        self.wait(start(name, call)?, deadline)
    }

    /// Runs `call`, which ends what an earlier one made, even if another is late.
    /// There are no more of these than were made.
    pub(crate) fn end(
        &self,
        name: &'static str,
        deadline: Duration,
        call: impl FnOnce() + Send + 'static,
    ) -> Result<(), NoResult> {
        self.wait(start(name, call)?, deadline)
    }

    fn expect_none_late(&self) -> Result<(), NoResult> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|late| late.call.strong_count() > 0);
        match late.first() {
            Some(late) => Err(NoResult::Blocked { call: late.name }),
            None => Ok(()),
        }
    }

    fn wait<T>(&self, running: Running<T>, deadline: Duration) -> Result<T, NoResult> {
        let Running { call, name, result } = running;
        match result.recv_timeout(deadline) {
            Ok(value) => Ok(value),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(NoResult::Thread(format!("{name} panicked")))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
                late.push(Late { call, name });
                Err(NoResult::Late {
                    call: name,
                    deadline,
                })
            }
        }
    }
}

fn start<T: Send + 'static>(
    name: &'static str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Running<T>, NoResult> {
    let alive = Arc::new(());
    let (sender, result) = mpsc::sync_channel(1);
    let running = Running {
        call: Arc::downgrade(&alive),
        name,
        result,
    };
    thread::Builder::new()
        .name(format!("plugin {name}"))
        .spawn(move || {
            // A result that nobody waits for any more is dropped, and only
            // then the thread counts as gone.
            drop(sender.send(call()));
            drop(alive);
        })
        .map_err(|error| NoResult::Thread(format!("no thread for {name}: {error}")))?;
    Ok(running)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_in_time_gives_its_result() {
        let caller = Caller::default();
        assert_eq!(caller.call("one", LONG, || 1), Ok(1));
        let panicked = caller.call("two", LONG, || panic!("on purpose"));
        assert_eq!(
            panicked,
            Err::<(), _>(NoResult::Thread("two panicked".to_owned()))
        );
    }

    #[test]
    fn a_late_call_blocks_others_until_it_returns() {
        struct Made(mpsc::Sender<()>);
        impl Drop for Made {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }

        let caller = Caller::default();
        let (release, released) = mpsc::channel::<()>();
        let (made, dropped) = mpsc::channel();
        let deadline = Duration::from_millis(1);
        let late = caller.call("load", deadline, move || {
            let _ = released.recv();
            Made(made)
        });
        assert!(matches!(late, Err(NoResult::Late { call: "load", .. })));
        let blocked = caller.call("load", LONG, || ());
        assert_eq!(blocked, Err(NoResult::Blocked { call: "load" }));

        drop(release);
        dropped.recv_timeout(LONG).expect("what it made is dropped");
        // It is gone a moment later.
        while caller.call("load", LONG, || ()).is_err() {
            thread::yield_now();
        }
    }

    #[test]
    fn every_late_call_blocks_others() {
        let caller = Caller::default();
        let hang = |name| {
            let (release, released) = mpsc::channel::<()>();
            let running = start(name, move || released.recv().is_err());
            (release, running.unwrap())
        };
        let (first, one) = hang("load");
        let (second, other) = hang("instance");
        let gone = other.call.clone();
        for running in [one, other] {
            let late = caller.wait(running, Duration::ZERO);
            assert!(matches!(late, Err(NoResult::Late { .. })));
        }

        drop(second);
        while gone.strong_count() > 0 {
            thread::yield_now();
        }
        let blocked = caller.call("load", LONG, || ());
        assert_eq!(blocked, Err(NoResult::Blocked { call: "load" }));
        drop(first);
        while caller.call("load", LONG, || ()).is_err() {
            thread::yield_now();
        }
    }

    #[test]
    fn what_was_made_is_ended_even_beside_a_late_call() {
        let caller = Caller::default();
        let (release, released) = mpsc::channel::<()>();
        let late = caller.end("unload", Duration::ZERO, move || {
            let _ = released.recv();
        });
        assert!(matches!(late, Err(NoResult::Late { call: "unload", .. })));
        let blocked = caller.call("load", LONG, || ());
        assert_eq!(blocked, Err(NoResult::Blocked { call: "unload" }));
        assert_eq!(caller.end("unload", LONG, || ()), Ok(()));

        drop(release);
        while caller.call("load", LONG, || ()).is_err() {
            thread::yield_now();
        }
    }
}
