//! Rates and sizes, beside plain writes of the same bytes in the same run. Numbers are medians of several runs.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use firstline_agent::recorder::{self, Moment, Recorder};
use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::Scratch;
use firstline_diagnosis::vocabulary::{Layout, Sample, Series, Timestamp};
use firstline_proto::convert::Body;

const RUNS: usize = 5;

/// A workstation's minute, and a week of them.
const SERIES: usize = 400;
const MINUTES: i64 = 7 * 24 * 60;

/// Series of a large workstation's fast tier, and a day of 15-second steps.
const FAST_SERIES: usize = 500;
const STEPS: i64 = 24 * 60 * 4;

/// Programs that come in a day, one after the other, for half an hour each.
const PROGRAMS: i64 = 48;

/// Prints everything, working in a folder below `folder`.
pub(crate) fn print(folder: &Path) -> anyhow::Result<()> {
    let mut spool: Vec<[f64; 4]> = Vec::new();
    let mut recorder: Vec<[f64; 7]> = Vec::new();
    for _ in 0..RUNS {
        let place = tempfile::tempdir_in(folder)?;
        spool.push(spool_rates(place.path())?);
        recorder.push(recorder_rates(place.path())?);
    }
    let [plain, append, read, replay] = medians(&spool);
    println!("spool: a week offline, {MINUTES} samples of {SERIES} series, synced every five minutes");
    println!("  append  {append:>9.0} records/s   {:.2} of a plain write and fdatasync ({plain:.0}/s)", append / plain);
    println!("  replay  {replay:>9.0} records/s   {:.2} of reading the files ({read:.0}/s)", replay / read);
    let [append_us, half_hour_ms, day_ms, open_ms, mixed, still, moving] = medians(&recorder);
    println!("recorder: a day of {STEPS} steps of {FAST_SERIES} series, {PROGRAMS} of them for half an hour each");
    println!("  append  {append_us:.1} us a row   open {open_ms:.1} ms");
    println!("  10:25 to 10:55  {half_hour_ms:.2} ms   the whole day {day_ms:.1} ms");
    let day = |bytes: f64| bytes * STEPS as f64 / 1e3;
    println!(
        "  bytes a value: {still:.2} of series that stay, {moving:.2} of those that always move, {mixed:.2} of half each"
    );
    println!(
        "  KB a series and day: {:.2}, {:.2}, {:.2} (plain floats: {:.1})",
        day(still),
        day(moving),
        day(mixed),
        day(4.0)
    );
    Ok(())
}

