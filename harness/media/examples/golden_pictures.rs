//! Writes the pairs of pictures that golden values are made of, as `N-a.png` and `N-b.png`, and their names as `names.json`:
//! `cargo run -p tribunal-media --example golden_pictures -- FOLDER`.

#[path = "../tests/distorted/mod.rs"]
mod distorted;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("one argument: a folder")?);
    let mut names = Vec::new();
    for (i, (name, a, b)) in distorted::pairs().into_iter().enumerate() {
        std::fs::write(
            folder.join(format!("{i}-a.png")),
            tribunal_media::synthetic::png(&a)?.bytes(),
        )?;
        std::fs::write(
            folder.join(format!("{i}-b.png")),
            tribunal_media::synthetic::png(&b)?.bytes(),
        )?;
        names.push(name);
    }
    std::fs::write(folder.join("names.json"), serde_json::to_string(&names)?)?;
    Ok(())
}
