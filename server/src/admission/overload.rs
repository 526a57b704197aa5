//! When new live streams have to be refused so that the open ones keep up.
//!
//! Lag is what matters, but it tells too late: a stream costs its full share only two
//! seconds after it began, and thousands may begin within that time. So there are two
//! brakes, much like those of TCP:
//!
//! - **Looking back.** While results are late, nothing begins, and afterwards the
//!   server grows slowly. Recordings are slowed before that.
//! - **Looking ahead.** What the open streams need of the processors is the price of a
//!   stream, and from that follows how many there may be. A server that doesn't know it
//!   yet grows by a factor at most within the time that this takes to show, and by
//!   [`burst`](OverloadConfig::burst) when it is empty.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    pressure::LONGEST_PAUSE,
    window::{Look, Window},
};
use crate::{Error, config::OverloadConfig};

/// How long it takes until a stream costs what it will cost: results have begun.
const WARMING_UP: Duration = Duration::from_secs(1);
/// And until that shows: the last second of measurements has it in it.
const SETTLING: Duration = Duration::from_secs(2);
/// By what factor of the settled streams a server grows within that time, that doesn't
/// know their price.
const GROWTH: f64 = 3.0;
/// The same after an overload, from when it doubles each time.
const CAREFUL_GROWTH: f64 = 0.05;

/// How long those that are refused are asked to stay away: as long as it has gone on, but
/// so short that a client which gives up after half a minute has come again before.
const SHORTEST_AWAY: Duration = Duration::from_secs(1);
const LONGEST_AWAY: Duration = Duration::from_secs(10);

/// Pauses of bulk streams begin with this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// Decides whether live streams may begin.
#[derive(Debug)]
pub(super) struct Overload {
    config: OverloadConfig,
    cores: f64,
    burst: usize,
    window: Window,
    /// What a live stream cost of one core when that could last be told.
    price: Option<f64>,
    /// Live streams that have begun lately, and when.
    begun: VecDeque<(Instant, usize)>,
    growth: f64,
    /// When the growth last changed.
    grown: Instant,
    /// Since when results are late.
    late: Option<Instant>,
    /// The first and the last time that one was refused in a row.
    refused: Option<(Instant, Instant)>,
    bulk_pause: Duration,
    /// Since when recordings have been slowed as far as they may be.
    bulk_gave_way: Option<Instant>,
}

impl Overload {
    pub(super) fn new(config: &OverloadConfig, cores: usize) -> Self {
        Self {
            config: config.clone(),
            cores: cores as f64,
            burst: config.burst.get().saturating_mul(cores),
            window: Window::default(),
            price: None,
            begun: VecDeque::new(),
            growth: GROWTH,
            grown: Instant::now(),
            late: None,
            refused: None,
            bulk_pause: Duration::ZERO,
            bulk_gave_way: None,
        }
    }

    /// Lets so many more live streams begin beside those that are open, and returns when
    /// they count as begun.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`]. Never of a server without live streams.
    pub(super) fn begin(&mut self, streams: usize, open: usize) -> Result<Instant, Error> {
        let now = Instant::now();
        self.forget(now);
        if open > 0 {
            self.check(streams, open, now)
                .map_err(|(found, expected)| Error::Overloaded {
                    found,
                    expected,
                    retry_after: self.away(now),
                })?;
        }
        match self.begun.back_mut() {
            // No more than a few entries a second, however many begin.
            Some((at, count)) if now - *at < SETTLING / 20 => {
                *count += streams;
                Ok(*at)
            }
            _ => {
                self.begun.push_back((now, streams));
                Ok(now)
            }
        }
    }

    /// So many of those that began `at` that time aren't live streams any more: they
    /// have ended, are refused for another reason, or turn out to be recordings.
    pub(super) fn withdraw(&mut self, at: Instant, streams: usize) {
        let mut begun = self.begun.iter_mut();
        if let Some((_, count)) = begun.find(|(begun, _)| *begun == at) {
            *count = count.saturating_sub(streams);
        }
    }

    /// Whether the results of the open streams are late.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`].
    pub(super) fn is_late(&mut self) -> Result<(), Error> {
        self.check_lag()
            .map_err(|(found, expected)| Error::Overloaded {
                found,
                expected,
                retry_after: self.away(Instant::now()),
            })
    }

