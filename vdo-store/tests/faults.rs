//! Faults of the disk, the file and the clock, on SQLite: each is a typed error that says what is wrong and what to do, nobody panics or
//! hangs, and everything that was acknowledged before is there afterwards.
//!
//! Where a fault is one of a process (a limit, a user without rights), the process is this test again, in the part of
//! [`a_child_that_writes`].
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod common;

use std::error::Error as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use vdo_core::content::Blob;
use vdo_core::event::EventKind;
use vdo_core::id::JobId;
use vdo_core::job::JobSpec;
use vdo_core::port::changes::{Changes, Guard, LeaseChange};
use vdo_core::port::{Blobs as _, ClaimRequest, EventLog as _, JobQuery, Jobs as _, Lease, Store, StoreError};
use vdo_core::time::Timestamp;
use vdo_store::{Options, SqlStore, StoreFault};

const ROLE: &str = "VDO_TEST_ROLE";
const PLACE: &str = "VDO_TEST_PLACE";
const SECONDS: &str = "VDO_STRESS_SECONDS";

/// Returns an error with its causes, as people are told.
fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}

/// Returns the fault in an error.
#[track_caller]
fn fault(error: &StoreError) -> &StoreFault {
    match error {
        StoreError::Backend { source, .. } => source.downcast_ref().unwrap(),
        other => panic!("expected a fault of the file, got {other:?}"),
    }
}

/// A job with a lease on it, and how many events it has.
struct Writing {
    store: Arc<SqlStore>,
    lease: Lease,
    written: u64,
}

impl Writing {
    async fn begin(store: Arc<SqlStore>) -> Self {
        let id = job(&*store, "x").await;
        let lease = claim(&*store, id, "one").await;
        Self { store, lease, written: 0 }
    }

    /// Writes one event and one content of 16 KiB that cannot be packed.
    async fn write(&mut self) -> Result<(), StoreError> {
        let number = self.written + 1;
        let mut changes = leased(&self.lease).with_event(note(number.to_string()));
        changes.blobs = vec![noise(number)];
        self.store.commit(changes).await?;
        self.written = number;
        Ok(())
    }

    /// Insists that everything that was acknowledged is there, whole.
    async fn assert_all_there(&self, store: &SqlStore) {
        assert_all_there(store, self.lease.job, self.written).await;
    }
}

#[track_caller]
fn assert_at_least(events: &[vdo_core::event::Event], written: u64) {
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() as u64 >= written, "{} of {written} events are there", seqs.len());
}

async fn assert_all_there(store: &SqlStore, job: JobId, written: u64) {
    assert_at_least(&store.events(job, 0, 100_000).await.unwrap(), written);
    for number in 1..=written {
        let blob = noise(number);
        assert_eq!(store.blobs(&[blob.hash()]).await.unwrap(), [blob]);
    }
    assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
}

fn noise(number: u64) -> Blob {
    let mut bytes = Vec::with_capacity(16 << 10);
    let mut seed = number;
    while bytes.len() < 16 << 10 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    Blob::new(bytes)
}

// ---- other processes

