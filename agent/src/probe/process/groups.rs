use std::collections::HashMap;
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;

use crate::os::proc::pid::PidStat;

/// How many groups count as the largest, by processor and by memory each.
const LARGEST: usize = 15;
/// How long a group stays told after it was among the largest.
const STICKY: Duration = Duration::from_hours(12);
/// At most this many groups are told, whatever churns.
const MOST_TOLD: usize = 48;
/// Share of a minute-old rate that is left in the smoothed rate after a pass.
const SMOOTHING: f64 = 0.9;
/// At most this many programs are remembered after they ended.
const MOST_ENDED: usize = 256;
/// A process that is blocked in the kernel for this long hangs.
const HANGS_AFTER: Duration = Duration::from_mins(1);
/// A smoothed rate below this many ticks a pass is no reason to be told: half a percent of a core.
const LEAST_RATE: f64 = 7.5;
/// Fewer pages are no reason to be told: where little runs, the fifteen largest would be whatever ran last. 8 MiB where a
/// page has 4 KiB.
const LEAST_PAGES: u64 = 2048;

/// All programs that run, and some that did.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    known: HashMap<u32, Known>,
    programs: HashMap<String, Group>,
    pass: u64,
    now: Duration,
    processes: usize,
    zombies: usize,
}

/// A process as the last pass saw it.
#[derive(Debug)]
struct Known {
    start_ticks: u64,
    short: [u8; 16],
    cpu_ticks: u64,
    group: String,
    pass: u64,
    /// Since when every look found it blocked in the kernel without having run, time since boot.
    blocked_since: Option<Duration>,
}

/// All processes of one program.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Group {
    /// Processor time since the agent first saw the program, ended processes included.
    pub(crate) cpu_ticks: u64,
    /// Resident memory now. What processes share counts for each.
    pub(crate) resident_pages: u64,
    /// Processes now.
    pub(crate) processes: usize,
    /// Their threads.
    pub(crate) threads: u64,
    /// Those that hang in the kernel.
    pub(crate) hanging: u64,
    /// Smoothed ticks a pass.
    rate: f64,
    gained: u64,
    /// When it was last among the largest, time since boot.
    large_at: Option<Duration>,
}

impl Groups {
    /// Forgets what is of one pass only; `now` is time since boot.
    pub(crate) fn start_pass(&mut self, now: Duration) {
        (self.pass, self.now) = (self.pass + 1, now);
        (self.processes, self.zombies) = (0, 0);
        for group in self.programs.values_mut() {
            (group.resident_pages, group.processes, group.gained) = (0, 0, 0);
            (group.threads, group.hanging) = (0, 0);
        }
    }

    /// One process. `executable` is asked only for a process that is new, or that became another program.
    pub(crate) fn enter(&mut self, pid: u32, stat: &PidStat<'_>, executable: impl FnOnce() -> Option<String>) {
        self.processes += 1;
        self.zombies += usize::from(stat.state == b'Z');
        let known = match self.known.get_mut(&pid) {
            Some(known) if known.is_same(stat) => known,
            _ => {
                let known = Known::new(stat, self.known.get(&pid), self.pass == 1, executable);
                self.known.entry(pid).insert_entry(known).into_mut()
            }
        };
        let gained = stat.cpu_ticks.saturating_sub(known.cpu_ticks);
        (known.cpu_ticks, known.pass) = (stat.cpu_ticks, self.pass);
        let hangs = known.hangs(stat, gained, self.now);
        if !self.programs.contains_key(&known.group) {
            self.programs.insert(known.group.clone(), Group::default());
        }
        if let Some(group) = self.programs.get_mut(&known.group) {
            group.processes += 1;
            group.resident_pages += stat.resident_pages;
            group.gained += gained;
            group.threads += stat.threads;
            group.hanging += u64::from(hangs);
        }
    }

