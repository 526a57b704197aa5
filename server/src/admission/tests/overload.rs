//! A server that is simulated: streams cost more and more in their first second, and
//! results are late when there is more to do than can be done.

use std::{num::NonZeroUsize, time::Duration};

use tokio::time::{Instant, advance};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    Error,
    admission::{
        Caller,
        overload::Overload,
        pressure::{LONGEST_PAUSE, Seen},
        window::Look,
    },
    config::OverloadConfig,
};

const LOOK: Duration = Duration::from_millis(100);

/// A server with one core.
struct Server {
    overload: Overload,
    /// The share of the core that a live stream takes.
    cost: f64,
    /// When each open live stream began.
    open: Vec<Instant>,
    /// The share that recordings would take if nobody slowed them.
    bulk: f64,
    bulk_pause: Duration,
    /// The share that loading a model takes.
    loading: f64,
    /// Whether processor time tells anything.
    blind: bool,
    /// The most that was ever asked of the core.
    peak: f64,
    refusals: Vec<Error>,
}

impl Server {
    fn new(cost: f64) -> Self {
        Self {
            overload: Overload::new(&OverloadConfig::default(), 1),
            cost,
            open: Vec::new(),
            bulk: 0.0,
            bulk_pause: Duration::ZERO,
            loading: 0.0,
            blind: false,
            peak: 0.0,
            refusals: Vec::new(),
        }
    }

    /// So many streams want to begin.
    fn come(&mut self, streams: usize) {
        for _ in 0..streams {
            match self.overload.begin(1, self.open.len()) {
                Ok(_) => self.open.push(Instant::now()),
                Err(error) => self.refusals.push(error),
            }
        }
    }

    /// What live streams ask of the core now.
    fn asked(&self) -> f64 {
        let share = |since: &Instant| since.elapsed().as_secs_f64().min(1.0);
        self.open.iter().map(share).sum::<f64>() * self.cost
    }

