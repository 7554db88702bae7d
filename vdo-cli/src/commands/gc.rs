//! `vdo gc`: takes away what nothing needs any more.

use std::time::Duration;

use vdo_core::port::Clock as _;
use vdo_core::port::upkeep::Collection;
use vdo_core::time::Timestamp;

use crate::app::App;
use crate::args;
use crate::fail::Fail;

/// Marks and sweeps, and says what went and what stays.
pub(crate) async fn gc(app: &App, args: &args::Gc) -> Result<(), Fail> {
    let engine = app.engine()?;
    let upkeep = engine.store().upkeep().ok_or_else(|| Fail::failed("this store keeps everything"))?;
    let now = app.clock.now();
    let day = |days: u32| Timestamp(now.0.saturating_sub(i64::from(days).saturating_mul(86_400_000)));
    let collection = Collection {
        now,
        grace: Duration::from_secs(u64::from(args.grace).saturating_mul(3600)),
        journals_before: args.journals.map(day),
        compact: args.compact,
        is_trial: args.dry_run,
    };
    let collected = upkeep.collect(&collection).await?;
    if app.out.json {
        return app.out.value(&collected);
    }
    let goes = if args.dry_run { "would go" } else { "went" };
    app.out.line(format!("{} contents {goes}, {} bytes", collected.blobs, collected.bytes))?;
    if args.journals.is_some() {
        app.out.line(format!("{} answers of journals {goes}, {} bytes", collected.answers, collected.answer_bytes))?;
    }
    let waiting = collected.marked.saturating_sub(collected.blobs);
    if waiting > 0 {
        app.out.say(format!("{waiting} contents are unused and wait for {} hours to pass", args.grace));
    }
    if !collected.waits_for.is_empty() {
        let names: Vec<String> = collected.waits_for.iter().take(20).map(ToString::to_string).collect();
        app.out.say(format!(
            "what became unused since these were made stays until they are run to their end, cancelled or archived: {}{}",
            names.join(" "),
            if collected.waits_for.len() > names.len() { " …" } else { "" }
        ));
    }
    Ok(())
}