    /// Sums up, and finds the largest.
    pub(crate) fn end_pass(&mut self) {
        let (pass, now) = (self.pass, self.now);
        self.known.retain(|_, known| known.pass == pass);
        for group in self.programs.values_mut() {
            group.cpu_ticks += group.gained;
            group.rate = SMOOTHING * group.rate + (1.0 - SMOOTHING) * group.gained as f64;
        }
        self.mark_largest(now, |group| if group.rate < LEAST_RATE { 0.0 } else { group.rate });
        self.mark_largest(
            now,
            |group| {
                if group.resident_pages < LEAST_PAGES { 0.0 } else { group.resident_pages as f64 }
            },
        );
        self.programs.retain(|_, group| {
            group.large_at = group.large_at.filter(|&at| now.saturating_sub(at) < STICKY);
            group.processes > 0 || group.large_at.is_some()
        });
        self.forget_ended();
    }

    /// Whoever starts programs of ever new names must not make the agent large.
    fn forget_ended(&mut self) {
        let mut ended: Vec<_> = self.programs.values().filter(|group| group.processes == 0).collect();
        if ended.len() <= MOST_ENDED {
            return;
        }
        ended.arrange_by_key(|group| std::cmp::Reverse(group.large_at));
        let oldest = ended[MOST_ENDED].large_at;
        self.programs.retain(|_, group| group.processes > 0 || group.large_at > oldest);
    }

    /// Whether there was a pass.
    pub(crate) fn is_fresh(&self) -> bool {
        self.pass == 0
    }

    /// Whether a program runs.
    pub(crate) fn runs(&self, program: &str) -> bool {
        self.programs.get(program).is_some_and(|group| group.processes > 0)
    }

    /// How many processes have ended and nobody asked how.
    pub(crate) fn zombie_count(&self) -> usize {
        self.zombies
    }

    /// Programs with processes that hang in the kernel, and how many.
    pub(crate) fn hanging(&self) -> impl Iterator<Item = (&str, u64)> {
        self.programs.iter().filter(|(_, group)| group.hanging > 0).map(|(name, group)| (name.as_str(), group.hanging))
    }

    /// The processes that the last pass saw: pid, start, program.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (u32, u64, &str)> {
        self.known.iter().map(|(pid, known)| (*pid, known.start_ticks, known.group.as_str()))
    }

    /// How many processes there are.
    pub(crate) fn process_count(&self) -> usize {
        self.processes
    }

    /// The groups that are told, in order of name.
    pub(crate) fn told(&self) -> Vec<(&str, &Group)> {
        let mut told: Vec<_> = self.programs.iter().filter(|(_, group)| group.large_at.is_some()).collect();
        told.arrange_by_key(|(_, group)| std::cmp::Reverse(group.large_at));
        told.truncate(MOST_TOLD);
        let mut told: Vec<_> = told.into_iter().map(|(name, group)| (name.as_str(), group)).collect();
        told.arrange_by_key(|(name, _)| *name);
        told
    }

    fn mark_largest(&mut self, now: Duration, size: impl Fn(&Group) -> f64) {
        let mut sized: Vec<_> = self.programs.values_mut().map(|group| (size(group), group)).collect();
        sized.retain(|(size, _)| *size > 0.0);
        sized.arrange_by(|(one, _), (other, _)| other.total_cmp(one));
        for (_, group) in sized.into_iter().take(LARGEST) {
            group.large_at = Some(now);
        }
    }
}

impl Known {
    /// A process that was not known as this program before. What it used before the agent's first pass, or as another
    /// program, is not this group's.
    fn new(
        stat: &PidStat<'_>,
        before: Option<&Self>,
        first_pass: bool,
        executable: impl FnOnce() -> Option<String>,
    ) -> Self {
        let group = if stat.is_kernel { kernel_group(stat.name) } else { program(stat.name, executable()) };
        let before = before.filter(|before| before.start_ticks == stat.start_ticks);
        let cpu_ticks = if first_pass { stat.cpu_ticks } else { before.map_or(0, |before| before.cpu_ticks) };
        let short = short(stat.name);
        Self { start_ticks: stat.start_ticks, short, cpu_ticks, group, pass: 0, blocked_since: None }
    }

