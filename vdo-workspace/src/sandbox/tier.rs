//! How strong a sandbox is, and how strong a caller demands it to be.
//!
//! Invariant: a run happens in exactly the tier that was required, or not at all.

pub use vdo_core::check::Tier;

/// The tier a caller demands. Default: [`Require::T2`].
///
/// There is no "at least": a weaker sandbox is only ever used when it is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Require {
    /// The full sandbox, or a refusal.
    #[default]
    T2,
    /// The reduced sandbox, or a refusal.
    T1,
    /// No sandbox. The reason is recorded in the report.
    T0 {
        /// Why running unconfined is acceptable; must not be blank.
        reason: String,
    },
}

impl Require {
    /// Returns the tier that is demanded.
    pub fn tier(&self) -> Tier {
        match self {
            Self::T2 => Tier::T2,
            Self::T1 => Tier::T1,
            Self::T0 { .. } => Tier::T0,
        }
    }
}
