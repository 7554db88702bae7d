//! Finds out whether a tier holds, by trying to get out of it.
//!
//! A launcher that is installed but broken is the usual case, so nothing is concluded from a
//! file that exists: three real escapes are attempted inside, and their effect is looked for
//! from outside.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::{Doing, SandboxError};
use super::invocation::Invocation;
use super::limits::Limits;
use super::tier::{Require, Tier};
use super::{Sandbox, bwrap, scratch};

/// A tier that was tried and held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TierReport {
    /// The tier.
    pub tier: Tier,
    /// How long trying took.
    pub took: Duration,
}

/// Reads a host file, writes a host file, signals a host process; says what worked.
const ESCAPES: &str = r#"
echo began; echo here > probe || echo unwritable
read -r line < "$1" && echo "escaped: read $line"
(echo x > "$2") && echo "escaped: wrote"
kill -0 "$3" && echo "escaped: signalled"
echo ended"#;

impl Sandbox {
    /// Tries the three escapes in `tier`.
    pub(super) async fn try_escapes(&self, tier: Tier) -> Result<TierReport, SandboxError> {
        let start = Instant::now();
        let require = match tier {
            Tier::T2 => Require::T2,
            Tier::T1 => Require::T1,
            Tier::T0 => {
                return Ok(TierReport { tier, took: Duration::ZERO });
            }
        };
        let doing = || "setting up a probe".to_owned();
        let bait = scratch::base(&self.config.scratch).doing(doing)?;
        let (secret, target) = (bait.path().join("secret"), bait.path().join("written"));
        std::fs::write(&secret, "secret\n").doing(doing)?;
        std::fs::set_permissions(bait.path(), std::fs::Permissions::from_mode(0o777)).doing(doing)?;
        let host = std::process::id().to_string();
        let command = ["/bin/sh", "-c", ESCAPES, "probe"].map(std::ffi::OsString::from);
        let command = command.into_iter().chain([secret.into(), target.clone().into(), host.into()]);
        let run = Invocation::new(command)
            .with_tier(require)
            .with_limits(Limits::default().with_time(Duration::from_secs(30)));
        let report = self.run_unprobed(run).await.map_err(|error| refusal(tier, error))?;
        let said = report.stdout.text.as_str();
        let escaped = said.contains("escaped") || target.exists();
        let worked = said.starts_with("began") && said.ends_with("ended\n") && !said.contains("unwritable");
        if escaped || !worked {
            let what = if escaped { "an escape succeeded" } else { "the probe did not run" };
            return Err(SandboxError::Unavailable {
                tier,
                reason: format!("{what}: {said:?} {:?}", report.stderr.text),
                advice: bwrap::advice("").into(),
            });
        }
        Ok(TierReport { tier, took: start.elapsed() })
    }
}

/// Turns a launch that failed while probing into a refusal with advice.
fn refusal(tier: Tier, error: SandboxError) -> SandboxError {
    match error {
        SandboxError::Launch { reason } => {
            let advice = match tier {
                Tier::T2 => bwrap::advice(&reason),
                Tier::T1 | Tier::T0 => "see the reason; a kernel with landlock and seccomp is needed",
            };
            SandboxError::Unavailable { tier, reason, advice: advice.into() }
        }
        other => other,
    }
}
