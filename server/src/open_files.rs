//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside clients' connections: the other listeners with theirs, models, libraries, logs.
const OTHERS: u64 = 256;

/// Raises the limit as far as the process itself may. What is wrong, if that is still too
/// few for so many `connections`: one beyond the limit would wait for ever, and a probe's
/// with it.
pub(crate) fn shortage(connections: usize) -> Option<String> {
    let limit = raise()?;
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_add(OTHERS);
    (limit < needed).then(|| {
        format!(
            "server.connections: {connections}, where the process may have {limit} files open; \
             expected {needed} of them (ulimit -n, LimitNOFILE), or fewer connections"
        )
    })
}

/// The limit, from now on the highest; `None` if there is none.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, highest) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_held_against_connections() {
        let highest = getrlimit(Resource::Nofile).maximum;
        let few = shortage(1);
        assert_eq!(getrlimit(Resource::Nofile).current, highest);
        assert_eq!(few, None);
        let Some(highest) = highest else { return };
        let connections = usize::try_from(highest - OTHERS).unwrap();
        assert_eq!(shortage(connections), None);
        let short = shortage(connections + 1).unwrap();
        let said = format!(
            "server.connections: {}, where the process may have {highest} files open; expected {}",
            connections + 1,
            highest + 1
        );
        assert!(short.starts_with(&said), "{short}");
    }
}