/// A child that writes until it cannot, says so, waits for a line, and writes again.
struct Writer {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// What a child said when it could not go on.
#[derive(Debug)]
struct Stopped {
    written: u64,
    error: String,
}

impl Writer {
    fn start(mut command: Command, role: &str, place: &str) -> Self {
        let mut child = command
            .args(["--exact", "a_child_that_writes", "--ignored", "--nocapture"])
            .envs([(ROLE, role), (PLACE, place)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for what it says with this beginning.
    fn says(&mut self, begin: &str) -> String {
        for line in self.lines.by_ref() {
            // The name of the test may stand before it.
            if let Some((_, rest)) = line.unwrap().split_once(begin) {
                return rest.trim().to_owned();
            }
        }
        panic!("the child ended without saying {begin:?}");
    }

    fn stopped(&mut self) -> Stopped {
        let error = self.says("stopped:");
        Stopped { written: self.says("written:").parse().unwrap(), error }
    }

    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn ends_well(mut self) {
        let mut rest = String::new();
        for line in self.lines.by_ref() {
            rest.push_str(&line.unwrap());
        }
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn this_test() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// This test as a user that may not do everything.
fn as_nobody() -> Command {
    if !rustix_is_root() {
        return this_test();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(std::env::current_exe().unwrap());
    command
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}

#[test]
#[ignore = "is started by the others"]
fn a_child_that_writes() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let place = std::env::var(PLACE).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async move {
        match role.as_str() {
            "until it cannot" => until_it_cannot(&place).await,
            "open" => match SqlStore::open(&place, Options::default()).await {
                Ok(_) => println!("opened:"),
                Err(error) => println!("refused: {}", told(&error)),
            },
            "hammer" => hammer(&place).await,
            other => panic!("{other}"),
        }
    });
}

fn wait_for_a_line() {
    std::io::stdin().read_exact(&mut [0; 3]).unwrap();
}

async fn until_it_cannot(place: &str) {
    let store = Arc::new(SqlStore::open(place, Options::default()).await.unwrap());
    let mut writing = Writing::begin(store).await;
    println!("begun:");
    let error = loop {
        if let Err(error) = writing.write().await {
            break error;
        }
        if writing.written >= 5000 {
            panic!("nothing stopped it");
        }
    };
    println!("stopped: {}", told(&error));
    // It fails again as long as nothing changes, and reads go on.
    assert!(writing.write().await.is_err());
    assert_at_least(&writing.store.events(writing.lease.job, 0, 100_000).await.unwrap(), writing.written);
    println!("written: {}", writing.written);
    wait_for_a_line();
    for _ in 0..20 {
        writing.write().await.unwrap();
    }
    writing.assert_all_there(&writing.store).await;
    println!("written: {}", writing.written);
}

/// Lets a child write until it stops, mends that, and insists on everything.
async fn stops_and_goes_on(mut child: Writer, place: &str, expected: &str, mend: impl FnOnce(&Writer)) {
    let stopped = child.stopped();
    assert!(stopped.error.contains(expected), "{stopped:?}");
    assert!(stopped.error.starts_with(&format!("the store at {place} failed")), "{stopped:?}");
    assert!(stopped.written > 0);
    mend(&child);
    child.go_on();
    let written: u64 = child.says("written:").parse().unwrap();
    assert_eq!(written, stopped.written + 20);
    child.ends_well();
    let store = SqlStore::open(place, Options::default()).await.unwrap();
    let job = store.jobs(&JobQuery::default()).await.unwrap()[0].id;
    assert_all_there(&store, job, written).await;
}

#[tokio::test]
async fn a_disk_that_is_full_is_told_and_the_same_store_goes_on_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("vdo.db");
    let mounted = Mounted::tmpfs(folder.path(), "8m");
    if mounted.is_none() {
        return a_limit_on_files_is_told(&place).await;
    }
    let ballast = folder.path().join("ballast");
    std::fs::write(&ballast, vec![1; 4 << 20]).unwrap();
    let child = Writer::start(this_test(), "until it cannot", place.to_str().unwrap());
    let full = "the disk is full; nothing was written, and it can be tried again once there is room";
    stops_and_goes_on(child, place.to_str().unwrap(), full, |_| std::fs::remove_file(&ballast).unwrap()).await;
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_is_told_and_the_same_store_goes_on_once_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    a_limit_on_files_is_told(&folder.path().join("vdo.db")).await;
}

async fn a_limit_on_files_is_told(place: &Path) {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec prlimit --fsize=2097152:unlimited \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap());
    let child = Writer::start(command, "until it cannot", place.to_str().unwrap());
    let expected = "check the disk and the limits of the process, then try again";
    stops_and_goes_on(child, place.to_str().unwrap(), expected, |child| {
        let pid = child.child.id().to_string();
        let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status().unwrap();
        assert!(lifted.success());
    })
    .await;
}

#[tokio::test]
async fn what_is_acknowledged_after_a_transaction_that_the_database_took_back_is_on_the_disk() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "x").await;
    let lease = claim(&*store, id, "one").await;
    let raw = place.raw().await;
    // As a full disk: the whole transaction goes; and as any other failure: the statement goes.
    for (title, how) in [("gone", "ROLLBACK"), ("refused", "ABORT")] {
        let sql = format!(
            "CREATE TRIGGER {title} BEFORE INSERT ON jobs WHEN NEW.title = '{title}' BEGIN SELECT raise({how}, 'no'); END"
        );
        sea_orm::ConnectionTrait::execute_unprepared(&raw, &sql).await.unwrap();
    }
    let mut written = 0;
    for titles in [&["gone"][..], &["gone", "refused"], &["refused", "gone", "gone", "refused"]] {
        for title in titles {
            let spec = JobSpec::new(*title, "");
            assert!(store.commit(Changes::new(Guard::Create(Box::new(spec)), NOW)).await.is_err());
        }
        for _ in 0..3 {
            store.commit(leased(&lease).with_event(note("x"))).await.unwrap();
            written += 1;
            // What another process sees is what a crash would leave.
            let seen = query(&raw, "SELECT count(*) FROM events").await[0].try_get_by_index::<i64>(0).unwrap();
            assert_eq!(seen, written, "after {titles:?}");
        }
    }
}

/// A file system of a test's own; gone with the value.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "vdo-test"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_file_or_folder_that_cannot_be_written_is_told_when_it_is_opened() {
    let place = Place::new();
    drop(place.open().await);
    // The last to close takes the log and its index away.
    let begun = Instant::now();
    while ["-wal", "-shm"].iter().any(|suffix| Path::new(&format!("{}{suffix}", place.path())).exists()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the store does not close");
        tokio::task::yield_now().await;
    }
    let folder = place.0.path();
    let opens = |_: &str| {
        let mut child = Writer::start(as_nobody(), "open", &place.path());
        let said = child.says("ed:");
        child.ends_well();
        said
    };
    // The file is somebody's who lets nobody write.
    mode(folder, 0o777);
    mode(Path::new(&place.path()), 0o444);
    let said = opens("a file");
    assert!(said.contains("cannot be written; check the permissions"), "{said}");
    // The file may be written, its folder not: SQLite needs two files beside it.
    mode(Path::new(&place.path()), 0o666);
    mode(folder, 0o555);
    let said = opens("a folder");
    assert!(said.contains("check the permissions"), "{said}");
    mode(folder, 0o777);
    let said = opens("neither");
    assert_eq!(said, "");
}