    /// Lets time pass, a tenth of a second at a time.
    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            advance(LOOK).await;
            let asked = self.asked();
            self.peak = self.peak.max(asked);
            let bulk = self.bulk / (1.0 + self.bulk_pause.as_secs_f64() * 100.0);
            let results = self.open.len() as u64 / 5;
            let late = asked + bulk > 1.0;
            let spent = if self.blind {
                0.0
            } else {
                (asked + bulk + self.loading).min(1.0)
            };
            let look = Look {
                time: LOOK,
                seen: Seen {
                    results,
                    late: if late { results } else { 0 },
                    slow: if late { results } else { 0 },
                    bulk_work: LOOK.mul_f64(bulk.min(1.0)),
                },
                processor: LOOK.mul_f64(spent),
                is_loading: self.loading > 0.0,
                ..Look::default()
            };
            self.bulk_pause = self.overload.look(look, self.open.len());
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn three_times_what_it_can_bear_never_overloads_it() {
    for cost in [0.001, 0.002, 0.0005] {
        let mut server = Server::new(cost);
        for _ in 0..200 {
            server.come(300);
            server.pass(LOOK).await;
        }
        assert!(server.peak <= 0.76, "{} of the core at {cost}", server.peak);
        assert!(
            server.asked() >= 0.65,
            "{} of the core at {cost}",
            server.asked()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_knows_no_price_takes_what_comes_and_then_grows() {
    let mut server = Server::new(0.0001);
    server.blind = true;
    server.come(1_000);
    assert_eq!(server.open.len(), 64);
    server.pass(2 * SECOND).await;
    server.come(1_000);
    assert_eq!(server.open.len(), 64 + 64 + 3 * 64);
    server.pass(2 * SECOND).await;
    server.come(10_000);
    assert_eq!(server.open.len(), 320 + 64 + 3 * 320);
}

#[tokio::test(start_paused = true)]
async fn a_price_that_is_known_says_how_many_more_may_come_at_once() {
    let mut server = Server::new(0.001);
    server.come(64);
    server.pass(4 * SECOND).await;
    server.come(10_000);
    assert_eq!(server.open.len(), 750);
    let message = "server: 75 % of the processors needed; expected at most 75 %, try again later";
    assert_eq!(server.refusals.pop().unwrap().to_string(), message);
    // Nor is it forgotten when everybody leaves.
    server.open.clear();
    server.pass(4 * SECOND).await;
    server.come(10_000);
    assert_eq!(server.open.len(), 750);
    server.pass(4 * SECOND).await;
    assert!(server.peak < 0.76, "{}", server.peak);
}

#[tokio::test(start_paused = true)]
async fn a_price_is_that_of_the_streams_which_were_open() {
    let mut server = Server::new(0.001);
    server.come(64);
    server.pass(4 * SECOND).await;
    server.come(600);
    server.pass(4 * SECOND).await;
    // What the others cost is none of these twenty's.
    server.open.truncate(20);
    server.pass(LOOK).await;
    server.come(10_000);
    assert!(server.open.len() > 700, "{}", server.open.len());
}

#[tokio::test(start_paused = true)]
async fn without_streams_nothing_is_refused() {
    let mut server = Server::new(0.001);
    server.come(500);
    server.pass(SECOND).await;
    // As late as can be, and then everybody leaves.
    server.cost = 1.0;
    server.pass(3 * SECOND).await;
    server.open.clear();
    assert!(server.overload.begin(8, 0).is_ok());
}

#[tokio::test(start_paused = true)]
async fn late_results_stop_growth_and_recovery_is_careful() {
    // Other processes take the core, so that only lag tells.
    let mut server = Server::new(0.01);
    server.blind = true;
    server.come(64);
    server.pass(2 * SECOND).await;
    server.come(300);
    assert_eq!(server.open.len(), 320);
    server.pass(3 * SECOND).await;
    let refused = server.refusals.len();
    server.come(1);
    assert_eq!(server.refusals.len(), refused + 1);
    let message = "server: 100 % of results late within 1s; expected at most 5 %, try again later";
    assert_eq!(server.refusals[refused].to_string(), message);
    assert!(server.overload.is_late().is_err());

    server.open.truncate(90);
    server.pass(Duration::from_millis(2_500)).await;
    assert!(server.overload.is_late().is_ok());
    server.come(100);
    // A twentieth of 90, and one.
    assert_eq!(server.open.len(), 95);
}

#[tokio::test(start_paused = true)]
async fn recordings_give_way_before_anybody_is_refused() {
    let mut server = Server::new(0.005);
    server.come(60);
    server.pass(3 * SECOND).await;
    server.bulk = 1.0;
    let mut longest = Duration::ZERO;
    for _ in 0..30 {
        server.pass(LOOK).await;
        longest = longest.max(server.bulk_pause);
        server.come(1);
    }
    assert_eq!(longest, LONGEST_PAUSE);
    assert!(server.refusals.is_empty(), "{:?}", server.refusals);
    // With nothing live, nothing slows them.
    server.open.clear();
    server.pass(10 * SECOND).await;
    assert_eq!(server.bulk_pause, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_refused_later_stays_away_longer() {
    let mut server = Server::new(0.02);
    server.come(64);
    let mut away = Vec::new();
    for _ in 0..20 {
        server.pass(SECOND).await;
        server.come(20);
        let error = server.refusals.pop().unwrap();
        let status = Status::from(error);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let delay = status.get_details_retry_info().unwrap().retry_delay;
        away.push(delay.unwrap());
    }
    assert!(away[0] <= Duration::from_millis(1_500), "{away:?}");
    assert!(away[0] >= Duration::from_millis(500), "{away:?}");
    assert!(*away.last().unwrap() >= Duration::from_secs(5), "{away:?}");
    away.sort();
    away.dedup();
    assert!(away.len() > 15, "not at once: {away:?}");
}

#[tokio::test(start_paused = true)]
async fn what_turns_out_to_be_a_recording_leaves_its_place() {
    let config = OverloadConfig {
        burst: NonZeroUsize::new(1).unwrap(),
        ..OverloadConfig::default()
    };
    let mut overload = Overload::new(&config, 1);
    let first = overload.begin(1, 0).unwrap();
    let error = overload.begin(1, 1).unwrap_err().to_string();
    let message = "server: 1 streams begun within 2s; expected at most 1, try again later";
    assert_eq!(error, message);
    overload.withdraw(first, 1);
    overload.begin(1, 1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn any_burst_may_be_configured() {
    let config = OverloadConfig {
        burst: NonZeroUsize::MAX,
        ..OverloadConfig::default()
    };
    let mut overload = Overload::new(&config, 2);
    overload.begin(8, 0).unwrap();
    advance(3 * SECOND).await;
    // Eight have settled, beside which more than a number holds may begin.
    overload.begin(1, 8).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_leaves_its_place_however_long_ago_it_began() {
    let (_server, admission) = super::limits::admission(|config| {
        config.overload.burst = NonZeroUsize::new(4).unwrap();
    });
    let caller = Caller::default();
    let as_many_as_may = || -> Vec<_> {
        let permits = std::iter::repeat_with(|| admission.stream(&caller).ok());
        permits.take(10_000).map_while(|permit| permit).collect()
    };
    let stay = as_many_as_may();
    advance(3 * SECOND).await;
    let first = as_many_as_may();
    let count = first.len();
    assert!(count > stay.len(), "{count} beside {}", stay.len());
    // Others have begun since, which are counted on their own.
    advance(SECOND).await;
    drop(first);
    assert_eq!(as_many_as_may().len(), count);
    drop(stay);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_loaded_does_not_make_streams_dearer() {
    let mut server = Server::new(0.001);
    server.come(64);
    server.pass(4 * SECOND).await;
    server.loading = 0.9;
    server.pass(4 * SECOND).await;
    server.come(10_000);
    assert_eq!(server.open.len(), 750);
}
