//! Whole runs through the ports, with a world that is played: the store is [`crate::testing::MemoryStore`] behind a gate
//! that can fail, the models are scripted, time moves only when somebody sleeps.

mod accounts;
mod cancel;
mod crash;
mod hearing;
mod judging;
mod merge;
mod metrics;
mod money;
mod operations;
mod origins;
mod parts;
mod routing;
mod whole;
mod workers;
mod world;