#[tokio::test]
async fn permissions_that_are_lost_meanwhile_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    mode(folder.path(), 0o777);
    let place = folder.path().join("vdo.db");
    let mut command = as_nobody();
    command.env("VDO_TEST_NOBODY", "1");
    let mut child = Writer::start(command, "until it cannot", place.to_str().unwrap());
    child.says("begun:");
    // What is open stays open; to a process that comes later the store is closed, and says so.
    mode(&place, 0o000);
    mode(folder.path(), 0o000);
    let mut late = Writer::start(as_nobody(), "open", place.to_str().unwrap());
    let said = late.says("ed:");
    late.ends_well();
    assert!(!said.is_empty() && said.contains("the permissions"), "{said}");
    mode(folder.path(), 0o777);
    mode(&place, 0o666);
    drop(child);
    let store = SqlStore::open(place.to_str().unwrap(), Options::default()).await.unwrap();
    let job = store.jobs(&JobQuery::default()).await.unwrap()[0].id;
    assert_all_there(&store, job, 0).await;
}

#[tokio::test]
async fn a_file_that_is_removed_or_replaced_meanwhile_takes_nothing_more() {
    for replaced in [false, true] {
        let place = Place::new();
        let mut writing = Writing::begin(place.open().await).await;
        writing.write().await.unwrap();
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", place.path()));
        }
        if replaced {
            std::fs::write(place.path(), "another").unwrap();
        }
        let error = writing.write().await.unwrap_err();
        assert!(matches!(fault(&error), StoreFault::Gone), "{error:?}");
        let expected = "the file was removed or replaced while it was open; nothing is written to it any more. Put it back, or open another store";
        assert!(told(&error).ends_with(expected), "{}", told(&error));
        let claimed = writing.store.claim(request(writing.lease.job, "two", NOW)).await;
        assert!(matches!(fault(&claimed.unwrap_err()), StoreFault::Gone));
    }
}

