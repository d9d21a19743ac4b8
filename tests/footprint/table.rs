//! The figures, and each as a multiple of the floor's.

use super::subject::Account;

pub(super) fn print(idle: usize, processes: usize, minutes: u32, accounts: &[Account]) {
    println!("\n{idle} idle processes, {processes} in all, {minutes} minutes, medians of the minutes:\n");
    println!(
        "| {:<28} | CPU ms/min | x floor | wake-ups/s | private MiB | file pages MiB | RSS MiB | written KiB/h | sent KiB/h |",
        "who"
    );
    println!(
        "| {:-<28} | ---------: | ------: | ---------: | ----------: | -------------: | ------: | ------------: | ---------: |",
        ""
    );
    for account in accounts {
        let ratio = account.cpu_ms / accounts[0].cpu_ms;
        let sent = account.sent_hour.map_or_else(|| "not counted".to_owned(), |bytes| format!("{:.1}", bytes / 1024.0));
        println!(
            "| {:<28} | {:>10.1} | {:>7.2} | {:>10.2} | {:>11.2} | {:>14.2} | {:>7.2} | {:>13.1} | {:>10} |",
            account.name,
            account.cpu_ms,
            ratio,
            account.wakeups,
            mib(account.private),
            mib(account.clean),
            mib(account.resident),
            account.written_hour / 1024.0,
            sent,
        );
    }
}

fn mib(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
