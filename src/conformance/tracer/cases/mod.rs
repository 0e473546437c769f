//! The cases, by theme.

mod attributes;
mod events;
mod flush;
mod identity;
mod lifecycle;
mod no_ops;
mod outage;
mod parents;
mod status;
mod threads;
mod time;

use super::Case;

/// Every case, in a fixed order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    const THEMES: [&[Case]; 11] = [
        identity::CASES,
        parents::CASES,
        attributes::CASES,
        events::CASES,
        status::CASES,
        time::CASES,
        lifecycle::CASES,
        no_ops::CASES,
        flush::CASES,
        outage::CASES,
        threads::CASES,
    ];
    THEMES.into_iter().flatten()
}