#[tokio::test]
async fn a_page_that_is_damaged_anywhere_is_an_error_and_never_a_panic_or_other_bytes() {
    let original = Place::new();
    let mut writing = Writing::begin(original.open().await).await;
    for _ in 0..40 {
        writing.write().await.unwrap();
    }
    let (job, written) = (writing.lease.job, writing.written);
    drop(writing);
    checkpoint(&original).await;
    let bytes = std::fs::read(original.path()).unwrap();
    let (pages, size) = (bytes.len() / 4096, 4096);
    let (mut told_apart, mut unseen) = (0, 0);
    for page in (0..pages).step_by(pages / 40 + 1) {
        let place = Place::new();
        let mut damaged = bytes.clone();
        // Page 1 begins with what says that it is a database.
        let from = page * size + if page == 0 { 100 } else { 0 };
        damaged[from..from + 200].iter_mut().for_each(|byte| *byte ^= 0x5a);
        std::fs::write(place.path(), &damaged).unwrap();
        let store = match SqlStore::open(&place.path(), Options::default()).await {
            Ok(store) => store,
            Err(error) => {
                assert!(told(&error).contains("damaged"), "page {page}: {}", told(&error));
                told_apart += 1;
                continue;
            }
        };
        let faults = store.check_integrity().await;
        let mut errors: Vec<StoreError> = Vec::new();
        match store.events(job, 0, 1000).await {
            Ok(events) => {
                for event in &events {
                    assert_eq!(event.kind, note(event.seq.to_string()), "page {page}");
                }
            }
            Err(error) => errors.push(error),
        }
        for number in 1..=written {
            match store.blobs(&[noise(number).hash()]).await {
                Ok(found) => assert_eq!(found, [noise(number)], "page {page}: what is handed out is what was stored"),
                Err(error) => errors.push(error),
            }
        }
        for error in &errors {
            let is_typed =
                matches!(error, StoreError::Corrupt { .. } | StoreError::NotFound(_) | StoreError::Backend { .. });
            assert!(is_typed, "page {page}: {error:?}");
        }
        let is_found = faults.as_ref().map_or(true, |faults| !faults.is_empty());
        assert!(is_found || errors.is_empty(), "page {page}: {errors:?} and nothing found");
        told_apart += usize::from(is_found);
        unseen += usize::from(!is_found);
    }
    assert!(
        told_apart > 30,
        "{told_apart} damages are told of {}; {unseen} pages are free or padding",
        told_apart + unseen
    );
}

/// Moves the log into the file.
async fn checkpoint(place: &Place) {
    let raw = place.raw().await;
    sea_orm::ConnectionTrait::execute_unprepared(&raw, "PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    raw.close().await.unwrap();
}

#[tokio::test]
async fn a_log_that_was_cut_anywhere_leaves_whole_commits_and_one_that_was_not_leaves_all() {
    let original = Place::new();
    let mut writing = Writing::begin(original.open().await).await;
    for _ in 0..12 {
        writing.write().await.unwrap();
    }
    // As a crash would leave them: copied while the store is open.
    let copy = |suffix: &str| std::fs::read(format!("{}{suffix}", original.path())).unwrap();
    let (file, log) = (copy(""), copy("-wal"));
    let mut counts = Vec::new();
    for part in 0..=32 {
        let place = Place::new();
        let length = log.len() * part / 32;
        std::fs::write(place.path(), &file).unwrap();
        std::fs::write(format!("{}-wal", place.path()), &log[..length]).unwrap();
        let store = SqlStore::open(&place.path(), Options::default()).await.unwrap();
        let events = match store.events(writing.lease.job, 0, 1000).await {
            Ok(events) => events,
            Err(StoreError::NotFound(_)) => Vec::new(),
            Err(error) => panic!("{part}: {error:?}"),
        };
        assert_at_least(&events, 0);
        for event in &events {
            assert_eq!(store.blobs(&[noise(event.seq).hash()]).await.unwrap().len(), 1, "a commit is whole");
        }
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new(), "{part}");
        // It goes on from there.
        let id = common::job(&store, "after").await;
        let lease = claim(&store, id, "one").await;
        store.commit(leased(&lease).with_event(note("after"))).await.unwrap();
        counts.push(events.len() as u64);
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&writing.written), "a log that was not cut has everything");
}

// ---- the clock

fn request(job: JobId, owner: &str, now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        job,
        owner: owner.to_owned(),
        now,
        ttl: Duration::from_secs(60),
        presumed_dead: None,
        per_project: None,
    }
}

fn earlier(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1000)
}

#[tokio::test]
async fn a_clock_that_is_set_back_between_commits_moves_no_number_back() {
    let place = Place::new();
    let store = place.open().await;
    let mut ids = Vec::new();
    let first = job(&*store, "x").await;
    let lease = claim(&*store, first, "one").await;
    for number in 0..10 {
        let at = earlier(number * 3600);
        let mut changes = Changes::new(Guard::Lease(lease.clone()), at).with_event(note(number.to_string()));
        changes.lease = LeaseChange::Extend(at.after(Duration::from_secs(60)));
        store.commit(changes).await.unwrap();
        let spec = JobSpec::new("later", "");
        ids.push(store.commit(Changes::new(Guard::Create(Box::new(spec)), at)).await.unwrap().job);
    }
    assert!(ids.is_sorted() && ids[0] > first, "{ids:?}");
    let events = store.events(first, 0, 100).await.unwrap();
    let kinds: Vec<&EventKind> = events.iter().map(|event| &event.kind).collect();
    let expected: Vec<EventKind> = (0..10).map(|number| note(number.to_string())).collect();
    assert_eq!(kinds, expected.iter().collect::<Vec<_>>(), "in the order they were written");
    assert_at_least(&events, 10);
    let listed: Vec<JobId> = store.jobs(&JobQuery::default()).await.unwrap().iter().map(|job| job.id).rev().collect();
    assert_eq!(listed[1..], ids, "newest first is by number");
}

