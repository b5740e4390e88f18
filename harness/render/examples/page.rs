//! Makes the page of a run: `cargo run -p tribunal-render --example page -- LOG PAGE`.

use std::path::Path;

use tribunal_events::RunLog;
use tribunal_render::{HtmlOptions, html};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args_os().skip(1);
    let (Some(log), Some(page)) = (given.next(), given.next()) else {
        return Err("two paths are needed: that of a log, and that of the page".into());
    };
    let (log, page) = (Path::new(&log), Path::new(&page));
    let text = std::fs::read_to_string(log)?;
    let run = RunLog::parse(&text, log.parent().unwrap_or(Path::new(".")))?;
    let mut options = HtmlOptions::default();
    options.beside = page.parent().map(Path::to_path_buf);
    let made = html(&run, &options);
    for line in &made.left_out {
        eprintln!("{line}");
    }
    std::fs::write(page, made.text)?;
    Ok(())
}
