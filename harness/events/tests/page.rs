//! The table of classes in docs/flakiness.md is that of classes.toml; `UPDATE_DOCS=1` writes it anew.

use std::path::Path;

use tribunal_events::Classes;

const BEGIN: &str = "<!-- classes -->\n";
const END: &str = "<!-- /classes -->";

#[test]
fn the_page_has_every_class() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flakiness.md");
    let text = std::fs::read_to_string(&page).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let mut table = String::from(
        "| class | what it means | look first at | repeated as |\n|---|---|---|---|\n",
    );
    for class in Classes::shipped().iter() {
        let groups = class.groups().join(", ");
        table.push_str(&format!(
            "| {} | {} | {} | {groups} |\n",
            class.name, class.doc, class.first
        ));
    }
    let wanted = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &wanted).expect("the page is ours");
    }
    let now = std::fs::read_to_string(&page).expect("the page");
    assert!(
        now == wanted,
        "the table of docs/flakiness.md is not that of classes.toml; UPDATE_DOCS=1 writes it anew"
    );
}
