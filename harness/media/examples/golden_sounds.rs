//! Writes the sounds of the recipes in a JSON file as WAV files, for the programs that make golden values of them:
//! `cargo run -p tribunal-media --example golden_sounds -- RECIPES FOLDER`.

#[path = "../tests/recipe/mod.rs"]
mod recipe;

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipes, folder] = arguments.as_slice() else {
        return Err("two arguments: a file of recipes and a folder".into());
    };
    let recipes: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(recipes)?)?;
    for (i, recipe) in recipes
        .as_array()
        .ok_or("an array of recipes")?
        .iter()
        .enumerate()
    {
        std::fs::write(
            Path::new(folder).join(format!("{i}.wav")),
            recipe::sound(recipe).wav()?.bytes(),
        )?;
    }
    Ok(())
}