fn medians<const N: usize>(runs: &[[f64; N]]) -> [f64; N] {
    std::array::from_fn(|column| {
        let mut values: Vec<f64> = runs.iter().map(|run| run[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

fn layout(series: usize) -> Layout {
    let name = |number: usize| Series::new("process.cpu.time", [("process", format!("program-{number}").as_str())]);
    Layout::new((0..series).map(name).collect::<Vec<_>>())
}

/// A load that wanders like one.
fn wandering(step: i64, series: usize) -> f32 {
    let noise = (step.wrapping_mul(2_654_435_761).wrapping_add(series as i64 * 97) & 0xffff) as f32 / 65_536.0;
    0.3 + 0.2 * (step as f32 / 240.0 + series as f32).sin() + 0.05 * noise
}

fn at(minute: i64) -> Timestamp {
    Timestamp(1_769_000_000_000 + minute * 60_000)
}

fn per_second(count: i64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// Records a second: plain write, append, plain read, replay.
fn spool_rates(folder: &Path) -> anyhow::Result<[f64; 4]> {
    let dir = folder.join("spool");
    std::fs::create_dir(&dir)?;
    let scratch = Scratch::on_disk(&folder.join("memory"))?;
    let layout = layout(SERIES);
    let mut spool = Spool::open(&dir, &scratch, Limits::default())?;
    spool.use_layout((&layout).into());
    let started = Instant::now();
    for minute in 0..MINUTES {
        let values = (0..SERIES).map(|series| wandering(minute, series)).collect();
        let sample =
            Sample { at: at(minute), step_seconds: 60, layout: layout.fingerprint(), values, absences: vec![] };
        spool.append(at(minute), minute.unsigned_abs() * 60_000, "boot", Body::Sample(sample));
    }
    let append = per_second(MINUTES, started);
    spool.close()?;
    let bytes = spool.fill().bytes;
    let plain = plain_write(&folder.join("plain"), bytes)?;
    let started = Instant::now();
    for entry in std::fs::read_dir(&dir)? {
        std::hint::black_box(std::fs::read(entry?.path())?);
    }
    let read = per_second(MINUTES, started);
    let (started, mut after, mut count) = (Instant::now(), 0, 0);
    loop {
        let frames = spool.read_after(after, 256, 256 * 1024);
        let Some(last) = frames.last() else { break };
        after = last.sequence;
        count += frames.len() as i64;
    }
    anyhow::ensure!(count == MINUTES, "{count} of {MINUTES} came back");
    Ok([plain, append, read, per_second(count, started)])
}

/// The same bytes in as many pieces into one file, synced as often.
fn plain_write(path: &Path, bytes: u64) -> anyhow::Result<f64> {
    let piece = vec![0x5a; usize::try_from(bytes)? / MINUTES as usize];
    let mut file = File::create(path)?;
    let started = Instant::now();
    for minute in 0..MINUTES {
        file.write_all(&piece)?;
        if minute % 5 == 4 {
            file.sync_data()?;
        }
    }
    file.sync_data()?;
    Ok(per_second(MINUTES, started))
}

/// Microseconds a row; milliseconds for half an hour, a day, and to open it; bytes a value of half each, of series that
/// stay, and of those that move.
fn recorder_rates(folder: &Path) -> anyhow::Result<[f64; 7]> {
    let half =
        |step: i64, series: usize| if series.is_multiple_of(2) { series as f32 } else { wandering(step, series) };
    let (recorder, spent) = record(&folder.join("mixed"), half)?;
    let started = Instant::now();
    let opened = Recorder::peek(&folder.join("mixed"), &folder.join("mixed.memory/fast.rows"), 15)?;
    let open = started.elapsed().as_secs_f64() * 1e3;
    let midnight = step_end(0);
    let query = |from: Duration, until: Duration| {
        let started = Instant::now();
        let series = opened.series(midnight + from, midnight + until, 15, |_| false);
        let spent = started.elapsed().as_secs_f64() * 1e3;
        anyhow::ensure!(series.len() >= FAST_SERIES - PROGRAMS as usize, "{} series came back", series.len());
        Ok(spent)
    };
    let half_hour = query(Duration::from_mins(10 * 60 + 25), Duration::from_mins(10 * 60 + 55))?;
    let day = query(Duration::ZERO, Duration::from_hours(24))?;
    let (still, _) = record(&folder.join("still"), |_, series| series as f32)?;
    let (moving, _) = record(&folder.join("moving"), wandering)?;
    let micros = spent.as_secs_f64() * 1e6 / STEPS as f64;
    // A program is one series of a row at a time, whichever runs.
    let values = (STEPS as usize * (FAST_SERIES - PROGRAMS as usize + 1)) as f64;
    let a_value = |recorder: &Recorder| recorder.bytes() as f64 / values;
    Ok([micros, half_hour, day, open, a_value(&recorder), a_value(&still), a_value(&moving)])
}

fn step_end(step: i64) -> Timestamp {
    Timestamp(1_769_000_000_000 + step * 15_000)
}

/// A recorder with a day in it, and the time that it took.
fn record(folder: &Path, value: impl Fn(i64, usize) -> f32) -> anyhow::Result<(Recorder, Duration)> {
    std::fs::create_dir(folder)?;
    let scratch = Scratch::on_disk(&folder.with_extension("memory"))?;
    let limits = recorder::Limits { bytes: 64 << 20, age: Duration::from_hours(24) };
    let mut recorder = Recorder::open(folder, &scratch, "fast.rows", 15, limits)?;
    let all = layout(FAST_SERIES);
    let always = FAST_SERIES - PROGRAMS as usize;
    let mut spent = Duration::ZERO;
    let mut layout = all.clone();
    for step in 1..=STEPS {
        let program = always + (step * PROGRAMS / (STEPS + 1)) as usize;
        if layout.series().last() != all.series().get(program) {
            layout = Layout::new([&all.series()[..always], &all.series()[program..=program]].concat());
        }
        let values: Vec<f32> = (0..always).chain([program]).map(|series| value(step, series)).collect();
        let moment = Moment { boot: 1, boot_ms: step.unsigned_abs() * 15_000, at: step_end(step) };
        let started = Instant::now();
        recorder.append(&layout, moment, &values)?;
        if step % 20 == 0 {
            recorder.flush()?;
        }
        spent += started.elapsed();
    }
    Ok((recorder, spent))
}
