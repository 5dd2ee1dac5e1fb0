//! What the pages share: colours and type, and the switch between light and dark.

pub(crate) mod script;

use maud::{Markup, html};

/// Stands before the style sheet of each page.
pub(crate) const STYLE: &str = include_str!("web.css");

/// Three radio buttons that the style sheet reads with `:has()`: a switch without a script.
pub(crate) fn theme_switch() -> Markup {
    html! {
        fieldset.theme {
            legend { "Theme" }
            @for (value, label) in [("auto", "Auto"), ("light", "Light"), ("dark", "Dark")] {
                label {
                    input type="radio" name="theme" value=(value) id={ "theme-" (value) } autocomplete="off"
                        checked[value == "auto"];
                    span { (label) }
                }
            }
        }
    }
}