    /// What is wrong, and what would be right.
    fn check(&self, streams: usize, open: usize, now: Instant) -> Result<(), (String, String)> {
        self.check_lag()?;
        let is_careful = self.growth < GROWTH;
        if is_careful || self.price.is_none() {
            let young = self.begun_within(SETTLING, now).min(open);
            let burst = if is_careful { 1 } else { self.burst };
            let grown = ((open - young) as f64 * self.growth) as usize;
            let most = burst.saturating_add(grown);
            if young + streams > most {
                return Err((
                    format!("{young} streams begun within {}s", SETTLING.as_secs()),
                    format!("at most {most}"),
                ));
            }
        }
        if open + streams > self.burst
            && let Some(price) = self.price
        {
            let needed = price * (open + streams) as f64 / self.cores;
            if needed > self.config.utilisation {
                return Err((
                    format!("{:.0} % of the processors needed", needed * 100.0),
                    format!("at most {:.0} %", self.config.utilisation * 100.0),
                ));
            }
        }
        Ok(())
    }

    fn begun_within(&self, time: Duration, now: Instant) -> usize {
        let young = self.begun.iter().rev();
        let young = young.take_while(|(at, _)| now - *at < time);
        young.map(|(_, count)| count).sum()
    }

    fn check_lag(&self) -> Result<(), (String, String)> {
        if self.late.is_none() {
            return Ok(());
        }
        let seen = self.window.whole().seen;
        let share = seen.late * 100 / seen.results.max(1);
        let found = format!("{share} % of results late within 1s");
        Err((found, "at most 5 %".to_owned()))
    }

    /// How long whoever is refused now stays away: the longer, the longer this has gone
    /// on, and each for another time, so that not all come back at once.
    fn away(&mut self, now: Instant) -> Duration {
        let first = match self.refused {
            Some((first, last)) if now - last < LONGEST_AWAY => first,
            _ => now,
        };
        self.refused = Some((first, now));
        (now - first)
            .clamp(SHORTEST_AWAY, LONGEST_AWAY)
            .mul_f64(rand::random_range(0.5..=1.5))
    }

    /// Takes a look at the server, on which `open` live streams are open, and returns how
    /// long bulk streams are to pause.
    pub(super) fn look(&mut self, look: Look, open: usize) -> Duration {
        let now = Instant::now();
        self.forget(now);
        let settled = open.saturating_sub(self.begun_within(WARMING_UP, now));
        let settled = u32::try_from(settled).unwrap_or(u32::MAX);
        self.window.push(Look {
            settled: look.time * settled,
            ..look
        });
        self.price = self.window.whole().price().or(self.price);
        self.slow_bulk(now);
        let seen = self.window.whole().seen;
        let bulk_goes_first = self.window.whole().is_bulky(self.cores)
            && self
                .bulk_gave_way
                .is_none_or(|since| now - since < SETTLING / 2);
        match self.late {
            None if seen.is_late() && !bulk_goes_first => {
                self.late = Some(now);
                (self.growth, self.grown) = (CAREFUL_GROWTH, now);
            }
            Some(since) if now - since >= SETTLING / 2 && !seen.is_slow() => self.late = None,
            _ => {}
        }
        if self.late.is_some() {
            self.grown = now;
        } else if self.growth < GROWTH && now - self.grown >= SETTLING {
            (self.growth, self.grown) = ((self.growth * 2.0).min(GROWTH), now);
        }
        self.bulk_pause
    }

    fn slow_bulk(&mut self, now: Instant) {
        let recent = self.window.recent().seen;
        self.bulk_pause = if recent.is_late() {
            LONGEST_PAUSE
        } else if recent.is_slow() {
            (self.bulk_pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
        } else {
            let pause = self.bulk_pause * 2 / 3;
            if pause < SHORTEST_PAUSE {
                Duration::ZERO
            } else {
                pause
            }
        };
        if self.bulk_pause < LONGEST_PAUSE {
            self.bulk_gave_way = None;
        } else {
            self.bulk_gave_way.get_or_insert(now);
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.begun.front()
            && now - *at >= SETTLING
        {
            self.begun.pop_front();
        }
    }
}