    /// Whether a process hangs: blocked at every look for a while, without having run. Threads of the kernel wait so
    /// by habit.
    fn hangs(&mut self, stat: &PidStat<'_>, gained: u64, now: Duration) -> bool {
        let is_blocked = stat.state == b'D' && gained == 0 && !stat.is_kernel;
        self.blocked_since = is_blocked.then(|| self.blocked_since.unwrap_or(now));
        self.blocked_since.is_some_and(|since| now.saturating_sub(since) >= HANGS_AFTER)
    }

    /// Whether `stat` is of this process, and still of the same program: a program that is replaced by another changes
    /// the short name.
    fn is_same(&self, stat: &PidStat<'_>) -> bool {
        self.start_ticks == stat.start_ticks && self.short == short(stat.name)
    }
}

/// The short name as a value of fixed size.
fn short(name: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    let length = name.len().min(16);
    short[..length].copy_from_slice(&name[..length]);
    short
}

/// Threads of the kernel by what they do: `kworker/3:1-events` is `[kworker]`.
fn kernel_group(name: &[u8]) -> String {
    let end = name.iter().position(|byte| !byte.is_ascii_alphabetic() && *byte != b'_').unwrap_or(name.len());
    format!("[{}]", String::from_utf8_lossy(&name[..end]))
}

/// The program's name, else the short name of the process. A program without a file has a name made up by whoever
/// started it, often another each time.
fn program(name: &[u8], executable: Option<String>) -> String {
    let of_a_file = |name: &String| !name.is_empty() && !name.starts_with("memfd:");
    let name = executable.filter(of_a_file).unwrap_or_else(|| String::from_utf8_lossy(name).into_owned());
    name.chars().filter(|letter| !is_invisible(*letter)).take(64).collect()
}

