//! How often sign-in may be tried.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::http::problem::{ApiError, Code};

const TRIES_PER_NAME: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const TRIES_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(30).expect("thirty is not zero");
/// Names and addresses that may be remembered before idle ones are forgotten.
const REMEMBERED: usize = 10_000;

/// Counts tries by name and by address, per minute. A proxy shares one address among all, hence the larger number.
#[derive(Debug)]
pub struct SignInLimit {
    names: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for SignInLimit {
    fn default() -> Self {
        Self {
            names: RateLimiter::keyed(Quota::per_minute(TRIES_PER_NAME)),
            addresses: RateLimiter::keyed(Quota::per_minute(TRIES_PER_ADDRESS)),
        }
    }
}

impl SignInLimit {
    /// Counts a try.
    pub(super) fn check(&self, name: &str, address: Option<IpAddr>) -> Result<(), ApiError> {
        if self.names.len() > REMEMBERED {
            self.names.retain_recent();
        }
        if self.addresses.len() > REMEMBERED {
            self.addresses.retain_recent();
        }
        let refused = match address.map(|address| self.addresses.check_key(&address)) {
            Some(Err(refused)) => Some(refused),
            _ => self.names.check_key(&name.to_lowercase()).err(),
        };
        let Some(refused) = refused else {
            return Ok(());
        };
        let seconds = refused
            .wait_time_from(DefaultClock::default().now())
            .as_secs()
            + 1;
        Err(
            ApiError::new(Code::TooManyRequests, format!("try again in {seconds} s"))
                .with_retry_after(seconds),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_try_for_a_name_waits() {
        let limit = SignInLimit::default();
        for _ in 0..10 {
            limit.check("admin", None).unwrap();
        }
        assert_eq!(
            limit.check("Admin", None).unwrap_err().code(),
            Code::TooManyRequests
        );
        limit.check("somebody else", None).unwrap();
    }
}