#[tokio::test]
async fn a_clock_that_is_set_back_between_claim_and_renewal_lets_nobody_past_the_fence() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "x").await;
    let first = claim(&*store, id, "one").await;
    // An hour back: the renewal makes the lease end earlier than it began.
    let mut renewal = Changes::new(Guard::Lease(first.clone()), earlier(3600)).with_event(note("renewed"));
    renewal.lease = LeaseChange::Extend(earlier(3600).after(Duration::from_secs(60)));
    store.commit(renewal).await.unwrap();
    // By the same clock the lease holds.
    let busy = store.claim(request(id, "two", earlier(3590))).await;
    assert!(matches!(&busy, Err(StoreError::Busy { owner, epoch: 1, .. }) if owner == "one"), "{busy:?}");
    // By a clock that was not set back it has ended: another takes over, and the first is fenced whatever its clock says.
    let second = store.claim(request(id, "two", NOW)).await.unwrap();
    assert_eq!(second.epoch, 2);
    for at in [earlier(3600), NOW, Timestamp(NOW.0 + 3_600_000)] {
        let mut late = Changes::new(Guard::Lease(first.clone()), at).with_event(note("late"));
        late.lease = LeaseChange::Extend(at.after(Duration::from_secs(60)));
        assert!(matches!(store.commit(late).await, Err(StoreError::Fenced { epoch: 1, .. })));
    }
    // A takeover by a clock that is an hour behind waits for the lease, and knows its owner.
    let behind = store.claim(request(id, "three", earlier(3600))).await;
    assert!(matches!(behind, Err(StoreError::Busy { epoch: 2, .. })), "{behind:?}");
    store.commit(leased(&second).with_event(note("second"))).await.unwrap();
    assert_eq!(store.events(id, 0, 9).await.unwrap().len(), 2);
}

// ---- many writers

/// Commits as fast as it can for some seconds; says how many were acknowledged and how many were refused as locked.
async fn hammer(place: &str) {
    let seconds: u64 = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let store = Arc::new(SqlStore::open(place, Options::default()).await.unwrap());
    let mut writing = Writing::begin(Arc::clone(&store)).await;
    let (begun, mut locked, mut longest) = (Instant::now(), 0_u32, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let at = Instant::now();
        let number = writing.written + 1;
        match store.commit(leased(&writing.lease).with_event(note(number.to_string()))).await {
            Ok(_) => writing.written = number,
            Err(error) if told(&error).contains("locked") => locked += 1,
            Err(error) => panic!("{}", told(&error)),
        }
        longest = longest.max(at.elapsed());
    }
    println!("hammered: {} {} {locked} {}", writing.lease.job.number(), writing.written, longest.as_millis());
}

/// Eight processes on one file. It takes `VDO_STRESS_SECONDS`, 3 if that is not set, and prints what came of it.
#[tokio::test]
async fn eight_processes_that_write_at_once_are_never_told_that_the_database_is_locked() {
    let place = Place::new();
    drop(SqlStore::open(&place.path(), Options::default()).await.unwrap());
    let mut children: Vec<Writer> = (0..8).map(|_| Writer::start(this_test(), "hammer", &place.path())).collect();
    let mut results = Vec::new();
    for child in &mut children {
        let said = child.says("hammered:");
        let numbers: Vec<u64> = said.split(' ').map(|text| text.parse().unwrap()).collect();
        results.push((numbers[0], numbers[1], numbers[2], numbers[3]));
    }
    children.into_iter().for_each(Writer::ends_well);
    let (total, longest) =
        (results.iter().map(|row| row.1).sum::<u64>(), results.iter().map(|row| row.3).max().unwrap());
    println!("8 writers: {total} commits, the slowest {longest} ms, by job: {results:?}");
    assert_eq!(results.iter().map(|row| row.2).sum::<u64>(), 0, "locked: {results:?}");
    assert!(results.iter().all(|row| row.1 > 0), "{results:?}");
    let store = SqlStore::open(&place.path(), Options::default()).await.unwrap();
    for (job, written, ..) in results {
        let job = JobId::new(job).unwrap();
        assert_eq!(store.events(job, 0, 1_000_000).await.unwrap().len() as u64, written);
    }
    assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
}
