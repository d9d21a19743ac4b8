//! `last_run_summary.yaml`, which Puppet writes at the end of each run.

/// When the last run ended, seconds since 1970.
pub(crate) fn last_run(summary: &str) -> Option<i64> {
    let said = summary.lines().find_map(|line| line.trim_start().strip_prefix("last_run:"))?;
    said.trim().parse().ok().filter(|at| *at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_the_run_among_the_times() {
        let summary = "---\nversion:\n  config: 1444936521\ntime:\n  total: 8.8\n  last_run: 1444936531\n  cron: 0.0\n";
        assert_eq!(last_run(summary), Some(1_444_936_531));
        assert_eq!(last_run("---\ntime:\n  last_run: soon\n"), None);
        assert_eq!(last_run(""), None);
    }
}