/// Letters that could make a name look like another, or write elsewhere on a terminal.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory in steps of what is worth telling.
    fn process(name: &'static str, cpu_ticks: u64, memory: u64) -> PidStat<'static> {
        let (name, resident_pages) = (name.as_bytes(), memory * LEAST_PAGES);
        PidStat { name, state: b'S', cpu_ticks, threads: 1, start_ticks: 1, resident_pages, is_kernel: false }
    }

    fn pass(groups: &mut Groups, seconds: u64, processes: &[(u32, PidStat<'static>)]) {
        groups.start_pass(Duration::from_secs(seconds));
        for (pid, stat) in processes {
            groups.enter(*pid, stat, || None);
        }
        groups.end_pass();
    }

    #[test]
    fn time_of_processes_that_ended_stays_in_their_group() {
        let mut groups = Groups::default();
        pass(&mut groups, 0, &[(1, process("cc", 100, 5)), (2, process("cc", 10, 5))]);
        pass(&mut groups, 15, &[(1, process("cc", 300, 5)), (2, process("cc", 20, 5))]);
        pass(&mut groups, 30, &[(3, process("cc", 7, 5))]);
        let told = groups.told();
        assert_eq!(told[0].0, "cc");
        assert_eq!(told[0].1.cpu_ticks, 200 + 10 + 7);
        assert_eq!(told[0].1.processes, 1);
    }

    #[test]
    fn a_pid_that_was_used_again_is_another_process() {
        let mut groups = Groups::default();
        pass(&mut groups, 0, &[(1, process("old", 500, 5))]);
        let new = PidStat { start_ticks: 9, ..process("new", 3, 5) };
        pass(&mut groups, 15, &[(1, new)]);
        assert_eq!(groups.told().iter().find(|(name, _)| *name == "new").map(|(_, group)| group.cpu_ticks), Some(3));
    }

    #[test]
    fn a_process_that_becomes_another_program_moves_with_what_it_uses_from_then_on() {
        let mut groups = Groups::default();
        pass(&mut groups, 0, &[(1, process("sh", 500, 5))]);
        pass(&mut groups, 15, &[(1, process("cc", 520, 5))]);
        assert_eq!(groups.told().iter().find(|(name, _)| *name == "cc").map(|(_, group)| group.cpu_ticks), Some(20));
    }

    #[test]
    fn only_the_largest_are_told_and_stay_told_for_twelve_hours() {
        let mut groups = Groups::default();
        let names: Vec<&'static str> = (0..40).map(|index| &*format!("p{index:02}").leak()).collect();
        let many: Vec<_> = (0..40_u32).map(|pid| (pid, process(names[pid as usize], 0, u64::from(pid) + 1))).collect();
        pass(&mut groups, 0, &many);
        assert_eq!(groups.told().len(), LARGEST);
        assert_eq!(groups.told()[0].0, "p25");
        let turned: Vec<_> =
            (0..40_u32).map(|pid| (pid, process(names[pid as usize], 0, 40 - u64::from(pid)))).collect();
        pass(&mut groups, 3600, &turned);
        assert_eq!(groups.told().len(), 2 * LARGEST);
        pass(&mut groups, 14 * 3600, &turned);
        assert_eq!(groups.told().len(), LARGEST);
    }

    #[test]
    fn what_runs_for_a_moment_is_not_told() {
        let mut groups = Groups::default();
        let small = |cpu_ticks| PidStat { resident_pages: LEAST_PAGES - 1, ..process("ls", cpu_ticks, 0) };
        pass(&mut groups, 0, &[(1, process("sh", 0, 5))]);
        pass(&mut groups, 15, &[(1, process("sh", 0, 5)), (2, small(74))]);
        assert_eq!(groups.told().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["sh"]);
        pass(&mut groups, 30, &[(1, process("sh", 0, 5)), (2, small(84))]);
        assert_eq!(groups.told().len(), 2, "it goes on, at half a percent of a core");
    }

    #[test]
    fn a_process_that_stays_blocked_hangs_until_it_runs() {
        let mut groups = Groups::default();
        let blocked = |cpu_ticks| PidStat { state: b'D', ..process("nfs", cpu_ticks, 5) };
        for seconds in [0, 15, 30, 45] {
            pass(&mut groups, seconds, &[(1, blocked(7))]);
            assert_eq!(groups.hanging().count(), 0);
        }
        pass(&mut groups, 60, &[(1, blocked(7)), (2, blocked(7))]);
        assert_eq!(groups.hanging().collect::<Vec<_>>(), [("nfs", 1)]);
        pass(&mut groups, 75, &[(1, blocked(8))]);
        assert_eq!(groups.hanging().count(), 0, "it ran in between");
    }

    #[test]
    fn ended_processes_that_nobody_asked_about_are_counted() {
        let mut groups = Groups::default();
        pass(&mut groups, 0, &[(1, PidStat { state: b'Z', ..process("sh", 1, 0) }), (2, process("sh", 1, 5))]);
        assert_eq!(groups.zombie_count(), 1);
    }

    #[test]
    fn programs_of_ever_new_names_are_forgotten() {
        let mut groups = Groups::default();
        for second in 0..400_u32 {
            let name: &'static str = format!("churn{second}").leak();
            pass(&mut groups, u64::from(second), &[(second, process(name, 0, 1000))]);
        }
        assert!(groups.programs.len() <= MOST_ENDED + 1, "{}", groups.programs.len());
        assert!(groups.told().len() <= MOST_TOLD);
    }

    #[test]
    fn a_name_cannot_pass_for_another() {
        let hostile = "a\n\u{1b}[31m\u{202e}fdp.exe(1) S 0";
        assert_eq!(program(b"x", Some(hostile.to_owned())), "a[31mfdp.exe(1) S 0");
    }

    #[test]
    fn a_program_without_a_file_goes_by_its_short_name() {
        assert_eq!(program(b"runner", Some("memfd:sealed-91173221a7ea".to_owned())), "runner");
        assert_eq!(program(b"short", Some("a-long-program-name".to_owned())), "a-long-program-name");
        assert_eq!(program(b"short", None), "short");
    }

    #[test]
    fn threads_of_the_kernel_are_grouped_by_what_they_do() {
        assert_eq!(kernel_group(b"kworker/3:1-events"), "[kworker]");
        assert_eq!(kernel_group(b"ksoftirqd/0"), "[ksoftirqd]");
        assert_eq!(kernel_group(b"kswapd0"), "[kswapd]");
    }
}
