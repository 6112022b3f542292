//! Counts the words of a file: files, maps, clocks and sleeping in Rust.
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let path = std::env::args().nth(1).ok_or("no file given")?;
    let text = std::fs::read_to_string(path)?;
    let mut words: HashMap<&str, usize> = HashMap::new();
    for word in text.split_whitespace() {
        *words.entry(word).or_default() += 1;
    }
    std::thread::sleep(Duration::from_millis(2));
    let mut names: Vec<_> = std::fs::read_dir("/data")?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()?;
    names.sort();
    let year = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 31_557_600;
    println!("words {}, the {}", words.len(), words.get("the").copied().unwrap_or(0));
    println!("files {}, first {}", names.len(), names[0].to_string_lossy());
    println!("slept {}, clock {}", start.elapsed() >= Duration::from_millis(2), year + 1970 > 2020);
    if std::fs::write("/data/new", "x").is_ok() {
        println!("wrote into a read-only directory");
    }
    if std::fs::metadata("/data/../../etc/passwd").is_ok() {
        println!("saw a file outside");
    }
    Ok(())
}
