//! The figures of a run, in the order in which they were measured.

/// Lines of the table.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(String, String)>);

impl Report {
    /// Adds a figure, and says it at once: a run takes minutes.
    pub(super) fn add(&mut self, what: &str, figure: impl Into<String>) {
        let figure = figure.into();
        eprintln!("{what}: {figure}");
        self.0.push((what.to_owned(), figure));
    }

    /// Prints all.
    pub(super) fn print(&self) {
        let width = self.0.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
        println!("\n| {:<width$} | figure |\n| {:-<width$} | ------ |", "what", "");
        for (what, figure) in &self.0 {
            println!("| {what:<width$} | {figure} |");
        }
    }
}

/// Bytes as KiB.
pub(super) fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}

/// Bytes as MiB.
pub(super) fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}

/// Seconds as milliseconds.
pub(super) fn ms(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "none".to_owned(), |seconds| format!("{:.1} ms", seconds * 1000.0))
}
