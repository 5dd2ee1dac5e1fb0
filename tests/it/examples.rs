//! Every example runs, in this process, and draws what was looked at. The pictures are drawn into a folder for
//! temporary files; `output/` and the fixture are written by `GALLERY=write` alone, when all examples are done.

// Nobody calls the `main` of an example here.
#![allow(dead_code)]

use std::path::Path;

use embedlab::Result;

use crate::gallery::{accept, assert_same, known, pictures};
use crate::support::root;

#[path = "../../examples/associations.rs"]
mod associations;
#[path = "../../examples/benchmark.rs"]
mod benchmark;
#[path = "../../examples/calibration.rs"]
mod calibration;
#[path = "../../examples/clustering.rs"]
mod clustering;
#[path = "../../examples/code_search.rs"]
mod code_search;
#[path = "../../examples/compare.rs"]
mod compare;
#[path = "../../examples/compress.rs"]
mod compress;
#[path = "../../examples/customizing.rs"]
mod customizing;
#[path = "../../examples/diversity.rs"]
mod diversity;
#[path = "../../examples/duplicates.rs"]
mod duplicates;
#[path = "../../examples/get_embeddings.rs"]
mod get_embeddings;
#[path = "../../examples/interactive_map.rs"]
mod interactive_map;
#[path = "../../examples/long_inputs.rs"]
mod long_inputs;
#[path = "../../examples/maps.rs"]
mod maps;
#[path = "../../examples/outliers.rs"]
mod outliers;
#[path = "../../examples/profiles.rs"]
mod profiles;
#[path = "../../examples/recommendations.rs"]
mod recommendations;
#[path = "../../examples/score_card.rs"]
mod score_card;
#[path = "../../examples/star_ratings.rs"]
mod star_ratings;
#[path = "../../examples/text_search.rs"]
mod text_search;
#[path = "../../examples/zero_shot.rs"]
mod zero_shot;

/// Draws pictures into a folder.
type Draw = fn(&Path) -> Result<()>;

/// One test for each example, and the table of all.
macro_rules! examples {
    ($($(#[$attribute:meta])* $name:ident draws [$($picture:literal),+] by $draw:expr;)+) => {
        const EXAMPLES: &[Draw] = &[$($draw),+];

        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let draw: Draw = $draw;
                draw(folder.path()).unwrap();
                let drawn = pictures(folder.path());
                assert_eq!(drawn, [$($picture),+]);
                for name in drawn {
                    assert_same(&folder.path().join(&name), &name);
                }
            }
        )+

        #[test]
        fn the_gallery_holds_the_pictures_of_the_examples_and_no_others() {
            let mut drawn = [$($($picture),+),+].map(String::from);
            drawn.sort();
            if std::env::var_os("GALLERY").is_some_and(|what| what == "write") {
                return write();
            }
            assert_eq!(pictures(&root().join("output")), drawn);
            assert_eq!(known(), drawn);
        }
    };
}

examples! {
    clusters_of_the_sample_are_named_and_drawn draws ["clusters.png", "clusters.svg"]
        by clustering::draw;
    functions_are_found_by_what_they_do draws ["code_search.png"] by code_search::draw;
    tokens_are_counted_and_vectors_searched draws ["tokens.png"] by get_embeddings::draw;
    long_texts_are_nearer_to_the_whole_when_averaged_than_when_cut_off draws ["long_inputs.png"] by |output| {
        let cosines = long_inputs::draw(output)?;
        assert_eq!(cosines.len(), 4);
        assert!(cosines[1..].iter().all(|averaged| *averaged > cosines[0]), "{cosines:?}");
        Ok(())
    };
    maps_have_two_and_three_dimensions draws ["map.png", "map_3d.png"] by maps::draw;
    profiles_are_compared_with_the_stars draws ["profiles.png"] by profiles::draw;
    products_are_recommended draws ["recommendations.png"] by recommendations::draw;
    stars_are_predicted_as_numbers_and_as_classes draws ["classification.png", "regression.png"]
        by star_ratings::draw;
    reviews_are_found_by_their_meaning draws ["text_search.png"] by text_search::draw;
    labels_need_no_training draws ["zero_shot.png", "zero_shot_kinds.png"] by zero_shot::draw;
    two_models_are_compared draws ["comparison.png"] by compare::draw;
    fewer_dimensions_and_bits_find_fewer_rows draws ["compression.png"] by compress::draw;
    the_reviews_of_a_kind_are_more_or_less_alike draws ["diversity.png"] by diversity::draw;
    copies_are_found_and_kept_on_one_side_of_a_split draws ["duplicates.png"] by duplicates::draw;
    strangers_are_found_among_the_reviews_of_a_kind draws ["outliers.png"] by outliers::draw;
    the_score_card_has_a_spectrum_and_a_dimension_at_each_scale
        draws ["intrinsic_dimension.png", "spectrum.png"] by score_card::draw;
    pairs_of_one_product_have_a_threshold_and_a_probability
        draws ["calibration.png", "reliability.png"] by calibration::draw;
    vectors_are_customized_for_kinds_of_food draws ["customizing.png"] by customizing::draw;
    associations_of_words_are_tested draws ["associations.png"] by associations::draw;
}

/// Draws all and takes them for the right ones.
fn write() {
    let folder = tempfile::tempdir().unwrap();
    for draw in EXAMPLES {
        draw(folder.path()).unwrap();
    }
    accept(folder.path());
}

#[test]
fn the_interactive_map_is_written_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.html");
    interactive_map::write(&file).unwrap();
    let html = std::fs::read_to_string(file).unwrap();
    assert!(html.contains("<title>Fine food reviews</title>") && html.contains("id=\"texts-0\""));
}

#[test]
fn fewer_dimensions_cost_something_in_every_task() {
    let lost = benchmark::run().unwrap();
    assert_eq!(lost.len(), 4);
    // 24 of 384 dimensions: worse beyond doubt.
    assert!(lost[1].low > 0.0 && lost[3].low > 0.0, "{lost:?}");
}
